import { describe, expect, test } from 'vitest'
import { findMistakes, longestGapMs, measureBars, measureSignals, type OutputLog, type TradeLog } from './arrivals.ts'

type Trade = [symbol: number, second: number, appendedMs: number]
type Output = [symbol: number, second: number, final: 0 | 1, seq: number, count: number, payload: number, receivedMs: number, madeMs?: number]

const trades = (...rows: Trade[]): TradeLog => ({
  symbols: Uint32Array.from(rows, ([symbol]) => symbol),
  seconds: Float64Array.from(rows, ([, second]) => second),
  appendedMs: Float64Array.from(rows, ([, , appendedMs]) => appendedMs),
})
const outputs = (...rows: Output[]): OutputLog => {
  const column = (at: number): number[] => rows.map((row) => row[at] ?? 0)
  return {
    symbols: Uint32Array.from(column(0)), seconds: Float64Array.from(column(1)), finals: Uint8Array.from(column(2)),
    seqs: Float64Array.from(column(3)), counts: Float64Array.from(column(4)), payloads: Uint32Array.from(column(5)), receivedMs: Float64Array.from(column(6)), madeMs: Float64Array.from(column(7)),
  }
}
/** Equal to a histogram's three digits. */
const about = (ms: number): unknown => expect.closeTo(ms * 1.0005, ms < 100 ? 1 : ms < 1000 ? 0 : -1)
const ALL = [{ fromMs: 0, toMs: 1e9 }]

/** Symbol 3, second 10: two trades in time, one that comes after the second's publication. */
const FED = trades([3, 10, 10_100], [3, 10, 10_900], [3, 10, 11_002])
const RECEIVED = outputs([3, 10, 0, 1, 2, 71, 11_012], [3, 10, 0, 2, 3, 72, 11_270], [3, 10, 1, 3, 3, 72, 13_015])

describe('measureBars', () => {
  test('reckons provisional from the end of the window and final from the watermark', () => {
    const figures = measureBars(FED, RECEIVED, ALL, 2_000)
    expect(figures.provisional.summary()).toMatchObject({ count: 1, max: about(12) })
    expect(figures.provisionalAll.summary()).toMatchObject({ count: 2, min: about(12), max: about(270) })
    expect(figures.final.summary()).toMatchObject({ count: 1, max: about(15) })
  })

  test('a trade is out with the first record that counts as many as were fed with it', () => {
    const { freshness } = measureBars(FED, RECEIVED, ALL, 2_000)
    expect(freshness.count).toBe(3)
    expect(freshness.summary()).toMatchObject({ min: about(112), max: about(912) })
    expect(freshness.at(50)).toBeCloseTo(268, 0)
  })

  test('a trade waits for a final when no provisional record has it', () => {
    const { freshness } = measureBars(FED, outputs([3, 10, 0, 1, 2, 71, 11_012], [3, 10, 1, 2, 3, 72, 13_015]), ALL, 2_000)
    expect(freshness.summary()).toMatchObject({ count: 3, max: about(2_013) })
  })

  test('counts the provisional records that the final changed', () => {
    expect(measureBars(FED, RECEIVED, ALL, 2_000)).toMatchObject({ windows: 1, provisionals: 2, changed: 1, windowsChanged: 1 })
  })

  test('looks at windows that end within the spans alone', () => {
    expect(measureBars(FED, RECEIVED, [{ fromMs: 0, toMs: 11_000 }], 2_000).windows).toBe(0)
    expect(measureBars(FED, RECEIVED, [{ fromMs: 11_000, toMs: 11_001 }], 2_000).windows).toBe(1)
  })

  test('signals are measured the same way', () => {
    const { provisional, final } = measureSignals(RECEIVED, ALL, 2_000)
    expect([provisional.summary().max, final.summary().max]).toEqual([about(12), about(15)])
  })
})

describe('findMistakes', () => {
  const RIGHT = outputs([3, 10, 0, 1, 0, 7, 11_012], [3, 10, 1, 2, 0, 7, 13_010])

  test('says nothing when all is right', () => {
    expect(findMistakes(FED, { bars: RECEIVED, signals: RIGHT }, ALL)).toEqual([])
  })

  test.each([
    ['a window without a record', trades([3, 10, 10_100], [4, 10, 10_100]), outputs([3, 10, 1, 1, 1, 7, 13_010]), ['1 windows of 2 without a bar', '1 windows of 2 without a signal']],
    ['a lost trade', FED, outputs([3, 10, 1, 1, 2, 7, 13_010]), ['2 trades instead of 3 in symbol 3, second 10']],
    ['two finals', FED, outputs([3, 10, 1, 1, 3, 7, 13_010], [3, 10, 1, 2, 3, 7, 13_011]), ['2 final bars of symbol 3, second 10']],
    ['no final', FED, outputs([3, 10, 0, 1, 3, 7, 13_010]), ['0 final bars of symbol 3, second 10']],
    ['a bar of nothing', FED, outputs([3, 10, 1, 1, 3, 7, 13_010], [3, 11, 1, 2, 1, 7, 14_010]), ['a bar without a trade: symbol 3, second 11']],
    ['nothing at all', trades(), outputs(), ['no trade was fed in the time that was measured']],
  ])('finds %s', (_, fed, bars, sentences) => {
    expect(findMistakes(fed, { bars, signals: RIGHT }, ALL)).toEqual(sentences)
  })

  test.each([
    ['none', outputs(), '1 windows of 1 without a signal'],
    ['no final one', outputs([3, 10, 0, 1, 0, 7, 13_010]), '0 final signals of symbol 3, second 10'],
    ['a gap in seq', outputs([3, 10, 0, 1, 0, 7, 13_010], [3, 10, 1, 3, 0, 7, 14_010]), "seq 3 after 1 of symbol 3's signals"],
  ])('finds of signals %s', (_, signals, sentence) => {
    expect(findMistakes(FED, { bars: RECEIVED, signals }, ALL)).toEqual([sentence])
  })

  test('finds a gap in seq of bars', () => {
    const finals = (seq: number): OutputLog => outputs([3, 10, 1, 1, 1, 7, 13_010], [3, 11, 1, seq, 1, 7, 14_010])
    expect(findMistakes(trades([3, 10, 0], [3, 11, 0]), { bars: finals(3), signals: finals(2) }, ALL)).toEqual(["seq 3 after 1 of symbol 3's bars"])
  })
})

describe('findMistakes of order', () => {
  const FEW = trades([3, 10, 0], [3, 11, 0])
  const FINE = outputs([3, 10, 1, 1, 1, 7, 13_010], [3, 11, 1, 2, 1, 7, 14_010])

  test.each([
    ['outputs lost at the beginning', outputs([3, 10, 1, 5, 1, 7, 13_010], [3, 11, 1, 6, 1, 7, 14_010]), "seq 5 after 0 of symbol 3's bars"],
    ['a provisional bar after its final', outputs([3, 10, 1, 1, 1, 7, 13_010], [3, 10, 0, 2, 1, 7, 13_011], [3, 11, 1, 3, 1, 7, 14_010]), 'a provisional bar after the final one of symbol 3, second 10'],
    ['finals that changed places', outputs([3, 11, 1, 1, 1, 7, 13_010], [3, 10, 1, 2, 1, 7, 14_010]), 'the final bar of second 10 of symbol 3 after a later one'],
  ])('finds %s', (_, bars, sentence) => {
    expect(findMistakes(FEW, { bars, signals: FINE }, ALL)).toEqual([sentence])
  })
})

test('the longest gap of a feed is one within a span', () => {
  const fed = trades([1, 0, 100], [1, 0, 110], [1, 0, 5_110], [1, 0, 5_150])
  expect(longestGapMs(fed, ALL)).toBe(5_000)
  expect(longestGapMs(fed, [{ fromMs: 0, toMs: 1_000 }, { fromMs: 5_000, toMs: 6_000 }])).toBe(40)
  expect(longestGapMs(trades(), ALL)).toBe(0)
})
