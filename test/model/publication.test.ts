import { describe, expect, it } from 'vitest'
import type { SignalPayload } from './indicators.ts'
import { cancelRecord, correctionRecord, minuteBarRecord, quoteRecord, tradeRecord } from './records.ts'
import { at, brief, clockAt, TestTask } from './task.ts'

const allIdle = { trades: true, quotes: true }
const trade = (t: number | string, i: number, p = 100) => tradeRecord({ t: at(t), i, p })

describe('provisional', () => {
  it('goes out when the clock passes the end, again when changed and the refresh time is over, and then as final', () => {
    const task = new TestTask()
    task.trade(trade('1.5', 1))
    expect(task.close(1.999)).toEqual([])
    expect(task.close(2)).toEqual(['bar 1 provisional 100×1', 'signal 1 provisional'])
    expect(task.close(2.3)).toEqual([])
    task.trade(trade('1.6', 2))
    expect(task.close(2.249)).toEqual([])
    expect(task.close(2.25)).toEqual(['bar 1 provisional 100×2', 'signal 1 provisional'])
    task.trade(trade(4, 3))
    expect(task.close(4)).toEqual(['bar 1 final 100×2', 'signal 1 final'])
    // never again
    expect(task.close(6)).toEqual(['bar 4 provisional 100×1', 'signal 4 provisional'])
  })

  it('waits for the delay, ends with the age, and can be off', () => {
    const delayed = new TestTask({ provisional: { delayMs: 100 } })
    delayed.trade(trade(1, 1))
    expect([delayed.close(2.099), delayed.close(2.1).length]).toEqual([[], 2])
    const old = new TestTask()
    old.trade(trade(1, 1))
    expect([old.close(12), old.close(11.999).length]).toEqual([[], 2])
    const off = new TestTask({ provisional: { on: false } })
    off.trade(trade(1, 1))
    expect([off.close(2), off.close(null)]).toEqual([[], []])
  })

  it('a first trade after the second is over goes out at once', () => {
    const task = new TestTask()
    task.trade(trade(2, 1))
    expect(task.close(3)).toHaveLength(2)
    task.trade(trade(1, 2))
    expect(task.close(3.01)).toEqual(['bar 1 provisional 100×1', 'signal 1 provisional'])
    // the signal that follows from it waits for its own refresh time
    expect(task.close(3.25)).toEqual(['signal 2 provisional'])
  })

  it('a changed bar changes the signals after it, and those alone', () => {
    const task = new TestTask()
    task.trade(trade(1, 1))
    task.trade(trade(2, 2))
    task.trade(trade(3, 3))
    expect(task.close(4)).toHaveLength(6)
    task.trade(trade('2.5', 4, 130))
    const outs = task.model.closeEpoch(clockAt(4.3), { trades: false, quotes: true })
    expect(outs.map(brief)).toEqual(['bar 2 provisional 130×2', 'signal 2 provisional', 'signal 3 provisional'])
    const ema12 = (outs[2].payload as SignalPayload).ema.ema12!
    const after2 = 100 + (2 / 13) * 30
    expect(ema12).toBeCloseTo(after2 + (2 / 13) * (100 - after2), 12)
  })

  it('a quote alone publishes nothing again; what goes out again has the newest', () => {
    const task = new TestTask()
    task.trade(trade(1, 1))
    expect(task.close(2)).toHaveLength(2)
    expect(task.quote(quoteRecord({ t: at('1.5'), bp: 98 }))).toBe('applied')
    expect(task.close(3)).toEqual([])
    task.trade(trade('1.1', 2))
    const outs = task.model.closeEpoch(clockAt(3), { trades: false, quotes: true })
    expect((outs[1].payload as SignalPayload).imbalance!.bid_px).toBe(98)
  })

  it('a record that leaves the bar as it was publishes nothing again', () => {
    const task = new TestTask({ saleConditions: 'alpaca' })
    task.trade(trade(1, 1))
    expect(task.close(2)).toHaveLength(2)
    expect(task.trade(tradeRecord({ t: at(1), i: 2, c: ['M'] }))).toBe('applied')
    expect(task.close(3)).toEqual([])
  })

  it('what is due as final goes as final only, and final signals need no provisional ones', () => {
    const task = new TestTask()
    task.trade(trade(1, 1))
    task.trade(trade(2, 2))
    task.trade(trade('4.5', 3))
    expect(task.close(5.5)).toEqual([
      'bar 1 final 100×1', 'bar 2 provisional 100×1', 'bar 4 provisional 100×1',
      'signal 1 final', 'signal 2 provisional', 'signal 4 provisional',
    ])
  })
})

describe('retraction', () => {
  it('a published window of which nothing is left is taken back, provisionally and as final, without signal', () => {
    const task = new TestTask()
    task.trade(trade(1, 1))
    task.trade(trade(2, 2))
    expect(task.close(3)).toHaveLength(4)
    task.trade(cancelRecord({ t: at(2), i: 1 }))
    const outs = task.model.closeEpoch(clockAt(3.3), { trades: false, quotes: true })
    expect(outs.map(brief)).toEqual(['bar 1 provisional retracted', 'signal 2 provisional'])
    const t = at(2)
    expect(outs[0].payload).toEqual({ o: null, h: null, l: null, c: null, v: 0, vwap: null, count: 0, t, retracted: true })
    expect(outs[0].feed).toBe('sip')
    expect((outs[1].payload as SignalPayload).bars).toBe(1)
    task.trade(trade(5, 3))
    expect(task.close(5)).toEqual(['bar 1 final retracted', 'bar 2 final 100×1', 'signal 2 final'])
  })

  it('can be made good by a later trade', () => {
    const task = new TestTask()
    task.trade(trade(1, 1))
    task.close(2)
    task.trade(cancelRecord({ t: at(1), i: 1 }))
    expect(task.close(2.5)).toEqual(['bar 1 provisional retracted'])
    task.trade(trade('1.2', 2))
    expect(task.close(3)).toEqual(['bar 1 provisional 100×1', 'signal 1 provisional'])
    task.trade(trade(5, 3))
    expect(task.close(5)).toEqual(['bar 1 final 100×1', 'signal 1 final'])
  })

  it('a window that nobody has seen goes without a word', () => {
    const task = new TestTask()
    task.trade(trade(1, 1))
    task.trade(cancelRecord({ t: at(1), i: 1 }))
    expect(task.close(2)).toEqual([])
    task.trade(trade(5, 2))
    expect(task.close(5)).toEqual([])
  })

  it('a correction to conditions that make no bar retracts as well', () => {
    const task = new TestTask({ saleConditions: 'alpaca' })
    task.trade(trade(1, 1))
    task.close(2)
    task.trade(correctionRecord({ t: at(2), oi: 1, ci: 2, cc: ['I'] }))
    expect(task.close(3)).toEqual(['bar 1 provisional retracted'])
  })
})

describe('watermark and order', () => {
  it('waits for every partition that is not idle, and never goes back', () => {
    const task = new TestTask()
    const none = { trades: false, quotes: false }
    task.trade(trade(1, 1))
    task.trade(trade(5, 2))
    expect(task.close(null, none)).toEqual([])
    task.quote(quoteRecord({ t: at('3.5') }))
    expect(task.close(null, none)).toEqual([])
    expect(task.model.watermarkNs).toBe(BigInt(clockAt(1.5)) * 1_000_000n)
    expect(task.close(null)).toEqual(['bar 1 final 100×1', 'signal 1 final'])
    expect(task.close(null, none)).toEqual([])
    expect(task.model.watermarkNs).toBe(BigInt(clockAt(3)) * 1_000_000n)
    // open for its own partition, but the task has closed it
    expect(task.quote(quoteRecord({ t: at('1.9') }))).toBe('late')
  })

  it('goes to the end of the last open window when all are idle, not past clock − lateness', () => {
    const task = new TestTask()
    task.trade(trade('1.5', 1))
    expect(task.close(3.999, allIdle).filter((out) => out.includes('final'))).toEqual([])
    expect(task.close(null, allIdle)).toEqual([])
    expect(task.close(4, allIdle)).toEqual(['bar 1 final 100×1', 'signal 1 final'])
    expect(task.close(1000, allIdle)).toEqual([])
    expect(task.model.watermarkNs).toBe(BigInt(clockAt(2)) * 1_000_000n)
    // the feed comes back with what it missed
    expect(task.trade(trade(2, 2))).toBe('applied')
    expect(task.trade(trade('1.9', 3))).toBe('late')
  })

  it('bars before signals, symbols in order of first appearance, seq by topic, symbol and window size', () => {
    const task = new TestTask()
    task.quote(quoteRecord({ t: at(1), S: 'ZZZ' }))
    task.trade(trade(1, 1))
    task.trade(tradeRecord({ t: at(1), S: 'ZZZ' }))
    task.trade(trade(2, 2))
    task.take('bars', minuteBarRecord({ t: at(-60) }))
    const outs = task.closeAll()
    expect(outs.map(({ topic, symbol, seq, window }) => `${topic} ${symbol} ${window.size} ${seq}`)).toEqual([
      'bars ZZZ PT1S 1', 'bars AAPL PT1S 1', 'bars AAPL PT1S 2',
      'signals ZZZ PT1S 1', 'signals AAPL PT1S 1', 'signals AAPL PT1S 2', 'signals AAPL PT1M 1',
    ])
  })

  it('after a start by latest the first windows are left out', () => {
    const task = new TestTask({ latest: true })
    task.trade(trade('1.5', 1, 50))
    task.trade(trade('3.5', 2, 60))
    expect(task.trade(trade('1.5', 1, 50))).toBe('duplicate')
    task.trade(trade(4, 3, 70))
    expect(task.close(5)).toEqual(['bar 4 provisional 70×1', 'signal 4 provisional'])
    const outs = task.closeAll()
    expect(outs.map(brief)).toEqual(['bar 4 final 70×1', 'signal 4 final'])
    expect(outs[1].payload).toMatchObject({ bars: 1, ema: { ema12: 70 }, vwap: { session: 70, w5m: 70 } })
    expect(task.model.counts().outcomes.trades.applied).toBe(3)
  })
})

describe('session', () => {
  const sessionVwaps = (session: 'us-equity' | 'us-equity-extended' | 'utc-day', times: string[]) => {
    const task = new TestTask({ session })
    times.forEach((t, i) => task.trade(tradeRecord({ t, i, p: 10 ** i, s: 1 })))
    const signals = task.closeAll().filter(({ topic }) => topic === 'signals')
    return signals.map(({ payload }) => (payload as SignalPayload).vwap.session)
  }
  // New York is at −4 h until 2024-11-03, 06:00 UTC, and at −5 h after
  const summer = ['01T07:59:59Z', '01T08:00:00Z', '01T13:29:59Z', '01T13:30:00Z', '02T00:00:00Z'].map((rest) => `2024-11-${rest}`)
  const winter = ['04T08:59:59Z', '04T09:00:00Z', '04T14:29:59Z', '04T14:30:00Z', '05T00:00:00Z'].map((rest) => `2024-11-${rest}`)

  it.each([['summer', summer], ['winter', winter]])('resets by New York time in %s', (_, times) => {
    expect(sessionVwaps('us-equity', times)).toEqual([1, 10, 55, 1000, 5500])
    expect(sessionVwaps('us-equity-extended', times)).toEqual([1, 10, 55, 370, 2777.5])
    expect(sessionVwaps('utc-day', times)).toEqual([1, 5.5, 37, 277.75, 10000])
  })
})
