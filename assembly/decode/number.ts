/**
 * JSON number tokens → f64, correctly rounded, and → i64. The token's grammar has been checked by the scanner.
 *
 * Four ways, each for what the one before can't do: eight digits at once and an exact quotient, exact products of doubles (Clinger 1990), a 128-bit product with
 * the table of powers of ten (Eisel and Lemire: "Number parsing at a gigabyte per second", 2021; in the careful form of
 * Go's strconv), and big integers (exact-decimal.ts). All of it is integer or IEEE arithmetic: no machine differs.
 */
import { POW10 } from '../encode/digits'
import { mulHigh, pow10High, pow10Low, POW10_EXACT } from '../encode/wide'
import { roundExactly } from './exact-decimal'
import { INTEGER } from './scratch'

const ZEROS: u64 = 0x3030_3030_3030_3030
/** eiselLemire could not decide. */
const UNDECIDED: u64 = 0xffff_ffff_ffff_ffff
const INFINITY_BITS: u64 = 0x7ff0_0000_0000_0000
/** An exponent beyond this is as good as infinite: a token has at most 1,048,576 digits to set against it. */
const EXPONENT_MAX: i32 = 100_000_000

/** Count of digits at `p`, 16 at most. */
// @ts-ignore: decorator
@inline
export function leadingDigits(p: i32): i32 {
  const digits = i8x16.lt_u(i8x16.sub(v128.load(p), i8x16.splat(0x30)), i8x16.splat(10))
  return ctz((i8x16.bitmask(digits) ^ 0xffff) | 0x1_0000)
}

/** Value of eight digits as bytes, the first one lowest: pairs, then fours, then all (a product each). */
// @ts-ignore: decorator
@inline
function eightAtOnce(digits: u64): u64 {
  const pairs = digits * 10 + (digits >> 8)
  return ((pairs & 0x0000_00ff_0000_00ff) * 0x000f_4240_0000_0064 + ((pairs >> 16) & 0x0000_00ff_0000_00ff) * 0x0000_2710_0000_0001) >> 32
}

/** Value of the first `count` (1 to 8) digits of a text's eight bytes, as if zeros followed: "12" is 12,000,000. */
// @ts-ignore: decorator
@inline
export function eightDigits(text: u64, count: i32): u64 {
  return eightAtOnce((text - ZEROS) & (<u64>-1 >> <u64>((8 - count) << 3)))
}

/** Value of the first `count` (1 to 8) digits of a text's eight bytes. */
// @ts-ignore: decorator
@inline
function firstDigits(text: u64, count: i32): u64 {
  return eightAtOnce((text - ZEROS) << <u64>((8 - count) << 3))
}

/** Number(text) of the token [start, end). A value past the largest double is Infinity. */
// @ts-ignore: decorator
@inline
export function parseNumber(start: i32, end: i32): f64 {
  const whole = leadingDigits(start)
  const fraction = end - start - whole - 1
  if (<u32>(whole - 1) < 8 && fraction < 9 && (fraction < 0 || load<u8>(start + whole) == 0x2e)) {
    const digits = firstDigits(load<u64>(start), whole)
    if (fraction == -1) return <f64>digits
    // 15 digits are below 2^53, so both operands are exact, and the quotient rounds once (Clinger).
    if (fraction > 0 && whole + fraction < 16 && leadingDigits(start + whole + 1) >= fraction) {
      const all = digits * load<u64>(POW10 + (<usize>fraction << 3)) + firstDigits(load<u64>(start + whole + 1), fraction)
      return <f64>all / load<f64>(POW10_EXACT + (<usize>fraction << 3))
    }
  }
  return parseAnyNumber(start, end)
}

function parseAnyNumber(start: i32, end: i32): f64 {
  let p = start
  const negative = load<u8>(p) == 0x2d
  if (negative) p++
  const first = p
  let digits: u64 = 0
  let digit = <u32>load<u8>(p) - 0x30
  while (digit <= 9 && p < end) {
    digits = digits * 10 + digit
    digit = <u32>load<u8>(++p) - 0x30
  }
  let count = p - first
  let exponent = 0
  if (p < end && load<u8>(p) == 0x2e) {
    const fraction = ++p
    digit = <u32>load<u8>(p) - 0x30
    while (digit <= 9 && p < end) {
      digits = digits * 10 + digit
      digit = <u32>load<u8>(++p) - 0x30
    }
    exponent = fraction - p
    count += p - fraction
  }
  const mantissaEnd = p
  if (p < end) exponent += parseExponent(p + 1, end)
  let value: f64
  // Above 19 digits `digits` has run over.
  if (count > 19) value = reinterpret<f64>(manyDigits(first, mantissaEnd, exponent))
  else if (digits <= 9007199254740992 && exponent >= -22 && exponent <= 22) {
    if (exponent < 0) value = <f64>digits / load<f64>(POW10_EXACT + (<usize>-exponent << 3))
    else value = <f64>digits * load<f64>(POW10_EXACT + (<usize>exponent << 3))
  } else value = reinterpret<f64>(fewDigits(digits, first, mantissaEnd, exponent))
  return negative ? -value : value
}

/** Value of an exponent's digits with their sign, cut at ±EXPONENT_MAX. */
export function parseExponent(start: i32, end: i32): i32 {
  let p = start
  const sign = load<u8>(p)
  if (sign == 0x2d || sign == 0x2b) p++
  let value = 0
  while (p < end) {
    if (value < EXPONENT_MAX) value = value * 10 + (<i32>load<u8>(p) - 0x30)
    p++
  }
  value = min(value, EXPONENT_MAX)
  return sign == 0x2d ? -value : value
}

/** Bits of digits · 10^exponent, for at most 19 digits. The token is read again only where 128 bits don't decide. */
function fewDigits(digits: u64, first: i32, mantissaEnd: i32, exponent: i32): u64 {
  if (digits == 0) return 0
  if (exponent > 308) return INFINITY_BITS
  if (exponent < -342) return 0
  const bits = eiselLemire(digits, exponent)
  if (bits != UNDECIDED) return bits
  return roundExactly(first, mantissaEnd, exponent, approximate(digits, exponent))
}

/** As fewDigits, for any number of digits: `exponent` belongs to the last one before mantissaEnd. */
function manyDigits(first: i32, mantissaEnd: i32, exponent: i32): u64 {
  let p = first
  while (p < mantissaEnd && (load<u8>(p) == 0x30 || load<u8>(p) == 0x2e)) p++
  if (p == mantissaEnd) return 0
  let digits: u64 = 0
  let taken = 0
  let left = 0
  for (; p < mantissaEnd; p++) {
    const digit = <u32>load<u8>(p) - 0x30
    if (digit > 9) continue
    if (taken < 19) {
      digits = digits * 10 + digit
      taken++
    } else left++
  }
  const scale = exponent + left
  // The value is below 10^(scale + taken), and at least a tenth of that.
  if (scale + taken > 309) return INFINITY_BITS
  if (scale + taken < -323) return 0
  if (left == 0) return fewDigits(digits, first, mantissaEnd, scale)
  // What was left out is less than one in the last digit taken: where both ends round alike, so does all between.
  const low = eiselLemire(digits, scale)
  if (low != UNDECIDED && low == eiselLemire(digits + 1, scale)) return low
  return roundExactly(first, mantissaEnd, exponent, approximate(digits, scale))
}

/** Bits of the double nearest to digits · 10^exponent, or UNDECIDED (too near a tie, subnormal, or too large). */
function eiselLemire(digits: u64, exponent: i32): u64 {
  const zeros = clz(digits)
  const mantissa = digits << zeros
  let exponent2 = <i64>(((217706 * exponent) >> 16) + 64 + 1023) - <i64>zeros
  const power = pow10High(exponent)
  let high = mulHigh(mantissa, power)
  let low = mantissa * power
  if ((high & 0x1ff) == 0x1ff && low + mantissa < mantissa) {
    const next = pow10Low(exponent)
    const nextLow = mantissa * next
    const merged = low + mulHigh(mantissa, next)
    if (merged < low) high++
    if ((high & 0x1ff) == 0x1ff && merged + 1 == 0 && nextLow + mantissa < mantissa) return UNDECIDED
    low = merged
  }
  const top = high >> 63
  let rounded = high >> (top + 9)
  exponent2 -= <i64>(1 ^ top)
  if (low == 0 && (high & 0x1ff) == 0 && (rounded & 3) == 1) return UNDECIDED
  rounded = (rounded + (rounded & 1)) >> 1
  if (rounded >> 53 != 0) {
    rounded >>= 1
    exponent2++
  }
  if (exponent2 < 1 || exponent2 >= 0x7ff) return UNDECIDED
  return (<u64>exponent2 << 52) | (rounded & 0x000f_ffff_ffff_ffff)
}

/** Bits of a finite double next to digits · 10^exponent: a place for roundExactly to begin. */
function approximate(digits: u64, exponent: i32): u64 {
  const zeros = clz(digits)
  const high = mulHigh(digits << zeros, pow10High(exponent))
  const top = high >> 63
  const mantissa = high >> (top + 10)
  const exponent2 = <i64>(((217706 * exponent) >> 16) + 64 + 1023) - <i64>zeros - <i64>(1 ^ top)
  if (exponent2 >= 0x7ff) return INFINITY_BITS - 1
  if (exponent2 >= 1) return (<u64>exponent2 << 52) | (mantissa & 0x000f_ffff_ffff_ffff)
  return exponent2 < -60 ? 0 : mantissa >> <u64>(1 - exponent2)
}

/** Whether the number token is a plain integer (no fraction, no exponent) that fits an i64; its value is at INTEGER. */
export function parseInteger64(start: i32, end: i32): bool {
  const negative = load<u8>(start) == 0x2d
  const limit: u64 = negative ? 0x8000_0000_0000_0000 : 0x7fff_ffff_ffff_ffff
  let value: u64 = 0
  const first = negative ? start + 1 : start
  if (end - first > 19) return false
  for (let p = first; p < end; p++) {
    const digit = <u32>load<u8>(p) - 0x30
    if (digit > 9) return false
    value = value * 10 + digit
  }
  if (value > limit) return false
  store<i64>(INTEGER, negative ? -<i64>value : <i64>value)
  return true
}
