/** Records for the decoder's tests: good ones of every type, and the ways in which bytes and fields go wrong. */
import { seeded } from './decode-kernel.ts'

type Random = ReturnType<typeof seeded>

export const TRADE = {
  ingest_ts: '2025-12-03T18:32:10.123Z', event_ts: '2025-12-03T18:32:10.045123456Z', feed: 'sip', channel: 'trades',
  symbol: 'NVDA', seq: 123,
  payload: {
    T: 't', S: 'NVDA', i: 52983525029461, x: 'D', p: 126.55, s: 1, c: ['@', 'I'], t: '2025-12-03T18:32:10.045123456Z', z: 'C',
  },
  is_final: true, source: 'ws', version: 1,
}
export const QUOTE = {
  ...TRADE, channel: 'quotes',
  payload: {
    T: 'q', S: 'NVDA', bx: 'U', bp: 126.54, bs: 3, ax: 'Q', ap: 126.56, as: 4, c: ['R'],
    t: '2025-12-03T18:32:10.045123456Z', z: 'C',
  },
}
export const BAR = {
  ...TRADE, channel: 'bars',
  payload: {
    T: 'b', S: 'NVDA', o: 126.5, h: 127, l: 126.25, c: 126.75, v: 49378, n: 461, vw: 126.612639, t: '2025-12-03T18:32:00Z',
  },
}
export const UPDATED_BAR = { ...BAR, channel: 'updatedBars', is_final: false, payload: { ...BAR.payload, T: 'u' } }
export const CORRECTION = {
  ...TRADE, channel: 'corrections',
  payload: {
    T: 'c', S: 'NVDA', x: 'M', oi: 52983525033527, op: 39.1582, os: 440000, oc: [' ', '7'],
    ci: 52983525034326, cp: 39.1809, cs: 440000,
    cc: [' ', '7'], z: 'B', t: '2025-12-03T18:32:10.542305024Z',
  },
}
export const CANCEL = {
  ...TRADE, channel: 'cancelErrors',
  payload: { T: 'x', S: 'NVDA', i: 465, x: 'D', p: 105.31, s: 300, a: 'C', z: 'C', t: '2025-12-03T18:32:10.83540958Z' },
}
export const RECORDS: readonly object[] = [TRADE, QUOTE, BAR, UPDATED_BAR, CORRECTION, CANCEL]

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** JSON text of a value with members in any order, repeated ones, camelCase, white space and needless escapes. */
export function untidy(value: unknown, random: Random): string {
  const space = (): string => (random.below(12) === 0 ? random.pick([' ', '\n', '\t ', '\r\n', '   ']) : '')
  const text = (plain: string): string => {
    if (random.below(10) > 0) return JSON.stringify(plain)
    return `"${[...plain].map((c) => (random.below(2) === 0 ? JSON.stringify(c).slice(1, -1) : escaped(c))).join('')}"`
  }
  if (typeof value === 'string') return text(value)
  const join = (parts: string[]): string => `${space()}${parts.join(`${space()},${space()}`)}${space()}`
  if (Array.isArray(value)) return `[${join(value.map((item) => untidy(item, random)))}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  let members = Object.entries(value).map(([key, item]): [string, unknown] =>
    [random.below(6) === 0 ? camelCase(key) : key, item])
  if (random.below(3) === 0) members = members.sort(() => random.real() - 0.5)
  if (members.length > 0 && random.below(4) === 0) {
    members.push([members[0][0], random.pick<unknown>([null, 1, 'x', {}, [], members[0][1]])])
  }
  if (random.below(8) === 0) members.unshift(['payload', { T: 'q', p: 7, i: 1, extra: { payload: { p: 3 } } }])
  if (random.below(8) === 0) members.push(['nested', [{ payload: { p: -1 } }, [[], {}], 'é😀']])
  return `{${join(members.map(([k, v]) => `${text(k)}${space()}:${space()}${untidy(v, random)}`))}}`
}

const escaped = (character: string): string =>
  [...Array(character.length).keys()].map((i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join('')
const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const ODD: readonly unknown[] = [
  null, true, false, 0, -0, -1, 1.5, 1e300, 5, '5', '', 'R', 'AB', 'é', '\u0000', '\ud800', [],
  ['R', 'é', 'AB'], ['R', 1], [null], [['R']],
  {}, { T: 't' }, 'trades', 'dailyBars', 'updated_bars', '2025-12-03T18:32:11Z', '2025-02-30T00:00:00Z',
  1764786730, 1764786730045.5,
  9007199254740993n, 'x'.repeat(33), 'NVDA', 'sip',
]

/** A copy of a record with fields dropped, added, or of another kind; as JSON text. */
export function oddRecord(random: Random): string {
  const record = structuredClone(random.pick(RECORDS)) as Record<string, unknown> & { payload: Record<string, unknown> }
  const extra = 'T S i x p s c z t bp bs ap as bx ax o h l v vw n oi ci cp cs cc'.split(' ')
  const outer = ['event_ts', 'eventTs', 'feed', 'channel', 'symbol', 'seq', 'is_final', 'isFinal', 'payload']
  for (let n = random.below(3); n > 0; n--) {
    const inside = random.below(3) > 0 && typeof record.payload === 'object' && record.payload !== null
    const target = inside ? record.payload : record
    const key = random.pick(inside ? extra : outer)
    if (random.below(3) === 0) delete target[key]
    else target[key] = random.pick(ODD)
  }
  if (random.below(3) === 0) delete record.event_ts
  if (random.below(4) === 0) delete record.symbol
  if (random.below(4) === 0 && record.payload) delete record.payload.T
  if (random.below(6) === 0) delete record.channel
  const plain = JSON.stringify(record, (_, value: unknown) => (typeof value === 'bigint' ? `#${value}` : value))
  return untidy(JSON.parse(plain), random).replace(/"#(\d+)"/g, '$1')
}

const BYTES = utf8('{}[]":,\\0123456789.eE+-tfnul \n\t\r/bx')
const WILD = [0x00, 0x1f, 0x7f, 0x80, 0xbf, 0xc0, 0xc2, 0xe0, 0xed, 0xa0, 0xef, 0xbb, 0xf0, 0xf4, 0xf5, 0xff]

/** Bytes with one to three pieces changed, put in, left out, cut, swapped or doubled. */
export function damaged(bytes: Uint8Array, random: Random): Uint8Array {
  let result = Array.from(bytes)
  for (let n = 1 + random.below(3); n > 0; n--) {
    const at = random.below(result.length + 1)
    const byte = random.below(4) === 0 ? random.pick(WILD) : BYTES[random.below(BYTES.length)]
    const change = random.below(7)
    if (change === 0) result.splice(at, 1)
    else if (change === 1) result.splice(at, 0, byte)
    else if (change === 2) result.splice(at, 1, byte)
    else if (change === 3 && random.below(4) === 0) result = result.slice(0, at)
    else if (change === 4) result.splice(at, random.below(6))
    else if (change === 5) result.splice(at, 0, ...result.slice(at, at + random.below(20)))
    else result.splice(at, 1, random.pick(['\\ud83d\\ude00', '\\ud800', 'é', '1e5', 'null', '""', '-0', '[]']).charCodeAt(0))
  }
  return Uint8Array.from(result)
}
