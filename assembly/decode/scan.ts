/**
 * One pass over a record's value: is it JSON, and where do the wanted fields lie?
 *
 * In:  the bytes [start, end) and the field trie of the config image.
 * Out: NOT_JSON, NOT_OBJECT or IS_OBJECT; then for each slot of the trie its kind, start and end (SLOTS) and the bits of
 *      those that are there (PRESENT).
 *
 * It accepts exactly what `JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes))` does.
 * Nesting is bits in scratch, so a megabyte of brackets costs no stack. An object or a list ends in a bracket, and no
 * other token holds one: the last byte stops every loop but those over strings, so only these look at `end`.
 */
import { entryChild, entrySlot, entrySlots, fieldTrie, findKey, rootNode } from './field-trie'
import { H_TEXT_CURSOR } from '../layout'
import { NESTING, NODES, NODES_MAX, PRESENT, SLOTS, SLOT_SHIFT } from './scratch'
import { endOfString, stopsAt, unescape } from './text'

export const NOT_JSON: i32 = 0
export const NOT_OBJECT: i32 = 1
export const IS_OBJECT: i32 = 2

/** Kinds of a value. */
export const JSON_NULL: i32 = 0
export const JSON_TRUE: i32 = 1
export const JSON_FALSE: i32 = 2
export const JSON_NUMBER: i32 = 3
export const JSON_STRING: i32 = 4
/** A string with escapes: its text is not what lies between the quotes. */
export const JSON_ESCAPED: i32 = 5
export const JSON_OBJECT: i32 = 6
export const JSON_LIST: i32 = 7

// @ts-ignore: decorator
@inline
export function isSpace(byte: u32): bool {
  // One comparison for nearly every byte, not four: a fifth of the scan (measured).
  return byte <= 0x20 && (byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09)
}

// @ts-ignore: decorator
@inline
function skipSpace(at: i32): i32 {
  let p = at
  while (isSpace(load<u8>(p))) p++
  return p
}

/** Scans the value [start, end) of at most 1 MiB. Slots are filled only for IS_OBJECT. */
export function scan(start: i32, end: i32): i32 {
  let first = start
  let last = end - 1
  while (first <= last && isSpace(load<u8>(first))) first++
  while (first <= last && isSpace(load<u8>(last))) last--
  if (first > last) return NOT_JSON
  const opening = load<u8>(first)
  if (opening != 0x7b && opening != 0x5b) return isScalar(first, last + 1) ? NOT_OBJECT : NOT_JSON
  const closing = load<u8>(last)
  if (closing != 0x7d && closing != 0x5d) return NOT_JSON
  if (!scanNested(first, last + 1)) return NOT_JSON
  return opening == 0x7b ? IS_OBJECT : NOT_OBJECT
}

/** An object or a list in [start, end), the last byte of which is a closing bracket. */
function scanNested(start: i32, end: i32): bool {
  const trie = fieldTrie()
  let p = start
  let depth = 0
  let inObject: u64 = 0 // bit 0: the innermost bracket is an object's; the 63 around it above
  let node = 0 // of the innermost object, 0 where nothing in it is wanted
  let entry = 0 // of the value to come
  let present: u64 = 0
  let listDepth = -1 // where the open list lies that has a slot, and that slot
  let listSlot = 0
  let keyNext = false
  while (true) {
    if (keyNext) {
      if (load<u8>(p) != 0x22) return false
      const close = endOfText(p + 1, end)
      if (close == 0) return false
      entry = node == 0 ? 0 : close > 0 ? findKey(trie, node, p + 1, close - p - 1) : findEscapedKey(trie, node, p + 1, ~close)
      // The last of repeated keys counts, with all that is below it.
      if (entry != 0) present &= ~entrySlots(entry)
      p = skipSpace((close < 0 ? ~close : close) + 1)
      if (load<u8>(p) != 0x3a) return false
      p = skipSpace(p + 1)
    }
    const byte = <u32>load<u8>(p)
    if (byte == 0x7b || byte == 0x5b) {
      const isObject = byte == 0x7b
      if (entry != 0) present |= record(entry, isObject ? JSON_OBJECT : JSON_LIST, p, end)
      if (!isObject && entry != 0 && entrySlot(entry) >= 0) {
        listDepth = depth
        listSlot = SLOTS + (entrySlot(entry) << SLOT_SHIFT)
      }
      inObject = pushLevel(depth, inObject, node)
      if (isObject) {
        inObject |= 1
        node = depth == 0 ? rootNode(trie) : entry == 0 ? 0 : entryChild(trie, entry)
      } else node = 0
      depth++
      entry = 0
      p = skipSpace(p + 1)
      keyNext = isObject
      if (load<u8>(p) != (isObject ? 0x7d : 0x5d)) continue
    } else {
      const from = p
      const kind = byte == 0x22 ? JSON_STRING : byte - 0x30 <= 9 || byte == 0x2d ? JSON_NUMBER : wordKind(byte)
      const after = kind == JSON_STRING ? endOfText(p + 1, end) : kind == JSON_NUMBER ? afterNumber(p) : afterWord(p, byte)
      if (after == 0) return false
      p = after
      if (kind == JSON_STRING) {
        if (after < 0) p = ~after
        if (entry != 0) present |= record(entry, after < 0 ? JSON_ESCAPED : JSON_STRING, from + 1, p)
        p++
      } else if (entry != 0 && kind != JSON_NULL) present |= record(entry, kind, from, p)
    }
    while (true) {
      p = skipSpace(p)
      const next = <u32>load<u8>(p++)
      if (next == 0x2c) break
      if (next != ((inObject & 1) != 0 ? 0x7d : 0x5d)) return false
      depth--
      if (depth == listDepth) {
        store<i32>(listSlot, p, 8)
        listDepth = -1
      }
      if (depth == 0 || p >= end) {
        store<u64>(PRESENT, present)
        return depth == 0 && p == end
      }
      inObject = popLevel(depth, inObject)
      node = depth < NODES_MAX ? load<i32>(NODES + (depth << 2)) : 0
    }
    p = skipSpace(p)
    entry = 0
    keyNext = (inObject & 1) != 0
  }
  return false
}

/** Bits of the levels after one more bracket (its own bit 0) inside of `depth` others; keeps the node of the outer one. */
// @ts-ignore: decorator
@inline
function pushLevel(depth: i32, inObject: u64, node: i32): u64 {
  if (depth < NODES_MAX) store<i32>(NODES + (depth << 2), node)
  if ((depth & 63) == 0 && depth > 0) store<u64>(NESTING + (((depth >> 6) - 1) << 3), inObject)
  return inObject << 1
}

/** Bits of the levels when `depth` are left. */
// @ts-ignore: decorator
@inline
function popLevel(depth: i32, inObject: u64): u64 {
  return (depth & 63) == 0 ? load<u64>(NESTING + (((depth >> 6) - 1) << 3)) : inObject >> 1
}

/** Notes a value for the slot of `entry`; returns the slot's bit, 0 when the entry has none. */
// @ts-ignore: decorator
@inline
function record(entry: i32, kind: i32, start: i32, end: i32): u64 {
  const slot = entrySlot(entry)
  if (slot < 0) return 0
  const at = SLOTS + (slot << SLOT_SHIFT)
  store<i32>(at, kind)
  store<i32>(at, start, 4)
  store<i32>(at, end, 8)
  return <u64>1 << <u64>slot
}

/** endOfString, with the case of nearly all strings (no escape, ASCII, under 16 bytes) in line. */
// @ts-ignore: decorator
@inline
function endOfText(from: i32, end: i32): i32 {
  const stops = stopsAt(from)
  if (stops == 0) return endOfString(from + 16, end)
  const at = from + ctz(stops)
  return at < end && load<u8>(at) == 0x22 ? at : endOfString(from, end)
}

/** As findKey for a key with escapes: its text goes to the free part of the text area, for as long as it is looked at. */
function findEscapedKey(trie: i32, node: i32, from: i32, to: i32): i32 {
  const text = <i32>load<i64>(H_TEXT_CURSOR)
  return findKey(trie, node, text, unescape(from, to, text) - text)
}

// @ts-ignore: decorator
@inline
function wordKind(first: u32): i32 {
  return first == 0x74 ? JSON_TRUE : first == 0x66 ? JSON_FALSE : JSON_NULL
}

/** Address behind true, false or null, 0 when the text is none of them. */
function afterWord(p: i32, first: u32): i32 {
  if (first == 0x74) return load<u32>(p) == 0x6575_7274 ? p + 4 : 0
  if (first == 0x6e) return load<u32>(p) == 0x6c6c_756e ? p + 4 : 0
  return first == 0x66 && load<u32>(p, 1) == 0x6573_6c61 ? p + 5 : 0
}

// @ts-ignore: decorator
@inline
function isDigit(at: i32): bool {
  return <u32>load<u8>(at) - 0x30 <= 9
}

/** Address behind the number that begins at `p` (a digit or a minus), 0 when its grammar is broken. */
// @ts-ignore: decorator
@inline
export function afterNumber(from: i32): i32 {
  let p = from
  if (load<u8>(p) == 0x2d) p++
  if (load<u8>(p) == 0x30) p++
  else {
    if (!isDigit(p)) return 0
    do p++
    while (isDigit(p))
  }
  if (load<u8>(p) == 0x2e) {
    if (!isDigit(++p)) return 0
    do p++
    while (isDigit(p))
  }
  return (load<u8>(p) | 0x20) == 0x65 ? afterExponent(p + 1) : p
}

function afterExponent(from: i32): i32 {
  let p = from
  const sign = load<u8>(p)
  if (sign == 0x2b || sign == 0x2d) p++
  if (!isDigit(p)) return 0
  do p++
  while (isDigit(p))
  return p
}

/** Whether [start, end) is one string, number or word and nothing else. What follows `end` may be anything. */
function isScalar(start: i32, end: i32): bool {
  const first = <u32>load<u8>(start)
  if (first == 0x22) {
    const close = endOfString(start + 1, end)
    return close != 0 && (close < 0 ? ~close : close) == end - 1
  }
  if (first - 0x30 > 9 && first != 0x2d) {
    const after = afterWord(start, first)
    return after == end
  }
  let p = first == 0x2d ? start + 1 : start
  if (p < end && load<u8>(p) == 0x30) p++
  else {
    const digits = p
    p = digitsEnd(p, end)
    if (p == digits) return false
  }
  if (p < end && load<u8>(p) == 0x2e) {
    const digits = p + 1
    p = digitsEnd(digits, end)
    if (p == digits) return false
  }
  if (p < end && (load<u8>(p) | 0x20) == 0x65) {
    p++
    if (p < end && (load<u8>(p) == 0x2b || load<u8>(p) == 0x2d)) p++
    const digits = p
    p = digitsEnd(p, end)
    if (p == digits) return false
  }
  return p == end
}

function digitsEnd(from: i32, end: i32): i32 {
  let p = from
  while (p < end && isDigit(p)) p++
  return p
}
