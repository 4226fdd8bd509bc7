import type { Channel } from '../contract/outcomes.ts'
import { stampMs } from '../contract/stamp.ts'

/** Where an envelope goes, under which key, and when. */
export interface Route {
  channel: Channel
  /** The record's key; undefined when the envelope names no symbol. */
  symbol: string | undefined
  /** ms since the epoch with a fraction, NaN when the envelope has no readable event time. */
  eventTimeMs: number
}

/** Source field → path, as TA_FIELD_MAP has it. */
export type FieldMap = Readonly<Record<string, string>>

const CHANNEL_OF_TYPE: ReadonlyMap<unknown, Channel> = new Map<unknown, Channel>([
  ['t', 'trades'],
  ['c', 'trades'],
  ['x', 'trades'],
  ['q', 'quotes'],
  ['b', 'bars'],
  ['u', 'bars'],
  ['d', 'bars'],
])
const CHANNEL_OF_NAME: ReadonlyMap<unknown, Channel> = new Map<unknown, Channel>([
  ['trades', 'trades'],
  ['corrections', 'trades'],
  ['cancelErrors', 'trades'],
  ['cancel_errors', 'trades'],
  ['quotes', 'quotes'],
  ['bars', 'bars'],
  ['updatedBars', 'bars'],
  ['updated_bars', 'bars'],
  ['dailyBars', 'bars'],
  ['daily_bars', 'bars'],
])

type Json = Record<string, unknown>

/**
 * What the record is: `payload.T`, else `channel`. A type that the engine doesn't know goes to the trades topic, where it
 * is filtered and counted. Undefined when there is neither: the topic would have to say it, and a file has none.
 */
export function routeEnvelope(envelope: Json, fieldMap: FieldMap): Route | undefined {
  const payload = isObject(envelope.payload) ? envelope.payload : {}
  const type = fieldMap.type === undefined ? payload.T : atPath(envelope, fieldMap.type)
  const channel = fieldMap.channel === undefined ? envelope.channel : atPath(envelope, fieldMap.channel)
  const target = isPresent(type) ? CHANNEL_OF_TYPE.get(type) : CHANNEL_OF_NAME.get(channel)
  if (!isPresent(type) && !isPresent(channel)) return undefined
  const symbol = fieldMap.symbol === undefined ? (envelope.symbol ?? payload.S) : atPath(envelope, fieldMap.symbol)
  return {
    channel: target ?? 'trades',
    symbol: typeof symbol === 'string' && symbol !== '' ? symbol : undefined,
    eventTimeMs: stampMs(eventTimeOf(envelope, payload, fieldMap)),
  }
}

/** Paths of all stamps in an envelope: what `--shift-to-now` moves. */
export function stampPaths(fieldMap: FieldMap): string[] {
  const paths = ['event_ts', 'eventTs', 'ingest_ts', 'ingestTs', 'payload.t']
  return [...paths, fieldMap.event_ts, fieldMap.ingest_ts].filter((path) => path !== undefined)
}

function eventTimeOf(envelope: Json, payload: Json, fieldMap: FieldMap): unknown {
  if (fieldMap.event_ts !== undefined) return atPath(envelope, fieldMap.event_ts)
  return envelope.event_ts ?? envelope.eventTs ?? payload.t
}

function atPath(envelope: Json, path: string): unknown {
  let value: unknown = envelope
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined
  return value
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
