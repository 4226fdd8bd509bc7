/**
 * The records of a feed differ in their values, not in what lies between them. So the bytes between the values of one record,
 * its shape, are kept, and the next one is read by comparing them, 16 at a time, and finding each value's end: no key is looked up.
 *
 * Only what a scan would find the same way is read so: texts without escapes in ASCII, numbers, true and false, lists of such
 * texts. At anything else the scanner decides (scan.ts), so a shape changes no result.
 * Shapes are learnt anew in every batch: nothing outlives a call. Of a shape with a repeated key, an escape in a key or a list of
 * anything but texts nothing is kept.
 */
import { entryChild, entrySlot, entrySlots, fieldTrie, findKey, rootNode } from './field-trie'
import { JSON_FALSE, JSON_LIST, JSON_NUMBER, JSON_STRING, JSON_TRUE, afterNumber, isSpace } from './scan'
import {
  NODES, NODES_MAX, PRESENT, SHAPES, SHAPES_KEPT, SHAPE_BYTES, SHAPE_CREDIT, SHAPE_FIRST, SHAPE_PARTS_MAX, SLOTS, SLOT_SHIFT,
} from './scratch'
import { stopsAt } from './text'

/** Head of a shape: number of parts. A part: up to 16 bytes of text, their number, their bits, and what follows them. */
const HEAD: i32 = 16
const PART_SHIFT: i32 = 5
const PART_BYTES: i32 = 32
const PART_LENGTH: usize = 16
const PART_MASK: usize = 20
const PART_SLOT: usize = 24
/** In place of a slot: a value that isn't wanted, and no value at all. */
const UNWANTED: i32 = -1
const NOTHING: i32 = -2

/** With so many misses more than hits, shapes are left alone for the rest of the batch. */
const CREDIT_FIRST: i32 = 8
const CREDIT_MAX: i32 = 64

/** Forgets all shapes: at the beginning of a batch. */
export function forgetShapes(): void {
  for (let i = 0; i < SHAPES_KEPT; i++) store<i32>(SHAPES + i * SHAPE_BYTES, 0)
  store<i32>(SHAPE_FIRST, SHAPES)
  store<i32>(SHAPE_CREDIT, CREDIT_FIRST)
}

/** Reads [start, end) by a shape that is known; true when it has one, and then slots and PRESENT are as after a scan. */
export function scanByShape(start: i32, end: i32): bool {
  const credit = load<i32>(SHAPE_CREDIT)
  if (credit < 0) return false
  const first = load<i32>(SHAPE_FIRST)
  const hit = matches(first, start, end)
  if (hit) {
    store<i32>(SHAPE_CREDIT, min(credit + 1, CREDIT_MAX))
    return true
  }
  const second = otherShape(first)
  if (!matches(second, start, end)) return false
  store<i32>(SHAPE_FIRST, second)
  return true
}

@inline function otherShape(shape: i32): i32 { return shape == SHAPES ? SHAPES + SHAPE_BYTES : SHAPES }

function matches(shape: i32, start: i32, end: i32): bool {
  const parts = load<i32>(shape)
  if (parts == 0) return false
  let part = shape + HEAD
  const last = part + (parts << PART_SHIFT)
  let p = start
  let present: u64 = 0
  for (; part < last; part += PART_BYTES) {
    const mask = load<i32>(part, PART_MASK)
    if ((i8x16.bitmask(i8x16.eq(v128.load(p), v128.load(part))) & mask) != mask) return false
    p += load<i32>(part, PART_LENGTH)
    const slot = load<i32>(part, PART_SLOT)
    if (slot == NOTHING) continue
    const byte = <u32>load<u8>(p)
    let from = p
    let to: i32
    let kind: i32
    if (byte == 0x22) {
      from = p + 1
      to = endOfPlainText(from, end)
      if (to == 0) return false
      p = to + 1
      kind = JSON_STRING
    } else if (byte - 0x30 <= 9 || byte == 0x2d) {
      to = endOfPlainNumber(p)
      if (to == 0) to = afterNumber(p)
      if (to == 0) return false
      p = to
      kind = JSON_NUMBER
    } else if (byte == 0x5b) {
      to = endOfTextList(p, end)
      if (to == 0) return false
      p = to
      kind = JSON_LIST
    } else if (load<u32>(p) == 0x6575_7274) {
      to = p += 4
      kind = JSON_TRUE
    } else if (byte == 0x66 && load<u32>(p, 1) == 0x6573_6c61) {
      to = p += 5
      kind = JSON_FALSE
    } else return false
    if (slot < 0) continue
    const at = SLOTS + (slot << SLOT_SHIFT)
    store<i32>(at, kind)
    store<i32>(at, from, 4)
    store<i32>(at, to, 8)
    present |= <u64>1 << <u64>slot
  }
  // Whatever was read beyond the end by mistake, it ends elsewhere then: the last part holds the closing bracket.
  if (p != end) return false
  store<u64>(PRESENT, present)
  return true
}

/** Address of the quote that ends a text of ASCII without escapes from `from` on, 0 for any other. */
@inline function endOfPlainText(from: i32, end: i32): i32 {
  let p = from
  let stops = stopsAt(p)
  while (stops == 0) {
    p += 16
    if (p >= end) return 0
    stops = stopsAt(p)
  }
  p += ctz(stops)
  return load<u8>(p) == 0x22 ? p : 0
}

/** Address behind digits with at most one point among them, under 16 bytes, by JSON's grammar; 0 for any other number. */
@inline function endOfPlainNumber(from: i32): i32 {
  const digits = i8x16.lt_u(i8x16.sub(v128.load(from), i8x16.splat(0x30)), i8x16.splat(10))
  const others = i8x16.bitmask(digits) ^ 0xffff
  if (others == 0 || (others & 1) != 0) return 0
  const whole = ctz(others)
  if (whole > 1 && load<u8>(from) == 0x30) return 0
  let length = whole
  if (load<u8>(from + whole) == 0x2e) {
    const rest = others & (others - 1)
    if (rest == 0) return 0
    length = ctz(rest)
    if (length == whole + 1) return 0
  }
  return (load<u8>(from + length) | 0x20) == 0x65 ? 0 : from + length
}

/** Address behind a list of plain texts without space, 0 for any other list. */
@inline function endOfTextList(from: i32, end: i32): i32 {
  let p = from + 1
  if (load<u8>(p) == 0x5d) return p + 1
  while (true) {
    if (load<u8>(p) != 0x22) return 0
    // Nearly all are one character.
    if (load<u8>(p, 2) == 0x22 && isPlain(load<u8>(p, 1))) p += 3
    else {
      p = endOfPlainText(p + 1, end)
      if (p == 0) return 0
      p++
    }
    const next = <u32>load<u8>(p++)
    if (next == 0x5d) return p
    if (next != 0x2c || p >= end) return 0
  }
  return 0
}

@inline function isPlain(byte: u32): bool { return byte - 0x20 < 0x60 && byte != 0x22 && byte != 0x5c }

/** Keeps the shape of [start, end), an object that a scan has just accepted, in place of the one tried last. */
export function learnShape(start: i32, end: i32): void {
  const credit = load<i32>(SHAPE_CREDIT) - 1
  store<i32>(SHAPE_CREDIT, credit)
  if (credit < 0) return
  const shape = otherShape(load<i32>(SHAPE_FIRST))
  const parts = takeParts(shape, start, end)
  store<i32>(shape, parts)
  if (parts != 0) store<i32>(SHAPE_FIRST, shape)
}

@inline function skipSpace(at: i32): i32 {
  let p = at
  while (isSpace(load<u8>(p))) p++
  return p
}

/** Writes the parts and returns their number, 0 when the record's shape can't be kept. */
function takeParts(shape: i32, start: i32, end: i32): i32 {
  const trie = fieldTrie()
  let parts = 0
  let from = start // of the text since the last value
  let p = skipSpace(start)
  let depth = 0
  let node = rootNode(trie)
  let seen: u64 = 0
  while (true) {
    p = skipSpace(p + 1) // behind an opening bracket or a comma
    if (load<u8>(p) != 0x7d) {
      const close = endOfPlainText(p + 1, end)
      if (close == 0) return 0
      const entry = node == 0 ? 0 : findKey(trie, node, p + 1, close - p - 1)
      const slots = entry == 0 ? 0 : entrySlots(entry)
      if ((seen & slots) != 0) return 0
      p = skipSpace(skipSpace(close + 1) + 1)
      if (load<u8>(p) == 0x7b) {
        if ((entry != 0 && entrySlot(entry) >= 0) || depth + 1 == NODES_MAX) return 0
        store<i32>(NODES + (depth << 2), node)
        depth++
        node = entry == 0 ? 0 : entryChild(trie, entry)
        continue
      }
      seen |= slots
      parts = addParts(shape, parts, from, p, entry == 0 ? UNWANTED : entrySlot(entry))
      if (parts == 0) return 0
      p = endOfValue(p, end)
      if (p == 0) return 0
      from = p
      p = skipSpace(p)
    }
    while (load<u8>(p) == 0x7d) {
      if (depth == 0) return addParts(shape, parts, from, end, NOTHING)
      depth--
      node = load<i32>(NODES + (depth << 2))
      p = skipSpace(p + 1)
    }
  }
  return 0
}

/** Address behind a value that is no object, of valid JSON; 0 for a list of anything but plain texts. */
function endOfValue(at: i32, end: i32): i32 {
  const byte = <u32>load<u8>(at)
  if (byte == 0x22) {
    let p = at + 1
    while (load<u8>(p) != 0x22) p += load<u8>(p) == 0x5c ? 2 : 1
    return p + 1
  }
  if (byte == 0x5b) return endOfTextList(at, end)
  if (byte == 0x66) return at + 5
  return byte == 0x74 || byte == 0x6e ? at + 4 : afterNumber(at)
}

/** Adds the text [from, to) in pieces of 16 bytes, the last one with its slot. Returns the number of parts, 0 when they are too many. */
function addParts(shape: i32, parts: i32, from: i32, to: i32, slot: i32): i32 {
  let count = parts
  let p = from
  while (true) {
    if (count == SHAPE_PARTS_MAX) return 0
    const length = min(to - p, 16)
    const part = shape + HEAD + (count << PART_SHIFT)
    v128.store(part, v128.load(p))
    store<i32>(part, length, PART_LENGTH)
    store<i32>(part, (1 << length) - 1, PART_MASK)
    p += length
    store<i32>(part, p < to ? NOTHING : slot, PART_SLOT)
    count++
    if (p >= to) return count
  }
}
