/**
 * What New York's market is doing by the clock, and whether the calendar that says so is about to end.
 *
 * In:  settings, the clock's ms. Out: session state, a warning for status, and one in the log once a day. Imports: market, bundle (zone).
 */
import { offsetMsAt } from '../bundle/zone.ts'
import type { Logger } from '../logging/logger.ts'
import { calendarWarning, dateAt, readCalendar } from '../market/calendar.ts'
import type { CalendarWarning, TradingCalendar } from '../market/calendar.ts'
import { marketSession } from '../market/session-state.ts'
import type { Settings } from '../settings/settings.ts'

export class MarketWatch {
  readonly #session: Settings['session']
  readonly #calendar: TradingCalendar
  readonly #logger: Logger
  /** New York's date of the last look. */
  #date = ''

  constructor({ session, calendar }: Pick<Settings, 'session' | 'calendar'>, logger: Logger) {
    this.#session = session
    this.#calendar = readCalendar(calendar)
    this.#logger = logger
  }

  session(clockMs: number): ReturnType<typeof marketSession> {
    return marketSession(clockMs, offsetMsAt(clockMs), this.#session, this.#calendar)
  }

  /** Null where nothing is the matter; a market that never closes needs no calendar. */
  warning(clockMs: number): CalendarWarning | null {
    return this.#session === 'utc-day' ? null : calendarWarning(this.#calendar, dateAt(clockMs + offsetMsAt(clockMs)))
  }

  /** Once a day: says that the calendar ends soon, or has. */
  look(clockMs: number): void {
    const date = dateAt(clockMs + offsetMsAt(clockMs))
    if (date === this.#date) return
    this.#date = date
    const warning = this.warning(clockMs)
    if (warning !== null) this.#logger.warn({}, warning.text)
  }
}
