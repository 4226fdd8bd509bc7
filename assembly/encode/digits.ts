/** Unsigned integers as decimal text. */

/** 10^0 to 10^19. */
export const POW10: usize = memory.data<u64>([
  1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000, 1000000000000,
  10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000, 1000000000000000000,
  10000000000000000000,
])

/** 00 to 99 as text. */
const PAIRS: usize = memory.data<u8>([
  48, 48, 48, 49, 48, 50, 48, 51, 48, 52, 48, 53, 48, 54, 48, 55, 48, 56, 48, 57, 49, 48, 49, 49, 49, 50, 49, 51, 49, 52,
  49, 53, 49, 54, 49, 55, 49, 56, 49, 57, 50, 48, 50, 49, 50, 50, 50, 51, 50, 52, 50, 53, 50, 54, 50, 55, 50, 56, 50, 57,
  51, 48, 51, 49, 51, 50, 51, 51, 51, 52, 51, 53, 51, 54, 51, 55, 51, 56, 51, 57, 52, 48, 52, 49, 52, 50, 52, 51, 52, 52,
  52, 53, 52, 54, 52, 55, 52, 56, 52, 57, 53, 48, 53, 49, 53, 50, 53, 51, 53, 52, 53, 53, 53, 54, 53, 55, 53, 56, 53, 57,
  54, 48, 54, 49, 54, 50, 54, 51, 54, 52, 54, 53, 54, 54, 54, 55, 54, 56, 54, 57, 55, 48, 55, 49, 55, 50, 55, 51, 55, 52,
  55, 53, 55, 54, 55, 55, 55, 56, 55, 57, 56, 48, 56, 49, 56, 50, 56, 51, 56, 52, 56, 53, 56, 54, 56, 55, 56, 56, 56, 57,
  57, 48, 57, 49, 57, 50, 57, 51, 57, 52, 57, 53, 57, 54, 57, 55, 57, 56, 57, 57,
])

/** Number of decimal digits, 1 for 0. */
// @ts-ignore: decorator
@inline
export function digitCount(value: u64): i32 {
  // 1233 / 4096 is a little above log10(2), so this is the count or one below it.
  const least = <i32>(((64 - clz(value | 1)) * 1233) >> 12)
  return least + (value >= load<u64>(POW10 + (<usize>least << 3)) || least == 0 ? 1 : 0)
}

/** Writes two digits. `value` is below 100. */
// @ts-ignore: decorator
@inline
export function writePair(at: i32, value: u32): void {
  store<u16>(at, load<u16>(PAIRS + (<usize>value << 1)))
}

/** Eight digits of `value`, below 10^8, as text, the first one lowest: split into fours, pairs and digits, all lanes at once. */
// @ts-ignore: decorator
@inline
function eightAsText(value: u32): u64 {
  const upper = value / 10_000
  const fours = <u64>upper | (<u64>(value - upper * 10_000) << 32)
  // 10486 / 2^20 and 103 / 2^10 are a little above 1/100 and 1/10: right for all below 10,000 and 100
  const hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f
  const pairs = hundreds | ((fours - hundreds * 100) << 16)
  const tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f
  return (tens | ((pairs - tens * 10) << 8)) | 0x3030_3030_3030_3030
}

/** Writes `count` digits of `value`, which has no more than that, leading zeros included, and returns their end. */
export function writeDigits(at: i32, value: u64, count: i32): i32 {
  const end = at + count
  let left = value
  let digits = count
  while (digits > 8) {
    const upper = left / 100_000_000
    store<u64>(at + digits - 8, eightAsText(<u32>(left - upper * 100_000_000)))
    left = upper
    digits -= 8
  }
  let text = eightAsText(<u32>left) >> <u64>((8 - digits) << 3)
  if (digits == 8) {
    store<u64>(at, text)
    return end
  }
  let p = at
  if ((digits & 4) != 0) {
    store<u32>(p, <u32>text)
    text >>= 32
    p += 4
  }
  if ((digits & 2) != 0) {
    store<u16>(p, <u16>text)
    text >>= 16
    p += 2
  }
  if ((digits & 1) != 0) store<u8>(p, <u8>text)
  return end
}

/** Writes `value` without leading zeros and returns the end. */
// @ts-ignore: decorator
@inline
export function writeUnsigned(at: i32, value: u64): i32 {
  return writeDigits(at, value, digitCount(value))
}
