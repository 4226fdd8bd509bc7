import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { calendarWarning, parseCalendar, readCalendar } from './calendar.ts'
import { WrongMarketFile } from './market-file.ts'

const DAY_MS = 86_400_000
const FIRST_YEAR = 2018
const LAST_YEAR = 2030
const MONDAY = 1
const THURSDAY = 4
const FRIDAY = 5
const SATURDAY = 6
const SUNDAY = 0

const dateOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
const weekdayOf = (date: string): number => new Date(date).getUTCDay()
const shifted = (date: string, days: number): string => dateOf(Date.parse(date) + days * DAY_MS)

/** The nth such weekday of a month (1 to 12); the last one where n is −1. */
function nth(year: number, month: number, weekday: number, n: number): string {
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate()
  const dates = Array.from({ length: days }, (_, i) => dateOf(Date.UTC(year, month - 1, i + 1))).filter((date) => weekdayOf(date) === weekday)
  return dates.at(n < 0 ? n : n - 1)!
}

/** Easter Sunday, by Butcher's rule for the Gregorian calendar. */
function easter(year: number): string {
  const [a, b, c] = [year % 19, Math.floor(year / 100), year % 100]
  const d = b - Math.floor(b / 4)
  const e = (19 * a + d - Math.floor((b - Math.floor((b + 8) / 25) + 1) / 3) + 15) % 30
  const f = (32 + 2 * (b % 4) + 2 * Math.floor(c / 4) - e - (c % 4)) % 7
  const g = e + f - 7 * Math.floor((a + 11 * e + 22 * f) / 451) + 114
  return dateOf(Date.UTC(year, Math.floor(g / 31) - 1, (g % 31) + 1))
}

/** A fixed date as it is kept: on Friday for Saturday, on Monday for Sunday. */
function kept(date: string): string {
  return shifted(date, weekdayOf(date) === SATURDAY ? -1 : weekdayOf(date) === SUNDAY ? 1 : 0)
}

/** NYSE's rules (7.2, and its yearly notices). */
function byRule(year: number): Map<string, 'holiday' | '13:00'> {
  const newYear = `${year}-01-01`
  const thanksgiving = nth(year, 11, THURSDAY, 4)
  const holidays = [
    // a Saturday's New Year would be kept in the old year, whose books have to be closed: it is not kept
    ...(weekdayOf(newYear) === SATURDAY ? [] : [kept(newYear)]),
    nth(year, 1, MONDAY, 3), nth(year, 2, MONDAY, 3), shifted(easter(year), -2), nth(year, 5, MONDAY, -1),
    ...(year >= 2022 ? [kept(`${year}-06-19`)] : []),
    kept(`${year}-07-04`), nth(year, 9, MONDAY, 1), thanksgiving, kept(`${year}-12-25`),
  ]
  const days = new Map<string, 'holiday' | '13:00'>(holidays.map((date) => [date, 'holiday']))
  for (const date of [`${year}-07-03`, `${year}-12-24`]) {
    // only on the eve of the day itself, and on a day that is otherwise a trading day
    const isWeekday = ![SATURDAY, SUNDAY].includes(weekdayOf(date))
    const isEve = ![SATURDAY, SUNDAY].includes(weekdayOf(shifted(date, 1)))
    if (isWeekday && isEve && !days.has(date)) days.set(date, '13:00')
  }
  expect(weekdayOf(shifted(thanksgiving, 1))).toBe(FRIDAY)
  days.set(shifted(thanksgiving, 1), '13:00')
  return days
}

const SPECIAL = new Map([['2018-12-05', 'George H. W. Bush'], ['2025-01-09', 'Jimmy Carter']])

describe("the product's own calendar", () => {
  const { days, from, to } = readCalendar()

  it('knows 2018 to 2030, all days by the rules and the two days of mourning', () => {
    expect([from, to]).toEqual(['2018-01-01', '2030-12-31'])
    const years = Array.from({ length: LAST_YEAR - FIRST_YEAR + 1 }, (_, i) => FIRST_YEAR + i)
    const due = new Map(years.flatMap((year) => [...byRule(year)]))
    for (const date of SPECIAL.keys()) due.set(date, 'holiday')
    const found = [...days.values()].map(({ date, kind, closeMinute }) => [date, kind === 'holiday' ? kind : `${closeMinute! / 60}:00`])
    expect(found).toEqual([...due].sort(([a], [b]) => (a < b ? -1 : 1)))
  })

  it('says of each day whether the exchange has published it', () => {
    for (const { date, basis } of days.values()) expect([date, basis]).toEqual([date, date < '2029' ? 'published' : 'computed'])
    for (const [date, name] of SPECIAL) expect(days.get(date)).toMatchObject({ basis: 'published', name: `National Day of Mourning for ${name}` })
  })

  it('has what the notices say of days that rules get wrong easily', () => {
    const kind = (date: string): string => days.get(date)?.kind ?? 'full'
    // New Year on a Saturday; Independence Day on a Saturday with no early close before it; Christmas Eve that is the holiday itself
    const cases = { '2021-12-31': 'full', '2027-12-31': 'full', '2020-07-03': 'holiday', '2020-07-02': 'full', '2026-07-02': 'full', '2021-12-24': 'holiday', '2022-12-23': 'full', '2021-06-18': 'full' }
    expect(Object.keys(cases).map(kind)).toEqual(Object.values(cases))
  })
})

describe('a calendar that ends', () => {
  const calendar = readCalendar()
  it.each([
    ['2026-11-25', null], ['2030-10-01', null],
    ['2030-10-02', { over: false, text: /ends on 2030-12-31, in 90 days: set TA_CALENDAR/ }],
    ['2030-12-31', { over: false, text: /in 0 days/ }],
    ['2031-01-01', { over: true, text: /ended on 2030-12-31, so holidays and half days are taken for full days: set TA_CALENDAR/ }],
    ['2017-12-31', { over: true, text: /begins on 2018-01-01 only/ }],
  ])('is warned of on %s', (date, due) => {
    const warning = calendarWarning(calendar, date)
    if (due === null) expect(warning).toBeNull()
    else expect(warning).toEqual({ over: due.over, text: expect.stringMatching(due.text) })
  })
})

describe('a calendar of one\'s own', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ta-calendar-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  const day = (more: object): object => ({ date: '2031-07-03', kind: 'half_day', close: '13:00', name: 'x', basis: 'published', ...more })
  const file = (more: object, days: object[] = [day({})]): string => JSON.stringify({ from: '2031-01-01', to: '2031-12-31', days, ...more })

  it('is read from its path', () => {
    const path = join(folder, 'calendar.json')
    writeFileSync(path, file({ about: 'mine' }))
    expect(readCalendar(path).days.get('2031-07-03')).toMatchObject({ kind: 'half_day', closeMinute: 780 })
  })

  it.each<[string, string, RegExp]>([
    ['no JSON', '{', /holds no JSON/],
    ['a list', '[]', /is no JSON object/],
    ['a strange key', file({ holidays: [] }), /has the key "holidays", which is none of about, sources, from, to, days/],
    ['no days', JSON.stringify({ from: '2031-01-01', to: '2031-12-31' }), /lacks the key "days"/],
    ['days that are no list', file({ days: {} }), /has no list "days"/],
    ['an impossible date', file({ to: '2031-02-30' }), /has no dates "from" and "to"/],
    ['an end before its beginning', file({ to: '2030-12-31' }), /in this order/],
    ['a day outside', file({}, [day({ date: '2032-07-01' })]), /day 1 \(2032-07-01\), which is not between/],
    ['a day twice', file({}, [day({}), day({})]), /day 2 \(2031-07-03\), which comes after 2031-07-03/],
    ['a weekend', file({}, [day({ date: '2031-07-05' })]), /is on a weekend/],
    ['a kind of its own', file({}, [day({ kind: 'halfday' })]), /is neither of kind "holiday" nor "half_day"/],
    ['a half day without a close', file({}, [day({ close: undefined })]), /is a half day without a close between 09:30 and 16:00/],
    ['a close in the night', file({}, [day({ close: '09:30' })]), /is a half day without a close/],
    ['a holiday with a close', file({}, [day({ kind: 'holiday' })]), /is a holiday with a close/],
    ['no basis', file({}, [day({ basis: 'guessed' })]), /has neither "published" nor "computed"/],
    ['no name', file({}, [day({ name: '' })]), /has no name/],
    ['a day that is none', file({}, [7 as unknown as object]), /has day 1, which is no JSON object/],
  ])('is refused with: %s', (_name, text, expected) => {
    let error: unknown
    try {
      parseCalendar(text)
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(WrongMarketFile)
    expect(error).toMatchObject({ exitCode: EXIT_SETTINGS, message: expect.stringMatching(expected) })
  })

  it('is refused where there is no file', () => {
    expect(() => readCalendar(join(folder, 'none.json'))).toThrow('does not exist: give a file that this user may read')
    expect(() => readCalendar(folder)).toThrow('is no file')
  })
})
