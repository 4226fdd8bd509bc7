/**
 * Fields of the record just scanned → decoded columns. Each function gives NONE, or the reason to reject the record.
 */
import {
  D_CONDITIONS_HIGH, D_CONDITIONS_LOW, D_EXCHANGE_LENGTH, D_EXCHANGE_PTR, D_FEED_LENGTH, D_FEED_PTR, D_IS_FINAL, D_SEQ,
  D_SEQ_KIND, D_TAPE, FEED_BYTES_MAX, H_TEXT_CURSOR,
} from '../layout'
import { HASH_SEED, hashText } from './content-hash'
import { FIELD_EXCHANGE, FIELD_FEED, FIELD_IS_FINAL, FIELD_SEQ, FIELD_TAPE, fieldValue } from './field-trie'
import { parseInteger64, parseNumber } from './number'
import { NONE, REASON_MISSING_FIELD, REASON_WRONG_KIND } from './reasons'
import { isSpace, JSON_ESCAPED, JSON_FALSE, JSON_LIST, JSON_NUMBER, JSON_STRING, JSON_TRUE } from './scan'
import { CONDITIONS_HASH, INTEGER } from './scratch'
import { endOfString, unescape } from './text'

/** Accessors of a slot's value. */
// @ts-ignore: decorator
@inline
export function valueKind(value: i32): i32 {
  return load<i32>(value)
}
// @ts-ignore: decorator
@inline
export function valueStart(value: i32): i32 {
  return load<i32>(value, 4)
}
// @ts-ignore: decorator
@inline
export function valueEnd(value: i32): i32 {
  return load<i32>(value, 8)
}

/**
 * Whether the value is a string; then its start and end are those of its text, without escapes. A text with escapes is
 * written to the text area once, however many fields point at it, so the area can't overflow: no text is longer than its source.
 */
// @ts-ignore: decorator
@inline
export function isText(value: i32): bool {
  const kind = valueKind(value)
  return kind == JSON_STRING || (kind == JSON_ESCAPED && keepUnescaped(value))
}

function keepUnescaped(value: i32): bool {
  const text = <i32>load<i64>(H_TEXT_CURSOR)
  const end = unescape(valueStart(value), valueEnd(value), text)
  store<i32>(value, JSON_STRING)
  store<i32>(value, text, 4)
  store<i32>(value, end, 8)
  store<i64>(H_TEXT_CURSOR, end)
  return true
}

/** Whether a text in the form that isText leaves holds half of a surrogate pair (bytes that valid UTF-8 never has). */
export function hasLoneSurrogate(start: i32, end: i32): bool {
  for (let p = start; p + 1 < end; p++) if (load<u8>(p) == 0xed && load<u8>(p, 1) >= 0xa0) return true
  return false
}

/** A number that may be 0 but not negative, to the column cell `at`: NONE, REASON_WRONG_KIND, or `bad` when out of range. */
// @ts-ignore: decorator
@inline
export function readAmount(value: i32, at: i32, bad: i32): i32 {
  if (valueKind(value) != JSON_NUMBER) return REASON_WRONG_KIND
  // + 0 makes a −0 a 0, so that equal amounts have equal bits.
  const amount = parseNumber(valueStart(value), valueEnd(value)) + 0.0
  if (!(amount >= 0 && amount < Infinity)) return bad
  store<f64>(at, amount)
  return NONE
}

/** A needed amount: absent is REASON_MISSING_FIELD. */
// @ts-ignore: decorator
@inline
export function readNeededAmount(trie: i32, field: i32, at: i32, bad: i32): i32 {
  const value = fieldValue(trie, field)
  return value == 0 ? REASON_MISSING_FIELD : readAmount(value, at, bad)
}

/** An amount that may be absent: the column keeps its 0 then. */
// @ts-ignore: decorator
@inline
export function readOptionalAmount(trie: i32, field: i32, at: i32, bad: i32): i32 {
  const value = fieldValue(trie, field)
  return value == 0 ? NONE : readAmount(value, at, bad)
}

/** A needed id, number or string, as text: `5` and `"5"` are the same. */
export function readId(trie: i32, field: i32, pointerAt: i32, lengthAt: i32): i32 {
  const value = fieldValue(trie, field)
  if (value == 0) return REASON_MISSING_FIELD
  if (valueKind(value) != JSON_NUMBER && !isText(value)) return REASON_WRONG_KIND
  store<i32>(pointerAt, valueStart(value))
  store<i32>(lengthAt, valueEnd(value) - valueStart(value))
  return NONE
}

/** `exchange`: an optional string; length −1 when absent. */
// @ts-ignore: decorator
@inline
export function readExchange(trie: i32, row: i32): i32 {
  const value = fieldValue(trie, FIELD_EXCHANGE)
  if (value == 0) return NONE
  if (!isText(value)) return REASON_WRONG_KIND
  store<i32>(D_EXCHANGE_PTR + (row << 2), valueStart(value))
  store<i32>(D_EXCHANGE_LENGTH + (row << 2), valueEnd(value) - valueStart(value))
  return NONE
}

/** `tape`: an optional string; its one ASCII character, 0 when it is absent or anything else. */
// @ts-ignore: decorator
@inline
export function readTape(trie: i32, row: i32): i32 {
  const value = fieldValue(trie, FIELD_TAPE)
  if (value == 0) return NONE
  if (!isText(value)) return REASON_WRONG_KIND
  const start = valueStart(value)
  // A text of one byte is ASCII: it is valid UTF-8.
  if (valueEnd(value) - start == 1) store<u8>(D_TAPE + row, load<u8>(start))
  return NONE
}

/** `feed`: an optional string of at most 32 bytes that is text (it goes out again); length −1 when absent. */
// @ts-ignore: decorator
@inline
export function readFeed(trie: i32, row: i32): i32 {
  const value = fieldValue(trie, FIELD_FEED)
  if (value == 0) return NONE
  if (!isText(value)) return REASON_WRONG_KIND
  const start = valueStart(value)
  const end = valueEnd(value)
  if (end - start > FEED_BYTES_MAX || hasLoneSurrogate(start, end)) return REASON_WRONG_KIND
  store<i32>(D_FEED_PTR + (row << 2), start)
  store<i32>(D_FEED_LENGTH + (row << 2), end - start)
  return NONE
}

/** `seq`: kind 1 and the integer; kind 2 and the bits of a double for what is no plain 64-bit integer; kind 0 when absent. */
// @ts-ignore: decorator
@inline
export function readSeq(trie: i32, row: i32): i32 {
  const value = fieldValue(trie, FIELD_SEQ)
  if (value == 0) return NONE
  if (valueKind(value) != JSON_NUMBER) return REASON_WRONG_KIND
  const whole = parseInteger64(valueStart(value), valueEnd(value))
  store<u8>(D_SEQ_KIND + row, whole ? 1 : 2)
  if (whole) store<i64>(D_SEQ + (row << 3), load<i64>(INTEGER))
  else store<f64>(D_SEQ + (row << 3), parseNumber(valueStart(value), valueEnd(value)) + 0.0)
  return NONE
}

/** `is_final`: 1, 0, or 2 when absent. */
export function readIsFinal(trie: i32, row: i32): i32 {
  const value = fieldValue(trie, FIELD_IS_FINAL)
  if (value == 0) return NONE
  const kind = valueKind(value)
  if (kind != JSON_TRUE && kind != JSON_FALSE) return REASON_WRONG_KIND
  store<u8>(D_IS_FINAL + row, kind == JSON_TRUE ? 1 : 0)
  return NONE
}

/**
 * Condition codes: a list of strings, or a string of which each character is one. A code that is one ASCII character sets
 * its bit; any other has no bit. With `hashing` all of them go into CONDITIONS_HASH, so that "R" and ["R"] are the same.
 */
export function readConditions(trie: i32, field: i32, row: i32, hashing: bool): i32 {
  store<u64>(CONDITIONS_HASH, HASH_SEED)
  const value = fieldValue(trie, field)
  if (value == 0) return NONE
  if (valueKind(value) == JSON_LIST) return readConditionList(valueStart(value) + 1, valueEnd(value), row, hashing)
  if (!isText(value)) return REASON_WRONG_KIND
  const end = valueEnd(value)
  let p = valueStart(value)
  while (p < end) {
    let next = p + 1
    while (next < end && (load<u8>(next) & 0xc0) == 0x80) next++
    addCondition(p, next - p, row, hashing)
    p = next
  }
  return NONE
}

/** The list's inside from behind its bracket; it has been scanned, so it is valid. */
function readConditionList(from: i32, end: i32, row: i32, hashing: bool): i32 {
  let p = from
  while (true) {
    let byte = <u32>load<u8>(p)
    while (byte == 0x2c || isSpace(byte)) byte = load<u8>(++p)
    if (byte == 0x5d) return NONE
    if (byte != 0x22) return REASON_WRONG_KIND
    const start = p + 1
    const close = endOfString(start, end)
    p = close < 0 ? ~close : close
    if (close > 0) addCondition(start, close - start, row, hashing)
    else {
      const text = <i32>load<i64>(H_TEXT_CURSOR)
      addCondition(text, unescape(start, p, text) - text, row, hashing)
    }
    p++
  }
  return NONE
}

// @ts-ignore: decorator
@inline
function addCondition(at: i32, length: i32, row: i32, hashing: bool): void {
  if (hashing) store<u64>(CONDITIONS_HASH, hashText(load<u64>(CONDITIONS_HASH), at, length))
  if (length != 1) return
  const code = <u32>load<u8>(at)
  const cell = (code < 64 ? D_CONDITIONS_LOW : D_CONDITIONS_HIGH) + (row << 3)
  store<u64>(cell, load<u64>(cell) | (<u64>1 << <u64>(code & 63)))
}

/** Goes on with an optional text that isText has seen: absent and empty differ. */
// @ts-ignore: decorator
@inline
export function hashField(hash: u64, value: i32): u64 {
  return value == 0 ? hashText(hash, 0, -1) : hashText(hash, valueStart(value), valueEnd(value) - valueStart(value))
}
