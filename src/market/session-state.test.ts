import { describe, expect, it } from 'vitest'
import { offsetMsAt } from '../bundle/zone.ts'
import { readCalendar } from './calendar.ts'
import { marketSession } from './session-state.ts'

const calendar = readCalendar()
const MINUTE_MS = 60_000

/** At a time of New York's clock, given with its offset, so that the zone table is on trial, too. */
function at(stamp: string, session = 'us-equity'): { state: string; forMinutes: number } {
  const clockMs = Date.parse(stamp)
  const { state, forMs } = marketSession(clockMs, offsetMsAt(clockMs), session, calendar)
  return { state, forMinutes: forMs / MINUTE_MS }
}

describe('marketSession', () => {
  it.each<[string, string, string, number]>([
    ['a weekday begins at night', '2025-12-03T00:00:00-05:00', 'overnight', 0],
    ['before early trading', '2025-12-03T03:59:59.999-05:00', 'overnight', 240 - 1 / MINUTE_MS],
    ['early trading', '2025-12-03T04:00:00-05:00', 'pre', 0],
    ['its end', '2025-12-03T09:29:59.999-05:00', 'pre', 330 - 1 / MINUTE_MS],
    ['the open', '2025-12-03T09:30:00-05:00', 'open', 0],
    ['its last moment', '2025-12-03T15:59:59.999-05:00', 'open', 390 - 1 / MINUTE_MS],
    ['the close', '2025-12-03T16:00:00-05:00', 'post', 0],
    ['late trading', '2025-12-03T19:59:00-05:00', 'post', 239],
    ['its end', '2025-12-03T20:00:00-05:00', 'overnight', 0],
    ['a Saturday at noon', '2025-12-06T12:00:00-05:00', 'closed', 720],
    ['a Sunday evening', '2025-12-07T20:30:00-05:00', 'closed', 1230],
    ['Thanksgiving', '2025-11-27T10:00:00-05:00', 'holiday', 600],
    ['its last moment, in UTC the day after', '2025-11-27T23:59:00-05:00', 'holiday', 1439],
    ['the day after it, a half day', '2025-11-28T12:59:59-05:00', 'open', 210 - 1 / 60],
    ["a half day's close", '2025-11-28T13:00:00-05:00', 'post', 0],
    ["a half day's late trading", '2025-11-28T16:59:00-05:00', 'post', 239],
    ['its end', '2025-11-28T17:00:00-05:00', 'overnight', 0],
    ['a day of mourning', '2025-01-09T10:00:00-05:00', 'holiday', 600],
    ['the Friday that keeps a Saturday', '2026-07-03T10:00:00-04:00', 'holiday', 600],
    ['past the calendar: by the weekday alone', '2031-12-25T10:00:00-05:00', 'open', 30],
  ])('%s: %s is %s', (_name, stamp, state, forMinutes) => {
    expect(at(stamp)).toEqual({ state, forMinutes: expect.closeTo(forMinutes, 6) })
    expect(at(stamp, 'us-equity-extended')).toEqual(at(stamp))
    expect(at(stamp, 'utc-day')).toEqual({ state: 'continuous', forMinutes: Number.POSITIVE_INFINITY })
  })

  it('opens at 09:30 of the clock in New York on the weekdays before and after each change of it', () => {
    for (let year = 2018; year <= 2030; year++) {
      for (const [month, before, after] of [[2, '-05:00', '-04:00'], [10, '-04:00', '-05:00']] as const) {
        const sunday = changeOf(year, month)
        for (const [days, offset] of [[-2, before], [1, after]] as const) {
          const date = new Date(sunday + days * 86_400_000).toISOString().slice(0, 10)
          expect([date, at(`${date}T09:29:59${offset}`).state, at(`${date}T09:30:00${offset}`).state]).toEqual([date, 'pre', 'open'])
        }
      }
    }
  })
})

/** Midnight UTC of the Sunday on which New York's clock changes: the second of March, the first of November. */
function changeOf(year: number, month: 2 | 10): number {
  const first = Date.UTC(year, month, 1)
  const daysToSunday = (7 - new Date(first).getUTCDay()) % 7
  return first + (daysToSunday + (month === 2 ? 7 : 0)) * 86_400_000
}
