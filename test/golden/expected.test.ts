/** The comparison itself: it must find what is wrong. */

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EXPECTED_DIRECTORY } from '../fixtures/tick-files.ts'
import { differences, loadExpected } from './expected.ts'
import type { ExpectedBar, OutputEnvelope } from './expected.ts'

const all = loadExpected(join(EXPECTED_DIRECTORY, 'synth.all.csv.gz'))

/** The first 120 bars of one symbol, and the outputs that they ask for: new ones at each call. */
function perfect() {
  const rows = all.get('SYNC')!.slice(0, 120)
  return { expected: new Map([['SYNC', rows]]), outputs: { bars: rows.map(bar), signals: rows.map(signal) } }
}

function envelope({ symbol, start, end, number }: ExpectedBar, channel: string, payload: unknown): OutputEnvelope {
  const window = { size: 'PT1S', step: 'PT1S', start, end }
  return { event_ts: end, channel, symbol, seq: number, is_final: true, window, payload }
}

function bar(row: ExpectedBar): OutputEnvelope {
  const { o, h, l, c, v, vwap, count } = row.cells
  return envelope(row, 'bars_1s', { o, h, l, c, v, vwap, count, t: row.end })
}

function signal(row: ExpectedBar): OutputEnvelope {
  const x = row.cells
  const ok = x.bid === null ? 'no_quote' : x.quote_age_ms! > 15_000 ? 'quote_stale' : 'ok'
  return envelope(row, 'signals', {
    macd: { macd: x.macd, signal: x.macd_signal, hist: x.macd_hist },
    ema: { ema12: x.ema12, ema26: x.ema26 },
    rsi14: x.rsi14,
    boll: { mid: x.bb_mid, upper: x.bb_upper, lower: x.bb_lower },
    vwap: { session: x.vwap_session_rth, w5m: x.vwap_5m_lc },
    imbalance: { spread: x.spread, bid_px: x.bid, ask_px: x.ask, bid_sz: x.bid_sz, ask_sz: x.ask_sz, ratio: x.imbalance },
    vol_realized: { w60s: x.rv60 },
    bars: row.number,
    signal_quality_flag: row.number < 35 ? 'warming_up' : ok,
  })
}

describe('differences', () => {
  it('are none where all is as expected, with provisional records among the finals', () => {
    const { expected, outputs } = perfect()
    expect(differences(expected, outputs)).toEqual([])
    outputs.bars.splice(3, 0, { ...outputs.bars[3], is_final: false })
    outputs.bars.forEach((record, i) => (record.seq = i + 1))
    expect(differences(expected, outputs)).toEqual([])
  })

  // loosely typed: the faults are written into payloads
  const at = (records: OutputEnvelope[], i: number) => records[i].payload as any
  const faults: [string, (outputs: { bars: OutputEnvelope[]; signals: OutputEnvelope[] }) => void, RegExp][] = [
    ['a bar is missing', ({ bars }) => (bars[119].is_final = false), /bars SYNC .*: missing/],
    ['a bar is too many', ({ bars }) => bars.push(later(bars[119])), /not expected/],
    ['a signal is missing', ({ signals }) => signals.pop(), /signals SYNC .*: missing/],
    ['seq has a gap', ({ bars }) => (bars[119].seq = 121), /seq is 121, due is 120/],
    ['a final comes twice', ({ bars }) => bars.push({ ...bars[119], seq: 121 }), /was final/],
    ['something comes after the final', ({ bars }) => bars.push({ ...bars[119], seq: 121, is_final: false }), /was final/],
    ['finals are out of order', ({ signals }) => swapWindows(signals), /was final/],
    ['event_ts is off', ({ signals }) => (signals[5].event_ts = 'x'), /event_ts/],
    ['a symbol is too many', ({ bars }) => bars.push({ ...bars[0], symbol: 'MORE' }), /bars MORE .*: not expected/],
    ['a price is off', ({ bars }) => (at(bars, 7).c += 1e-7), /: c is/],
    ['a stamp is off', ({ bars }) => (at(bars, 7).t = 'x'), /: t is x/],
    ['a null is a number', ({ signals }) => (at(signals, 3).rsi14 = 50), /rsi14 is 50, expected null/],
    ['a number is null', ({ signals }) => (at(signals, 30).rsi14 = null), /rsi14 is null/],
    ['volatility is off', ({ signals }) => (at(signals, 99).vol_realized.w60s += 2e-12), /w60s/],
    ['the flag is off', ({ signals }) => (at(signals, 99).signal_quality_flag = 'x'), /flag is x/],
    ['the imbalance is null', ({ signals }) => (at(signals, 99).imbalance = null), /imbalance/],
  ]
  it.each(faults)('are found when %s', (_, spoil, words) => {
    const { expected, outputs } = perfect()
    spoil(outputs)
    expect(differences(expected, outputs).join('\n')).toMatch(words)
  })

  it('are no more than asked for', () => {
    const { expected, outputs } = perfect()
    outputs.bars.forEach(({ payload }) => ((payload as { c: number }).c += 1))
    expect(differences(expected, outputs, { atMost: 3 })).toHaveLength(3)
  })
})

function later(record: OutputEnvelope): OutputEnvelope {
  const window = { ...record.window, start: '2030-01-01T00:00:00Z', end: '2030-01-01T00:00:01Z' }
  return { ...record, seq: record.seq + 1, window, event_ts: window.end }
}

function swapWindows(records: OutputEnvelope[]): void {
  const [a, b] = [records[10], records[11]]
  records[10] = { ...b, seq: a.seq }
  records[11] = { ...a, seq: b.seq }
}
