/**
 * Whether TA_FIELD_MAP fits what lies in the inputs: each mapped path must lead to a value of the right kind in at least one of a
 * topic's newest records. A wrong path would reject every record, or pass over a field without a word.
 *
 * In:  the map, a topic's sample. Out: findings, a sentence each. `judgeSample` is pure; `sampleTopic` asks the log.
 */
import { stampNs } from '../contract/stamp.ts'
import type { Log, LogRecord } from '../ports/log.ts'

/** A record that is a JSON object, with where it lies. */
export interface SampledRecord {
  partition: number
  offset: number
  key: string | null
  value: Record<string, unknown>
}

/** A mapped field that no record of the sample has. */
export interface FieldFinding {
  channel: number
  field: string
  /** Nothing of the topic can be applied with it. */
  blocks: boolean
  sentence: string
}

interface Kind {
  words: string
  fits(value: unknown, record: SampledRecord): boolean
}

const NUMBER: Kind = { words: 'a number', fits: (value) => typeof value === 'number' }
const TEXT: Kind = { words: 'a text', fits: (value) => typeof value === 'string' }
const ID: Kind = { words: 'a number or a text', fits: (value) => typeof value === 'number' || typeof value === 'string' }
const FLAG: Kind = { words: 'true or false', fits: (value) => typeof value === 'boolean' }
const CODES: Kind = {
  words: 'a text or a list of texts',
  fits: (value) => typeof value === 'string' || (Array.isArray(value) && value.every((code) => typeof code === 'string')),
}
const SYMBOL: Kind = { words: "the record's key", fits: (value, { key }) => typeof value === 'string' && value === key }
const TIME: Kind = {
  words: 'an RFC 3339 stamp or an epoch number',
  fits: (value) => (typeof value === 'string' ? stampNs(value) !== undefined : typeof value === 'number' && value >= 0),
}

const ENVELOPE = { event_ts: TIME, symbol: SYMBOL }
const OPTIONAL = { feed: TEXT, seq: NUMBER }
/** By channel: what its records are called, their types and channels, the fields that they need, and those they may have. */
const CHANNELS = [
  {
    one: 'trade', types: ['t'], channels: ['trades'], needed: { ...ENVELOPE, id: ID, price: NUMBER, size: NUMBER },
    optional: { ...OPTIONAL, exchange: TEXT, conditions: CODES, tape: TEXT },
  },
  {
    one: 'quote', types: ['q'], channels: ['quotes'], needed: { ...ENVELOPE, bid_price: NUMBER, bid_size: NUMBER, ask_price: NUMBER, ask_size: NUMBER },
    optional: { ...OPTIONAL, conditions: CODES, tape: TEXT },
  },
  {
    one: 'minute bar', types: ['b', 'u'], channels: ['bars', 'updatedBars', 'updated_bars'],
    needed: { ...ENVELOPE, open: NUMBER, high: NUMBER, low: NUMBER, close: NUMBER, volume: NUMBER },
    optional: { ...OPTIONAL, vwap: NUMBER, count: NUMBER, is_final: FLAG },
  },
] as const satisfies readonly { one: string; types: string[]; channels: string[]; needed: Record<string, Kind>; optional: Record<string, Kind> }[]

type FieldMap = Readonly<Record<string, string>>

/** What of the map a topic's sample has nowhere; null where the sample says nothing of it, as it holds no record of the topic's own type. */
export function judgeSample(map: FieldMap, channel: number, topic: string, sample: readonly SampledRecord[]): FieldFinding[] | null {
  if (sample.length === 0) return null
  const { one, needed, optional } = CHANNELS[channel]
  const own = sample.filter((record) => isOwn(map, channel, record))
  if (own.length === 0) return ofType(map, channel, topic, sample)
  const found: FieldFinding[] = []
  for (const [kinds, isNeeded] of [[needed, true], [optional, false]] as const) {
    for (const [field, kind] of Object.entries(kinds)) {
      const path = Object.hasOwn(map, field) ? map[field] : undefined
      if (path === undefined || own.some((record) => kind.fits(valueAt(record.value, path), record))) continue
      // a field that is absent is passed over where it isn't needed; one of a wrong kind never is
      const blocks = isNeeded || own.every(({ value }) => valueAt(value, path) !== undefined)
      found.push({ channel, field, blocks, sentence: sentenceOf(map, field, kind.words, topic, own, blocks ? `every ${one} is rejected` : 'it counts as absent') })
    }
  }
  return found
}

/** The map's type or channel makes no record one of the topic's: all would be filtered. */
function ofType(map: FieldMap, channel: number, topic: string, sample: readonly SampledRecord[]): FieldFinding[] | null {
  const { one, types, channels } = CHANNELS[channel]
  const field = ['type', 'channel'].find((name) => Object.hasOwn(map, name))
  if (field === undefined) return null
  const words = `the ${field} of a ${one} (${(field === 'type' ? types : channels).map((name) => `"${name}"`).join(' or ')})`
  return [{ channel, field, blocks: true, sentence: sentenceOf(map, field, words, topic, sample, 'every record is filtered') }]
}

/** As the decoder tells: by type, else by channel, else by the topic. */
function isOwn(map: FieldMap, channel: number, { value }: SampledRecord): boolean {
  const { types, channels } = CHANNELS[channel]
  const type = valueAt(value, map.type ?? 'payload.T')
  if (type !== undefined) return (types as readonly unknown[]).includes(type)
  const name = valueAt(value, map.channel ?? 'channel')
  return name === undefined || (channels as readonly unknown[]).includes(name)
}

/** The value at a path of keys; undefined where there is none, or null. */
function valueAt(value: unknown, path: string): unknown {
  let at: unknown = value
  for (const key of path.split('.')) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined
  return at ?? undefined
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const KEYS_SHOWN = 12
const KEY_SHOWN_CHARACTERS = 32

function sentenceOf(map: FieldMap, field: string, wanted: string, topic: string, sample: readonly SampledRecord[], otherwise: string): string {
  const newest = sample.reduce((a, b) => (b.offset > a.offset ? b : a))
  const none = sample.length === 1 ? `the newest record of ${topic} does not have` : `none of the ${sample.length} newest records of ${topic} has`
  return `TA_FIELD_MAP maps ${field} to "${map[field]}", but ${none} ${wanted} there (partition ${newest.partition}, ` +
    `offset ${newest.offset}: ${foundAt(newest.value, map[field])}): correct the path, or ${otherwise}`
}

/** What is at a path, without values: they are the user's. */
function foundAt(value: Record<string, unknown>, path: string): string {
  const keys = path.split('.')
  let at: unknown = value
  for (const [depth, key] of keys.entries()) {
    if (!isObject(at)) return `${keys.slice(0, depth).join('.')} is ${kindOf(at)}`
    if (!Object.hasOwn(at, key) || at[key] === null) {
      const names = Object.keys(at).map((name) => name.slice(0, KEY_SHOWN_CHARACTERS))
      const shown = names.slice(0, KEYS_SHOWN).join(', ') + (names.length > KEYS_SHOWN ? ', …' : '')
      return `${depth === 0 ? 'the record' : keys.slice(0, depth).join('.')} has ${shown === '' ? 'no keys' : shown}`
    }
    at = at[key]
  }
  return `${path} is ${kindOf(at)}`
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return { string: 'a text', number: 'a number', boolean: 'true or false' }[typeof value as string] ?? 'an object'
}

/** Enough for a few types of records; 20 of 1 MiB are still little. */
const RECORDS_MAX = 20
const PER_PARTITION = 10
const PARTITIONS_MAX = 8

/** A topic's newest records, from some partitions that hold any. Rejects with LogError. */
export async function sampleTopic(log: Pick<Log, 'bounds' | 'read'>, topic: string, partitions: number): Promise<SampledRecord[]> {
  const sample: SampledRecord[] = []
  let read = 0
  for (let partition = 0; partition < partitions && read < PARTITIONS_MAX && sample.length < RECORDS_MAX; partition++) {
    const { low, high } = await log.bounds(topic, partition, 'read_committed')
    if (high <= low) continue
    read++
    await log.read(topic, partition, Math.max(low, high - PER_PARTITION), high, (record) => {
      const sampled = sampledOf(record)
      if (sampled !== null) sample.push(sampled)
    })
  }
  return sample
}

/** null for what is no JSON object: it is rejected whatever the map says. */
function sampledOf({ partition, offset, key, value }: LogRecord): SampledRecord | null {
  try {
    const parsed: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(value ?? undefined))
    return isObject(parsed) ? { partition, offset, key: key === null ? null : key.toString(), value: parsed } : null
  } catch {
    return null // no UTF-8 or no JSON
  }
}
