/**
 * 64-bit hash of a quote's content, for feeds whose envelopes have no `seq`. Two quotes of one symbol and one event time
 * are repeats of each other when it is the same: with 1,000 different quotes on one stamp, one pair in 4·10^13 meets by chance.
 * Rounds and finish are xxHash64's.
 */
const PRIME_1: u64 = 0x9e37_79b1_85eb_ca87
const PRIME_2: u64 = 0xc2b2_ae3d_27d4_eb4f
const PRIME_3: u64 = 0x1656_67b1_9e37_79f9

/** Where a hash begins. */
export const HASH_SEED: u64 = 0x27d4_eb2f_1656_67c5

// @ts-ignore: decorator
@inline
export function hashWord(hash: u64, word: u64): u64 {
  return rotl<u64>(hash ^ (rotl<u64>(word * PRIME_2, 31) * PRIME_1), 27) * PRIME_1 + PRIME_3
}

/** Length and bytes; length −1 stands for "absent", which is not the same as empty. */
export function hashText(hash: u64, at: i32, length: i32): u64 {
  let result = hashWord(hash, <u64>length)
  let p = at
  let left = length
  for (; left >= 8; left -= 8, p += 8) result = hashWord(result, load<u64>(p))
  return left > 0 ? hashWord(result, load<u64>(p) & ((<u64>1 << (<u64>left << 3)) - 1)) : result
}

export function hashEnd(hash: u64): u64 {
  let result = (hash ^ (hash >> 33)) * PRIME_2
  result = (result ^ (result >> 29)) * PRIME_3
  return result ^ (result >> 32)
}
