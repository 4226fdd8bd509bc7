import { describe, expect, it } from 'vitest'
import { EPOCH_RECORDS_MAX, QUIET_MS, decideEpochEnd, isFarFromPublication, nextChannel, publishesBy, stepRowsMax } from './decide.ts'
import type { EpochView } from './decide.ts'

const LIMITS = { epochMs: 20, epochMaxMs: 500, provisionalDelayMs: 0 }
const NEVER = Number.POSITIVE_INFINITY
/** Half a second into a second, with nothing to do. */
const T = 1_700_000_000_500
const quiet: EpochView = {
  clockMs: T, openedMs: NEVER, lastEndMs: T - 400, records: 0, nextProvisionalMs: NEVER, minuteSignalsDue: false,
  nextFinalMs: NEVER, watermarkMs: -NEVER, statusDueMs: NEVER,
}
const decide = (view: Partial<EpochView>) => decideEpochEnd({ ...quiet, ...view }, LIMITS)

describe('decideEpochEnd', () => {
  it.each<[string, Partial<EpochView>, ReturnType<typeof decideEpochEnd>]>([
    ['nothing to do', {}, { end: false, waitMs: NEVER }],
    ['a window is due by the clock', { nextProvisionalMs: T, records: 3 }, { end: true, reason: 'provisional' }],
    ['it will be due', { nextProvisionalMs: T + 7 }, { end: false, waitMs: 7 }],
    ['due, but the last epoch has only just ended', { nextProvisionalMs: T, lastEndMs: T - 5 }, { end: false, waitMs: 15 }],
    ['the watermark passes a window', { watermarkMs: 5_000, nextFinalMs: 5_000 }, { end: true, reason: 'final' }],
    ['it has not reached its end', { watermarkMs: 4_999, nextFinalMs: 5_000 }, { end: false, waitMs: NEVER }],
    ['a minute bar came', { minuteSignalsDue: true, records: 1, openedMs: T }, { end: true, reason: 'minute' }],
    ['one came right after an epoch', { minuteSignalsDue: true, records: 1, lastEndMs: T - 5 }, { end: false, waitMs: 15 }],
    ['records have waited for the longest time', { records: 1, openedMs: T - 500 }, { end: true, reason: 'longest' }],
    ['they have not yet', { records: 1, openedMs: T - 450 }, { end: false, waitMs: 50 }],
    ['a status record is due', { statusDueMs: T }, { end: true, reason: 'status' }],
    ['an epoch holds as many records as it may', { records: EPOCH_RECORDS_MAX, lastEndMs: T }, { end: true, reason: 'full' }],
  ])('%s', (_, view, decision) => {
    expect(decide(view)).toEqual(decision)
  })

  it('begins no refresh, minute, status or heartbeat shortly before a second ends, but a final goes on', () => {
    const clockMs = T + 500 - QUIET_MS + 5
    const before = { clockMs, records: 9, openedMs: T - 1_000, lastEndMs: T - 900, nextProvisionalMs: T - 100, statusDueMs: T }
    expect(decide(before)).toEqual({ end: false, waitMs: QUIET_MS - 5 })
    expect(decide({ ...before, minuteSignalsDue: true })).toEqual({ end: false, waitMs: QUIET_MS - 5 })
    expect(decide({ ...before, watermarkMs: 1, nextFinalMs: 1 })).toEqual({ end: true, reason: 'final' })
    expect(decide({ ...before, clockMs: T + 500 })).toEqual({ end: true, reason: 'provisional' })
  })
})

describe('publishesBy', () => {
  it('is known by the clock for provisional records, and by how far the watermark has to go for finals', () => {
    expect(publishesBy(quiet, T + 10_000)).toBe(false)
    expect(publishesBy({ ...quiet, nextProvisionalMs: T + 500 }, T + 499)).toBe(false)
    expect(publishesBy({ ...quiet, nextProvisionalMs: T + 500 }, T + 500)).toBe(true)
    expect(publishesBy({ ...quiet, watermarkMs: 4_700, nextFinalMs: 5_000 }, T + 299)).toBe(false)
    expect(publishesBy({ ...quiet, watermarkMs: 4_700, nextFinalMs: 5_000 }, T + 300)).toBe(true)
    expect(publishesBy({ ...quiet, nextFinalMs: 5_000 }, T + 10_000)).toBe(false) // no watermark yet
  })
})

describe('the quiet time', () => {
  it('lies before the second\'s publication, so it moves with the delay, and is none when nothing waits', () => {
    const delayed = { ...LIMITS, provisionalDelayMs: 100 }
    const due = { ...quiet, records: 1, openedMs: T - 1_000, lastEndMs: T - 900 }
    // T is half past: publications are at …600 ms
    expect(decideEpochEnd({ ...due, clockMs: T + 100 - QUIET_MS - 1 }, delayed)).toEqual({ end: true, reason: 'longest' })
    expect(decideEpochEnd({ ...due, clockMs: T + 600 - QUIET_MS }, delayed)).toEqual({ end: false, waitMs: QUIET_MS })
    expect(decideEpochEnd({ ...due, clockMs: T + 600 }, delayed)).toEqual({ end: true, reason: 'longest' })
    expect(decideEpochEnd({ ...quiet, statusDueMs: T, clockMs: T + 500 - QUIET_MS + 1 }, LIMITS)).toEqual({ end: true, reason: 'status' })
  })

  it('ends with its own decision: after the time that is to be waited there is an end', () => {
    for (let ms = 0; ms < 1_000; ms++) {
      const view = { ...quiet, clockMs: T + ms, records: 1, openedMs: T - 100, lastEndMs: T - 50, nextProvisionalMs: T + 500 }
      const decision = decideEpochEnd(view, LIMITS)
      if (!decision.end) expect(decideEpochEnd({ ...view, clockMs: view.clockMs + decision.waitMs }, LIMITS).end, `${ms}`).toBe(true)
    }
  })
})

describe('isFarFromPublication', () => {
  const farAt = (provisionalDelayMs: number, latenessMs: number): number[] =>
    Array.from({ length: 1_000 }, (_, ms) => ms).filter((ms) => isFarFromPublication(1_700_000_000_000 + ms, { provisionalDelayMs, latenessMs }))

  it.each([[0, 2_000], [300, 5_300], [1_100, 100]])('lies between publications, %d ms after a second\'s end', (delay, lateness) => {
    const far = farAt(delay, lateness)
    expect(far).toHaveLength(700)
    const since = (ms: number): number => (ms - delay + 2_000) % 1_000
    expect([Math.min(...far.map(since)), Math.max(...far.map(since))]).toEqual([100, 799])
  })

  it('is there wherever finals come', () => {
    for (let lateness = 0; lateness < 1_000; lateness += 10) expect(farAt(0, lateness).length, String(lateness)).toBeGreaterThanOrEqual(400)
  })
})

describe('nextChannel', () => {
  const channel = (waiting: number, maxMs: number, exhausted = false, silent = false) => ({ waiting, maxMs, exhausted, silent })
  /** Of a topic that is off, or read to its end. */
  const none = channel(0, -NEVER, true)
  const MINUTE = 60_000
  it.each<[string, ReturnType<typeof channel>[], number]>([
    ['nothing waits', [channel(0, 0), channel(0, 0), none], -1],
    ['the one that is behind', [channel(1, 2_000), channel(1, 1_000), none], 1],
    ['old data far ahead of the other waits', [channel(1, 60_000), channel(0, 1_000), none], -1],
    ['unless the other has nothing left', [channel(1, 60_000), channel(0, 1_000, true), none], 0],
    ['live data never waits', [channel(1, T - 100), channel(0, 1_000), none], 0],
    ['old data ahead by what is allowed goes on', [channel(1, 8_000), channel(0, 1_000), none], 0],
    ['and by a millisecond more waits', [channel(1, 8_001), channel(0, 1_000), none], -1],
    ['the first records of both: the trades', [channel(1, -NEVER), channel(1, -NEVER), none], 0],
    ['a topic that was not read yet comes before the other goes on', [channel(1, 60_000), channel(1, -NEVER), none], 1],
    ['an empty topic, once its end is known, holds nothing up', [channel(1, 60_000), channel(0, -NEVER, true), none], 0],
    ['one that is hours behind catches up alone', [channel(9, T - 20_000), channel(9, 3_600_000), none], 1],
    ['minute bars come as they are, also while both others wait', [channel(1, 60_000), channel(0, 1_000), channel(4, -NEVER)], 2],
    ['minute bars come as they are', [channel(0, 1_000), channel(0, 1_000), channel(4, -NEVER)], 2],
    ['old ones come before the trades of their minutes', [channel(1, 0), channel(1, 0), channel(4, 30 * MINUTE)], 2],
    ['those that are further ahead wait', [channel(1, 0), channel(1, 1), channel(4, 30 * MINUTE + 1)], 0],
    ['also where the trades are still on their way', [channel(0, -NEVER), channel(0, -NEVER), channel(4, 1_000)], -1],
    ['but not for a trades topic that is empty or idle', [channel(0, -NEVER, true), channel(0, -NEVER), channel(4, 1_000)], 2],
    ['nor for one of which nothing comes', [channel(0, 0, false, true), channel(0, 0), channel(4, 90 * MINUTE)], 2],
    ['old trades wait for minute bars that are on their way', [channel(1, 4 * MINUTE), channel(0, 4 * MINUTE), channel(0, 0)], -1],
    ['from the first one on', [channel(1, -NEVER), channel(0, -NEVER, true), channel(0, -NEVER)], -1],
    ['not where they are behind by less', [channel(1, 4 * MINUTE - 1), channel(0, 4 * MINUTE), channel(0, 0)], 0],
    ['not for those that are read to their end', [channel(1, 90 * MINUTE), none, channel(0, 0, true)], 0],
    ['not for a topic of which nothing comes', [channel(1, 90 * MINUTE), none, channel(0, 0, false, true)], 0],
    ['live trades never wait for minute bars', [channel(1, T - 100), channel(0, T), channel(0, -NEVER)], 0],
    ['quotes don\'t', [channel(0, 90 * MINUTE), channel(1, 90 * MINUTE), channel(0, 0)], 1],
  ])('%s', (_, channels, expected) => {
    expect(nextChannel(channels, T, 2_000)).toBe(expected)
  })

  it('never leaves all of them waiting when all have records, whatever their times', () => {
    const times = [-NEVER, 0, 7_001, 4 * MINUTE, 30 * MINUTE + 1, 90 * MINUTE, T - 10_000, T]
    for (const trades of times) {
      for (const quotes of times) {
        for (const bars of times) {
          expect(nextChannel([channel(1, trades), channel(1, quotes), channel(1, bars)], T, 2_000), `${trades}, ${quotes}, ${bars}`).toBeGreaterThanOrEqual(0)
        }
      }
    }
  })

  it('never leaves both waiting when both have records, whatever their times', () => {
    const times = [-NEVER, 0, 7_000, 7_001, 60_000, T - 60_000, T - 10_000, T - 9_999, T, T + 1_000]
    for (const a of times) {
      for (const b of times) {
        const chosen = nextChannel([channel(1, a), channel(1, b), none], T, 2_000)
        // the one that is behind: so what is ahead waits for it, and not the reverse
        expect(chosen, `${a} and ${b}`).toBe(a <= b ? 0 : 1)
      }
    }
  })
})

describe('stepRowsMax', () => {
  it('keeps steps of minute bars and of their trades short for few symbols, and leaves the rest to the batch', () => {
    expect([stepRowsMax(0, 0, true), stepRowsMax(0, 3, true), stepRowsMax(2, 1, true), stepRowsMax(2, 10, true)]).toEqual([512, 1_536, 64, 640])
    for (const [channel, hasBars] of [[1, true], [0, false], [2, false]] as const) expect(stepRowsMax(channel, 1, hasBars)).toBe(Number.MAX_SAFE_INTEGER)
  })
})
