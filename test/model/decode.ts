/** A consumed record → what it says, or why it is filtered or rejected. Contract, section 1. */

import { RECORD_BYTES_MAX, SYMBOL_BYTES_MAX } from '../../src/contract/outcomes.ts'
import type { Channel } from '../../src/contract/outcomes.ts'
import { clockNs, NS_PER_MS, parseEpoch, parseRfc3339 } from './event-time.ts'
import { Fields, JsonNumber, needed, parseJson, Rejection } from './json-fields.ts'
import type { ModelSettings } from './settings.ts'

interface Seen {
  symbol: string
  timeNs: bigint
}
export interface Trade extends Seen {
  kind: 'trade'
  id: string
  exchange: string | null
  price: number
  size: number
  conditions: string[]
  tape: string | null
  feed: string | null
}
export interface Cancel extends Seen {
  kind: 'cancel'
  id: string
  exchange: string | null
}
export interface Correction extends Seen {
  kind: 'correction'
  originalId: string
  id: string
  exchange: string | null
  price: number
  size: number
  conditions: string[]
  tape: string | null
}
export interface Quote extends Seen {
  kind: 'quote'
  /** What tells it from other quotes of this symbol and event time, by the dedupe rule in force. */
  key: string
  bidPrice: number
  bidSize: number
  askPrice: number
  askSize: number
}
export interface MinuteBar extends Seen {
  kind: 'bar'
  /** Absent means final. An updated bar revises a minute that is over, whatever it says. */
  isFinal: boolean
  open: number
  high: number
  low: number
  close: number
  volume: number
  vwap: number
  count: number
  feed: string | null
}
export type Decoded = Trade | Cancel | Correction | Quote | MinuteBar | { kind: 'filtered' }

type Kind = Exclude<Decoded['kind'], 'filtered'>

const KIND_BY_TYPE: Record<string, Kind> = { t: 'trade', x: 'cancel', c: 'correction', q: 'quote', b: 'bar', u: 'bar' }
const KIND_BY_CHANNEL: Record<string, Kind> = {
  trades: 'trade',
  cancelErrors: 'cancel',
  cancel_errors: 'cancel',
  corrections: 'correction',
  quotes: 'quote',
  bars: 'bar',
  updatedBars: 'bar',
  updated_bars: 'bar',
}
const USED_ON: Record<Kind, Channel> = { trade: 'trades', cancel: 'trades', correction: 'trades', quote: 'quotes', bar: 'bars' }

/** Feeds go out again, so they are bounded. */
const FEED_BYTES_MAX = 32

/** Decodes one record of `topic`. Throws a Rejection; of several faults the first in the order of the lines below. */
export function decode(
  topic: Channel,
  key: Buffer | null,
  value: Buffer | null,
  clockMs: number | null,
  settings: ModelSettings,
): Decoded {
  if (value !== null && value.length > RECORD_BYTES_MAX) throw new Rejection('too_large')
  if (value === null || value.length === 0) throw new Rejection('not_json')
  const fields = new Fields(parseJson(value), settings.fieldMap)
  const kind = kindOf(fields, topic)
  if (kind === 'filtered') return { kind }
  const symbol = symbolOf(fields, key)
  const timeNs = eventTime(fields)
  if (clockMs !== null && timeNs > clockNs(clockMs) + BigInt(settings.maxFutureMs) * NS_PER_MS) throw new Rejection('future')
  const seen = { symbol, timeNs }
  const seq = fields.numberText('seq')
  const feed = feedOf(fields)
  switch (kind) {
    case 'trade':
      return { kind, ...seen, id: fields.id('id'), ...traded(fields, 'price', 'size', 'conditions'), feed }
    case 'cancel':
      return cancel(fields, seen)
    case 'correction': {
      const [originalId, id] = [fields.id('original_id'), fields.id('corrected_id')]
      return { kind, ...seen, originalId, id, ...traded(fields, 'corrected_price', 'corrected_size', 'corrected_conditions') }
    }
    case 'quote':
      return quote(fields, seen, seq, settings)
    case 'bar':
      return bar(fields, seen, feed)
  }
}

function kindOf(fields: Fields, topic: Channel): Decoded['kind'] {
  const type = fields.text('type')
  const channel = type === undefined ? fields.text('channel') : undefined
  const kind = type !== undefined ? own(KIND_BY_TYPE, type) : own(KIND_BY_CHANNEL, channel ?? topic)
  if (kind === undefined || USED_ON[kind] !== topic) return 'filtered'
  return kind
}

function own(kinds: Record<string, Kind>, name: string): Kind | undefined {
  return Object.hasOwn(kinds, name) ? kinds[name] : undefined
}

function feedOf(fields: Fields): string | null {
  const feed = fields.text('feed')
  if (feed === undefined) return null
  if (Buffer.byteLength(feed) > FEED_BYTES_MAX || !feed.isWellFormed()) throw new Rejection('wrong_kind')
  return feed
}

function symbolOf(fields: Fields, key: Buffer | null): string {
  const symbol = needed(fields.text('symbol'))
  const bytes = Buffer.from(symbol)
  if (bytes.length === 0 || bytes.length > SYMBOL_BYTES_MAX) throw new Rejection('bad_symbol')
  if (key === null || !key.equals(bytes) || !symbol.isWellFormed()) throw new Rejection('key_mismatch')
  return symbol
}

function eventTime(fields: Fields): bigint {
  const found = needed(fields.get('event_ts'))
  const isNumber = found instanceof JsonNumber
  if (!isNumber && typeof found !== 'string') throw new Rejection('wrong_kind')
  const timeNs = isNumber ? parseEpoch(found.source) : parseRfc3339(found)
  if (timeNs === null) throw new Rejection('bad_time')
  return timeNs
}

function traded(
  fields: Fields,
  price: 'price' | 'corrected_price',
  size: 'size' | 'corrected_size',
  conditions: 'conditions' | 'corrected_conditions',
): Pick<Trade, 'price' | 'size' | 'conditions' | 'exchange' | 'tape'> {
  const found = { price: priceOf(fields.number(price)) }
  if (found.price === 0) throw new Rejection('bad_price')
  return {
    ...found,
    size: sizeOf(fields.number(size)),
    exchange: fields.text('exchange') ?? null,
    conditions: fields.codes(conditions),
    tape: fields.text('tape') ?? null,
  }
}

/** Price and size name nothing; where they are there, they must be right. */
function cancel(fields: Fields, seen: Seen): Cancel {
  const found = { id: fields.id('id'), exchange: fields.text('exchange') ?? null }
  priceOf(fields.optionalNumber('price') ?? 0)
  sizeOf(fields.optionalNumber('size') ?? 0)
  return { kind: 'cancel', ...seen, ...found }
}

function quote(fields: Fields, seen: Seen, seq: string | undefined, settings: ModelSettings): Quote {
  const values = {
    bidPrice: priceOf(fields.number('bid_price')),
    bidSize: sizeOf(fields.number('bid_size')),
    askPrice: priceOf(fields.number('ask_price')),
    askSize: sizeOf(fields.number('ask_size')),
  }
  const [bidExchange, askExchange] = [fields.text('bid_exchange'), fields.text('ask_exchange')]
  const codes = fields.codes('conditions')
  const content = JSON.stringify([...Object.values(values), bidExchange, askExchange, codes, fields.text('tape')])
  const key = settings.quoteDedupe === 'event_ts' ? '' : seq !== undefined ? `seq ${seq}` : `content ${content}`
  return { kind: 'quote', ...seen, key, ...values }
}

function bar(fields: Fields, seen: Seen, feed: string | null): MinuteBar {
  const [open, high, low, close] = (['open', 'high', 'low', 'close'] as const).map((field) => priceOf(fields.number(field)))
  const volume = sizeOf(fields.number('volume'))
  // without it the bar has no part in VWAPs
  const vwap = priceOf(fields.optionalNumber('vwap') ?? 0)
  const count = sizeOf(fields.optionalNumber('count') ?? 0)
  if (high < low) throw new Rejection('bad_bar')
  const saidFinal = fields.boolean('is_final') ?? true
  const isUpdate = (fields.text('type') ?? fields.text('channel') ?? '').startsWith('u')
  const isFinal = isUpdate || saidFinal
  return { kind: 'bar', ...seen, isFinal, open, high, low, close, volume, vwap, count, feed }
}

function priceOf(value: number): number {
  if (!Number.isFinite(value) || value < 0) throw new Rejection('bad_price')
  return value
}

function sizeOf(value: number): number {
  if (!Number.isFinite(value) || value < 0) throw new Rejection('bad_size')
  return value
}
