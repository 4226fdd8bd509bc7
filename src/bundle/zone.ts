/**
 * New York's clock as data: UTC seconds from which an offset holds. Part of the bundle, so that a replay years later, or
 * on a machine with other zone data, gives the same sessions.
 */

const FIRST_YEAR = 1970
const LAST_YEAR = 2100

/** Pairs [UTC second, offset from UTC in seconds], ascending; the first one holds for all times before the second. */
export function zoneTable(zone = 'America/New_York'): readonly (readonly [number, number])[] {
  const known = tables.get(zone) ?? computeTable(zone)
  tables.set(zone, known)
  return known
}

/** Offset from UTC at a time, both in ms. */
export function offsetMsAt(clockMs: number, table = zoneTable()): number {
  return (table.findLast(([second]) => second * 1000 <= clockMs) ?? table[0])[1] * 1000
}

/** Computing one takes some 20 ms. */
const tables = new Map<string, [number, number][]>()

function computeTable(zone: string): [number, number][] {
  const offsetAt = offsetReader(zone)
  const table: [number, number][] = []
  let before = Date.UTC(FIRST_YEAR, 0, 1) / 1000
  table.push([before, offsetAt(before)])
  for (let month = 1; month <= (LAST_YEAR - FIRST_YEAR) * 12; month++) {
    const next = Date.UTC(FIRST_YEAR, month, 1) / 1000
    if (offsetAt(next) !== offsetAt(before)) table.push([changeBetween(before, next, offsetAt), offsetAt(next)])
    before = next
  }
  return table
}

/** First second of the half-open month (low, high] at which the later offset holds: at most one change a month. */
function changeBetween(low: number, high: number, offsetAt: (second: number) => number): number {
  const later = offsetAt(high)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (offsetAt(middle) === later) high = middle
    else low = middle
  }
  return high
}

/** The offset itself as text (GMT-05:00; GMT alone where there is none): seven times cheaper to read than the fields of the local time. */
const OFFSET = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/

function offsetReader(zone: string): (second: number) => number {
  const format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset', hour: 'numeric' })
  return (second) => {
    const [, sign, hours, minutes, seconds = '0'] = OFFSET.exec(format.format(second * 1000)) as RegExpExecArray
    if (sign === undefined) return 0
    return (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds))
  }
}
