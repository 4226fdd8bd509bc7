/**
 * The trading calendar: which days are holidays or end early. Data: calendar.json, or a user's file in its place (TA_CALENDAR).
 * It says what part of the day it is (session-state.ts) and decides no result: sessions begin on every calendar day.
 */
import { objectOf, parseObject, readMarketFile, WrongMarketFile } from './market-file.ts'

/** A day that is no full trading day. */
export interface CalendarDay {
  /** YYYY-MM-DD, in New York. */
  date: string
  kind: 'holiday' | 'half_day'
  /** Minutes after midnight at which a half day's regular session ends; null on a holiday. */
  closeMinute: number | null
  name: string
  /** Published by the exchange, or computed by its rules. */
  basis: 'published' | 'computed'
}

export interface TradingCalendar {
  /** First and last date that it knows, YYYY-MM-DD. */
  from: string
  to: string
  /** By date: those that are no full trading days. */
  days: ReadonlyMap<string, CalendarDay>
}

/** What a person should know of a calendar that ends; `over` once it has. */
export interface CalendarWarning {
  text: string
  over: boolean
}

const OWN = new URL('./calendar.json', import.meta.url)
const RIGHT = 'give a calendar like src/market/calendar.json'
const KEYS = ['about?', 'sources?', 'from', 'to', 'days']
const DAY_KEYS = ['date', 'kind', 'close?', 'name', 'basis']
const DAY_MS = 86_400_000
/** Begins early enough for a release, or a file of one's own. */
const WARN_DAYS = 90
/** Regular session, minutes after midnight: a half day ends between. */
const OPEN_MINUTE = 570
const CLOSE_MINUTE = 960

/** The calendar at `path`, or the product's own where it is empty. Throws WrongMarketFile (78). */
export function readCalendar(path = ''): TradingCalendar {
  if (path !== '') return parseCalendar(readMarketFile(path, OWN))
  own ??= parseCalendar(readMarketFile(path, OWN))
  return own
}

/** The program's own calendar, once it was read. */
let own: TradingCalendar | undefined

/** Checks and reads a calendar. Throws WrongMarketFile that names the first thing that is wrong. */
export function parseCalendar(text: string): TradingCalendar {
  const { from, to, days: entries } = parseObject(text, KEYS, RIGHT)
  if (!isDate(from) || !isDate(to) || from > to) throw new WrongMarketFile('has no dates "from" and "to", YYYY-MM-DD, in this order', RIGHT)
  if (!Array.isArray(entries)) throw new WrongMarketFile('has no list "days"', RIGHT)
  const days = new Map<string, CalendarDay>()
  let before = ''
  for (const [i, entry] of entries.entries()) {
    const day = dayOf(objectOf(entry, `day ${i + 1}`, DAY_KEYS, RIGHT), i + 1)
    const wrong = (problem: string): WrongMarketFile => new WrongMarketFile(`has day ${i + 1} (${day.date}), which ${problem}`, RIGHT)
    if (day.date < from || day.date > to) throw wrong(`is not between ${from} and ${to}`)
    if (day.date <= before) throw wrong(`comes after ${before}: days stand in order, each once`)
    if ([0, 6].includes(new Date(day.date).getUTCDay())) throw wrong('is on a weekend, when the market is closed anyway')
    days.set(day.date, day)
    before = day.date
  }
  return { from, to, days }
}

function dayOf(entry: Record<string, unknown>, number: number): CalendarDay {
  const { date, kind, close, name, basis } = entry
  if (!isDate(date)) throw new WrongMarketFile(`has day ${number}, which has no date YYYY-MM-DD`, RIGHT)
  const wrong = (problem: string): WrongMarketFile => new WrongMarketFile(`has day ${number} (${date}), which ${problem}`, RIGHT)
  if (kind !== 'holiday' && kind !== 'half_day') throw wrong('is neither of kind "holiday" nor "half_day"')
  if (typeof name !== 'string' || name === '') throw wrong('has no name')
  if (basis !== 'published' && basis !== 'computed') throw wrong('has neither "published" nor "computed" for its basis')
  if (kind === 'holiday') {
    if (close !== undefined) throw wrong('is a holiday with a close')
    return { date, kind, closeMinute: null, name, basis }
  }
  const [, hour, minute] = typeof close === 'string' ? (/^(\d\d):([0-5]\d)$/.exec(close) ?? []) : []
  const closeMinute = Number(hour) * 60 + Number(minute)
  if (!(closeMinute > OPEN_MINUTE && closeMinute < CLOSE_MINUTE)) throw wrong('is a half day without a close between 09:30 and 16:00, such as "13:00"')
  return { date, kind, closeMinute, name, basis }
}

function isDate(value: unknown): value is string {
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) && dateAt(Date.parse(value)) === value
}

/** YYYY-MM-DD of a local time, ms; empty where it is none. */
export function dateAt(localMs: number): string {
  return Number.isNaN(localMs) ? '' : new Date(localMs).toISOString().slice(0, 10)
}

/** That the calendar ends soon, or does not know `date` (YYYY-MM-DD); null while all is well. */
export function calendarWarning(calendar: TradingCalendar, date: string): CalendarWarning | null {
  const remedy = 'set TA_CALENDAR to a newer one, or take a newer release'
  const unknown = 'so holidays and half days are taken for full days'
  if (date < calendar.from) return { text: `the trading calendar begins on ${calendar.from} only, ${unknown}: ${remedy}`, over: true }
  if (date > calendar.to) return { text: `the trading calendar ended on ${calendar.to}, ${unknown}: ${remedy}`, over: true }
  const daysLeft = Math.round((Date.parse(calendar.to) - Date.parse(date)) / DAY_MS)
  if (daysLeft > WARN_DAYS) return null
  return { text: `the trading calendar ends on ${calendar.to}, in ${daysLeft} days: ${remedy}`, over: false }
}
