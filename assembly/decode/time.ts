/**
 * Event times → ns since the Unix epoch, exactly: RFC 3339 stamps, and epoch numbers in s, ms, µs or ns.
 * BAD_TIME (i64.MIN_VALUE) stands for what is no time, or one outside of the years 1678 to 2261 (UTC), which all fit.
 */
import { eightDigits, leadingDigits, parseExponent } from './number'
import { STAMP_SECONDS, STAMP_TEXT } from './scratch'

export const BAD_TIME: i64 = i64.MIN_VALUE
/** 1678-01-01T00:00:00Z and the last second of 2261. */
const SECOND_MIN: i64 = -9_214_560_000
const SECOND_MAX: i64 = 9_214_646_399
const TIME_MAX: i64 = 9_214_646_399_999_999_999
const BAD: i32 = -1
/** How many digits before the point separate s, ms, µs and ns: contract, at 1e11, 1e14 and 1e17. */
const SECOND_DIGITS: i32 = 11
const MILLI_DIGITS: i32 = 14
const MICRO_DIGITS: i32 = 17

// @ts-ignore: decorator
@inline
function digitAt(at: i32): u32 {
  return <u32>load<u8>(at) - 0x30
}

/** Two digits, or a number above 99 where one is none. */
// @ts-ignore: decorator
@inline
function pair(at: i32): u32 {
  const tens = digitAt(at)
  const ones = digitAt(at + 1)
  return (tens | ones) < 16 && tens <= 9 && ones <= 9 ? tens * 10 + ones : 255
}

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar (Hinnant: "chrono-compatible low-level date algorithms"). */
export function daysFromCivil(year: i32, month: i32, day: i32): i32 {
  const y = month <= 2 ? year - 1 : year
  const era = (y >= 0 ? y : y - 399) / 400
  const yearOfEra = y - era * 400
  const dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
}

function daysInMonth(year: i32, month: i32): i32 {
  if (month == 2) return (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
  return 30 + ((month + (month >> 3)) & 1)
}

/** Forgets the last stamp's date and time: at the beginning of a batch. No text in UTF-8 holds 0xff. */
export function forgetStamp(): void {
  store<u64>(STAMP_TEXT, -1)
}

/**
 * ns of an RFC 3339 stamp in [start, end): `T`, `t` or one space between date and time, 0 to 9 fraction digits, `Z`, `z`
 * or an offset up to ±23:59. A leap second (:60) is bad: it has no place in epoch time.
 * Most stamps lie in the second of the one before: its seconds are kept with their text.
 */
export function parseRfc3339(start: i32, end: i32): i64 {
  if (end - start < 20 || end - start > 35) return BAD_TIME
  let local: i64
  if (i8x16.all_true(i8x16.eq(v128.load(start), v128.load(STAMP_TEXT))) && load<u32>(start, 15) == load<u32>(STAMP_TEXT, 15)) {
    local = load<i64>(STAMP_SECONDS)
  } else {
    local = localSeconds(start)
    if (local == BAD_TIME) return BAD_TIME
    v128.store(STAMP_TEXT, v128.load(start))
    store<u32>(STAMP_TEXT, load<u32>(start, 15), 15)
    store<i64>(STAMP_SECONDS, local)
  }
  let p = start + 19
  let nanos: u64 = 0
  if (load<u8>(p) == 0x2e) {
    const places = leadingDigits(++p)
    if (places == 0 || places > 9) return BAD_TIME
    if (p + places > end) return BAD_TIME
    nanos = eightDigits(load<u64>(p), min(places, 8)) * 10
    if (places == 9) nanos += digitAt(p + 8)
    p += places
  }
  const offset = parseOffset(p, end)
  if (offset == BAD) return BAD_TIME
  const seconds = local - <i64>(offset - 86400)
  if (seconds < SECOND_MIN || seconds > SECOND_MAX) return BAD_TIME
  return seconds * 1_000_000_000 + <i64>nanos
}

/** Seconds since the epoch, by its own clock, of the 19 bytes of date and time at `start`, or BAD_TIME. */
function localSeconds(start: i32): i64 {
  const hundreds = pair(start)
  const years = pair(start + 2)
  const month = pair(start + 5)
  const day = pair(start + 8)
  const hour = pair(start + 11)
  const minute = pair(start + 14)
  const second = pair(start + 17)
  const middle = load<u8>(start, 10)
  if ((hundreds | years) > 127 || hundreds > 99 || years > 99) return BAD_TIME
  if (load<u8>(start, 4) != 0x2d || load<u8>(start, 7) != 0x2d) return BAD_TIME
  if (load<u8>(start, 13) != 0x3a || load<u8>(start, 16) != 0x3a) return BAD_TIME
  if ((middle | 0x20) != 0x74 && middle != 0x20) return BAD_TIME
  if (month < 1 || month > 12 || day < 1 || hour > 23 || minute > 59 || second > 59) return BAD_TIME
  const year = <i32>(hundreds * 100 + years)
  if (<i32>day > daysInMonth(year, month)) return BAD_TIME
  return <i64>daysFromCivil(year, month, day) * 86400 + <i64>(hour * 3600 + minute * 60 + second)
}

/** Seconds east of UTC plus a day (so never negative), or BAD; the text [p, end) is nothing but the offset. */
function parseOffset(p: i32, end: i32): i32 {
  if (p >= end) return BAD
  const sign = load<u8>(p)
  if ((sign | 0x20) == 0x7a) return p + 1 == end ? 86400 : BAD
  if ((sign != 0x2b && sign != 0x2d) || end - p != 6 || load<u8>(p, 3) != 0x3a) return BAD
  const hours = pair(p + 1)
  const minutes = pair(p + 4)
  if (hours > 23 || minutes > 59) return BAD
  const seconds = <i32>(hours * 3600 + minutes * 60)
  return sign == 0x2b ? 86400 + seconds : 86400 - seconds
}

/**
 * ns of a JSON number token in [start, end): seconds below 1e11, ms below 1e14, µs below 1e17, else ns. A fraction counts
 * down to the nanosecond; what is finer is cut off. Worked in decimal digits, so nothing is rounded. Negative is bad (-0 is 0).
 */
export function parseEpochNumber(start: i32, end: i32): i64 {
  const negative = load<u8>(start) == 0x2d
  let p = negative ? start + 1 : start
  let point = 0 // value = 0.d1d2d3… · 10^point, d1 the first digit that is not 0
  let first = 0
  let fraction = false
  for (; p < end; p++) {
    const byte = <u32>load<u8>(p)
    if (byte == 0x2e) fraction = true
    else if (byte - 0x30 > 9) break
    else {
      if (first == 0 && byte != 0x30) first = p
      if (first != 0) point += fraction ? 0 : 1
      else if (fraction) point--
    }
  }
  if (first == 0) return 0
  if (negative) return BAD_TIME
  const mantissaEnd = p
  if (p < end) point += parseExponent(p + 1, end)
  const scale = point <= SECOND_DIGITS ? 9 : point <= MILLI_DIGITS ? 6 : point <= MICRO_DIGITS ? 3 : 0
  const places = point + scale
  if (places > 19) return BAD_TIME
  let nanos: u64 = 0
  let taken = 0
  for (p = first; p < mantissaEnd && taken < places; p++) {
    const digit = digitAt(p)
    if (digit > 9) continue
    nanos = nanos * 10 + digit
    taken++
  }
  if (places > 0) for (; taken < places; taken++) nanos *= 10
  return nanos > <u64>TIME_MAX ? BAD_TIME : <i64>nanos
}
