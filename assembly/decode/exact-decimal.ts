/**
 * Rounding by big integers: for decimals so near the middle of two doubles that 128 bits don't tell, for subnormals and
 * for those near the largest double. Rare and slow (some µs), never wrong.
 */
import { BIG_DIGITS, BIG_LEFT, BIG_RIGHT } from './scratch'

/** The middle of two doubles has at most 767 significant digits: what follows matters only by not being zero. */
const DIGITS_MAX: i32 = 800
/** `approximate` is off by one or two; each step goes one double nearer. */
const STEPS_MAX: i32 = 64
const INFINITY_BITS: u64 = 0x7ff0_0000_0000_0000

/**
 * Bits of the double nearest to the decimal with the digits [first, mantissaEnd) (one point among them at most), times
 * 10^exponent when the point is left out. `near` is where to begin. Ties go to the even one.
 */
export function roundExactly(first: i32, mantissaEnd: i32, exponent: i32, near: u64): u64 {
  const scale = exponent + takeDigits(first, mantissaEnd)
  let bits = near
  for (let step = 0; step < STEPS_MAX; step++) {
    const above = compareWithMiddle(scale, bits)
    if (above > 0 || (above == 0 && (bits & 1) == 1)) {
      bits++
      if (bits == INFINITY_BITS) return bits
      continue
    }
    if (bits == 0) return bits
    const below = compareWithMiddle(scale, bits - 1)
    if (below > 0 || (below == 0 && (bits & 1) == 0)) return bits
    bits--
  }
  return bits
}

/** Puts the digits at BIG_DIGITS; returns how many powers of ten were left out at their end. */
function takeDigits(first: i32, mantissaEnd: i32): i32 {
  setBig(BIG_DIGITS, 0)
  let taken = 0
  let left = 0
  let rest = false
  for (let p = first; p < mantissaEnd; p++) {
    const digit = <u32>load<u8>(p) - 0x30
    if (digit > 9) continue
    if (taken < DIGITS_MAX) {
      if (taken > 0 || digit > 0) {
        multiplyAdd(BIG_DIGITS, 10, digit)
        taken++
      }
    } else {
      left++
      if (digit != 0) rest = true
    }
  }
  if (!rest) return left
  multiplyAdd(BIG_DIGITS, 10, 1)
  return left - 1
}

/** Sign of BIG_DIGITS · 10^scale minus the middle between the double `bits` and the next larger one. */
function compareWithMiddle(scale: i32, bits: u64): i32 {
  const biased = <i32>(bits >> 52)
  let mantissa = bits & 0x000f_ffff_ffff_ffff
  if (biased != 0) mantissa |= 0x0010_0000_0000_0000
  const exponent2 = max(biased, 1) - 1075 - 1
  memory.copy(BIG_LEFT, BIG_DIGITS, 4 + (<usize>load<i32>(BIG_DIGITS) << 2))
  setBig(BIG_RIGHT, mantissa * 2 + 1)
  if (scale >= 0) multiplyPow5(BIG_LEFT, scale)
  else multiplyPow5(BIG_RIGHT, -scale)
  const shift = scale - exponent2
  if (shift >= 0) shiftLeft(BIG_LEFT, shift)
  else shiftLeft(BIG_RIGHT, -shift)
  return compareBig(BIG_LEFT, BIG_RIGHT)
}

function setBig(big: i32, value: u64): void {
  store<u64>(big, value, 4)
  store<i32>(big, value >> 32 != 0 ? 2 : value != 0 ? 1 : 0)
}

/** big = big · factor + addend. */
function multiplyAdd(big: i32, factor: u32, addend: u32): void {
  const length = load<i32>(big)
  let carry: u64 = addend
  for (let i = 0; i < length; i++) {
    const limb = big + 4 + (i << 2)
    carry += <u64>load<u32>(limb) * factor
    store<u32>(limb, <u32>carry)
    carry >>= 32
  }
  if (carry == 0) return
  store<u32>(big + 4 + (length << 2), <u32>carry)
  store<i32>(big, length + 1)
}

function multiplyPow5(big: i32, power: i32): void {
  let left = power
  for (; left >= 13; left -= 13) multiplyAdd(big, 1220703125, 0)
  for (; left > 0; left--) multiplyAdd(big, 5, 0)
}

function shiftLeft(big: i32, bits: i32): void {
  const limbs = bits >> 5
  const rest = <u64>(bits & 31)
  if (rest != 0) multiplyAdd(big, 1 << <u32>rest, 0)
  const length = load<i32>(big)
  if (limbs == 0 || length == 0) return
  memory.copy(big + 4 + (limbs << 2), big + 4, <usize>length << 2)
  memory.fill(big + 4, 0, <usize>limbs << 2)
  store<i32>(big, length + limbs)
}

function compareBig(left: i32, right: i32): i32 {
  const length = load<i32>(left)
  if (length != load<i32>(right)) return length > load<i32>(right) ? 1 : -1
  for (let i = length - 1; i >= 0; i--) {
    const a = load<u32>(left + 4 + (i << 2))
    const b = load<u32>(right + 4 + (i << 2))
    if (a != b) return a > b ? 1 : -1
  }
  return 0
}
