/**
 * xxHash64 for lookups, input hashes and digests; SHA-256 for dedupe keys that are too long to keep.
 * Sources: the XXH64 specification (Cyan4973/xxHash, doc/xxhash_spec.md); FIPS 180-4.
 */
import { SCRATCH_BASE } from './layout'

const P1: u64 = 0x9E3779B185EBCA87
const P2: u64 = 0xC2B2AE3D27D4EB4F
const P3: u64 = 0x165667B19E3779F9
const P4: u64 = 0x85EBCA77C2B2AE63
const P5: u64 = 0x27D4EB2F165667C5

@inline function round(accumulator: u64, input: u64): u64 { return rotl(accumulator + input * P2, 31) * P1 }
@inline function merge(hash: u64, accumulator: u64): u64 { return (hash ^ round(0, accumulator)) * P1 + P4 }

/** XXH64 of `length` bytes at `ptr`. */
export function xxh64(ptr: usize, length: i32, seed: u64): u64 {
  const end = ptr + <usize>length
  let at = ptr
  let hash: u64
  if (length >= 32) {
    let v1 = seed + P1 + P2
    let v2 = seed + P2
    let v3 = seed
    let v4 = seed - P1
    const limit = end - 32
    do {
      v1 = round(v1, load<u64>(at))
      v2 = round(v2, load<u64>(at, 8))
      v3 = round(v3, load<u64>(at, 16))
      v4 = round(v4, load<u64>(at, 24))
      at += 32
    } while (at <= limit)
    hash = rotl(v1, 1) + rotl(v2, 7) + rotl(v3, 12) + rotl(v4, 18)
    hash = merge(merge(merge(merge(hash, v1), v2), v3), v4)
  } else {
    hash = seed + P5
  }
  hash += <u64>length
  while (at + 8 <= end) {
    hash = rotl(hash ^ round(0, load<u64>(at)), 27) * P1 + P4
    at += 8
  }
  if (at + 4 <= end) {
    hash = rotl(hash ^ (<u64>load<u32>(at) * P1), 23) * P2 + P3
    at += 4
  }
  while (at < end) {
    hash = rotl(hash ^ (<u64>load<u8>(at) * P5), 11) * P1
    at++
  }
  return avalanche(hash)
}

@inline export function avalanche(value: u64): u64 {
  let hash = value
  hash = (hash ^ (hash >> 33)) * P2
  hash = (hash ^ (hash >> 29)) * P3
  return hash ^ (hash >> 32)
}

/** Folds one more 64-bit value into a running digest. */
@inline export function fold(digest: u64, value: u64): u64 { return avalanche(rotl(digest ^ round(0, value), 27) * P1 + P4) }

const K = memory.data<u32>([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
])
const H = memory.data<u32>([0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19])

/** SHA-256 of two pieces, one after the other, to 32 bytes at `out`. Uses the scratch area. */
export function sha256(first: usize, firstLength: i32, second: usize, secondLength: i32, out: usize): void {
  const w: usize = SCRATCH_BASE
  const block: usize = SCRATCH_BASE + 256
  const state: usize = SCRATCH_BASE + 320
  memory.copy(state, H, 32)
  const total = firstLength + secondLength
  let filled = 0
  for (let i = 0; i < total; i++) {
    store<u8>(block + <usize>filled, i < firstLength ? load<u8>(first + <usize>i) : load<u8>(second + <usize>(i - firstLength)))
    if (++filled == 64) {
      compress(w, block, state)
      filled = 0
    }
  }
  store<u8>(block + <usize>filled, 0x80)
  memory.fill(block + <usize>filled + 1, 0, 63 - filled)
  if (filled >= 56) {
    compress(w, block, state)
    memory.fill(block, 0, 64)
  }
  store<u64>(block + 56, bswap<u64>(<u64>total << 3))
  compress(w, block, state)
  for (let i: usize = 0; i < 32; i += 4) store<u32>(out + i, bswap<u32>(load<u32>(state + i)))
}

function compress(w: usize, block: usize, state: usize): void {
  for (let i: usize = 0; i < 64; i += 4) store<u32>(w + i, bswap<u32>(load<u32>(block + i)))
  for (let i: usize = 64; i < 256; i += 4) {
    const a = load<u32>(w + i - 60)
    const b = load<u32>(w + i - 8)
    const s0 = rotr(a, 7) ^ rotr(a, 18) ^ (a >> 3)
    const s1 = rotr(b, 17) ^ rotr(b, 19) ^ (b >> 10)
    store<u32>(w + i, load<u32>(w + i - 64) + s0 + load<u32>(w + i - 28) + s1)
  }
  let a = load<u32>(state), b = load<u32>(state, 4), c = load<u32>(state, 8), d = load<u32>(state, 12)
  let e = load<u32>(state, 16), f = load<u32>(state, 20), g = load<u32>(state, 24), h = load<u32>(state, 28)
  for (let i: usize = 0; i < 256; i += 4) {
    const t1 = h + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & f) ^ (~e & g)) + load<u32>(K + i) + load<u32>(w + i)
    const t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))
    h = g; g = f; f = e; e = d + t1; d = c; c = b; b = a; a = t1 + t2
  }
  store<u32>(state, load<u32>(state) + a)
  store<u32>(state, load<u32>(state, 4) + b, 4)
  store<u32>(state, load<u32>(state, 8) + c, 8)
  store<u32>(state, load<u32>(state, 12) + d, 12)
  store<u32>(state, load<u32>(state, 16) + e, 16)
  store<u32>(state, load<u32>(state, 20) + f, 20)
  store<u32>(state, load<u32>(state, 24) + g, 24)
  store<u32>(state, load<u32>(state, 28) + h, 28)
}
