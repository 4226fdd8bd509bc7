/** What the demo's table knows: the newest window of each symbol, and how soon its first provisional bar could be read. */

/** Latencies kept for the percentiles: about two minutes of 20 symbols. */
const LATENCIES_KEPT = 2_048

export interface Row {
  symbol: string
  /** End of the newest window, ms since the epoch. */
  endMs: number
  open: number | null
  high: number | null
  low: number | null
  close: number | null
  volume: number | null
  /** Close of the window before. */
  closeBefore: number | null
  rsi: number | null
  macdHist: number | null
  vwapSession: number | null
  spread: number | null
  ratio: number | null
  flag: string
  /** From the window's end to the moment its first provisional bar was read here; null before the first. */
  latencyMs: number | null
}

export interface TableState {
  /** In a word or two: starting, live, ended … */
  engine: string
  /** Where the console is, empty for none. */
  consoleUrl: string
  startedMs: number
  nowMs: number
  recordsIn: number
  recordsOut: number
  rows: Map<string, Row>
  latencies: Latencies
}

/** The last latencies, and their percentiles. */
export class Latencies {
  readonly #ring = new Float64Array(LATENCIES_KEPT)
  #count = 0

  add(latencyMs: number): void {
    this.#ring[this.#count++ % LATENCIES_KEPT] = latencyMs
  }

  /** The percentile (0 to 1) of what is kept, NaN when there is nothing. */
  percentile(share: number): number {
    const sorted = this.#ring.slice(0, Math.min(this.#count, LATENCIES_KEPT)).sort()
    if (sorted.length === 0) return Number.NaN
    return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]
  }
}

export function newTable(nowMs: number): TableState {
  const counts = { recordsIn: 0, recordsOut: 0 }
  return { engine: 'starting', consoleUrl: '', startedMs: nowMs, nowMs, ...counts, rows: new Map(), latencies: new Latencies() }
}

/** Takes one record of the bars or the signals topic, as it was read at `receivedMs`. What is no such record is only counted. */
export function applyOutput(table: TableState, value: Buffer, receivedMs: number): void {
  table.recordsOut++
  const record = parse(value)
  if (record?.window?.size !== 'PT1S') return
  const endMs = Date.parse(record.window.end)
  if (record.channel === 'bars_1s') applyBar(rowOf(table, record.symbol), record, endMs, receivedMs, table.latencies)
  if (record.channel === 'signals') applySignal(rowOf(table, record.symbol), record, endMs)
}

interface Output {
  channel: string
  symbol: string
  is_final: boolean
  window?: { size: string; end: string }
  payload: Record<string, unknown>
}

function applyBar(row: Row, record: Output, endMs: number, receivedMs: number, latencies: Latencies): void {
  if (endMs < row.endMs) return
  if (endMs > row.endMs) {
    if (row.close !== null) row.closeBefore = row.close
    row.endMs = endMs
    if (!record.is_final) {
      row.latencyMs = receivedMs - endMs
      latencies.add(row.latencyMs)
    }
  }
  const { o, h, l, c, v } = record.payload
  // A window that was taken back has no prices: the table keeps the last ones.
  if (typeof c !== 'number') return
  Object.assign(row, { open: o, high: h, low: l, close: c, volume: v })
}

function applySignal(row: Row, record: Output, endMs: number): void {
  if (endMs < row.endMs) return
  const { macd, rsi14, vwap, imbalance, signal_quality_flag: flag } = record.payload
  row.rsi = numberOf(rsi14)
  row.macdHist = numberOf(fieldOf(macd, 'hist'))
  row.vwapSession = numberOf(fieldOf(vwap, 'session'))
  row.spread = numberOf(fieldOf(imbalance, 'spread'))
  row.ratio = numberOf(fieldOf(imbalance, 'ratio'))
  row.flag = String(flag)
}

function rowOf(table: TableState, symbol: string): Row {
  let row = table.rows.get(symbol)
  if (row === undefined) {
    const bar = { open: null, high: null, low: null, close: null, volume: null, closeBefore: null }
    const signal = { rsi: null, macdHist: null, vwapSession: null, spread: null, ratio: null, flag: '' }
    row = { symbol, endMs: 0, ...bar, ...signal, latencyMs: null }
    table.rows.set(symbol, row)
  }
  return row
}

function parse(value: Buffer): Output | undefined {
  try {
    return JSON.parse(value.toString()) as Output
  } catch {
    // The table is for looking; `ta verify` is what judges.
    return undefined
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}
