/**
 * Stamps in RFC 3339, UTC, as Go's RFC3339Nano writes them: no more fraction digits than needed, none for whole seconds.
 * Without quotes; 20 to 30 bytes, and nothing beyond the returned end is touched.
 */
import { writeDigits, writePair } from './digits'

const NANOS: i64 = 1_000_000_000
/** What an i64 of ns can hold, in ms: years 1677 to 2262. */
const MS_MAX: i64 = 9_223_372_036_854

/** Stamp of any i64 of ns since the Unix epoch. */
export function writeStamp(at: i32, timeNs: i64): i32 {
  let seconds = timeNs / NANOS
  let nanos = <i32>(timeNs - seconds * NANOS)
  if (nanos < 0) {
    nanos += 1_000_000_000
    seconds--
  }
  return writeParts(at, seconds, nanos)
}

/** Stamp of ms since the Unix epoch; what writeStamp can't show is cut to the nearest that it can. */
export function writeStampMs(at: i32, timeMs: i64): i32 {
  const ms = max(min(timeMs, MS_MAX), -MS_MAX)
  let seconds = ms / 1000
  let rest = <i32>(ms - seconds * 1000)
  if (rest < 0) {
    rest += 1000
    seconds--
  }
  return writeParts(at, seconds, rest * 1_000_000)
}

function writeParts(at: i32, seconds: i64, nanos: i32): i32 {
  // Days and years are counted from 1600-03-01, so that nothing is negative (Hinnant's civil_from_days).
  const shifted = <u32>(seconds / 86400 + (seconds % 86400 < 0 ? -1 : 0) + 135080)
  const ofDay = <u32>(seconds - (<i64>shifted - 135080) * 86400)
  const era = shifted / 146097
  const dayOfEra = shifted - era * 146097
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
  const dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
  const monthIndex = (5 * dayOfYear + 2) / 153
  const day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
  const year = 1600 + era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
  writePair(at, year / 100)
  writePair(at + 2, year % 100)
  store<u8>(at, 0x2d, 4)
  writePair(at + 5, month)
  store<u8>(at, 0x2d, 7)
  writePair(at + 8, day)
  store<u8>(at, 0x54, 10)
  writePair(at + 11, ofDay / 3600)
  store<u8>(at, 0x3a, 13)
  writePair(at + 14, (ofDay / 60) % 60)
  store<u8>(at, 0x3a, 16)
  writePair(at + 17, ofDay % 60)
  let p = at + 19
  if (nanos != 0) {
    store<u8>(p, 0x2e)
    let fraction = <u32>nanos
    let places = 9
    while (fraction % 10 == 0) {
      fraction /= 10
      places--
    }
    p = writeDigits(p + 1, fraction, places)
  }
  store<u8>(p, 0x5a)
  return p + 1
}
