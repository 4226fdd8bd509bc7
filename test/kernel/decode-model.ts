/**
 * The decoder once more, in plain TypeScript over JSON.parse: slow, and written from the contract, not from the kernel.
 */
import { REASONS, REJECTED, FILTERED, UNDECIDED } from '../../src/contract/outcomes.ts'
import type { Reason } from '../../src/contract/outcomes.ts'
import type { Input, Row } from './decode-kernel.ts'

/** A number with the text that it had. */
class Token {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
type Json = null | boolean | string | Token | Json[] | { [key: string]: Json }

/** Accepts UTF-8 and nothing else; a byte order mark is text as any other (and so no JSON). */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What JSON.parse makes of the bytes, numbers kept as text; undefined when they are not UTF-8 or not JSON. */
export function parseBytes(bytes: Uint8Array): Json | undefined {
  const reviver = (_: string, value: unknown, context: { source?: string }): unknown =>
    typeof value === 'number' ? new Token(context.source as string) : value
  let text: string
  try {
    text = UTF8.decode(bytes)
  } catch {
    return undefined
  }
  try {
    return JSON.parse(text, reviver as (key: string, value: unknown) => unknown) as Json
  } catch (error) {
    return error instanceof RangeError ? parseDeep(text) : undefined
  }
}

/** Deeper than any path that is looked at. */
const DEPTH_MAX = 64
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/gs

/**
 * The same where the nesting is too deep for JSON.parse's reviver: it walks the value by recursion, the parser itself does not. Numbers
 * become strings with an n in front, strings get an s; what lies below DEPTH_MAX levels is left out.
 */
function parseDeep(text: string): Json | undefined {
  try {
    JSON.parse(text)
  } catch {
    return undefined
  }
  const marked = text.replace(STRING_OR_NUMBER, (token) => (token[0] === '"' ? `"s${token.slice(1)}` : `"n${token}"`))
  const plain = (value: unknown, depth: number): Json => {
    if (typeof value === 'string') return value[0] === 'n' ? new Token(value.slice(1)) : value.slice(1)
    if (Array.isArray(value)) return depth === 0 ? [] : value.map((item) => plain(item, depth - 1))
    if (value === null || typeof value !== 'object') return value as Json
    const members = depth === 0 ? [] : Object.entries(value).map(([key, item]): [string, Json] => [key.slice(1), plain(item, depth - 1)])
    return Object.fromEntries(members)
  }
  return plain(JSON.parse(marked), DEPTH_MAX)
}

export function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(UTF8.decode(bytes))
    return true
  } catch {
    return false
  }
}

const PATHS: Record<string, string[]> = {
  event_ts: ['event_ts', 'eventTs', 'payload.t'], symbol: ['symbol', 'payload.S'], is_final: ['is_final', 'isFinal'],
  feed: ['feed'], channel: ['channel'], seq: ['seq'],
}
const PAYLOAD: Record<string, string> = {
  type: 'T', id: 'i', exchange: 'x', price: 'p', size: 's', conditions: 'c', tape: 'z', bid_price: 'bp', bid_size: 'bs',
  ask_price: 'ap', ask_size: 'as', open: 'o', high: 'h', low: 'l', close: 'c', volume: 'v', vwap: 'vw', count: 'n',
  bid_exchange: 'bx', ask_exchange: 'ax', original_id: 'oi', corrected_id: 'ci', corrected_price: 'cp', corrected_size: 'cs',
  corrected_conditions: 'cc',
}
const TYPES: Record<string, number> = { t: 1, q: 2, b: 3, u: 4, c: 5, x: 6 }
const CHANNELS: Record<string, number> = {
  trades: 1, quotes: 2, bars: 3, updatedBars: 4, updated_bars: 4, corrections: 5, cancelErrors: 6, cancel_errors: 6,
}
const USED = [[1, 5, 6], [2], [3, 4]]

class Rejected extends Error {
  readonly reason: Reason
  constructor(reason: Reason) {
    super(reason)
    this.reason = reason
  }
}
function reject(reason: Reason): never {
  throw new Rejected(reason)
}

export interface ModelSettings {
  clockNs: bigint | null
  maxFutureNs: bigint
  map: Record<string, string>
}

const emptyRow = (outcome: number, reason: Reason): Row => ({
  outcome, reason: REASONS.indexOf(reason), kind: 0, isFinal: 2, tape: 0, timeNs: 0n, seq: null, conditions: 0n, feed: null,
  exchange: null, id: '', newId: '', n: [0, 0, 0, 0, 0, 0, 0], contentHash: 0n,
})

/** The row that the kernel must make, but for contentHash: in its place `content` is the text that the hash stands for. */
export function decodeModel(topic: number, input: Input, settings: ModelSettings): { row: Row; content: string | null } {
  try {
    return decode(topic, input, settings)
  } catch (error) {
    if (!(error instanceof Rejected)) throw error
    return { row: emptyRow(REJECTED, error.reason), content: null }
  }
}

function decode(topic: number, input: Input, settings: ModelSettings): { row: Row; content: string | null } {
  if (input.cut || (input.size ?? input.value?.length ?? 0) > 1_048_576) reject('too_large')
  const record = input.value === null ? undefined : parseBytes(input.value)
  if (record === undefined) reject('not_json')
  if (record === null || typeof record !== 'object' || Array.isArray(record) || record instanceof Token) reject('not_object')
  const fields = new Fields(record, settings.map)
  const kind = kindOf(fields, topic)
  if (!USED[topic].includes(kind)) return { row: emptyRow(FILTERED, 'none'), content: null }
  const row = { ...emptyRow(UNDECIDED, 'none'), kind }
  checkSymbol(fields, input.key)
  row.timeNs = eventTime(fields)
  if (settings.clockNs !== null && row.timeNs > settings.clockNs + settings.maxFutureNs) reject('future')
  row.seq = sequence(fields)
  const feed = fields.text('feed')
  if (feed !== null && (!feed.isWellFormed() || Buffer.byteLength(feed) > 32)) reject('wrong_kind')
  row.feed = feed === null ? null : bytesOf(feed)
  return { row, content: payload(fields, row) }
}

/** Fields of a kind, in the order in which they are looked at; returns the content of a quote. */
function payload(fields: Fields, row: Row): string | null {
  const exchange = (): void => {
    const text = fields.text('exchange')
    row.exchange = text === null ? null : bytesOf(text)
  }
  const tape = (): void => {
    const text = fields.text('tape') ?? ''
    row.tape = text.length === 1 && text < '\x80' ? text.charCodeAt(0) : 0
  }
  if (row.kind === 1 || row.kind === 5) {
    const fix = row.kind === 5
    row.id = fields.id(fix ? 'original_id' : 'id')
    if (fix) row.newId = fields.id('corrected_id')
    row.n[0] = fields.amount(fix ? 'corrected_price' : 'price', 'bad_price', true)
    if (row.n[0] === 0) reject('bad_price')
    row.n[1] = fields.amount(fix ? 'corrected_size' : 'size', 'bad_size', true)
    exchange()
    row.conditions = mask(fields.codes(fix ? 'corrected_conditions' : 'conditions'))
    tape()
  } else if (row.kind === 6) {
    row.id = fields.id('id')
    exchange()
    row.n[0] = fields.amount('price', 'bad_price', false)
    row.n[1] = fields.amount('size', 'bad_size', false)
  } else if (row.kind === 2) {
    const names = ['bid_price', 'bid_size', 'ask_price', 'ask_size']
    names.forEach((name, n) => (row.n[n] = fields.amount(name, n % 2 === 0 ? 'bad_price' : 'bad_size', true)))
    const exchanges = [fields.text('bid_exchange'), fields.text('ask_exchange')]
    const codes = fields.codes('conditions')
    row.conditions = mask(codes)
    tape()
    return JSON.stringify([row.n.slice(0, 4), exchanges, codes, fields.text('tape')])
  } else {
    const names = ['open', 'high', 'low', 'close', 'volume', 'vwap', 'count']
    names.forEach((name, n) => (row.n[n] = fields.amount(name, n === 4 || n === 6 ? 'bad_size' : 'bad_price', n < 5)))
    if (row.n[1] < row.n[2]) reject('bad_bar')
    const final = fields.value('is_final')
    if (final !== null && typeof final !== 'boolean') reject('wrong_kind')
    row.isFinal = final === null ? 2 : Number(final)
  }
  return null
}

class Fields {
  readonly record: { [key: string]: Json }
  readonly map: Record<string, string>
  constructor(record: { [key: string]: Json }, map: Record<string, string>) {
    this.record = record
    this.map = map
  }

  value(name: string): Json {
    const paths = Object.hasOwn(this.map, name) ? [this.map[name]] : (PATHS[name] ?? [`payload.${PAYLOAD[name]}`])
    for (const path of paths) {
      let value: Json = this.record
      for (const key of path.split('.')) {
        const inside: boolean = value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Token)
        value = inside && Object.hasOwn(value as object, key) ? (value as { [key: string]: Json })[key] : null
      }
      if (value !== null) return value
    }
    return null
  }

  text(name: string): string | null {
    const value = this.value(name)
    if (value !== null && typeof value !== 'string') reject('wrong_kind')
    return value
  }

  id(name: string): string {
    const value = this.value(name) ?? reject('missing_field')
    if (value instanceof Token) return value.text
    return typeof value === 'string' ? bytesOf(value) : reject('wrong_kind')
  }

  amount(name: string, bad: Reason, needed: boolean): number {
    const value = this.value(name)
    if (value === null) return needed ? reject('missing_field') : 0
    if (!(value instanceof Token)) reject('wrong_kind')
    const amount = Number(value.text)
    return amount >= 0 && Number.isFinite(amount) ? amount + 0 : reject(bad)
  }

  codes(name: string): string[] {
    const value = this.value(name)
    if (value === null) return []
    if (typeof value === 'string') return [...value]
    if (!Array.isArray(value) || value.some((code) => typeof code !== 'string')) reject('wrong_kind')
    return value as string[]
  }
}

const mask = (codes: string[]): bigint =>
  codes.reduce((bits, code) => (code.length === 1 && code < '\x80' ? bits | (1n << BigInt(code.charCodeAt(0))) : bits), 0n)

function kindOf(fields: Fields, topic: number): number {
  const type = fields.text('type')
  if (type !== null) return Object.hasOwn(TYPES, type) ? TYPES[type] : 0
  const channel = fields.text('channel')
  if (channel !== null) return Object.hasOwn(CHANNELS, channel) ? CHANNELS[channel] : 0
  return topic + 1
}

function checkSymbol(fields: Fields, key: Uint8Array | null): void {
  const symbol = fields.text('symbol') ?? reject('missing_field')
  const bytes = bytesOf(symbol)
  if (bytes.length < 1 || bytes.length > 32) reject('bad_symbol')
  if (key === null || !symbol.isWellFormed() || bytes !== Buffer.from(key).toString('latin1')) reject('key_mismatch')
}

function sequence(fields: Fields): string | null {
  const seq = fields.value('seq')
  if (seq === null) return null
  if (!(seq instanceof Token)) reject('wrong_kind')
  const whole = /^-?\d+$/.test(seq.text) ? BigInt(seq.text) : null
  return whole !== null && BigInt.asIntN(64, whole) === whole ? String(whole) : `f${Number(seq.text) + 0}`
}

function eventTime(fields: Fields): bigint {
  const value = fields.value('event_ts') ?? reject('missing_field')
  const timeNs = value instanceof Token ? epochNs(value.text) : typeof value === 'string' ? stampNs(value) : reject('wrong_kind')
  return timeNs ?? reject('bad_time')
}

const TIME_MIN = BigInt(Date.UTC(1678, 0, 1)) * 1_000_000n
const TIME_MAX = BigInt(Date.UTC(2262, 0, 1)) * 1_000_000n - 1n

/** ns of an RFC 3339 stamp, null when it is none. */
export function stampNs(text: string): bigint | null {
  const parts = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/.exec(text)
  if (parts === null || text.endsWith('\n')) return null
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number)
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  date.setUTCHours(hour, minute, second)
  const same = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!same || hour > 23 || minute > 59 || second > 59) return null
  const [hours, minutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)]
  if (hours > 23 || minutes > 59) return null
  const offsetMs = (parts[8] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
  const ns = BigInt(date.getTime() - offsetMs) * 1_000_000n + BigInt((parts[7] ?? '').padEnd(9, '0'))
  return ns >= TIME_MIN && ns <= TIME_MAX ? ns : null
}

/** ns of an epoch number by its size, null when it is negative or too large. */
export function epochNs(token: string): bigint | null {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(token) as RegExpExecArray
  const [, sign, whole, fraction = '', exponent = '0'] = parts
  const digits = BigInt(whole + fraction)
  if (digits === 0n) return 0n
  if (sign === '-') return null
  const power = BigInt(exponent) - BigInt(fraction.length)
  const size = BigInt(String(digits).length) + power
  if (size > 30n) return null
  if (size < -30n) return 0n
  // value · 10^60 is an integer only if power ≥ −60; digits below that are cut, as they are finer than 1 ns in any unit.
  const scaled = power >= -60n ? digits * 10n ** (power + 60n) : digits / 10n ** (-power - 60n)
  const unit = 10n ** 60n
  const below = (power: bigint): boolean => scaled < unit * 10n ** power
  const perNs = below(11n) ? 10n ** 9n : below(14n) ? 10n ** 6n : below(17n) ? 1000n : 1n
  const ns = (scaled * perNs) / unit
  return ns <= TIME_MAX ? ns : null
}

/** A text's bytes as latin-1; half of a surrogate pair is its three bytes, as the kernel has it. */
function bytesOf(text: string): string {
  let bytes = ''
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (code >= 0xd800 && code <= 0xdfff) {
      bytes += String.fromCharCode(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    } else bytes += Buffer.from(character).toString('latin1')
  }
  return bytes
}
