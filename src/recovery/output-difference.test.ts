import { describe, expect, it } from 'vitest'
import { outputDifference, sharedCount } from './output-difference.ts'

interface Fields {
  symbol?: string
  seq?: number
  second?: string
  size?: string
  payload?: object
}

const bar = { o: 101.4, h: 101.5, l: 101.4, c: 101.5, v: 300, vwap: 101.45, count: 2, t: '2025-12-03T18:32:11.000Z' }
const output = ({ symbol = 'AAPL', seq = 42, second = '18:32:10', size = 'PT1S', payload = bar }: Fields = {}): Buffer => Buffer.from(JSON.stringify({
  ingest_ts: '2025-12-03T18:32:13.005Z', event_ts: '2025-12-03T18:32:11.000Z', feed: 'sip', channel: 'bars_1s', symbol, seq, is_final: true, source: 'ta',
  window: { size, step: size, start: `2025-12-03T${second}.000Z`, end: '2025-12-03T18:32:11.000Z' }, payload, version: 1,
}))
const difference = (values: Buffer[], computed: Buffer[], isWhole = true): string | null => outputDifference({ values, isWhole }, computed)

describe('the first output that differs', () => {
  it('is none where all are the same', () => {
    const values = [output(), output({ symbol: 'MSFT', seq: 7 })]
    expect(difference(values, values.map((value) => Buffer.from(value)))).toBeNull()
    expect(difference([], [])).toBeNull()
  })

  it('is named by symbol, window and seq, with its column and both values', () => {
    const then = [output({ symbol: 'AA', seq: 3 }), output(), output({ symbol: 'MSFT' })]
    const now = [output({ symbol: 'AA', seq: 3 }), output({ payload: { ...bar, c: 101.49 } }), output({ symbol: 'MSFT', payload: { ...bar, v: 1 } })]
    expect(difference(then, now)).toBe('AAPL 2025-12-03T18:32:10Z (PT1S, seq 42) is "c" 101.5 on the topic, 101.49 computed now')
  })

  it('has nested columns by their path, null and absent ones as such, and no more than three in full', () => {
    const then = output({ payload: { macd: { macd: 1, hist: 0.5 }, rsi14: null, imbalance: null, bars: 3 } })
    const now = output({ payload: { macd: { macd: 1, hist: 0.25 }, rsi14: 50, imbalance: { spread: 0.01 }, bars: 4 } })
    expect(difference([then], [now])).toContain('is "macd.hist" 0.5 on the topic, 0.25 computed now; "rsi14" null on the topic, 50 computed now; ' +
      '"imbalance" null on the topic, absent computed now; and 2 more columns differ')
  })

  it('tells a seq that was not restored by that column, as records meet by their window', () => {
    expect(difference([output({ seq: 42 })], [output({ seq: 1 })])).toBe(
      'AAPL 2025-12-03T18:32:10Z (PT1S, seq 42) is "seq" 42 on the topic, 1 computed now')
  })

  it('tells minus zero and another text of the same value', () => {
    const zero = output({ payload: { ...bar, v: 0 } })
    const minus = Buffer.from(String(zero).replace('"v":0', '"v":-0'))
    expect(difference([zero], [minus])).toContain('"v" 0 on the topic, -0 computed now')
    const text = Buffer.from(String(zero).replace('"v":0', '"v":0.0'))
    expect(difference([zero], [text])).toContain(`the same but for its text, from byte ${String(zero).indexOf('"v":0') + 5} on`)
  })

  it('is one that is on one side alone, or at another place', () => {
    const [one, two] = [output(), output({ symbol: 'MSFT', seq: 7 })]
    expect(difference([one, two], [one])).toBe('MSFT 2025-12-03T18:32:10Z (PT1S, seq 7) is on the topic, and is not computed now')
    expect(difference([one], [one, two])).toBe('MSFT 2025-12-03T18:32:10Z (PT1S, seq 7) is computed now, and is not on the topic')
    expect(difference([one, two], [two, one])).toBe('AAPL 2025-12-03T18:32:10Z (PT1S, seq 42) comes at another place among those of its epoch')
  })

  it('does not call missing what may have been deleted', () => {
    const [one, two] = [output(), output({ symbol: 'MSFT', seq: 7 })]
    expect(difference([two], [one, two], false)).toBeNull()
    expect(difference([output({ symbol: 'MSFT', seq: 8 })], [one, two], false)).toContain('"seq" 8 on the topic, 7 computed now')
  })

  it('keeps seconds and minutes of one start apart, and the revisions of one minute', () => {
    const minutes = [1, 2].map((seq) => output({ size: 'PT1M', second: '18:32:00', seq }))
    const values = [output({ second: '18:32:00' }), ...minutes]
    expect(difference(values, values)).toBeNull()
    const changed = [...values.slice(0, 2), output({ size: 'PT1M', second: '18:32:00', seq: 2, payload: { ...bar, c: 7 } })]
    expect(difference(values, changed)).toBe('AAPL 2025-12-03T18:32:00Z (PT1M, seq 2) is "c" 101.5 on the topic, 7 computed now')
  })

  it('takes what is no JSON as it is', () => {
    expect(difference([Buffer.from('?')], [output()])).toContain('is on the topic, and is not computed now')
    expect(difference([Buffer.from('ab')], [Buffer.from('ac')])).toContain('the same but for its text, from byte 1 on')
  })

  it('counts the records that both have', () => {
    expect(sharedCount([output(), output({ symbol: 'MSFT' })], [output({ seq: 1 }), output({ symbol: 'IBM' })])).toBe(1)
  })
})
