import { describe, expect, it } from 'vitest'
import type { SignalPayload } from './indicators.ts'
import type { Out } from './publication.ts'
import { minuteBarRecord, quoteRecord, tradeRecord } from './records.ts'
import type { TestRecord } from './records.ts'
import type { ModelSettingsGiven } from './settings.ts'
import { TestTask, at, clockAt } from './task.ts'

const bar = (minute: number, more = {}, envelope = {}): TestRecord => minuteBarRecord({ t: at(minute * 60), ...more }, envelope)
const provisional = (minute: number, more = {}): TestRecord => bar(minute, more, { is_final: false })
const updated = (minute: number, more = {}, envelope = {}): TestRecord => bar(minute, { T: 'u', ...more }, envelope)

/** A task of which `outcomes` takes bars, and `close` ends an epoch at a second after 14:00 (null: without a clock). */
function minuteTask(settings: ModelSettingsGiven = {}) {
  const task = new TestTask(settings)
  const idle = { trades: true, quotes: true }
  return {
    task,
    outcomes: (...records: TestRecord[]) => records.map((record) => task.take('bars', record)),
    close: (seconds: number | null = null) => task.model.closeEpoch(seconds === null ? null : clockAt(seconds), idle),
  }
}

const payloadOf = ({ payload }: Out): SignalPayload => payload as SignalPayload
/** `1 final 0 of 1`: seq, kind, minute, bars seen. */
const brief = (out: Out): string => {
  const minute = (Date.parse(out.window.start) - clockAt(0)) / 60_000
  return `${out.seq} ${out.is_final ? 'final' : 'provisional'} ${minute} of ${payloadOf(out).bars}`
}

describe('minute bars', () => {
  it('give a signal each, on indicators of their own, without quotes', () => {
    const { task, outcomes, close } = minuteTask()
    task.trade(tradeRecord({ t: at(1), p: 500 }))
    task.quote(quoteRecord({ t: at(1) }))
    expect(outcomes(bar(0), bar(1, { c: 114, h: 114, vw: 110, v: 3000 }))).toEqual(['applied', 'applied'])
    const [first, second] = close()
    expect(first.window).toEqual({ size: 'PT1M', start: at(0), end: at(60) })
    expect(first).toMatchObject({ topic: 'signals', feed: 'sip', seq: 1, is_final: true, payload: { imbalance: null, bars: 1 } })
    const w5m = (100.5 * 1000 + 110 * 3000) / 4000
    expect(second).toMatchObject({ seq: 2, payload: { ema: { ema12: 101 + (2 / 13) * 13 }, vwap: { w5m } } })
    expect(close()).toEqual([])
  })

  it('of the newest minute with other values are one more final from the state before it; with the same a duplicate', () => {
    const { outcomes, close } = minuteTask()
    outcomes(bar(0))
    expect(outcomes(bar(1), bar(1), bar(1, { c: 102 }), bar(1), updated(1, { c: 102 }), updated(1, { c: 101.5 }))).toEqual(
      ['applied', 'duplicate', 'applied', 'duplicate', 'duplicate', 'applied'])
    const outs = close()
    expect(outs.map(brief)).toEqual(['1 final 0 of 1', '2 final 1 of 2', '3 final 1 of 2', '4 final 1 of 2'])
    expect(payloadOf(outs[2]).ema.ema12).toBeCloseTo(101 + 2 / 13, 12)
    expect(outcomes(bar(2))).toEqual(['applied'])
    // the revised close is the one that the next bar follows
    expect(payloadOf(close()[0]).ema.ema12).toBeCloseTo(101 + (2 / 13) * 0.5 * (11 / 13), 12)
  })

  it('of an older minute are late, new or known', () => {
    const { outcomes, close } = minuteTask()
    expect(outcomes(bar(0), bar(2), bar(0), bar(1), updated(0, { c: 99 }), provisional(2), provisional(1))).toEqual(
      ['applied', 'applied', 'late', 'late', 'late', 'late', 'late'])
    expect(close(200).map(brief)).toEqual(['1 final 0 of 1', '2 final 2 of 2'])
  })

  it('are known by their minute, whatever second of it the stamp names', () => {
    const { outcomes, close } = minuteTask()
    const half = (more = {}) => minuteBarRecord({ t: at(90), T: 'u', ...more })
    expect(outcomes(bar(1), half(), half({ v: 7 }))).toEqual(['applied', 'duplicate', 'applied'])
    expect(close().map(({ window }) => window.start)).toEqual([at(60), at(60)])
  })

  it('without is_final are final, and an update is, whatever it says: the usual forwarder marks updates is_final:false', () => {
    const { outcomes, close } = minuteTask()
    outcomes(bar(0, {}, { is_final: null }), updated(0, { c: 100 }, { is_final: false }))
    expect(close().map(brief)).toEqual(['1 final 0 of 1', '2 final 0 of 1'])
  })

  it('without a volume, or a price for it, have no part in the VWAPs', () => {
    const { outcomes, close } = minuteTask()
    outcomes(bar(0, { v: 0, vw: 0, n: 0 }), bar(1, { v: 10, vw: 0 }), bar(2, { v: 10, vw: null }), bar(3, { v: 10, vw: 100 }))
    const vwaps = close().map((out) => payloadOf(out).vwap)
    const nothing = { session: null, w5m: null }
    expect(vwaps).toEqual([nothing, nothing, nothing, { session: 100, w5m: 100 }])
  })

  it('have five minutes of VWAP in five bars, and a session by their start', () => {
    const { outcomes, close } = minuteTask()
    const from = -35 // 13:25, and 09:30 in New York is 13:30
    for (let i = 0; i < 7; i++) outcomes(bar(from + i, { vw: 100 + i, v: 1 }))
    const vwaps = close().map((out) => payloadOf(out).vwap)
    expect(vwaps.map(({ w5m }) => w5m)).toEqual([100, 100.5, 101, 101.5, 102, 103, 104])
    expect(vwaps.map(({ session }) => session)).toEqual([100, 100.5, 101, 101.5, 102, 105, 105.5])
  })
})

describe('provisional minute bars', () => {
  it('go out as provisional, reckoned from final ones; only the newest of an epoch, and none of a minute that became final', () => {
    const { outcomes, close } = minuteTask()
    expect(outcomes(bar(0), provisional(1), provisional(1), provisional(1, { c: 102 }))).toEqual(
      ['applied', 'applied', 'duplicate', 'applied'])
    const outs = close(90)
    expect(outs.map(brief)).toEqual(['1 final 0 of 1', '2 provisional 1 of 2'])
    expect(payloadOf(outs[1]).ema.ema12).toBeCloseTo(101 + 2 / 13, 12)
    expect(close(91)).toEqual([])
    outcomes(provisional(1, { c: 103 }), bar(1))
    expect(close(121).map(brief)).toEqual(['3 final 1 of 2'])
    // the final bar counts, whatever was shown before
    outcomes(bar(2))
    expect(payloadOf(close(181)[0]).ema.ema12).toBe(101)
  })

  it('of the next minute may come before the final of this one', () => {
    const { outcomes, close } = minuteTask()
    outcomes(bar(0), provisional(1))
    expect(outcomes(provisional(2), provisional(1, { c: 102 }), bar(1))).toEqual(['applied', 'late', 'applied'])
    expect(close(121).map(brief)).toEqual(['1 final 0 of 1', '2 final 1 of 2', '3 provisional 2 of 3'])
  })

  it.each<[string, ModelSettingsGiven, number | null]>([
    ['is old', {}, 70],
    ['without a clock', {}, null],
    ['with provisional records off', { provisional: { on: false } }, 30],
  ])('give nothing %s', (_, settings, seconds) => {
    const { outcomes, close } = minuteTask(settings)
    expect(outcomes(provisional(0))).toEqual(['applied'])
    expect(close(seconds)).toEqual([])
    expect(close(seconds === null ? null : seconds + 1)).toEqual([])
  })
})
