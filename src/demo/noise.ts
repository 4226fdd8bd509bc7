/** Randomness as a function of what it is for: the same seed and keys give the same numbers, in any order, on any machine. */

/** Uniform numbers in [0, 1) from a stream that its keys name (mulberry32 over mixed keys). */
export function randomOf(...keys: number[]): () => number {
  let state = 0x9e3779b9
  for (const key of keys) state = mix(state ^ mix(key | 0) ^ mix(Math.floor(key / 0x1_0000_0000) + 0x7f4a7c15))
  return () => {
    state = (state + 0x6d2b79f5) | 0
    return (mix32(state) >>> 0) / 0x1_0000_0000
  }
}

/** A smooth curve in about [−1, 1] over `at`, with a new random value at each whole number: value noise. */
export function curveOf(at: number, ...keys: number[]): number {
  const cell = Math.floor(at)
  const share = at - cell
  const eased = share * share * (3 - 2 * share)
  const left = randomOf(...keys, cell)() * 2 - 1
  const right = randomOf(...keys, cell + 1)() * 2 - 1
  return left + (right - left) * eased
}

/** A whole number with this mean, Poisson (Knuth's product; for means below some tens). */
export function poisson(mean: number, random: () => number): number {
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count++
  return count
}

function mix(value: number): number {
  let mixed = value | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function mix32(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 15), value | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return mixed ^ (mixed >>> 14)
}
