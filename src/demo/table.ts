/** The demo's table as text: pure, so that it can be tested for any size of terminal. */
import type { Row, TableState } from './table-state.ts'

interface Column {
  title: string
  width: number
  /** The lower, the sooner it has to go when the terminal is narrow. */
  rank: number
  text: (row: Row) => string
  colour?: (row: Row) => Colour | undefined
}

type Colour = 'red' | 'green' | 'yellow' | 'dim' | 'bold'
const SGR: Record<Colour, number> = { red: 31, green: 32, yellow: 33, dim: 2, bold: 1 }

const FLAG_WORDS: Record<string, string> = { ok: 'ok', warming_up: 'warm', quote_stale: 'stale', no_quote: 'no q' }

/** In the order in which they stand. A column of rank 1 and its like (open, high, low) go together. */
const COLUMNS: readonly Column[] = [
  { title: 'symbol', width: 6, rank: 9, text: (row) => row.symbol.padEnd(6), colour: () => 'bold' },
  { title: 'last', width: 9, rank: 9, text: (row) => price(row.close), colour: direction },
  { title: 'open', width: 9, rank: 1, text: (row) => price(row.open) },
  { title: 'high', width: 9, rank: 1, text: (row) => price(row.high) },
  { title: 'low', width: 9, rank: 1, text: (row) => price(row.low) },
  { title: 'volume', width: 7, rank: 3, text: (row) => quantity(row.volume) },
  { title: 'rsi14', width: 5, rank: 8, text: (row) => fixed(row.rsi, 1), colour: extreme },
  { title: 'macd h', width: 8, rank: 6, text: (row) => fixed(row.macdHist, 4), colour: (row) => sign(row.macdHist) },
  { title: 'vwap', width: 9, rank: 7, text: (row) => price(row.vwapSession) },
  { title: 'spread', width: 6, rank: 5, text: (row) => fixed(row.spread, 2) },
  { title: 'ratio', width: 6, rank: 2, text: (row) => fixed(row.ratio, 2), colour: (row) => sign(row.ratio) },
  {
    title: 'flag',
    width: 5,
    rank: 4,
    text: (row) => FLAG_WORDS[row.flag] ?? '',
    colour: (row) => (row.flag === 'ok' ? 'dim' : 'yellow'),
  },
  { title: 'ms', width: 5, rank: 9, text: (row) => fixed(row.latencyMs, 0) },
]

/**
 * The table for a terminal of this size: at most `rows` lines of at most `columns` characters, joined by line feeds. Narrow
 * terminals get fewer columns, short ones fewer symbols.
 */
export function renderTable(table: TableState, columns: number, rows: number, colours = false): string {
  const paint = colours ? paintAnsi : (text: string) => text
  const shown = columnsFor(columns)
  const symbols = [...table.rows.values()].sort((a, b) => (a.symbol < b.symbol ? -1 : 1))
  const room = Math.max(0, rows - 4)
  const head = shown
    .map((column, i) => (i === 0 ? column.title.padEnd(column.width) : column.title.padStart(column.width)))
    .join(' ')
  const lines = headLines(table).map((line) => cut(line, columns))
  lines.push(paint(cut(head, columns), 'dim'))
  for (const row of symbols.slice(0, room)) lines.push(rowLine(row, shown, columns, paint))
  const hidden = symbols.length - room
  lines.push(paint(cut(`Ctrl-C ends it.${hidden > 0 ? ` ${hidden} more symbols: make the window taller.` : ''}`, columns), 'dim'))
  return lines.slice(0, rows).join('\n')
}

/** One line for a log instead of a terminal. */
export function renderLine(table: TableState): string {
  const newest = [...table.rows.values()].sort((a, b) => b.endMs - a.endMs)[0]
  const sample =
    newest === undefined ? 'no bar yet' : `${newest.symbol} ${price(newest.close).trim()} rsi ${fixed(newest.rsi, 1)}`
  const flow = `in ${whole(table.recordsIn)}, out ${whole(table.recordsOut)}`
  return `${elapsed(table)} engine ${table.engine}, ${flow}, ${latencyWords(table)}, ${sample}`
}

function headLines(table: TableState): string[] {
  const seconds = Math.max(1, (table.nowMs - table.startedMs) / 1000)
  const flow = `in ${whole(table.recordsIn)} (${whole(table.recordsIn / seconds)}/s)  out ${whole(table.recordsOut)}`
  return [
    `torghut-ta  engine ${table.engine}  ${elapsed(table)}  ${flow}`,
    `window end to reader: ${latencyWords(table)}${table.consoleUrl === '' ? '' : `  console ${table.consoleUrl}`}`,
  ]
}

function latencyWords({ latencies }: TableState): string {
  const p50 = latencies.percentile(0.5)
  return Number.isNaN(p50) ? 'no latency yet' : `p50 ${Math.round(p50)} ms  p99 ${Math.round(latencies.percentile(0.99))} ms`
}

function elapsed({ startedMs, nowMs }: TableState): string {
  const seconds = Math.max(0, Math.floor((nowMs - startedMs) / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

function columnsFor(columns: number): Column[] {
  const width = (list: Column[]) => list.reduce((sum, column) => sum + column.width, list.length - 1)
  let shown = [...COLUMNS]
  for (let rank = 1; rank < 9 && width(shown) > columns; rank++) shown = shown.filter((column) => column.rank !== rank)
  return shown
}

function rowLine(row: Row, shown: Column[], columns: number, paint: (text: string, colour: Colour) => string): string {
  let line = ''
  let left = columns
  for (const [i, column] of shown.entries()) {
    const cell = cut((i === 0 ? '' : ' ') + cut(column.text(row), column.width).padStart(column.width), left)
    const colour = column.colour?.(row)
    line += colour === undefined ? cell : paint(cell, colour)
    left -= cell.length
  }
  return line
}

function paintAnsi(text: string, colour: Colour): string {
  return `\x1b[${SGR[colour]}m${text}\x1b[0m`
}

function direction({ close, closeBefore }: Row): Colour | undefined {
  return close === null || closeBefore === null ? undefined : sign(close - closeBefore)
}

function sign(value: number | null): Colour | undefined {
  if (value === null || value === 0) return undefined
  return value > 0 ? 'green' : 'red'
}

function extreme({ rsi }: Row): Colour | undefined {
  if (rsi === null || (rsi > 30 && rsi < 70)) return undefined
  return rsi >= 70 ? 'red' : 'green'
}

function price(value: number | null): string {
  if (value === null) return '-'
  const size = Math.abs(value)
  return value.toFixed(size >= 100_000 ? 0 : size >= 1 ? 2 : 5)
}

function quantity(value: number | null): string {
  if (value === null) return '-'
  if (value >= 999_500) return `${(value / 1e6).toFixed(1)}M`
  return Number.isInteger(value) ? String(value) : value.toFixed(3).slice(0, 7)
}

function fixed(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits)
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : text.slice(0, Math.max(0, width))
}
