/**
 * Session VWAP around each change of New York's clock, 2018 to 2030: the sums start anew at 04:00 and 09:30 of the clock on the wall,
 * on the day before, of and after. Stamps carry New York's offset as the rule of 2007 gives it, so no zone data is asked.
 */
import { describe, expect, it } from 'vitest'
import { tradeRecord } from '../model/records.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { applyToKernel, closeKernel, kernelOf } from './side-by-side.ts'

const DAY_MS = 86_400_000
const DAYLIGHT = '-04:00'
const STANDARD = '-05:00'
const AFTER_ALL_MS = Date.UTC(2031, 0, 1)
/** Seconds to either side of both resets, and whether a new session begins with each. */
const TIMES: readonly (readonly [time: string, resets: readonly ModelSettingsGiven['session'][]])[] = [
  ['03:59:59', []], ['04:00:00', ['us-equity', 'us-equity-extended']], ['09:29:59', []], ['09:30:00', ['us-equity']],
]

/** Sundays on which the clock changes, with the offset from 02:00 on. */
function changes(): { sunday: number; before: string; after: string }[] {
  const sundayOf = (year: number, month: number, nth: number): number => {
    const first = Date.UTC(year, month, 1)
    return first + (((7 - new Date(first).getUTCDay()) % 7) + 7 * (nth - 1)) * DAY_MS
  }
  return Array.from({ length: 13 }, (_, i) => 2018 + i).flatMap((year) => [
    { sunday: sundayOf(year, 2, 2), before: STANDARD, after: DAYLIGHT },
    { sunday: sundayOf(year, 10, 1), before: DAYLIGHT, after: STANDARD },
  ])
}

describe.each(['us-equity', 'us-equity-extended'] as const)('session VWAP in mode %s', (session) => {
  it('starts anew by the clock on the wall, on both sides of each change', () => {
    const kernel = kernelOf({ session })
    const due: [string, number][] = []
    let [sum, count, price] = [0, 0, 0]
    const records = changes().flatMap(({ sunday, before, after }) => [-1, 0, 1].flatMap((days) => TIMES.map(([time, resets]) => {
      const date = new Date(sunday + days * DAY_MS).toISOString().slice(0, 10)
      const stamp = `${date}T${time}${days < 0 ? before : after}`
      // the first trade of a change lies in a session of its own: the day's before
      if (resets.includes(session) || (days === -1 && time === '03:59:59')) [sum, count] = [0, 0]
      price += 1
      sum += price
      count += 1
      due.push([new Date(Date.parse(stamp) + 1000).toISOString().replace('.000', ''), sum / count])
      return tradeRecord({ t: stamp, i: price, p: price, s: 1 })
    })))
    applyToKernel(kernel, { channel: 'trades', records, clockMs: null }, 0)
    const texts = closeKernel(kernel, { clockMs: AFTER_ALL_MS, idle: { trades: true, quotes: true } })
    const seen = texts.map((text) => JSON.parse(text) as { channel: string; event_ts: string; payload: { vwap: { session: number } } })
      .filter(({ channel }) => channel === 'signals').map(({ event_ts: end, payload }) => [end, payload.vwap.session])
    expect(seen).toEqual(due.map(([end, vwap]) => [end, expect.closeTo(vwap, 9)]))
    expect(seen).toHaveLength(26 * 3 * TIMES.length)
  })
})
