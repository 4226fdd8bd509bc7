/** The topics that the settings ask for: looked at, and created where they are missing. Decisions are in findings.ts. */
import { setTimeout as sleep } from 'node:timers/promises'
import { UserError } from '../contract/errors.ts'
import { EXIT_OUTSIDE, EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { Log, TopicInfo } from '../ports/log.ts'
import type { Settings } from '../settings/settings.ts'
import { findTopicProblems, wantedTopics, type Finding } from './findings.ts'

export interface TopicToCreate {
  name: string
  partitions: number
  /** −1: the broker's default. */
  replicationFactor: number
  config: Record<string, string>
}

/** Partitions where nothing says how many: no topic exists and none are asked for. */
export const PARTITIONS_DEFAULT = 4

/** Everything that is wrong with the topics as they are now. Rejects with LogError when the broker can't be asked. */
export async function checkTopics(log: Pick<Log, 'describe'>, settings: Settings): Promise<Finding[]> {
  return findTopicProblems(settings, await describeWanted(log, settings))
}

/** What the broker says of each wanted topic; 0 partitions where it does not exist. */
export async function describeWanted(log: Pick<Log, 'describe'>, settings: Settings): Promise<TopicInfo[]> {
  return await log.describe(wantedTopics(settings).map(({ name }) => name))
}

/** For `ta run`: throws one UserError (78) with everything that the engine can't start with. The rest is returned. */
export async function assertTopics(log: Pick<Log, 'describe'>, settings: Settings): Promise<Finding[]> {
  const findings = await checkTopics(log, settings)
  const blocking = findings.filter(({ blocksRun }) => blocksRun)
  if (blocking.length > 0) throw topicsError(blocking)
  return findings
}

/** Findings as one error with exit code 78. */
export function topicsError(findings: readonly Finding[]): UserError {
  const sentences = findings.map(({ sentence }) => sentence)
  const text = sentences.length === 1 ? sentences[0]
    : `${sentences.length} things are wrong with the topics:\n  ${sentences.join('\n  ')}`
  return new UserError(EXIT_SETTINGS, text, { hint: 'see: ta topics check' })
}

/**
 * What has to be created. Partitions: as many as the topics have that are there, else as asked for, else PARTITIONS_DEFAULT.
 * Throws UserError 78 when the topics that are there don't agree, or not with what is asked for.
 */
export function planTopics(
  settings: Settings, infos: readonly TopicInfo[], asked: { partitions?: number; replicationFactor?: number } = {},
): TopicToCreate[] {
  const there = new Map(infos.filter(({ partitions }) => partitions > 0).map((info) => [info.name, info]))
  const wanted = wantedTopics(settings)
  const unequal = findTopicProblems(settings, infos).filter(({ kind }) => kind === 'unequal')
  if (unequal.length > 0) throw topicsError(unequal)
  const model = wanted.find(({ name, coPartitioned }) => coPartitioned && there.has(name))
  const partitions = model ? (there.get(model.name) as TopicInfo).partitions : asked.partitions ?? PARTITIONS_DEFAULT
  if (model && asked.partitions !== undefined && asked.partitions !== partitions) {
    throw new UserError(EXIT_SETTINGS, `topic ${model.name} (${model.setting}) has ${partitions} partitions, so the others ` +
      `can't get ${asked.partitions}: leave --partitions out, or name new topics`)
  }
  const replicationFactor = asked.replicationFactor ?? Math.max(-1,
    ...[...there.values()].map((info) => info.replicationFactor || -1))
  // With three copies or more one may be away without a write being refused, and none is acknowledged by one copy alone.
  const durable: Record<string, string> = replicationFactor >= 3 ? { 'min.insync.replicas': '2' } : {}
  return wanted.filter(({ name }) => !there.has(name))
    .map(({ name, config }) => ({ name, partitions, replicationFactor, config: { ...config, ...durable } }))
}

/** Time in which a created topic has to be seen by all brokers. */
const VISIBLE_MS = 15_000
const POLL_MS = 100

/** Creates what is planned and waits until it is there. Rejects with LogError, or UserError 69 when it does not show up. */
export async function createTopics(log: Pick<Log, 'createTopics' | 'describe'>, plan: readonly TopicToCreate[]): Promise<void> {
  if (plan.length === 0) return
  await log.createTopics([...plan])
  const deadlineMs = performance.now() + VISIBLE_MS
  for (;;) {
    const absent = (await log.describe(plan.map(({ name }) => name))).filter(({ partitions }) => partitions === 0)
    if (absent.length === 0) return
    if (performance.now() > deadlineMs) {
      const names = absent.map(({ name }) => name).join(', ')
      throw new UserError(EXIT_OUTSIDE, `the broker created ${names} but does not show it yet: try again`)
    }
    await sleep(POLL_MS)
  }
}
