/**
 * Numbers as JSON.stringify writes them. Each function writes at `at` and returns the end of what it wrote; nothing
 * beyond that end is touched. A double takes at most 25 bytes, an i64 20.
 */
import { DECIMAL_EXPONENT } from '../decode/scratch'
import { digitCount, writeDigits, writeUnsigned } from './digits'
import { shortestDigits, withoutZeros } from './shortest'

/** Decimal digits that any double keeps: two different decimals of so many digits are different doubles. */
const CERTAIN_DIGITS_LIMIT: f64 = 1e15
/** More than two roundings make of a quotient times its divisor. */
const NEARLY: f64 = 1e-15

/** What JSON.stringify(value) is: shortest digits that read back as `value`, 0 for −0, null where it isn't finite. */
export function writeF64(at: i32, value: f64): i32 {
  const magnitude = abs(value)
  if (!(magnitude < Infinity)) {
    store<u32>(at, 0x6c6c_756e)
    return at + 4
  }
  let p = at
  if (value < 0) store<u8>(p++, 0x2d)
  if (magnitude < 9007199254740992 && floor(magnitude) == magnitude) return writeUnsigned(p, <u64>magnitude)
  // Prices and sizes have few places. If n / 100 is the value and n has at most 15 digits, no shorter decimal but n's own
  // without its zeros can be. The product tells nearly all others apart without a division: it is off by 2^-52 at most.
  const hundredfold = magnitude * 100
  const cents = nearest(hundredfold)
  if (abs(hundredfold - cents) <= cents * NEARLY && cents < CERTAIN_DIGITS_LIMIT && cents / 100 == magnitude) return writeCents(p, <u64>cents)
  const fine = nearest(magnitude * 10000)
  if (abs(magnitude * 10000 - fine) <= fine * NEARLY && fine < CERTAIN_DIGITS_LIMIT && fine / 10000 == magnitude) {
    return writeDecimal(p, withoutZeros(<u64>fine, -4))
  }
  return writeDecimal(p, shortestDigits(magnitude))
}

/** cents / 100, which is no whole number. */
// @ts-ignore: decorator
@inline
function writeCents(at: i32, cents: u64): i32 {
  const whole = cents / 100
  const rest = <u32>(cents - whole * 100)
  const p = writeUnsigned(at, whole)
  store<u8>(p, 0x2e)
  const tens = rest / 10
  store<u8>(p, 0x30 + tens, 1)
  if (rest == tens * 10) return p + 2
  store<u8>(p, 0x30 + (rest - tens * 10), 2)
  return p + 3
}

/** digits · 10^DECIMAL_EXPONENT by the rules of ECMA-262, Number::toString. */
function writeDecimal(at: i32, digits: u64): i32 {
  const count = digitCount(digits)
  const point = count + load<i32>(DECIMAL_EXPONENT)
  if (point > 21 || point < -5) return writeExponential(at, digits, count, point - 1)
  if (point >= count) return writeZeros(writeDigits(at, digits, count), point - count)
  if (point <= 0) {
    store<u16>(at, 0x2e30)
    return writeDigits(writeZeros(at + 2, -point), digits, count)
  }
  const end = writeDigits(at + 1, digits, count)
  for (let p = at; p < at + point; p++) store<u8>(p, load<u8>(p, 1))
  store<u8>(at + point, 0x2e)
  return end
}

function writeExponential(at: i32, digits: u64, count: i32, exponent: i32): i32 {
  let p = at + 1
  if (count > 1) {
    p = writeDigits(at + 1, digits, count)
    store<u8>(at, load<u8>(at, 1))
    store<u8>(at, 0x2e, 1)
  } else store<u8>(at, 0x30 + <u32>digits)
  store<u8>(p, 0x65)
  store<u8>(p, exponent < 0 ? 0x2d : 0x2b, 1)
  return writeUnsigned(p + 2, <u64>abs(exponent))
}

function writeZeros(at: i32, count: i32): i32 {
  for (let p = at; p < at + count; p++) store<u8>(p, 0x30)
  return at + count
}

/** Any i64 as a JSON integer. */
export function writeI64(at: i32, value: i64): i32 {
  if (value >= 0) return writeUnsigned(at, <u64>value)
  store<u8>(at, 0x2d)
  return writeUnsigned(at + 1, 0 - <u64>value)
}
