/** Doubles and decimal texts of many shapes, seeded, for the tests of reading and writing numbers. */
import { seeded } from './decode-kernel.ts'

const view = new DataView(new ArrayBuffer(8))
const fromBits = (bits: bigint): number => {
  view.setBigUint64(0, BigInt.asUintN(64, bits))
  return view.getFloat64(0)
}
const toBits = (value: number): bigint => {
  view.setFloat64(0, value)
  return view.getBigUint64(0)
}

export const EDGE_DOUBLES: readonly number[] = [
  0, -0, 1, -1, 0.1, 0.5, 41.37, 9007199254740991, 9007199254740992, 9007199254740993, 1e15, 1e16, 1e17, 1e20, 1e21, 123e20,
  1e22, 1e23, 5e-324,
  2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308, 9.5e-7, 1e-6, 1e-7, 0.000001234, 4.35, 0.3, 2 / 3,
  9007199254740990.5, 4503599627370497.5, 2 ** 63, 2 ** 64, 1e-5, 123456789.12, 999999999999999.9, 0.01, 0.0001, 9.109e-31,
  NaN, Infinity, -Infinity,
]

/** `count` doubles: random bits, prices, neighbours of powers of two and ten, subnormals, sums and quotients of prices. */
export function* doubles(count: number, seed: number): Generator<number> {
  const random = seeded(seed)
  const bits = (): bigint => (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))
  const shapes: (() => number)[] = [
    () => fromBits(bits()),
    () => random.below(10_000_000) / 100,
    () => random.below(2_000_000_000) / 10_000,
    () => random.below(2 ** 32) / 10 ** random.below(10),
    () => fromBits(toBits(2 ** (random.below(2098) - 1074)) + BigInt(random.below(5) - 2)),
    () => fromBits(toBits(Number(`1e${random.below(632) - 323}`)) + BigInt(random.below(5) - 2)),
    () => fromBits(bits() & 0x000f_ffff_ffff_ffffn),
    () => (random.below(1_000_000) / 100) * random.real(),
    () => (random.below(100_000) / 100 + random.below(100_000) / 100) / (1 + random.below(50)),
    () => random.below(2 ** 30) * 2 ** random.below(70),
    () => Number(`${random.below(10_000)}e${random.below(40) - 20}`),
  ]
  for (let n = 0; n < count; n++) yield (random.below(4) === 0 ? -1 : 1) * shapes[n % shapes.length]()
}

/** Exact decimal text of the middle between a positive double and the next one, with `change` added to its last digit. */
export function middleText(value: number, change: -1 | 0 | 1): string {
  const bits = toBits(value)
  const biased = Number(bits >> 52n)
  const mantissa = (bits & 0xf_ffff_ffff_ffffn) | (biased > 0 ? 1n << 52n : 0n)
  const exponent = Math.max(biased, 1) - 1076
  const odd = mantissa * 2n + 1n
  if (exponent >= 0) return String((odd << BigInt(exponent)) + BigInt(change))
  // odd / 2^−e = odd · 5^−e / 10^−e
  const places = -exponent
  const digits = String(odd * 5n ** BigInt(places) * (change === 0 ? 1n : 10n) + BigInt(change))
  const all = change === 0 ? places : places + 1
  const padded = digits.padStart(all + 1, '0')
  return `${padded.slice(0, -all)}.${padded.slice(-all)}`
}

/** `count` JSON number tokens, not only shortest ones: long, halfway, with exponents, zeros, and out of range. */
export function* numberTexts(count: number, seed: number): Generator<string> {
  const random = seeded(seed)
  const digits = (n: number): string => Array.from({ length: n }, () => random.below(10)).join('')
  const whole = (n: number): string => (n <= 1 ? digits(1) : `${1 + random.below(9)}${digits(n - 1)}`)
  const values = doubles(count, seed + 1)
  const shapes: ((value: number) => string)[] = [
    (value) => JSON.stringify(value),
    (value) => value.toExponential(random.below(21)),
    (value) => (Math.abs(value) < 1e21 ? value.toFixed(random.below(20)) : String(value)),
    (value) => middleText(Math.abs(value), random.pick([-1, 0, 1])),
    () => `${whole(1 + random.below(25))}.${digits(1 + random.below(25))}`,
    () => `${whole(1 + random.below(40))}e${random.below(700) - 350}`,
    () => `0.${'0'.repeat(random.below(330))}${digits(1 + random.below(30))}`,
    () => `${whole(1 + random.below(20))}.${digits(1 + random.below(800))}E${random.pick(['+', '-', ''])}${random.below(400)}`,
    () => `-${whole(1 + random.below(330))}`,
    () => `${whole(1)}.${digits(random.below(16) + 1)}e${random.below(20) - 330}`,
    () => `17976931348623${digits(10)}e${285 + random.below(4)}`,
  ]
  for (let n = 0; n < count; n++) {
    const value = values.next().value as number
    yield shapes[n % shapes.length](Number.isFinite(value) ? value : 1.5)
  }
}
