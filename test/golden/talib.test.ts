/** The model's indicators against TA-Lib and numpy on one series of closes (test/fixtures/talib/make.py). */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import type { SignalPayload } from '../model/indicators.ts'
import { Model } from '../model/model.ts'
import { tradeRecord } from '../model/records.ts'

type Series = (number | null)[]
const talib: Record<string, Series> = JSON.parse(readFileSync(new URL('../fixtures/talib/talib.json', import.meta.url), 'utf8'))

/** One trade a second, so each close is one bar. */
function signalsOf(closes: Series): SignalPayload[] {
  const model = new Model()
  closes.forEach((price, i) => {
    const trade = tradeRecord({ t: `2024-11-01T14:${two(Math.floor(i / 60))}:${two(i % 60)}Z`, i, p: price! })
    expect(model.apply('trades', i, trade.key, trade.value, null).outcome).toBe('applied')
  })
  return model.closeAll().filter(({ topic }) => topic === 'signals').map(({ payload }) => payload as SignalPayload)
}

const two = (n: number): string => String(n).padStart(2, '0')

function largestDifference(actual: Series, expected: Series): number {
  expect(actual.map((value) => value === null)).toEqual(expected.map((value) => value === null))
  return Math.max(...expected.map((value, i) => (value === null ? 0 : Math.abs(value - actual[i]!))))
}

describe('indicators', () => {
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
