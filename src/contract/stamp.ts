/**
 * Times as they stand in envelopes: RFC 3339 with 0 to 9 fraction digits and `Z` or an offset, or an epoch number in
 * seconds, ms, µs or ns, told apart by size.
 */

const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** At and above these an epoch number is in ms, µs, ns; below the first in seconds. */
export const EPOCH_MS_FROM = 1e11
export const EPOCH_US_FROM = 1e14
export const EPOCH_NS_FROM = 1e17

/** How many of an epoch number's units make a second. */
export function unitsPerSecond(epoch: number): number {
  const size = Math.abs(epoch)
  return size >= EPOCH_NS_FROM ? 1e9 : size >= EPOCH_US_FROM ? 1e6 : size >= EPOCH_MS_FROM ? 1e3 : 1
}

/** Nanoseconds since the epoch of an RFC 3339 stamp, or undefined when it is none. */
export function stampNs(text: string): bigint | undefined {
  const match = RFC_3339.exec(text)
  if (match === null) return undefined
  const seconds = secondsOf(match)
  if (Number.isNaN(seconds)) return undefined
  return BigInt(seconds) * 1_000_000_000n + BigInt((match[7] ?? '').padEnd(9, '0'))
}

/** Milliseconds since the epoch (with a fraction) of a stamp or epoch number; NaN when it is neither. Not for results. */
export function stampMs(value: unknown): number {
  if (typeof value === 'number') return (value / unitsPerSecond(value)) * 1e3
  if (typeof value !== 'string') return Number.NaN
  const match = RFC_3339.exec(value)
  if (match === null) return Number.NaN
  return secondsOf(match) * 1e3 + Number((match[7] ?? '').padEnd(9, '0')) / 1e6
}

function secondsOf(match: RegExpExecArray): number {
  const [, year, month, day, hour, minute, second, , sign, offsetHours, offsetMinutes] = match
  const offset = sign === undefined ? 0 : (sign === '-' ? -1 : 1) * (Number(offsetHours) * 3600 + Number(offsetMinutes) * 60)
  if (Number(month) < 1 || Number(month) > 12 || Number(day) < 1 || Number(day) > 31) return Number.NaN
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return Number.NaN
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second))
  return ms / 1e3 - offset
}
