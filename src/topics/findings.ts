/**
 * Whether the topics are such that the engine can keep its promise.
 * In: settings and what the broker says of the topics. Out: findings, each one sentence with what to do; and what to create.
 * Pure: the log is asked and told in topics.ts. May import ports, contract, settings.
 */
import type { TopicInfo } from '../ports/log.ts'
import type { SettingKey, Settings } from '../settings/settings.ts'
import { TABLE } from '../settings/table.ts'

export type TopicRole = 'input' | 'output' | 'epochs' | 'dlq' | 'late'

/** A topic that the settings ask for. */
export interface WantedTopic {
  name: string
  role: TopicRole
  /** The setting that names it. */
  setting: string
  /** Whether it has as many partitions as the inputs. */
  coPartitioned: boolean
  /** What `ta topics apply` creates it with. */
  config: Record<string, string>
}

/** Something that is wrong with a topic. */
export interface Finding {
  topic: string
  setting: string
  kind: 'missing' | 'unequal' | 'compacted' | 'retention' | 'message_bytes'
  /** One sentence: what is wrong, with counts, and what to do. */
  sentence: string
  /** The engine does not start with it; the others are only said. */
  blocksRun: boolean
}

/** Room for key, headers and the batch around a record. */
export const RECORD_ROOM_BYTES = 65_536

const ROLES: readonly (readonly [SettingKey & `${string}Topic`, TopicRole])[] = [
  ['tradesTopic', 'input'], ['quotesTopic', 'input'], ['bars1mTopic', 'input'],
  ['microbarsTopic', 'output'], ['signalsTopic', 'output'], ['statusTopic', 'output'],
  ['epochsTopic', 'epochs'], ['lateTopic', 'late'], ['dlqTopic', 'dlq'],
]

/** The topics that the settings ask for, inputs first; those that are off are left out. */
export function wantedTopics(settings: Settings): WantedTopic[] {
  return ROLES.flatMap(([key, role]) => {
    const name = settings[key]
    if (name === '') return []
    const coPartitioned = role === 'input' || role === 'output' || role === 'epochs'
    return [{ name, role, setting: TABLE[key].name, coPartitioned, config: configOf(role, settings) }]
  })
}

function configOf(role: TopicRole, settings: Settings): Record<string, string> {
  const plain = { 'cleanup.policy': 'delete' }
  if (role === 'epochs') return { ...plain, 'retention.ms': '-1', 'retention.bytes': '-1' }
  if (role === 'dlq' || role === 'late') return { ...plain, 'max.message.bytes': String(messageBytesOf(settings)) }
  return plain
}

/** Bytes a message that the topic has to take. */
function messageBytesOf(settings: Settings): number {
  return settings.dlqMaxBytes + RECORD_ROOM_BYTES
}

/** Everything that is wrong, in the order of the topics. Configuration that the broker does not tell is taken as right. */
export function findTopicProblems(settings: Settings, infos: readonly TopicInfo[]): Finding[] {
  const infoOf = new Map(infos.map((info) => [info.name, info]))
  const wanted = wantedTopics(settings)
  const there = wanted.filter(({ name }) => (infoOf.get(name)?.partitions ?? 0) > 0)
  const missing = wanted.filter((topic) => !there.includes(topic)).map(({ name, setting }): Finding => ({
    topic: name, setting, kind: 'missing', blocksRun: true,
    sentence: `topic ${name} (${setting}) does not exist: create it, or let ta topics apply do so`,
  }))
  const configured = there.flatMap((topic) => ofConfig(topic, (infoOf.get(topic.name) as TopicInfo).config, settings))
  return [...missing, ...ofCounts(there, infoOf), ...configured]
}

function ofCounts(there: readonly WantedTopic[], infoOf: ReadonlyMap<string, TopicInfo>): Finding[] {
  const counted = there.filter(({ coPartitioned }) => coPartitioned)
    .map((topic) => ({ ...topic, partitions: (infoOf.get(topic.name) as TopicInfo).partitions }))
  const counts = new Set(counted.map(({ partitions }) => partitions))
  if (counts.size <= 1) return []
  // The largest is right: partitions can be added, not taken away.
  const right = counted.reduce((most, topic) => (topic.partitions > most.partitions ? topic : most))
  return counted.filter(({ partitions }) => partitions !== right.partitions).map(({ name, setting, partitions,
    role }): Finding => {
    const remedy = role === 'input'
      ? 'symbols would change partition if some were added, so make a new topic with as many and set it'
      : 'make it a new topic with as many and set it'
    const sentence = `topic ${name} (${setting}) has ${partitions} partition${partitions === 1 ? '' : 's'} but ` +
      `${right.name} (${right.setting}) has ${right.partitions}, and a task needs the same partition of each: ${remedy}`
    return { topic: name, setting, kind: 'unequal', sentence, blocksRun: true }
  })
}

function ofConfig(topic: WantedTopic, config: Readonly<Record<string, string>>, settings: Settings): Finding[] {
  const { name, setting, role } = topic
  const found: Finding[] = []
  const policy = config['cleanup.policy']
  if (policy?.includes('compact')) {
    const remedy = alter(name, 'cleanup.policy=delete')
    found.push({ topic: name, setting, kind: 'compacted', blocksRun: role === 'input' || role === 'epochs',
      sentence: `topic ${name} (${setting}) has cleanup.policy=${policy}, which ${lossOf(role)}: ${remedy}` })
  }
  if (role === 'epochs') {
    const bounded = ['retention.ms', 'retention.bytes'].filter((key) => config[key] !== undefined && Number(config[key]) >= 0)
    for (const key of bounded) {
      found.push({ topic: name, setting, kind: 'retention', blocksRun: false,
        sentence: `topic ${name} (${setting}) has ${key}=${config[key]}, but recovery needs every record that the engine ` +
          `has not trimmed itself: ${alter(name, `${key}=-1`)}` })
    }
  }
  if (role === 'dlq' || role === 'late') {
    const bytes = config['max.message.bytes']
    const needed = messageBytesOf(settings)
    if (bytes !== undefined && Number(bytes) < needed) {
      const or = role === 'dlq' ? ` or lower ${TABLE.dlqMaxBytes.name}` : ''
      found.push({ topic: name, setting, kind: 'message_bytes', blocksRun: true,
        sentence: `topic ${name} (${setting}) has max.message.bytes=${bytes}, less than the ${needed} that the ` +
          `largest record for it needs: ${alter(name, `max.message.bytes=${needed}`)}${or}` })
    }
  }
  return found
}

function lossOf(role: TopicRole): string {
  if (role === 'input') return 'deletes records that have not been read, as many records share a key'
  if (role === 'epochs') return 'deletes records that recovery needs'
  return "deletes all but the newest record of each symbol"
}

function alter(topic: string, config: string): string {
  return `set it right with kafka-configs.sh --alter --entity-type topics --entity-name ${topic} --add-config ${config}`
}
