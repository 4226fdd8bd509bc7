/** Which part of the trading day it is: what status records say, and what a source that is silent is judged by. */
import { dateAt } from './calendar.ts'
import type { TradingCalendar } from './calendar.ts'

export type MarketSessionState = 'pre' | 'open' | 'post' | 'overnight' | 'closed' | 'holiday' | 'continuous'

export interface MarketSession {
  state: MarketSessionState
  /** Since when it is so today, ms; Infinity for a market that never closes. */
  forMs: number
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const PRE_MINUTE = 240 // 04:00
const OPEN_MINUTE = 570 // 09:30
const CLOSE_MINUTE = 960 // 16:00
/** Late trading goes on for four hours: to 20:00, on a half day to 17:00. */
const POST_MINUTES = 240

/**
 * Part of New York's trading day at `clockMs`; `offsetMs` is New York's offset from UTC then. `continuous` where TA_SESSION is utc-day.
 * Weekends are closed, holidays are holidays, from midnight to midnight. A weekday: overnight, from 04:00 pre, from 09:30 open, from 16:00
 * (a half day's close) post, for four hours, then overnight.
 */
export function marketSession(clockMs: number, offsetMs: number, session: string, calendar: TradingCalendar): MarketSession {
  if (session === 'utc-day') return { state: 'continuous', forMs: Number.POSITIVE_INFINITY }
  const localMs = clockMs + offsetMs
  const dayMs = ((localMs % DAY_MS) + DAY_MS) % DAY_MS
  const weekday = new Date(localMs).getUTCDay()
  if (weekday === 0 || weekday === 6) return { state: 'closed', forMs: dayMs }
  const day = calendar.days.get(dateAt(localMs))
  if (day?.kind === 'holiday') return { state: 'holiday', forMs: dayMs }
  const closeMinute = day?.closeMinute ?? CLOSE_MINUTE
  const parts: readonly (readonly [MarketSessionState, number])[] = [
    ['overnight', closeMinute + POST_MINUTES], ['post', closeMinute], ['open', OPEN_MINUTE], ['pre', PRE_MINUTE], ['overnight', 0],
  ]
  const [state, fromMinute] = parts.find(([, from]) => dayMs >= from * MINUTE_MS) as (typeof parts)[number]
  return { state, forMs: dayMs - fromMinute * MINUTE_MS }
}
