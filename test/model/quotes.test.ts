import { describe, expect, it } from 'vitest'
import type { SignalPayload } from './indicators.ts'
import type { Out } from './publication.ts'
import { quoteRecord, tradeRecord } from './records.ts'
import { at, TestTask } from './task.ts'

/** Bid of the signal of the second that starts at `seconds`. */
function bidAt(outs: Out[], seconds: number): number | null {
  const signal = outs.find(({ topic, window }) => topic === 'signals' && window.start === at(seconds))
  return (signal!.payload as SignalPayload).imbalance!.bid_px
}

function withTrades(...seconds: number[]): TestTask {
  const task = new TestTask()
  seconds.forEach((second, i) => task.trade(tradeRecord({ t: at(second), i })))
  return task
}

describe('quotes', () => {
  it('a window has the last before its end by event time, ties by arrival', () => {
    const task = withTrades(1, 2)
    const come = [['1.5', 11], ['1.2', 12], ['1.999999999', 13], ['1.999999999', 14], ['2', 15]]
    const outcomes = come.map(([t, bp]) => task.quote(quoteRecord({ t: at(String(t)), bp })))
    expect(outcomes).toEqual(['applied', 'late', 'applied', 'applied', 'applied'])
    const outs = task.closeAll()
    expect([bidAt(outs, 1), bidAt(outs, 2)]).toEqual([14, 15])
  })

  it('each open window keeps its own, and an older quote changes those alone for which it is the last', () => {
    const task = withTrades(1, 2, 3)
    expect(task.quote(quoteRecord({ t: at('2.5'), bp: 25 }))).toBe('applied')
    expect(task.quote(quoteRecord({ t: at('1.5'), bp: 15 }))).toBe('applied')
    expect(task.quote(quoteRecord({ t: at('1.4'), bp: 14 }))).toBe('late')
    const outs = task.closeAll()
    expect([1, 2, 3].map((second) => bidAt(outs, second))).toEqual([15, 25, 25])
  })

  it('one whose own second is over counts for the first open one on', () => {
    const task = withTrades(1, 2, 3)
    task.quote(quoteRecord({ t: at(4), S: 'MSFT' }))
    // seconds up to 1 are over for the quotes partition; the trades hold the task's watermark back
    expect(task.quote(quoteRecord({ t: at('0.5'), bp: 5 }))).toBe('applied')
    const outs = task.closeAll()
    expect([1, 2, 3].map((second) => bidAt(outs, second))).toEqual([null, 5, 5])
  })

  it('the task’s watermark closes windows for them, too', () => {
    const task = withTrades(1, 3)
    expect(task.quote(quoteRecord({ t: at('0.5'), bp: 5 }))).toBe('applied')
    expect(task.close(20, { trades: true, quotes: true })).toHaveLength(4)
    expect(task.model.watermarkNs).toBe(BigInt(Date.parse(at(4))) * 1_000_000n)
    expect(task.quote(quoteRecord({ t: at('1.5'), bp: 15 }))).toBe('applied')
    expect(task.quote(quoteRecord({ t: at('1.4'), bp: 14 }))).toBe('late')
    task.trade(tradeRecord({ t: at(5), i: 9 }))
    expect(bidAt(task.closeAll(), 5)).toBe(15)
  })

  it('are repetitions by event time and seq for as long as they are not late', () => {
    const task = withTrades(1)
    const [first, second] = [quoteRecord({ t: at(1), bp: 1 }, { seq: 1 }), quoteRecord({ t: at(1), bp: 2 }, { seq: 2 })]
    expect([first, second, first].map((record) => task.quote(record))).toEqual(['applied', 'applied', 'duplicate'])
    // long after its second, and after epochs: still no new quote, so the second one stays the last
    task.quote(quoteRecord({ t: at(60), S: 'MSFT' }))
    task.trade(tradeRecord({ t: at(60), i: 7 }))
    task.close(null, { trades: false, quotes: false })
    expect(task.quote(first)).toBe('duplicate')
    expect(bidAt(task.closeAll(), 60)).toBe(2)
    expect(task.quote(quoteRecord({ t: at('0.9') }, { seq: 1 }))).toBe('late')
  })

  it('are repetitions by content where they have no seq', () => {
    const task = new TestTask()
    const quote = quoteRecord({ t: at(1) })
    const other = quoteRecord({ t: at(1), bs: 7 })
    expect([quote, quote, other].map((record) => task.quote(record))).toEqual(['applied', 'duplicate', 'applied'])
    const byTime = new TestTask({ quoteDedupe: 'event_ts' })
    expect([quote, other].map((record) => byTime.quote(record))).toEqual(['applied', 'duplicate'])
  })

  it('flags: warming up, none, stale, ok', () => {
    const flags = (settings: object, quoteAt: number | null) => {
      const task = new TestTask(settings)
      for (let i = 0; i < 35; i++) task.trade(tradeRecord({ t: at(i), i }))
      if (quoteAt !== null) task.quote(quoteRecord({ t: at(quoteAt) }))
      const signals = task.closeAll().filter(({ topic }) => topic === 'signals')
      return signals.slice(-2).map(({ payload }) => (payload as SignalPayload).signal_quality_flag)
    }
    expect(flags({}, null)).toEqual(['warming_up', 'no_quote'])
    expect(flags({}, 20)).toEqual(['warming_up', 'ok'])
    expect(flags({}, 19)).toEqual(['warming_up', 'quote_stale'])
    expect(flags({ quoteStaleAfterMs: 0 }, 19)).toEqual(['warming_up', 'ok'])
  })

  it('a missing side has no spread, sizes of 0 no ratio', () => {
    const task = withTrades(1, 2)
    task.quote(quoteRecord({ t: at('1.5'), bp: 0, bs: 0 }))
    task.quote(quoteRecord({ t: at('2.5'), bs: 0, as: 0 }))
    const signals = task.closeAll().filter(({ topic }) => topic === 'signals')
    const payloads = signals.map(({ payload }) => (payload as SignalPayload).imbalance)
    expect(payloads[0]).toEqual({ spread: null, bid_px: 0, ask_px: 101, bid_sz: 0, ask_sz: 3, ratio: -1 })
    expect(payloads[1]).toEqual({ spread: 2, bid_px: 99, ask_px: 101, bid_sz: 0, ask_sz: 0, ratio: null })
  })
})
