/** Settings that are each right by themselves, but not together. */
import { accessSync, constants, statSync } from 'node:fs'
import { TABLE, type SettingKey, type Settings } from './table.ts'

/** One thing that is wrong: the setting, what is wrong with it (`is …`), and what would be right. */
export interface Problem {
  name: string
  problem: string
  right: string
}

/** A problem, and the settings that it follows from. */
export interface Conflict {
  keys: SettingKey[]
  problem: Problem
}

/** Topic settings, inputs first. */
export const TOPIC_KEYS = [
  'tradesTopic', 'quotesTopic', 'bars1mTopic', 'microbarsTopic', 'signalsTopic', 'statusTopic', 'lateTopic', 'dlqTopic',
  'epochsTopic',
] as const satisfies readonly SettingKey[]

const FILE_KEYS = [
  'kafkaCaLocation', 'kafkaCertLocation', 'kafkaKeyLocation', 'schemaRegistryCaLocation',
] as const satisfies readonly SettingKey[]

/** Everything that does not go together, in the order of the table. */
export function findConflicts(settings: Settings): Conflict[] {
  return [...ofBroker(settings), ...ofTopics(settings), ...ofTimes(settings), ...ofConditions(settings), ...ofFormat(settings), ...ofStore(settings)]
}

function conflict(keys: [SettingKey, ...SettingKey[]], problem: string, right: string): Conflict {
  return { keys, problem: { name: TABLE[keys[0]].name, problem, right } }
}

/** `needed` is empty although `because` asks for it. */
function without(needed: SettingKey, because: SettingKey, settings: Settings, shown?: string): Conflict[] {
  if (settings[needed] !== '') return []
  return [conflict([needed, because], `is not set, but ${TABLE[because].name} is${shown ? ` ${shown}` : ''}`, 'set both')]
}

function ofBroker(settings: Settings): Conflict[] {
  const found: Conflict[] = []
  if (settings.kafkaSecurity.startsWith('SASL_')) {
    for (const key of ['kafkaUsername', 'kafkaPassword'] as const) found.push(...without(key, 'kafkaSecurity', settings,
      settings.kafkaSecurity))
  }
  if (settings.kafkaCertLocation !== '') found.push(...without('kafkaKeyLocation', 'kafkaCertLocation', settings))
  if (settings.kafkaKeyLocation !== '') found.push(...without('kafkaCertLocation', 'kafkaKeyLocation', settings))
  for (const key of FILE_KEYS) {
    const trouble = settings[key] === '' ? undefined : unreadable(settings[key])
    if (trouble) found.push(conflict([key], `"${settings[key]}" ${trouble}`, 'give a PEM file that this user may read'))
  }
  return found
}

function unreadable(path: string): string | undefined {
  try {
    if (!statSync(path).isFile()) return 'is no file'
    accessSync(path, constants.R_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist'
      : `can't be read (${(error as NodeJS.ErrnoException).code})`
  }
}

function ofTopics(settings: Settings): Conflict[] {
  const keyOf = new Map<string, SettingKey>()
  return TOPIC_KEYS.flatMap((key) => {
    const topic = settings[key]
    const other = keyOf.get(topic)
    if (topic !== '' && !other) keyOf.set(topic, key)
    if (!other) return []
    return [conflict([key, other], `"${topic}" is the topic of ${TABLE[other].name}, too`, 'give each its own')]
  })
}

function ofTimes(settings: Settings): Conflict[] {
  const found: Conflict[] = []
  if (settings.maxFutureMs > settings.latenessMs) {
    found.push(conflict(['maxFutureMs', 'latenessMs'],
      `${settings.maxFutureMs} is more than the lateness, so one stamp in the future could make true trades late`,
      `give at most ${settings.latenessMs}, the value of ${TABLE.latenessMs.name}`))
  }
  if (settings.epochMs > settings.epochMaxMs) {
    found.push(conflict(['epochMs', 'epochMaxMs'], `${settings.epochMs} is more than ${TABLE.epochMaxMs.name}`,
      `give at most ${settings.epochMaxMs}`))
  }
  return found
}

function ofConditions(settings: Settings): Conflict[] {
  if (settings.saleConditionsFile === '' || settings.saleConditions !== 'all') return []
  return [conflict(['saleConditionsFile', 'saleConditions'], `is set, but ${TABLE.saleConditions.name} is all, so each trade counts`,
    'set that to alpaca, or leave the file out')]
}

function ofFormat(settings: Settings): Conflict[] {
  if (settings.outputFormat !== 'avro') return []
  return [
    conflict(['outputFormat'], 'is avro, which this version does not write yet', 'use json'),
    ...without('schemaRegistryUrl', 'outputFormat', settings, 'avro'),
  ]
}

function ofStore(settings: Settings): Conflict[] {
  const found: Conflict[] = []
  if (settings.s3AccessKey !== '') found.push(...without('s3SecretKey', 's3AccessKey', settings))
  if (settings.s3SecretKey !== '') found.push(...without('s3AccessKey', 's3SecretKey', settings))
  return found
}
