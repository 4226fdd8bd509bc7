/**
 * Which paths of a record the kernel reads, as bytes of its config image.
 *
 * In:  TA_FIELD_MAP as an object of field → dotted path. Out: the bytes. Imports: nothing.
 *
 * Each distinct path has a slot; each field has up to four slots, and the first one that holds something counts. Without
 * a setting these are the envelope's snake_case and camelCase keys and the payload's; a field that is set has its path alone.
 *
 * Format (little-endian; offsets from the image's start):
 *   0  magic u32 · 4 root node's offset u32 · 8 for each field four slot numbers u8, 255 = none
 *   node, 8-byte aligned:   0 multiplier u64 · 8 shift u64 · 16 entries (2^(64 − shift) of them, 32 bytes each)
 *   entry: 0 the key's word u64 · 8 key length u32 (0xffffffff = empty entry) · 12 slot i32, −1 = none ·
 *          16 child node's offset u32, 0 = none · 20 key's offset u32 · 24 slots at and below it, as bits u64
 * A key's word is its bytes up to eight, zero-filled; of a longer key, these by 8 bytes each in turn: word · 31 + next.
 * Its entry is number ((word + length) · multiplier mod 2^64) >> shift; the multiplier is searched for, so that no two
 * keys of a node meet: one multiplication and one comparison a key.
 */

/** Fields as the kernel numbers them (assembly/decode/field-trie.ts). `setting`: may be set by TA_FIELD_MAP. */
export const FIELDS: readonly { name: string; setting: boolean; paths: readonly string[] }[] = [
  { name: 'event_ts', setting: true, paths: ['event_ts', 'eventTs', 'payload.t'] },
  { name: 'feed', setting: true, paths: ['feed'] },
  { name: 'channel', setting: true, paths: ['channel'] },
  { name: 'symbol', setting: true, paths: ['symbol', 'payload.S'] },
  { name: 'seq', setting: true, paths: ['seq'] },
  { name: 'is_final', setting: true, paths: ['is_final', 'isFinal'] },
  { name: 'type', setting: true, paths: ['payload.T'] },
  { name: 'id', setting: true, paths: ['payload.i'] },
  { name: 'exchange', setting: true, paths: ['payload.x'] },
  { name: 'price', setting: true, paths: ['payload.p'] },
  { name: 'size', setting: true, paths: ['payload.s'] },
  { name: 'conditions', setting: true, paths: ['payload.c'] },
  { name: 'tape', setting: true, paths: ['payload.z'] },
  { name: 'bid_price', setting: true, paths: ['payload.bp'] },
  { name: 'bid_size', setting: true, paths: ['payload.bs'] },
  { name: 'ask_price', setting: true, paths: ['payload.ap'] },
  { name: 'ask_size', setting: true, paths: ['payload.as'] },
  { name: 'open', setting: true, paths: ['payload.o'] },
  { name: 'high', setting: true, paths: ['payload.h'] },
  { name: 'low', setting: true, paths: ['payload.l'] },
  { name: 'close', setting: true, paths: ['payload.c'] },
  { name: 'volume', setting: true, paths: ['payload.v'] },
  { name: 'vwap', setting: true, paths: ['payload.vw'] },
  { name: 'count', setting: true, paths: ['payload.n'] },
  // Quotes and corrections have fields that the setting does not name.
  { name: 'bid_exchange', setting: false, paths: ['payload.bx'] },
  { name: 'ask_exchange', setting: false, paths: ['payload.ax'] },
  { name: 'original_id', setting: false, paths: ['payload.oi'] },
  { name: 'corrected_id', setting: false, paths: ['payload.ci'] },
  { name: 'corrected_price', setting: false, paths: ['payload.cp'] },
  { name: 'corrected_size', setting: false, paths: ['payload.cs'] },
  { name: 'corrected_conditions', setting: false, paths: ['payload.cc'] },
]

/** Names that TA_FIELD_MAP may hold. `ingest_ts` is among them by contract; no result depends on it, so none is read. */
export const FIELD_MAP_NAMES: readonly string[] = [
  ...FIELDS.filter((field) => field.setting).map((field) => field.name), 'ingest_ts',
]

export const FIELD_TRIE_MAGIC = 0x7461_0f01
export const PATH_DEPTH_MAX = 16
export const PATH_KEY_BYTES_MAX = 255
const SLOTS_MAX = 64
const FIELD_ALTERNATIVES = 4
const NO_SLOT = 255
const NODE_HEADER_BYTES = 16
const ENTRY_BYTES = 32
const WORD = 0xffff_ffff_ffff_ffffn

interface Branch {
  slot: number
  below: Map<string, Branch>
}

/** What is wrong with a field map: one sentence each, none when it can be built. */
export function fieldMapProblems(map: Readonly<Record<string, string>>): string[] {
  const problems: string[] = []
  for (const [field, path] of Object.entries(map)) {
    if (!FIELD_MAP_NAMES.includes(field)) {
      problems.push(`unknown field "${field}": the names are ${FIELD_MAP_NAMES.join(', ')}`)
    } else if (typeof path !== 'string' || path === '') {
      problems.push(`the path of "${field}" is empty or no string: give keys joined by dots, like "payload.p"`)
    } else problems.push(...pathProblems(field, path))
  }
  return problems
}

function pathProblems(field: string, path: string): string[] {
  const keys = path.split('.')
  if (keys.length > PATH_DEPTH_MAX) return [`the path of "${field}" has ${keys.length} keys, and ${PATH_DEPTH_MAX} is the most`]
  if (keys.includes('')) return [`the path "${path}" of "${field}" has an empty key: leave out the dot that stands too much`]
  if (!path.isWellFormed()) return [`the path of "${field}" holds half of a surrogate pair, which no key in UTF-8 can`]
  if (keys.some((key) => Buffer.byteLength(key) > PATH_KEY_BYTES_MAX)) {
    return [`the path of "${field}" has a key above ${PATH_KEY_BYTES_MAX} bytes`]
  }
  return []
}

/** Bytes of the field trie, the same for the same map. Throws on a map with problems: ask fieldMapProblems first. */
export function buildFieldTrie(map: Readonly<Record<string, string>> = {}): Uint8Array {
  const problems = fieldMapProblems(map)
  if (problems.length > 0) throw new RangeError(problems.join('; '))
  const root: Branch = { slot: -1, below: new Map() }
  const slots = new Map<string, number>()
  const image = new Image()
  const header = image.take(8 + FIELDS.length * FIELD_ALTERNATIVES)
  FIELDS.forEach((field, number) => {
    const paths = Object.hasOwn(map, field.name) ? [map[field.name]] : field.paths
    for (let n = 0; n < FIELD_ALTERNATIVES; n++) {
      const slot = n < paths.length ? slotOf(paths[n], root, slots) : NO_SLOT
      image.bytes.setUint8(header + 8 + number * FIELD_ALTERNATIVES + n, slot)
    }
  })
  if (slots.size > SLOTS_MAX) throw new RangeError(`more than ${SLOTS_MAX} paths`)
  image.bytes.setUint32(header, FIELD_TRIE_MAGIC, true)
  image.bytes.setUint32(header + 4, placeNode(image, root), true)
  return new Uint8Array(image.bytes.buffer.slice(0, image.used))
}

function slotOf(path: string, root: Branch, slots: Map<string, number>): number {
  const known = slots.get(path)
  if (known !== undefined) return known
  let branch = root
  for (const key of path.split('.')) {
    const next = branch.below.get(key) ?? { slot: -1, below: new Map() }
    branch.below.set(key, next)
    branch = next
  }
  branch.slot = slots.size
  slots.set(path, branch.slot)
  return branch.slot
}

/** Bytes that grow at their end; every piece is 8-byte aligned. */
class Image {
  bytes = new DataView(new ArrayBuffer(1 << 17))
  used = 0
  take(size: number): number {
    const at = this.used
    this.used += Math.ceil(size / 8) * 8
    if (this.used > this.bytes.byteLength) throw new RangeError('the field map is too large for the config image')
    return at
  }
}

function placeNode(image: Image, branch: Branch): number {
  const keys = [...branch.below.keys()].map((key) => new TextEncoder().encode(key))
  const { multiplier, bits } = perfectHash(keys)
  const node = image.take(NODE_HEADER_BYTES + 2 ** bits * ENTRY_BYTES)
  image.bytes.setBigUint64(node, multiplier, true)
  image.bytes.setBigUint64(node + 8, BigInt(64 - bits), true)
  for (let n = 0; n < 2 ** bits; n++) image.bytes.setUint32(node + NODE_HEADER_BYTES + n * ENTRY_BYTES + 8, 0xffff_ffff, true)
  ;[...branch.below.values()].forEach((below, n) => {
    const key = keys[n]
    const entry = node + NODE_HEADER_BYTES + entryNumber(key, multiplier, bits) * ENTRY_BYTES
    const text = image.take(key.length)
    key.forEach((byte, i) => image.bytes.setUint8(text + i, byte))
    image.bytes.setBigUint64(entry, keyWord(key), true)
    image.bytes.setUint32(entry + 8, key.length, true)
    image.bytes.setInt32(entry + 12, below.slot, true)
    image.bytes.setUint32(entry + 16, below.below.size > 0 ? placeNode(image, below) : 0, true)
    image.bytes.setUint32(entry + 20, text, true)
    image.bytes.setBigUint64(entry + 24, slotBits(below), true)
  })
  return node
}

function slotBits(branch: Branch): bigint {
  let bits = branch.slot >= 0 ? 1n << BigInt(branch.slot) : 0n
  for (const below of branch.below.values()) bits |= slotBits(below)
  return bits
}

function keyWord(key: Uint8Array): bigint {
  let word = 0n
  for (let at = 0; at < key.length; at += 8) {
    let next = 0n
    for (let i = Math.min(key.length, at + 8) - 1; i >= at; i--) next = (next << 8n) | BigInt(key[i])
    word = (word * 31n + next) & WORD
  }
  return word
}

function entryNumber(key: Uint8Array, multiplier: bigint, bits: number): number {
  return Number((((keyWord(key) + BigInt(key.length)) * multiplier) & WORD) >> BigInt(64 - bits))
}

/** The first multiplier of a fixed row by which no two keys meet, in the smallest table that has one. */
function perfectHash(keys: Uint8Array[]): { multiplier: bigint; bits: number } {
  let seed = 0n
  for (let bits = Math.max(1, Math.ceil(Math.log2(keys.length))); bits <= 12; bits++) {
    for (let attempt = 0; attempt < 2_000; attempt++) {
      seed = (seed + 0x9e37_79b9_7f4a_7c15n) & WORD
      const multiplier = mixed(seed) | 1n
      if (new Set(keys.map((key) => entryNumber(key, multiplier, bits))).size === keys.length) return { multiplier, bits }
    }
  }
  throw new RangeError('two keys of the field map have one hash: use another name for one of them')
}

function mixed(seed: bigint): bigint {
  let z = seed
  z = ((z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n) & WORD
  z = ((z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn) & WORD
  return z ^ (z >> 31n)
}
