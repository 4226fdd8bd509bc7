/**
 * 64 × 64 → 128 bit products and the table of powers of ten that reading and writing of numbers share.
 * WebAssembly has no high half of a product (wide arithmetic is not in the features this kernel may use).
 */
import { POW10_BITS, POW10_MIN } from './pow10-table'

/** High 64 bits of a · b. */
// @ts-ignore: decorator
@inline
export function mulHigh(a: u64, b: u64): u64 {
  const aLow = a & 0xffff_ffff
  const aHigh = a >> 32
  const bLow = b & 0xffff_ffff
  const bHigh = b >> 32
  const middle = aHigh * bLow + ((aLow * bLow) >> 32)
  const cross = aLow * bHigh + (middle & 0xffff_ffff)
  return aHigh * bHigh + (middle >> 32) + (cross >> 32)
}

/** The first 64 bits of 10^exponent; `exponent` lies within the table. */
// @ts-ignore: decorator
@inline
export function pow10High(exponent: i32): u64 {
  return load<u64>(POW10_BITS + (<usize>(exponent - POW10_MIN) << 4))
}

/** Bits 65 to 128 of 10^exponent, what follows cut off. */
// @ts-ignore: decorator
@inline
export function pow10Low(exponent: i32): u64 {
  return load<u64>(POW10_BITS + (<usize>(exponent - POW10_MIN) << 4), 8)
}

/** 10^0 to 10^22: all that a double holds exactly. */
export const POW10_EXACT: usize = memory.data<f64>([
  1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
])
