/**
 * From what was fed and what was received to latencies, and to whether all of it was right. Pure: the processes of a bench
 * only note times, and the sums are done here, after the run.
 *
 * In:  each trade fed (symbol, second, when it was appended), each output received. Out: latencies, counts, what was wrong.
 */
import { Latencies } from './latencies.ts'

/** Trades in the order in which they were appended to their partition; one row each. */
export interface TradeLog {
  symbols: Uint32Array
  /** UTC second of the event time. */
  seconds: Float64Array
  /** When the record was handed to the producer, ms since the epoch. */
  appendedMs: Float64Array
}

/** Outputs of one topic in the order in which they came; one row each. */
export interface OutputLog {
  symbols: Uint32Array
  /** UTC second at which the window starts. */
  seconds: Float64Array
  finals: Uint8Array
  seqs: Float64Array
  /** The bar's count of trades; 0 for signals. */
  counts: Float64Array
  /** CRC-32 of the payload's text. */
  payloads: Uint32Array
  /** Taken before the record was parsed, ms since the epoch. */
  receivedMs: Float64Array
  /** `ingest_ts`: the engine's clock at the epoch's end, ms since the epoch. */
  madeMs: Float64Array
}

/** A stretch of time that counts, [fromMs, toMs): windows by their end, trades by their second. */
export interface Span {
  fromMs: number
  toMs: number
}

export interface BarFigures {
  /** Window end → received, of the first provisional record of each window. */
  provisional: Latencies
  /** The same of every provisional record: a trade that came after its second's publication is in the next one. */
  provisionalAll: Latencies
  /** Watermark → received, of final records: window end + lateness → received. */
  final: Latencies
  /** Record appended → received in the first output that contains it. */
  freshness: Latencies
  windows: number
  provisionals: number
  /** Provisional records whose payload is not their final's. */
  changed: number
  /** Windows whose first provisional record is not their final's. */
  windowsChanged: number
}

/** A number for a symbol's window: seconds are below 2^33, symbols below 2^20. */
const windowKey = (symbol: number, second: number): number => second * 1_048_576 + symbol

const isWithin = (second: number, { fromMs, toMs }: Span): boolean => (second + 1) * 1000 >= fromMs && (second + 1) * 1000 < toMs

interface Window {
  /** Rows of the output log. */
  rows: number[]
  finalRow: number
}

function windowsOf(outputs: OutputLog, spans: readonly Span[]): Map<number, Window> {
  const windows = new Map<number, Window>()
  for (let row = 0; row < outputs.seconds.length; row++) {
    if (!spans.some((span) => isWithin(outputs.seconds[row], span))) continue
    const key = windowKey(outputs.symbols[row], outputs.seconds[row])
    let window = windows.get(key)
    if (window === undefined) windows.set(key, window = { rows: [], finalRow: -1 })
    window.rows.push(row)
    if (outputs.finals[row] === 1) window.finalRow = row
  }
  return windows
}

/** The longest time between two trades of which both were appended within one of the spans, ms. */
export function longestGapMs({ appendedMs }: TradeLog, spans: readonly Span[]): number {
  const gaps = spans.map(({ fromMs, toMs }) => {
    let longest = 0
    for (let trade = 1; trade < appendedMs.length; trade++) {
      if (appendedMs[trade - 1] >= fromMs && appendedMs[trade] < toMs) longest = Math.max(longest, appendedMs[trade] - appendedMs[trade - 1])
    }
    return longest
  })
  return Math.max(0, ...gaps)
}

/** Latencies of the bars of the windows that end within the spans. */
export function measureBars(trades: TradeLog, bars: OutputLog, spans: readonly Span[], latenessMs: number): BarFigures {
  const figures: BarFigures = {
    provisional: new Latencies(), provisionalAll: new Latencies(), final: new Latencies(), freshness: new Latencies(),
    windows: 0, provisionals: 0, changed: 0, windowsChanged: 0,
  }
  const windows = windowsOf(bars, spans)
  for (const { rows, finalRow } of windows.values()) {
    figures.windows++
    rows.forEach((row, i) => {
      const ageMs = bars.receivedMs[row] - (bars.seconds[row] + 1) * 1000
      if (bars.finals[row] === 1) return figures.final.add(ageMs - latenessMs)
      figures.provisionals++
      figures.provisionalAll.add(ageMs)
      if (i === 0) figures.provisional.add(ageMs)
      if (finalRow < 0 || bars.payloads[row] === bars.payloads[finalRow]) return
      figures.changed++
      if (i === 0) figures.windowsChanged++
    })
  }
  addFreshness(figures.freshness, trades, bars, windows)
  return figures
}

/** The first record of a trade's window that counts as many trades as had been fed with it contains it: a window's trades come in order. */
function addFreshness(freshness: Latencies, trades: TradeLog, bars: OutputLog, windows: ReadonlyMap<number, Window>): void {
  const fed = new Map<number, number>()
  for (let trade = 0; trade < trades.seconds.length; trade++) {
    const key = windowKey(trades.symbols[trade], trades.seconds[trade])
    const window = windows.get(key)
    if (window === undefined) continue
    const ordinal = (fed.get(key) ?? 0) + 1
    fed.set(key, ordinal)
    const row = window.rows.find((at) => bars.counts[at] >= ordinal)
    if (row !== undefined) freshness.add(bars.receivedMs[row] - trades.appendedMs[trade])
  }
}

/** Window end → received, of the signals: first provisional ones, and finals without the lateness. */
export function measureSignals(signals: OutputLog, spans: readonly Span[], latenessMs: number): { provisional: Latencies; final: Latencies } {
  const provisional = new Latencies()
  const final = new Latencies()
  for (const { rows } of windowsOf(signals, spans).values()) {
    rows.forEach((row, i) => {
      const ageMs = signals.receivedMs[row] - (signals.seconds[row] + 1) * 1000
      if (signals.finals[row] === 1) final.add(ageMs - latenessMs)
      else if (i === 0) provisional.add(ageMs)
    })
  }
  return { provisional, final }
}

/**
 * What was wrong with the outputs, in words; empty when trades were fed within the spans, each window of theirs has one final bar that
 * counts them and one final signal, the last of its window, there is no other window, finals come in order, and seq goes from 1 on without a gap in either topic.
 */
export function findMistakes(trades: TradeLog, { bars, signals }: { bars: OutputLog; signals: OutputLog }, spans: readonly Span[]): string[] {
  const wanted = new Map<number, number>()
  for (let trade = 0; trade < trades.seconds.length; trade++) {
    if (!spans.some((span) => isWithin(trades.seconds[trade], span))) continue
    const key = windowKey(trades.symbols[trade], trades.seconds[trade])
    wanted.set(key, (wanted.get(key) ?? 0) + 1)
  }
  if (wanted.size === 0) return ['no trade was fed in the time that was measured']
  return [...mistakesOf('bar', bars, wanted, spans), ...mistakesOf('signal', signals, wanted, spans)]
}

function mistakesOf(kind: 'bar' | 'signal', outputs: OutputLog, wanted: ReadonlyMap<number, number>, spans: readonly Span[]): string[] {
  const mistakes: string[] = []
  const windows = windowsOf(outputs, spans)
  for (const [key, { rows }] of windows) {
    const finals = rows.filter((row) => outputs.finals[row] === 1)
    const name = `symbol ${key % 1_048_576}, second ${Math.floor(key / 1_048_576)}`
    const trades = wanted.get(key)
    if (finals.length === 1 && rows.at(-1) !== finals[0]) mistakes.push(`a provisional ${kind} after the final one of ${name}`)
    if (trades === undefined) mistakes.push(`a ${kind} without a trade: ${name}`)
    else if (finals.length !== 1) mistakes.push(`${finals.length} final ${kind}s of ${name}`)
    else if (kind === 'bar' && outputs.counts[finals[0]] !== trades) mistakes.push(`${outputs.counts[finals[0]]} trades instead of ${trades} in ${name}`)
  }
  const missing = [...wanted.keys()].filter((key) => !windows.has(key)).length
  if (missing > 0) mistakes.push(`${missing} windows of ${wanted.size} without a ${kind}`)
  const seqs = new Map<number, number>()
  const finalSeconds = new Map<number, number>()
  for (let row = 0; row < outputs.seqs.length; row++) {
    const symbol = outputs.symbols[row]
    const last = seqs.get(symbol) ?? 0
    if (outputs.seqs[row] !== last + 1) mistakes.push(`seq ${outputs.seqs[row]} after ${last} of symbol ${symbol}'s ${kind}s`)
    seqs.set(symbol, outputs.seqs[row])
    if (outputs.finals[row] === 0) continue
    const second = outputs.seconds[row]
    if (second < (finalSeconds.get(symbol) ?? second)) mistakes.push(`the final ${kind} of second ${second} of symbol ${symbol} after a later one`)
    finalSeconds.set(symbol, second)
  }
  return mistakes
}
