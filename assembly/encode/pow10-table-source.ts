/**
 * Writes pow10-table.ts beside it: `node assembly/encode/pow10-table-source.ts`. A test asserts that the two agree.
 * Exact integer arithmetic, so the table is the same wherever it is made.
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Reading needs 10^-342 (19 digits before the smallest subnormal) to 10^308, writing 10^-292 to 10^324. */
export const POW10_MIN = -342
export const POW10_MAX = 324

/** The 128 leading bits of 10^exponent, the rest cut off. The highest bit is set. */
export function pow10Bits(exponent: number): bigint {
  const power = 10n ** BigInt(Math.abs(exponent))
  const bits = BigInt(power.toString(2).length)
  if (exponent < 0) return (1n << (bits + 127n)) / power
  return bits > 128n ? power >> (bits - 128n) : power << (128n - bits)
}

const hex = (value: bigint): string => `0x${value.toString(16).padStart(16, '0')}`

/** The text of pow10-table.ts. */
export function pow10TableSource(): string {
  const pairs: string[] = []
  for (let exponent = POW10_MIN; exponent <= POW10_MAX; exponent++) {
    const bits = pow10Bits(exponent)
    pairs.push(`${hex(bits >> 64n)}, ${hex(bits & 0xffff_ffff_ffff_ffffn)},`)
  }
  const rows: string[] = []
  for (let at = 0; at < pairs.length; at += 3) rows.push(`  ${pairs.slice(at, at + 3).join(' ')}`)
  return `// Made by pow10-table-source.ts: change it there.

/** Powers of ten from 10^POW10_MIN on: 128 leading bits each, cut off; high word first. ${pairs.length * 16} bytes. */
export const POW10_MIN: i32 = ${POW10_MIN}
export const POW10_MAX: i32 = ${POW10_MAX}
export const POW10_BITS: usize = memory.data<u64>([
${rows.join('\n')}
])
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL('./pow10-table.ts', import.meta.url), pow10TableSource())
}
