/**
 * JSON string bodies: where one ends, whether it is valid UTF-8 and validly escaped, and what it says.
 */
import { LONE_SURROGATE } from './scratch'

const QUOTE: u32 = 0x22
const BACKSLASH: u32 = 0x5c

/** Bit i: byte i of the 16 at `p` can't be passed over: a quote, a backslash, a control character or not ASCII. */
// @ts-ignore: decorator
@inline
export function stopsAt(p: i32): i32 {
  const block = v128.load(p)
  // Bytes from 0x80 on are negative, so one signed comparison finds them and the control characters.
  const low = i8x16.lt_s(block, i8x16.splat(0x20))
  return i8x16.bitmask(v128.or(v128.or(i8x16.eq(block, i8x16.splat(0x22)), i8x16.eq(block, i8x16.splat(0x5c))), low))
}

/**
 * `from` is just behind the opening quote, the record ends at `end`. Returns the address of the closing quote; the
 * complement of that address when the text holds escapes; 0 when it is no valid JSON string.
 */
export function endOfString(from: i32, end: i32): i32 {
  let p = from
  let escaped = false
  while (p < end) {
    const stops = stopsAt(p)
    if (stops == 0) {
      p += 16
      continue
    }
    p += ctz(stops)
    if (p >= end) return 0
    const byte = <u32>load<u8>(p)
    if (byte == QUOTE) return escaped ? ~p : p
    if (byte == BACKSLASH) {
      escaped = true
      p = afterEscape(p, end)
    } else p = byte < 0x80 ? 0 : afterMultibyte(p, end)
    if (p == 0) return 0
  }
  return 0
}

/** Address behind the escape at `p`, 0 when it is none. Half of a surrogate pair is valid JSON. */
function afterEscape(p: i32, end: i32): i32 {
  if (p + 1 >= end) return 0
  switch (<u32>load<u8>(p, 1)) {
    case 0x22: case 0x5c: case 0x2f: case 0x62: case 0x66: case 0x6e: case 0x72: case 0x74: return p + 2
    case 0x75: return p + 6 <= end && fourHex(p + 2) >= 0 ? p + 6 : 0
    default: return 0
  }
}

/** Value of four hexadecimal digits, -1 when they are none. */
function fourHex(at: i32): i32 {
  let value: u32 = 0
  for (let p = at; p < at + 4; p++) {
    const byte = <u32>load<u8>(p)
    let digit = byte - 0x30
    if (digit > 9) {
      digit = (byte | 0x20) - 0x61
      if (digit > 5) return -1
      digit += 10
    }
    value = (value << 4) | digit
  }
  return <i32>value
}

/** Address behind the multi-byte UTF-8 sequence at `p`, 0 when it is overlong, a surrogate, past U+10FFFF or cut. */
function afterMultibyte(p: i32, end: i32): i32 {
  const lead = <u32>load<u8>(p)
  const second = <u32>load<u8>(p, 1)
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (p + length > end) return 0
  const lowest: u32 = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80
  const highest: u32 = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf
  if (second < lowest || second > highest) return 0
  if (length > 2 && (load<u8>(p, 2) & 0xc0) != 0x80) return 0
  if (length > 3 && (load<u8>(p, 3) & 0xc0) != 0x80) return 0
  return p + length
}

/**
 * Writes what the valid JSON string body [from, to) says to `into`, as UTF-8, and returns the end: never longer than
 * [from, to). Half of a surrogate pair is written as its three bytes (which no valid UTF-8 equals), and LONE_SURROGATE set.
 */
export function unescape(from: i32, to: i32, into: i32): i32 {
  let p = from
  let at = into
  let lone = 0
  while (p < to) {
    const byte = <u32>load<u8>(p)
    if (byte != BACKSLASH) {
      store<u8>(at++, byte)
      p++
      continue
    }
    const kind = <u32>load<u8>(p, 1)
    if (kind != 0x75) {
      store<u8>(at++, plainEscape(kind))
      p += 2
      continue
    }
    let code = <u32>fourHex(p + 2)
    p += 6
    if (code >> 11 == 27) {
      const low = code < 0xdc00 && p + 6 <= to && load<u16>(p) == 0x755c ? <u32>fourHex(p + 2) : 0
      if (low >> 10 == 55) {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00)
        p += 6
      } else lone = 1
    }
    at = putCodePoint(at, code)
  }
  store<i32>(LONE_SURROGATE, lone)
  return at
}

function plainEscape(kind: u32): u32 {
  switch (kind) {
    case 0x62: return 0x08
    case 0x66: return 0x0c
    case 0x6e: return 0x0a
    case 0x72: return 0x0d
    case 0x74: return 0x09
    default: return kind
  }
}

function putCodePoint(at: i32, code: u32): i32 {
  if (code < 0x80) {
    store<u8>(at, code)
    return at + 1
  }
  if (code < 0x800) {
    store<u8>(at, 0xc0 | (code >> 6))
    store<u8>(at, 0x80 | (code & 63), 1)
    return at + 2
  }
  if (code < 0x10000) {
    store<u8>(at, 0xe0 | (code >> 12))
    store<u8>(at, 0x80 | ((code >> 6) & 63), 1)
    store<u8>(at, 0x80 | (code & 63), 2)
    return at + 3
  }
  store<u8>(at, 0xf0 | (code >> 18))
  store<u8>(at, 0x80 | ((code >> 12) & 63), 1)
  store<u8>(at, 0x80 | ((code >> 6) & 63), 2)
  store<u8>(at, 0x80 | (code & 63), 3)
  return at + 4
}
