/**
 * Final bars and signals against a file of expected ones (one CSV row a bar; columns: the README beside the tick files).
 * The expected files were computed in batch by numpy and pandas, from the same ticks.
 */

import { readCsv } from '../fixtures/tick-files.ts'
import type { BarPayload } from '../model/publication.ts'
import type { SignalPayload } from '../model/indicators.ts'

/** An output envelope as parsed JSON. */
export interface OutputEnvelope {
  event_ts: string
  channel: string
  symbol: string
  seq: number
  is_final: boolean
  window: { size: string; step: string; start: string; end: string }
  payload: unknown
}

export interface ExpectedBar {
  symbol: string
  /** Start and end of the second, RFC 3339. */
  start: string
  end: string
  /** Number of the symbol's bar, from 1. */
  number: number
  /** By column name; null where the cell is empty. */
  cells: Record<string, number | null>
}

export interface CompareOptions {
  /** Which session column applies. */
  session?: 'us-equity' | 'us-equity-extended'
  quoteStaleAfterMs?: number
  /** Stops after so many differences. */
  atMost?: number
}

const RELATIVE = 1e-9
/** Realized volatility is itself about 1e-6 to 1e-3. */
const VOLATILITY_ABSOLUTE = 1e-12
const WARM_BARS = 35

/** Expected rows by symbol, in order. */
export function loadExpected(path: string): Map<string, ExpectedBar[]> {
  const bySymbol = new Map<string, ExpectedBar[]>()
  for (const { symbol, t, ...texts } of readCsv(path)) {
    const rows = bySymbol.get(symbol) ?? []
    bySymbol.set(symbol, rows)
    const cells = Object.fromEntries(Object.entries(texts).map(([name, cell]) => [name, cell === '' ? null : Number(cell)]))
    const end = new Date(Date.parse(t) + 1000).toISOString().replace('.000Z', 'Z')
    rows.push({ symbol, start: t, end, number: rows.length + 1, cells })
  }
  return bySymbol
}

/**
 * Differences in words, none when all is as expected. `outputs` are the records of the bars and signals topics, each in
 * the order in which they were published; provisional ones may be among them. Checked besides the values: none missing,
 * none too many, seq without gap, finals in window order, one final a window, nothing after it.
 */
export function differences(
  expected: Map<string, ExpectedBar[]>,
  outputs: { bars: OutputEnvelope[]; signals: OutputEnvelope[] },
  options: CompareOptions = {},
): string[] {
  const { atMost = 20 } = options
  const found: string[] = []
  for (const topic of ['bars', 'signals'] as const) {
    const records = outputs[topic]
    found.push(...disorders(topic, records))
    const finals = finalsBySymbol(records)
    const symbols = new Set([...expected.keys(), ...finals.keys()])
    for (const symbol of symbols) {
      const column = topic === 'bars' ? barValues : (row: ExpectedBar) => signalValues(row, options)
      found.push(...compareSymbol(topic, symbol, expected.get(symbol) ?? [], finals.get(symbol) ?? [], column))
      if (found.length >= atMost) return found.slice(0, atMost)
    }
  }
  return found
}

/** Faults of order in one topic: seq by (symbol, window size), finals once and in order. */
export function disorders(topic: string, records: OutputEnvelope[]): string[] {
  const found: string[] = []
  const seqs = new Map<string, number>()
  const lastFinal = new Map<string, string>()
  for (const { symbol, seq, is_final: isFinal, window, event_ts: eventTs } of records) {
    const series = `${topic} ${symbol} ${window.size}`
    const due = (seqs.get(series) ?? 0) + 1
    if (seq !== due) found.push(`${series} ${window.start}: seq is ${seq}, due is ${due}`)
    seqs.set(series, seq)
    if (eventTs !== window.end) found.push(`${series} ${window.start}: event_ts ${eventTs} is not the window's end`)
    const last = lastFinal.get(series) ?? ''
    // a revision of the newest minute is one more final
    const again = window.size === 'PT1M' && isFinal ? window.start < last : window.start <= last
    if (again) found.push(`${series} ${window.start}: published after ${last} was final`)
    if (isFinal) lastFinal.set(series, window.start)
  }
  return found
}

function finalsBySymbol(records: OutputEnvelope[]): Map<string, OutputEnvelope[]> {
  const finals = records.filter((record) => record.is_final && record.window.size === 'PT1S' && !isRetracted(record))
  return Map.groupBy(finals, ({ symbol }) => symbol)
}

function isRetracted({ payload }: OutputEnvelope): boolean {
  return (payload as BarPayload).retracted === true
}

interface Comparison {
  name: string
  actual: unknown
  expected: number | string | null
  tolerance: number
}
type Values = (row: ExpectedBar) => (payload: never) => Comparison[]

function compareSymbol(topic: string, symbol: string, rows: ExpectedBar[], finals: OutputEnvelope[], values: Values): string[] {
  const found: string[] = []
  const byStart = new Map(finals.map((final) => [final.window.start, final]))
  const due = new Set(rows.map(({ start }) => start))
  for (const { window } of finals) if (!due.has(window.start)) found.push(`${topic} ${symbol} ${window.start}: not expected`)
  for (const row of rows) {
    const final = byStart.get(row.start)
    const place = `${topic} ${symbol} ${row.start}`
    if (final === undefined) {
      found.push(`${place}: missing`)
      continue
    }
    if (final.window.end !== row.end) found.push(`${place}: ends at ${final.window.end}`)
    for (const { name, actual, expected, tolerance } of values(row)(final.payload as never)) {
      if (isClose(actual, expected, tolerance)) continue
      found.push(`${place}: ${name} is ${actual}, expected ${expected} ± ${tolerance}`)
    }
  }
  return found
}

function isClose(actual: unknown, expected: number | string | null, tolerance: number): boolean {
  if (typeof expected !== 'number' || typeof actual !== 'number') return actual === expected
  return Math.abs(actual - expected) <= tolerance
}

/** 1e-9 of the value, or, where it is in the price's unit, of the bar's close when that is larger. */
function tolerances(row: ExpectedBar) {
  const close = Math.abs(row.cells.c ?? 0)
  const of = (column: string) => Math.abs(row.cells[column] ?? 0)
  const make = (actual: unknown, name: string, column: string, tolerance: number): Comparison =>
    ({ name, actual, expected: row.cells[column], tolerance })
  return {
    price: (actual: unknown, name: string, column: string) => make(actual, name, column, RELATIVE * Math.max(of(column), close)),
    plain: (actual: unknown, name: string, column: string) => make(actual, name, column, RELATIVE * Math.max(of(column), 1)),
    volatility: (actual: unknown, name: string, column: string) =>
      make(actual, name, column, Math.max(VOLATILITY_ABSOLUTE, RELATIVE * of(column))),
    exact: (actual: unknown, name: string, expected: number | string): Comparison => ({ name, actual, expected, tolerance: 0 }),
  }
}

function barValues(row: ExpectedBar): (payload: BarPayload) => Comparison[] {
  const { price, plain, exact } = tolerances(row)
  return ({ o, h, l, c, v, vwap, count, t }) => [
    price(o, 'o', 'o'),
    price(h, 'h', 'h'),
    price(l, 'l', 'l'),
    price(c, 'c', 'c'),
    plain(v, 'v', 'v'),
    price(vwap, 'vwap', 'vwap'),
    plain(count, 'count', 'count'),
    exact(t, 't', row.end),
  ]
}

function signalValues(row: ExpectedBar, options: CompareOptions): (payload: SignalPayload) => Comparison[] {
  const { price, plain, volatility, exact } = tolerances(row)
  const sessionColumn = options.session === 'us-equity-extended' ? 'vwap_session_ext' : 'vwap_session_rth'
  const staleAfterMs = options.quoteStaleAfterMs ?? 15_000
  const { bid, quote_age_ms: ageMs } = row.cells
  const flag = bid === null ? 'no_quote' : staleAfterMs > 0 && ageMs! > staleAfterMs ? 'quote_stale' : 'ok'
  return ({ macd, ema, rsi14, boll, vwap, imbalance, vol_realized: volRealized, bars, signal_quality_flag: actualFlag }) => [
    price(macd.macd, 'macd.macd', 'macd'),
    price(macd.signal, 'macd.signal', 'macd_signal'),
    price(macd.hist, 'macd.hist', 'macd_hist'),
    price(ema.ema12, 'ema.ema12', 'ema12'),
    price(ema.ema26, 'ema.ema26', 'ema26'),
    plain(rsi14, 'rsi14', 'rsi14'),
    price(boll.mid, 'boll.mid', 'bb_mid'),
    price(boll.upper, 'boll.upper', 'bb_upper'),
    price(boll.lower, 'boll.lower', 'bb_lower'),
    price(vwap.session, 'vwap.session', sessionColumn),
    price(vwap.w5m, 'vwap.w5m', 'vwap_5m_lc'),
    price(imbalance?.spread, 'imbalance.spread', 'spread'),
    price(imbalance?.bid_px, 'imbalance.bid_px', 'bid'),
    price(imbalance?.ask_px, 'imbalance.ask_px', 'ask'),
    plain(imbalance?.bid_sz, 'imbalance.bid_sz', 'bid_sz'),
    plain(imbalance?.ask_sz, 'imbalance.ask_sz', 'ask_sz'),
    plain(imbalance?.ratio, 'imbalance.ratio', 'imbalance'),
    volatility(volRealized.w60s, 'vol_realized.w60s', 'rv60'),
    exact(bars, 'bars', row.number),
    exact(actualFlag, 'signal_quality_flag', row.number < WARM_BARS ? 'warming_up' : flag),
  ]
}
