/**
 * Reads the field trie that src/bundle/field-trie.ts builds (its head comment has the format): which paths of a record
 * are wanted, and which slot each has.
 */
import { CFG_FIELD_TRIE_OFFSET, CONFIG_BASE } from '../layout'
import { PRESENT, SLOTS, SLOT_SHIFT } from './scratch'

/** Fields in the order of FIELDS in src/bundle/field-trie.ts; a test asserts that they agree. */
export const FIELD_EVENT_TS: i32 = 0
export const FIELD_FEED: i32 = 1
export const FIELD_CHANNEL: i32 = 2
export const FIELD_SYMBOL: i32 = 3
export const FIELD_SEQ: i32 = 4
export const FIELD_IS_FINAL: i32 = 5
export const FIELD_TYPE: i32 = 6
export const FIELD_ID: i32 = 7
export const FIELD_EXCHANGE: i32 = 8
export const FIELD_PRICE: i32 = 9
export const FIELD_SIZE: i32 = 10
export const FIELD_CONDITIONS: i32 = 11
export const FIELD_TAPE: i32 = 12
export const FIELD_BID_PRICE: i32 = 13
export const FIELD_BID_SIZE: i32 = 14
export const FIELD_ASK_PRICE: i32 = 15
export const FIELD_ASK_SIZE: i32 = 16
export const FIELD_OPEN: i32 = 17
export const FIELD_HIGH: i32 = 18
export const FIELD_LOW: i32 = 19
export const FIELD_CLOSE: i32 = 20
export const FIELD_VOLUME: i32 = 21
export const FIELD_VWAP: i32 = 22
export const FIELD_COUNT: i32 = 23
export const FIELD_BID_EXCHANGE: i32 = 24
export const FIELD_ASK_EXCHANGE: i32 = 25
export const FIELD_ORIGINAL_ID: i32 = 26
export const FIELD_CORRECTED_ID: i32 = 27
export const FIELD_CORRECTED_PRICE: i32 = 28
export const FIELD_CORRECTED_SIZE: i32 = 29
export const FIELD_CORRECTED_CONDITIONS: i32 = 30

/** Byte offsets within the trie's image, a node and an entry. */
const FIELD_SLOTS: i32 = 8
const NODE_ENTRIES: i32 = 16
const ENTRY_SHIFT: i32 = 5
const ENTRY_LENGTH: usize = 8
const ENTRY_SLOT: usize = 12
const ENTRY_CHILD: usize = 16
const ENTRY_KEY: usize = 20
const ENTRY_MASK: usize = 24

// @ts-ignore: decorator
@inline
export function fieldTrie(): i32 {
  return CONFIG_BASE + <i32>load<i64>(CFG_FIELD_TRIE_OFFSET)
}

/** Node of a record's outermost object. */
// @ts-ignore: decorator
@inline
export function rootNode(trie: i32): i32 {
  return trie + load<i32>(trie, 4)
}

/** Entry of the key [at, at + length) in `node`, 0 where the key is not wanted. */
// @ts-ignore: decorator
@inline
export function findKey(trie: i32, node: i32, at: i32, length: i32): i32 {
  const word = length > 8 ? longKeyWord(at, length) : length == 8 ? load<u64>(at) : firstBytes(at, length)
  const index = <i32>(((word + <u64>length) * load<u64>(node)) >> load<u64>(node, 8))
  const entry = node + NODE_ENTRIES + (index << ENTRY_SHIFT)
  if (load<u64>(entry) != word || load<i32>(entry, ENTRY_LENGTH) != length) return 0
  return length <= 8 || memory.compare(at, trie + load<i32>(entry, ENTRY_KEY), length) == 0 ? entry : 0
}

/** The first `length` bytes (under 8) at `at`, zero-filled. */
// @ts-ignore: decorator
@inline
function firstBytes(at: i32, length: i32): u64 {
  return load<u64>(at) & ((<u64>1 << (<u64>length << 3)) - 1)
}

function longKeyWord(at: i32, length: i32): u64 {
  let word = load<u64>(at)
  let left = length - 8
  let p = at + 8
  for (; left >= 8; left -= 8, p += 8) word = word * 31 + load<u64>(p)
  return left > 0 ? word * 31 + firstBytes(p, left) : word
}

/** Slot of an entry's own value, -1 when only something below it is wanted. */
// @ts-ignore: decorator
@inline
export function entrySlot(entry: i32): i32 {
  return load<i32>(entry, ENTRY_SLOT)
}

/** Node for an object found at `entry`, 0 when nothing below it is wanted. */
// @ts-ignore: decorator
@inline
export function entryChild(trie: i32, entry: i32): i32 {
  const child = load<i32>(entry, ENTRY_CHILD)
  return child == 0 ? 0 : trie + child
}

/** Slots at and below an entry, as bits. */
// @ts-ignore: decorator
@inline
export function entrySlots(entry: i32): u64 {
  return load<u64>(entry, ENTRY_MASK)
}

/** Address of the value found for a field in the record just scanned, 0 where it is absent or null everywhere. */
// @ts-ignore: decorator
@inline
export function fieldValue(trie: i32, field: i32): i32 {
  let slots = load<u32>(trie + FIELD_SLOTS + (field << 2))
  const present = load<u64>(PRESENT)
  while ((slots & 0xff) != 0xff) {
    if ((present >> (slots & 0xff)) & 1) return SLOTS + <i32>((slots & 0xff) << SLOT_SHIFT)
    slots = (slots >> 8) | 0xff00_0000
  }
  return 0
}
