/** Event times as exact nanoseconds since the Unix epoch (BigInt), and back to text. */

export const NS_PER_MS = 1_000_000n
export const NS_PER_SECOND = 1_000_000_000n

/** Whole years within a signed 64-bit count of nanoseconds: [1678, 2262). */
const TIME_NS_FROM = BigInt(Date.parse('1678-01-01T00:00:00Z')) * NS_PER_MS
const TIME_NS_TO = BigInt(Date.parse('2262-01-01T00:00:00Z')) * NS_PER_MS

const RFC3339 = /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d{2}):(\d{2}))$/
const JSON_NUMBER = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/

/** RFC 3339 stamp with 0 to 9 fraction digits → ns, or null when it is none or lies outside of the years 1678–2261. */
export function parseRfc3339(text: string): bigint | null {
  const found = RFC3339.exec(text)
  if (found === null) return null
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number)
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return null
  const ms = Date.UTC(year, month - 1, day, hour, minute, second)
  // Date.UTC carries the 31st of June over to July, and takes years below 100 for the 20th century's
  if (new Date(ms).getUTCDate() !== day || year < 100) return null
  const offsetHours = Number(found[9] ?? 0)
  const offsetMinutes = Number(found[10] ?? 0)
  if (offsetHours > 23 || offsetMinutes > 59) return null
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000 * (found[8] === '-' ? -1 : 1)
  return inRange(BigInt(ms - offsetMs) * NS_PER_MS + BigInt((found[7] ?? '').padEnd(9, '0')))
}

/** Epoch s, ms, µs or ns as JSON source text, told apart by size at 1e11, 1e14 and 1e17 → ns; digits below 1 ns are cut. */
export function parseEpoch(source: string): bigint | null {
  const found = JSON_NUMBER.exec(source)
  if (found === null) return null
  const fraction = found[3] ?? ''
  const digits = BigInt(found[2] + fraction)
  if (digits === 0n) return 0n
  const exponent = Number(found[4] ?? 0) - fraction.length
  if (found[1] === '-' || Math.abs(exponent) > 1_000) return null
  const timesTen = (power: number): bigint => (power >= 0 ? digits * 10n ** BigInt(power) : digits / 10n ** BigInt(-power))
  const whole = timesTen(exponent)
  const unit = whole < 10n ** 11n ? 9 : whole < 10n ** 14n ? 6 : whole < 10n ** 17n ? 3 : 0
  return inRange(timesTen(exponent + unit))
}

function inRange(timeNs: bigint): bigint | null {
  return timeNs >= TIME_NS_FROM && timeNs < TIME_NS_TO ? timeNs : null
}

/** Second of the grid that holds a time; right for times before 1970, too (a watermark of the first stamps). */
export function secondOf(timeNs: bigint): number {
  const second = timeNs / NS_PER_SECOND
  return Number(timeNs < 0n && timeNs % NS_PER_SECOND !== 0n ? second - 1n : second)
}

/** Clock in ms, maybe with a fraction → ns. */
export function clockNs(clockMs: number): bigint {
  const whole = Math.floor(clockMs)
  return BigInt(whole) * NS_PER_MS + BigInt(Math.floor((clockMs - whole) * 1e6))
}

/** Epoch second → RFC 3339 UTC without a fraction. */
export function secondText(second: number): string {
  return `${new Date(second * 1000).toISOString().slice(0, -5)}Z`
}

/** ns → RFC 3339 UTC with as many fraction digits as needed, or exactly `digits`. */
export function rfc3339(timeNs: bigint, digits?: number): string {
  const fraction = (timeNs % NS_PER_SECOND).toString().padStart(9, '0')
  const kept = digits === undefined ? fraction.replace(/0+$/, '') : fraction.slice(0, digits)
  const whole = secondText(Number(timeNs / NS_PER_SECOND)).slice(0, -1)
  return kept === '' ? `${whole}Z` : `${whole}.${kept}Z`
}
