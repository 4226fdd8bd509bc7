/** The kernel's indicators, and the model's, against TA-Lib and numpy on one series of closes (test/fixtures/talib/make.py). */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { SignalPayload } from '../model/indicators.ts'
import { Model } from '../model/model.ts'
import { minuteBarRecord, tradeRecord } from '../model/records.ts'
import type { TestRecord } from '../model/records.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { appendRecord } from '../../src/ingest/packing.ts'
import { CLOSE_ALL, copyOutputs, loadBatch } from '../../src/state/kernel.ts'
import { newKernel, textsOf } from '../kernel/kernel-under-test.ts'

type Series = (number | null)[]
const talib: Record<string, Series> = JSON.parse(readFileSync(new URL('../fixtures/talib/talib.json', import.meta.url), 'utf8'))

/** One trade a second, so each close is one bar. */
const tradesOf = (closes: Series) => closes.map((price, i) =>
  tradeRecord({ t: `2024-11-01T14:${two(Math.floor(i / 60))}:${two(i % 60)}Z`, i, p: price! }))

/** One minute bar a minute. */
const minuteBarsOf = (closes: Series) => closes.map((c, i) =>
  minuteBarRecord({ t: new Date(Date.UTC(2024, 10, 1, 14, i)).toISOString(), c: c!, h: c!, l: c!, o: c! }))

const kernelSignalsOf = (closes: Series): SignalPayload[] => kernelSignals(0, tradesOf(closes))
const kernelMinuteSignalsOf = (closes: Series): SignalPayload[] => kernelSignals(2, minuteBarsOf(closes))

function kernelSignals(topic: number, records: TestRecord[]): SignalPayload[] {
  const kernel = newKernel()
  const columns = recordColumns(records.length, 65_536, 1_048_576)
  records.forEach(({ key, value }, offset) => {
    expect(appendRecord(columns, { topic: 0, partition: 0, offset, timestampMs: -1, key: Buffer.from(key), value: Buffer.from(value) })).toBe(true)
  })
  loadBatch(kernel.task, columns, 0, columns.count)
  kernel.decode(topic, columns.count, null)
  kernel.apply(columns.count)
  kernel.close(null, CLOSE_ALL)
  const outputs = textsOf(copyOutputs(kernel.task)).map((text) => JSON.parse(text) as { channel: string; payload: SignalPayload })
  return outputs.filter(({ channel }) => channel === 'signals').map(({ payload }) => payload)
}

function modelSignalsOf(closes: Series): SignalPayload[] {
  const model = new Model()
  tradesOf(closes).forEach((trade, i) => {
    expect(model.apply('trades', i, trade.key, trade.value, null).outcome).toBe('applied')
  })
  return model.closeAll().filter(({ topic }) => topic === 'signals').map(({ payload }) => payload as SignalPayload)
}

const two = (n: number): string => String(n).padStart(2, '0')

function largestDifference(actual: Series, expected: Series): number {
  expect(actual.map((value) => value === null)).toEqual(expected.map((value) => value === null))
  return Math.max(...expected.map((value, i) => (value === null ? 0 : Math.abs(value - actual[i]!))))
}

const WAYS = [['kernel', kernelSignalsOf], ['kernel, of minute bars', kernelMinuteSignalsOf], ['model', modelSignalsOf]] as const

describe.each(WAYS)('indicators of the %s', (_, signalsOf) => {
  const signals = signalsOf(talib.close)
  const relative = 1e-9 * Math.min(...(talib.close as number[]))

  it.each<[string, (signal: SignalPayload) => number | null, number]>([
    ['ema12', ({ ema }) => ema.ema12, relative],
    ['ema26', ({ ema }) => ema.ema26, relative],
    ['macd', ({ macd }) => macd.macd, relative],
    ['signal', ({ macd }) => macd.signal, relative],
    ['hist', ({ macd }) => macd.hist, relative],
    ['rsi14', ({ rsi14 }) => rsi14, 1e-9],
    ['bollMid', ({ boll }) => boll.mid, relative],
    ['bollUpper', ({ boll }) => boll.upper, relative],
    ['bollLower', ({ boll }) => boll.lower, relative],
    ['bollDeviationNumpy', ({ boll }) => (boll.upper === null ? null : (boll.upper - boll.lower!) / 4), relative],
    ['volatilityNumpy', ({ vol_realized: volRealized }) => volRealized.w60s, 1e-14],
  ])('%s is as in the fixture', (name, value, tolerance) => {
    expect(largestDifference(signals.map(value), talib[name])).toBeLessThanOrEqual(tolerance)
  })

  it('RSI is 50 where nothing has changed yet (TA-Lib: 0)', () => {
    expect(signalsOf(Array(16).fill(100)).map(({ rsi14 }) => rsi14)).toEqual([...Array(14).fill(null), 50, 50])
  })
})
