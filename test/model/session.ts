/** Which session a second belongs to: session VWAPs start anew when the name changes. */

import type { Session } from './settings.ts'

const NEW_YORK = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'America/New_York',
  hourCycle: 'h23',
  year: 'numeric',
  month: '2-digit',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
})

const PRE_MARKET_MINUTE = 4 * 60
const OPEN_MINUTE = 9 * 60 + 30

/** Name of the session that holds an epoch second; resets are at 04:00 and 09:30 New York, 04:00 alone, or midnight UTC. */
export function sessionOf(session: Session, second: number): string {
  if (session === 'utc-day') return String(Math.floor(second / 86_400))
  const parts = Object.fromEntries(NEW_YORK.formatToParts(second * 1000).map((part) => [part.type, Number(part.value)]))
  const minute = parts.hour * 60 + parts.minute
  // before 04:00 the evening's session goes on
  const early = minute < PRE_MARKET_MINUTE
  const day = Date.UTC(parts.year, parts.month - 1, parts.day) / 86_400_000 - (early ? 1 : 0)
  if (session === 'us-equity-extended') return String(day)
  return `${day} ${early || minute >= OPEN_MINUTE ? 'open' : 'pre'}`
}
