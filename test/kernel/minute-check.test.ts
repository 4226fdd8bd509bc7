/**
 * The engine's own seconds against the feed's minute bars: a feed whose bars are right, and one whose bars are wrong. The bars are
 * made of the expected one-second bars that numpy and pandas computed from the same ticks.
 */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { envelopesOf } from '../fixtures/envelopes.ts'
import type { InputRecord } from '../fixtures/envelopes.ts'
import { EXPECTED_DIRECTORY, SYNTH_DIRECTORY, tickFiles } from '../fixtures/tick-files.ts'
import { loadExpected } from '../golden/expected.ts'
import { cancelRecord, minuteBarRecord, tradeRecord } from '../model/records.ts'
import type { TestRecord } from '../model/records.ts'
import { at } from '../model/task.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { minuteChecksOf } from '../../src/state/kernel.ts'
import type { Kernel, MinuteChecks } from '../../src/state/kernel.ts'
import { MINUTE_CHECKS, UNCHECKED_BARS_MAX, tableNumber } from '../../src/state/layout.ts'
import { applyToKernel, closeKernel, kernelOf } from './side-by-side.ts'

const IDLE_QUOTES = { trades: false, quotes: true }

/** A kernel that is fed step by step; sums up what it compares. */
class CheckedTask {
  readonly kernel: Kernel
  readonly checks: MinuteChecks = { equal: [0, 0, 0, 0], differs: [0, 0, 0, 0], skipped: [0, 0, 0, 0], difference: [0, 0, 0, 0] }
  readonly #offsets = { trades: 0, quotes: 0, bars: 0 }

  constructor(settings: ModelSettingsGiven = {}) {
    this.kernel = kernelOf(settings)
  }

  take(channel: 'trades' | 'bars', ...records: TestRecord[]): void {
    const judged = applyToKernel(this.kernel, { channel, records, clockMs: null }, this.#offsets[channel])
    this.#offsets[channel] += records.length
    if (channel === 'bars') expect(judged.map(({ outcome }) => outcome)).toEqual(records.map(() => 'applied'))
  }

  close(): void {
    closeKernel(this.kernel, { clockMs: null, idle: IDLE_QUOTES })
    const found = minuteChecksOf(this.kernel.task)
    for (const what of ['equal', 'differs', 'skipped', 'difference'] as const) found[what].forEach((count, i) => (this.checks[what][i] += count))
  }

  /** Counts of equal and different, by volume, high, low, close. */
  get counts(): number[][] {
    return [this.checks.equal, this.checks.differs]
  }
}

interface FeedBar { symbol: string; startMs: number; h: number; l: number; c: number; v: number }

/** Minute bars of the expected seconds, by the time at which a feed would send them. */
function feedBars(): FeedBar[] {
  const bars = new Map<string, FeedBar>()
  for (const { symbol, start, cells } of [...loadExpected(join(EXPECTED_DIRECTORY, 'synth.all.csv.gz')).values()].flat()) {
    const startMs = Math.floor(Date.parse(start) / 60_000) * 60_000
    const bar = bars.get(`${symbol} ${startMs}`) ?? { symbol, startMs, h: cells.h!, l: cells.l!, c: cells.c!, v: 0 }
    bars.set(`${symbol} ${startMs}`, {
      ...bar, h: Math.max(bar.h, cells.h!), l: Math.min(bar.l, cells.l!), c: cells.c!, v: bar.v + cells.v!,
    })
  }
  return [...bars.values()].sort((a, b) => a.startMs - b.startMs)
}

const recordOf = ({ symbol, startMs, c, ...more }: FeedBar): TestRecord =>
  minuteBarRecord({ t: new Date(startMs).toISOString(), S: symbol, o: c, c, vw: c, ...more })

/** Each final bar is counted once in each field, whatever comes of it. */
const settled = ({ equal, differs, skipped }: MinuteChecks): number[] => equal.map((count, field) => count + differs[field] + skipped[field])

/** Trades in order, and each minute's bars half a second after it; an epoch each 250 trades and with each minute. */
function runFeed(trades: InputRecord[], bars: FeedBar[]): CheckedTask {
  const task = new CheckedTask()
  let next = 0
  trades.forEach(({ key, value, eventNs }, i) => {
    const due: TestRecord[] = []
    while (next < bars.length && bars[next].startMs + 60_500 <= Number(eventNs / 1_000_000n)) due.push(recordOf(bars[next++]))
    if (due.length > 0) task.take('bars', ...due)
    task.take('trades', { key, value })
    if (due.length > 0 || i % 250 === 249) task.close()
  })
  task.close()
  return task
}

describe('a feed of minute bars', { timeout: 120_000 }, () => {
  const trades = envelopesOf(tickFiles(SYNTH_DIRECTORY).filter((path) => path.includes('_trades')), { duplicates: 0.02 })
    .filter(({ value }) => /"T":"t"/.test(value))
  const bars = feedBars()

  it('that is right is equal in all fields, minute by minute', () => {
    const { checks } = runFeed(trades, bars)
    // not the minute of the first trade, nor the last one of all, of which the trades don't pass the end
    expect(checks.equal[0]).toBeGreaterThan(0.9 * bars.length)
    expect(checks.equal).toEqual(Array(4).fill(checks.equal[0]))
    expect([checks.differs, checks.difference]).toEqual([[0, 0, 0, 0], [0, 0, 0, 0]])
  })

  it('that is wrong here and there differs there, in the fields that are wrong, by as much', () => {
    const spoil: ((bar: FeedBar) => FeedBar)[] = [
      (bar) => ({ ...bar, v: bar.v * 1.25 }), (bar) => ({ ...bar, h: bar.h * 1.25 }), (bar) => ({ ...bar, l: bar.l * 0.8 }),
      (bar) => ({ ...bar, c: bar.c * 1.25, h: bar.h * 1.25 }),
    ]
    const right = runFeed(trades, bars).checks.equal[0]
    // some in the middle of the first day, where every bar is compared
    const spoiled = bars.map((bar, i) => (i >= 100 && i < 140 ? spoil[i % 4](bar) : bar))
    const { checks } = runFeed(trades, spoiled)
    expect(checks.differs).toEqual([10, 20, 10, 10])
    expect(checks.equal).toEqual([right - 10, right - 20, right - 10, right - 10])
    checks.differs.forEach((count, field) => expect(checks.difference[field]).toBeCloseTo(count * 0.2, 9))
  })
})

describe('old data', () => {
  const trade = (seconds: number, id: number): TestRecord => tradeRecord({ t: at(seconds), i: id, p: 100, s: 10 })
  const bar = (minute: number, v = 20): TestRecord => minuteBarRecord({ t: at(minute * 60), o: 100, h: 100, l: 100, c: 100, v })
  const of = (minutes: number, first = 0): number[] => Array.from({ length: minutes }, (_, i) => first + i)
  const trades = (minutes: number[]): TestRecord[] => minutes.flatMap((minute) => [trade(60 * minute + 1, 2 * minute), trade(60 * minute + 58, 2 * minute + 1)])

  it('whose bars all come before the trades is compared, each minute but the first, of which the start may be missing', () => {
    const task = new CheckedTask()
    task.take('bars', ...of(30).map((minute) => bar(minute, minute === 20 ? 25 : 20)))
    task.close()
    expect(settled(task.checks)).toEqual([0, 0, 0, 0])
    task.take('trades', ...trades(of(30)), trade(60 * 30 + 2, 99))
    task.close()
    expect(task.checks).toEqual({ equal: [28, 29, 29, 29], differs: [1, 0, 0, 0], skipped: [1, 1, 1, 1], difference: [0.2, 0, 0, 0] })
  })

  it('whose bars begin in the middle is compared from there, also a symbol\'s first bar', () => {
    const task = new CheckedTask()
    task.take('trades', ...trades(of(10)), trade(602, 99))
    task.close()
    task.take('bars', bar(9), bar(10))
    task.close()
    expect([task.counts, task.checks.skipped]).toEqual([[[1, 1, 1, 1], [0, 0, 0, 0]], [0, 0, 0, 0]])
    task.take('trades', trade(658, 100), trade(662, 101))
    task.close()
    expect([task.counts, task.checks.skipped]).toEqual([[[2, 2, 2, 2], [0, 0, 0, 0]], [0, 0, 0, 0]])
  })

  it('whose trades come before the bars is compared for the last minutes; what is lost by then is counted as skipped', () => {
    const task = new CheckedTask()
    task.take('trades', ...trades(of(30)), trade(60 * 30 + 2, 99))
    task.close()
    task.take('bars', ...of(30).map((minute) => bar(minute)))
    task.close()
    const compared = MINUTE_CHECKS
    expect(task.checks.equal).toEqual(Array(4).fill(compared))
    expect(task.checks.skipped).toEqual(Array(4).fill(30 - compared))
  })

  it('whose bars run further ahead than a list holds is compared as far as that goes, and the rest is counted', () => {
    const task = new CheckedTask()
    const minutes = of(UNCHECKED_BARS_MAX + 20)
    task.take('bars', ...minutes.map((minute) => bar(minute)))
    task.close()
    expect(task.checks.skipped).toEqual([20, 20, 20, 20])
    task.take('trades', ...trades(minutes), trade(60 * minutes.length + 2, 9_999))
    task.close()
    expect(task.checks.equal).toEqual(Array(4).fill(UNCHECKED_BARS_MAX - 1))
    expect(settled(task.checks)).toEqual(Array(4).fill(minutes.length))
    expect(task.checks.differs).toEqual([0, 0, 0, 0])
  })

  it('takes no more rows a bar than wait at once', () => {
    const task = new CheckedTask()
    for (const minute of of(300)) {
      task.take('bars', bar(minute))
      task.take('trades', ...trades([minute]))
      task.close()
    }
    expect(task.kernel.task.table(tableNumber('uncheckedBar'), 'used')).toBeLessThanOrEqual(4)
  })
})

describe('a minute', () => {
  const trade = (seconds: number, id: number, p = 100, s = 10): TestRecord => tradeRecord({ t: at(seconds), i: id, p, s })
  const bar = (minute: number, more = {}): TestRecord => minuteBarRecord({ t: at(minute * 60), o: 100, h: 100, l: 100, c: 100, v: 20, ...more })

  /** First trade in minute 0, a first bar, then two trades in each of minutes 2 to `last`; all but the last minute final. */
  function standing(last: number): CheckedTask {
    const task = new CheckedTask()
    task.take('trades', trade(1, 1))
    task.take('bars', bar(-1))
    for (let minute = 2; minute <= last; minute++) task.take('trades', trade(60 * minute + 1, 2 * minute), trade(60 * minute + 58, 2 * minute + 1))
    task.close()
    return task
  }

  it('is compared when its bar comes after it, again when that is revised, once when it comes before', () => {
    const task = standing(5)
    task.take('bars', bar(4), bar(4, { v: 21 }))
    task.close()
    expect(task.counts).toEqual([[1, 2, 2, 2], [1, 0, 0, 0]])
    task.take('bars', bar(5))
    task.close()
    expect(task.counts).toEqual([[1, 2, 2, 2], [1, 0, 0, 0]])
    task.take('trades', trade(363, 90))
    task.close() // the watermark passes the minute
    expect(task.counts).toEqual([[2, 3, 3, 3], [1, 0, 0, 0]])
  })

  it('without a trade of one\'s own is compared by its volume alone', () => {
    const task = standing(5)
    task.take('trades', trade(60 * 7 + 10, 92))
    task.close()
    task.take('bars', bar(6))
    task.close()
    expect([task.counts, task.checks.difference]).toEqual([[[0, 0, 0, 0], [1, 0, 0, 0]], [1, 0, 0, 0]])
    task.take('bars', bar(6, { v: 0 }))
    task.close()
    expect(task.counts).toEqual([[1, 0, 0, 0], [1, 0, 0, 0]])
  })

  it('counts what is left after cancels', () => {
    const task = standing(5)
    const fixed = [trade(370, 93, 500, 500), cancelRecord({ t: at(371), i: 93 })]
    task.take('trades', trade(361, 92), ...fixed, trade(400, 94), trade(425, 95))
    task.close()
    task.take('bars', bar(6))
    task.close()
    expect(task.counts).toEqual([[1, 1, 1, 1], [0, 0, 0, 0]])
  })

  it.each<[string, number, number]>([['that began before the task saw trades', 3, 0], ['of which later ones have taken the place', MINUTE_CHECKS + 5, 4]])(
    '%s is not compared, which is counted', (_, last, minute) => {
      const task = standing(last)
      const before = task.checks.skipped[0]
      task.take('bars', bar(minute))
      task.close()
      expect(task.counts).toEqual([[0, 0, 0, 0], [0, 0, 0, 0]])
      expect(task.checks.skipped).toEqual(Array(4).fill(before + 1))
    },
  )

  it('that a start by latest has cut is not compared, the next one is', () => {
    const task = new CheckedTask({ latest: true })
    task.take('trades', trade(59, 1)) // cut up to 61
    task.take('bars', bar(0))
    task.take('trades', trade(61, 2), trade(118, 3), trade(190, 4))
    task.close()
    task.take('bars', bar(1), bar(2, { v: 0 }))
    task.close()
    expect(task.counts).toEqual([[1, 0, 0, 0], [0, 0, 0, 0]])
  })
})
