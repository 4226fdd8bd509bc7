/**
 * Shortest decimal that reads back as the same double, and of those the nearest: Schubfach (Giulietti: "The Schubfach
 * way to render doubles", 2020; in the form of Drachennest's schubfach.cc). Integer arithmetic alone.
 */
import { DECIMAL_EXPONENT } from '../decode/scratch'
import { mulHigh, pow10High, pow10Low } from './wide'

const HIDDEN_BIT: u64 = 0x0010_0000_0000_0000

/**
 * Digits of a positive, finite double, without trailing zeros: it is digits · 10^e, and e lies at DECIMAL_EXPONENT.
 */
export function shortestDigits(value: f64): u64 {
  const bits = reinterpret<u64>(value)
  const fraction = bits & (HIDDEN_BIT - 1)
  const biased = <i32>(bits >> 52)
  const c = biased != 0 ? fraction | HIDDEN_BIT : fraction
  const q = (biased != 0 ? biased : 1) - 1075
  const odd = c & 1
  // Below a power of two the next double is half as far away.
  const closer = fraction == 0 && biased > 1
  const k = (q * 1262611 - (closer ? 524031 : 0)) >> 22
  const h = <u64>(q + ((-k * 1741647) >> 19) + 1)
  // The power rounded up; it is exact from 10^0 to 10^55.
  let low = pow10Low(-k)
  let high = pow10High(-k)
  if (k > 0 || k < -55) {
    low++
    if (low == 0) high++
  }
  // One product of 192 bits for the middle; the ends lie power · 2^(h+1) from it (below a power of two: half of that).
  const scaled = (4 * c) << h
  const bottom = low * scaled
  const part = high * scaled
  const centre = part + mulHigh(low, scaled)
  const top = mulHigh(high, scaled) + (centre < part ? 1 : 0)
  const middle = toOdd(top, centre)
  const low0 = low << (h + 1)
  const low1 = (high << (h + 1)) | (low >> (63 - h))
  const above0 = bottom + low0
  const carry0: u64 = above0 < bottom ? 1 : 0
  const above1 = centre + low1
  const aboveCentre = above1 + carry0
  const upper = toOdd(top + (high >> (63 - h)) + (above1 < centre ? 1 : 0) + (aboveCentre < above1 ? 1 : 0), aboveCentre) - odd
  const g = closer ? h : h + 1
  const step0 = low << g
  const step1 = (high << g) | (low >> (64 - g))
  const below1 = centre - step1
  const borrow0: u64 = bottom < step0 ? 1 : 0
  const belowCentre = below1 - borrow0
  const lower = toOdd(top - (high >> (64 - g)) - (centre < step1 ? 1 : 0) - (below1 < borrow0 ? 1 : 0), belowCentre) + odd
  const s = middle >> 2
  if (s >= 10) {
    const tens = s / 10
    const downInside = lower <= 40 * tens
    const upInside = 40 * tens + 40 <= upper
    if (downInside != upInside) return withoutZeros(tens + (upInside ? 1 : 0), k + 1)
  }
  const downInside = lower <= 4 * s
  const upInside = 4 * s + 4 <= upper
  const half = 4 * s + 2
  const up = downInside != upInside ? upInside : middle > half || (middle == half && (s & 1) == 1)
  return withoutZeros(s + (up ? 1 : 0), k)
}

/** Bits 128 and up of a product, the last bit set when its bits 64 to 127, `centre`, say that anything was cut off. */
// @ts-ignore: decorator
@inline
function toOdd(top: u64, centre: u64): u64 {
  return top | (centre > 1 ? 1 : 0)
}

/** Leaves the exponent at DECIMAL_EXPONENT. */
export function withoutZeros(digits: u64, exponent: i32): u64 {
  let left = digits
  let scale = exponent
  while (true) {
    const tens = left / 10
    if (tens * 10 != left) break
    left = tens
    scale++
  }
  store<i32>(DECIMAL_EXPONENT, scale)
  return left
}
