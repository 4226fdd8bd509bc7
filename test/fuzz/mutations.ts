/** The ways in which a record goes wrong: in its tree, in its text, in its bytes. Every choice is the random's. */
import { Members, Raw, objectsOf, write } from './json-tree.ts'
import type { Random, Tree } from './json-tree.ts'

const raw = (text: string): Raw => new Raw(text)

const NUMBERS = [
  '0', '-0', '0.0', '-0.0e5', '1', '-1', '5', '126.55', '1e0', '1E+2', '1e-9', '5e-324', '4.9e-324', '2.4703282292062327e-324',
  '2.4703282292062328e-324', '1.7976931348623157e308', '1.7976931348623159e308', '1e309', '-1e309', '1e400', '1e-400', '0e999999999999',
  '1e999999999999999999999', '9007199254740992', '9007199254740993', '9223372036854775807', '9223372036854775808',
  '-9223372036854775808', '-9223372036854775809', '18446744073709551616', '123456789012345678901234567890', '0.1', '0.30000000000000004',
  '1.000000000000000000000000000000000000001', '100000000000', '99999999999', '99999999999.999999999', '100000000000000', '1764786730',
  '1764786730.045123456', '1764786730045', '1764786730045123', '1764786730045123456', '176478673004512345600e-2', '1.7647867300451e18',
  '1e17', '9223372036854775807e-9', '2.2250738585072011e-308', '7.2057594037927933e16', '9.007199254740993e15',
]
const NO_NUMBERS = ['01', '-', '+1', '.5', '1.', '1e', '1e+', '0x10', '1_0', 'NaN', 'Infinity', '-Infinity', '1,5', '--1', '1.2.3', '00', '-01', '1e1.5']
const STAMPS = [
  '2025-12-03T18:32:10.045123456Z', '2025-12-03T18:32:10Z', '2025-12-03t18:32:10z', '2025-12-03 18:32:10+00:00', '2025-12-03T18:32:10-23:59',
  '2025-12-03T18:32:10+24:00', '2025-12-03T18:32:10.1234567890Z', '2025-12-03T18:32:10.Z', '2025-12-03T18:32:10', '2025-12-03T24:00:00Z',
  '2025-12-03T23:59:60Z', '2025-02-29T00:00:00Z', '2024-02-29T00:00:00Z', '1677-12-31T23:59:59.999999999Z', '1678-01-01T00:00:00Z',
  '2261-12-31T23:59:59.999999999Z', '2262-01-01T00:00:00Z', '0000-01-01T00:00:00Z', '2025-13-01T00:00:00Z', '2025-00-10T00:00:00Z',
  '2025-12-03T18:32:10.045123456Z ', '\u0662025-12-03T18:32:10Z', '1969-12-31T23:59:59.999999999Z',
]
const TEXTS = [
  '', ' ', 'A', 'é', '€', '😀', '\u0000', '\u001f', '\u007f', '\u2028', '\ufeff', '\ud800', '\udc00', '\ud83d\ude00', '\ude00\ud83d', 'x'.repeat(15),
  'x'.repeat(16), 'x'.repeat(32), 'x'.repeat(33), 'é'.repeat(16), 'é'.repeat(17), '"', '\\', '/', '\n', '1', '1e5', 'null', 'true', 'NVDA', 't', 'q', 'b',
  'trades', 'updatedBars', 'updated_bars', 'cancelErrors', 'cancel_errors', 'dailyBars', '__proto__', 'payload', 'constructor', 'sip',
]
const KEYS = [
  'T', 'S', 'i', 'x', 'p', 's', 'c', 't', 'z', 'bp', 'bs', 'ap', 'as', 'bx', 'ax', 'o', 'h', 'l', 'v', 'vw', 'n', 'oi', 'ci', 'cp', 'cs', 'cc',
  'event_ts', 'eventTs', 'ingest_ts', 'ingestTs', 'feed', 'channel', 'symbol', 'seq', 'is_final', 'isFinal', 'payload', 'source', 'version',
  '', 'P', 'payloa', 'payloads', 'event_t', 'eventTS', 'symbol\u0000', '__proto__', 'toString', 'p\u0000', 'é', 'x'.repeat(300),
  'price', 'data', 'ts', 'meta',
]
const camelCase = (key: string): string => key.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())
const snakeCase = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

/** Any value, now and then a nested one. */
export function anyValue(random: Random): Tree {
  const kind = random.below(10)
  if (kind < 3) return raw(random.pick(NUMBERS))
  if (kind < 5) return random.pick(TEXTS)
  if (kind === 5) return random.pick(STAMPS)
  if (kind === 6) return random.pick([null, true, false])
  if (kind === 7) return Array.from({ length: random.below(4) }, () => (random.below(3) > 0 ? random.pick(TEXTS) : anyValue(random)))
  if (kind === 8) return new Members(Array.from({ length: random.below(4) }, () => [random.pick(KEYS), anyValue(random)]))
  return longNumber(random)
}

/** Digits by the dozen, near a double's ties and limits or anywhere. */
function longNumber(random: Random): Raw {
  const digits = (n: number): string => Array.from({ length: n }, () => random.below(10)).join('')
  const whole = random.below(3) === 0 ? '0' : `${1 + random.below(9)}${digits(random.pick([0, 3, 14, 15, 16, 18, 19, 20, 40, 400]))}`
  const fraction = random.below(3) === 0 ? '' : `.${digits(random.pick([1, 2, 9, 16, 17, 20, 60, 800]))}`
  const exponent = random.below(2) === 0 ? '' : `${random.pick(['e', 'E'])}${random.pick(['', '+', '-'])}${random.below(random.pick([3, 25, 330]))}`
  return raw(`${random.below(6) === 0 ? '-' : ''}${whole}${fraction}${exponent}`)
}

/** A value near the one that was there. */
function nearValue(value: Tree, random: Random): Tree {
  if (random.below(5) === 0) return anyValue(random)
  if (value instanceof Raw) {
    const kind = random.below(10)
    if (kind < 4) return raw(random.pick(NUMBERS))
    if (kind < 6) return longNumber(random)
    return random.pick([value.text, raw(value.text.startsWith('-') ? value.text.slice(1) : `-${value.text}`), raw(`${value.text}e1`), raw(random.pick(NO_NUMBERS))])
  }
  if (typeof value === 'string') return random.pick<Tree>([[value], `${value}\u0000`, value.slice(1), `${value}${value}`, raw(random.pick(NUMBERS)), random.pick(STAMPS)])
  if (Array.isArray(value)) return random.pick<Tree>([[...value, anyValue(random)], value[0] ?? null, [value], Array.from({ length: random.below(200) }, () => value[0] ?? 'I')])
  return random.pick<Tree>([null, [value], new Members([['payload', value]])])
}

/** Changes one thing in the tree: a member dropped, doubled, renamed, moved, nested, or of another value. */
function changeTree(tree: Members, random: Random): void {
  const { list } = random.pick(objectsOf(tree))
  const at = random.below(list.length + 1)
  const member = list[at]
  if (member === undefined) {
    list.push([random.pick(KEYS), anyValue(random)])
    return
  }
  const [key, value] = member
  switch (random.below(10)) {
    case 0: list.splice(at, 1); break
    case 1: list.splice(random.below(list.length + 1), 0, [key, random.below(2) === 0 ? value : anyValue(random)]); break
    case 2: member[0] = random.pick([camelCase(key), snakeCase(key), key.toUpperCase(), `${key} `, random.pick(KEYS)]); break
    case 3: list.push([random.below(2) === 0 ? camelCase(key) : snakeCase(key), anyValue(random)]); break
    case 4: list.sort(() => random.real() - 0.5); break
    case 5: list.unshift([random.pick(KEYS), deep(anyValue(random), 1 + random.below(random.pick([4, 70, 700])), random)]); break
    case 6: member[1] = null; break
    default: member[1] = nearValue(value, random)
  }
}

/** A value inside of so many lists and objects. */
function deep(value: Tree, levels: number, random: Random): Tree {
  const [before, after]: string[][] = [[], []]
  for (let level = 0; level < levels; level++) {
    const object = random.below(2) === 0
    before.push(object ? `{"${random.pick(['payload', 'p', 'a'])}":` : '[')
    after.push(object ? '}' : ']')
  }
  const inner = value instanceof Raw ? value.text : JSON.stringify(value instanceof Members || Array.isArray(value) ? null : value)
  return raw(`${before.join('')}${inner}${after.reverse().join('')}`)
}

export function changedTree(tree: Members, changes: number, random: Random): Members {
  for (let n = 0; n < changes; n++) changeTree(tree, random)
  return tree
}

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+|\s+|"/gs
const PIECES = [
  '{', '}', '[', ']', ',', ':', '"', '\\', ',,', '{}', '[]', '""', 'null', 'true', 'false', 'nul', 'tru', 'NULL', 'undefined', '\\u', '\\u00', '\\u00zz',
  '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\x41"', '"\\u0000"', '"\u0001"', "'a'", '/**/', '//', '#', '\u00a0', '\u000b', '\u000c', '\ufeff', '\u0000',
  '\u2028', '\u0085', ' ', '\n', '"p":1', '"p":1,', ',"p":1', '1', '-', 'e', '.', ...NO_NUMBERS,
]

/** Text with one token dropped, doubled, put in, swapped with its neighbour, or the rest cut off. */
export function changedText(text: string, random: Random): string {
  const tokens = text.match(TOKEN) ?? []
  const at = random.below(tokens.length + 1)
  switch (random.below(7)) {
    case 0: tokens.splice(at, 1); break
    case 1: tokens.splice(at, 0, tokens[at] ?? '}'); break
    case 2: tokens.splice(at, 2, tokens[at + 1] ?? ',', tokens[at] ?? '}'); break
    case 3: tokens.splice(at); break
    case 4: tokens.splice(at, 1, random.pick(PIECES)); break
    default: tokens.splice(at, 0, random.pick(PIECES))
  }
  return tokens.join('')
}

/** UTF-8's limits, and just past them: overlong, surrogates, beyond U+10FFFF, cut short, continuation alone. */
const SEQUENCES = [
  [0xc2, 0x80], [0xdf, 0xbf], [0xe0, 0xa0, 0x80], [0xed, 0x9f, 0xbf], [0xee, 0x80, 0x80], [0xef, 0xbf, 0xbf], [0xf0, 0x90, 0x80, 0x80], [0xf4, 0x8f, 0xbf, 0xbf],
  [0xc0, 0x80], [0xc1, 0xbf], [0xe0, 0x80, 0x80], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xed, 0xbf, 0xbf], [0xf0, 0x80, 0x80, 0x80], [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xff], [0xfe], [0x80], [0xbf], [0xc2], [0xe2, 0x82], [0xf0, 0x9f, 0x98], [0xef, 0xbb, 0xbf], [0xff, 0xfe], [0x00],
]

/** Bytes with one place changed: a bit, a byte, a sequence, a piece out, doubled or moved, the end cut off (and closed), or a BOM. */
export function changedBytes(bytes: Uint8Array, random: Random): Uint8Array {
  const at = random.below(bytes.length + 1)
  const splice = (drop: number, put: ArrayLike<number>): Uint8Array => {
    const result = new Uint8Array(Math.min(at, bytes.length) + put.length + Math.max(bytes.length - at - drop, 0))
    result.set(bytes.subarray(0, at))
    result.set(put, at)
    result.set(bytes.subarray(at + drop), at + put.length)
    return result
  }
  switch (random.below(11)) {
    case 0: case 1: return splice(1, [(bytes[at] ?? 0) ^ (1 << random.below(8))])
    case 2: return splice(1, [])
    case 3: return splice(0, [random.below(256)])
    case 4: return splice(1, [random.below(256)])
    case 5: return splice(random.below(2), random.pick(SEQUENCES))
    case 6: return splice(random.below(30), [])
    case 7: return splice(0, bytes.subarray(at, at + random.below(60)))
    case 8: case 9: {
      // cut off anywhere: a record that ends in a bracket gets past the first look
      const ends = [[], [0x7d], [0x7d, 0x7d], [0x5d], [0x5d, 0x7d, 0x7d], [0x22, 0x7d, 0x7d], [0x5c, 0x7d]]
      return random.below(3) > 0 ? splice(bytes.length, random.pick(ends)) : splice(random.below(12), bytes.subarray(random.below(at + 1), at))
    }
    default: return random.below(4) === 0 ? Uint8Array.of(0xef, 0xbb, 0xbf, ...bytes) : splice(0, random.pick(SEQUENCES))
  }
}

const BULK: readonly ((n: number) => string)[] = [
  (n) => `"${'x'.repeat(n)}"`,
  (n) => `"${'é'.repeat(n >> 1)}"`,
  (n) => `"${'\\u0041'.repeat(Math.floor(n / 6))}"`,
  (n) => `"${'\\\\'.repeat(n >> 1)}"`,
  (n) => `${'['.repeat(n >> 1)}${']'.repeat(n >> 1)}`,
  (n) => `${'{"a":'.repeat(Math.floor(n / 6))}1${'}'.repeat(Math.floor(n / 6))}`,
  (n) => `[${'"I",'.repeat(n >> 2)}"I"]`,
  (n) => `[${'1,'.repeat(n >> 1)}1]`,
  (n) => ' '.repeat(n) + 'null',
  (n) => `{${'"p":1,'.repeat(Math.floor(n / 6))}"p":1}`,
  (n) => '7'.repeat(Math.min(n, 20_000)),
  (n) => `0.${'0'.repeat(Math.min(n, 20_000))}1e${Math.min(n, 20_000)}`,
]
/** Where a large value lies: on a wanted path or not. */
const PLACES = ['payload.c', 'payload.i', 'payload.p', 'payload.x', 'symbol', 'event_ts', 'seq', 'feed', 'payload', 'other']

/** A record of about `size` bytes: one value in it is large. */
export function bulky(tree: Members, size: number, random: Random): string {
  const value = raw(random.pick(BULK)(Math.max(size, 1)))
  const place = random.pick(PLACES)
  const [outer, inner] = place.split('.')
  const payload = tree.list.find(([key]) => key === 'payload')?.[1]
  if (inner !== undefined && payload instanceof Members) payload.list.push([inner, value])
  else tree.list.splice(random.below(tree.list.length + 1), 0, [outer, value])
  return write(tree, random, { space: 0, escape: 0 })
}
