/**
 * Where everything lies in a task's memory: header cells, config image, input columns, decoded columns, state tables.
 *
 * This file is the one source. `npm run layout` writes assembly/layout.ts from it and a test asserts that the two agree,
 * so kernel and host can't drift apart. Tables are columns in Arrow's layout (fixed width, fixed-size lists), 64-byte
 * aligned; a snapshot is these columns by name. Row 0 of every table is no row: 0 means "none" in every row reference,
 * and serves as the scratch row of provisional indicators.
 *
 * A kernel that is older than the program runs recorded epochs again on this layout (src/bundle), so what it knows stays where it is:
 * header cells, config cells and columns are only ever appended, see ADDED. `layoutParts` says what lies where; a bundle carries the
 * parts of its own kernel, and one whose parts are not all among ours is refused.
 *
 * In:  nothing. Out: constants and pure functions. Imports: nothing.
 */

/** Raised by whoever changes what a cell or a column means, or what lies behind the state, while it stays where it is. */
export const LAYOUT_VERSION = 1
export const MAGIC = 0x7461_0001

/** The kernel's own static data ends below this address (asserted against `__heap_base` at instantiation). */
export const HEADER_BASE = 131_072
export const HEADER_BYTES = 8_192
export const CONFIG_BASE = HEADER_BASE + HEADER_BYTES
export const CONFIG_BYTES = 122_880

/**
 * A batch: at most this many records and bytes. 8,192 quotes of 320 B are 2.6 MB, 10 ms of work at 1.3 µs each, so a
 * batch never holds a second's end back by more; one record is at most 1 MiB, so four of them always fit.
 */
export const BATCH_ROWS = 8_192
export const BATCH_VALUE_BYTES = 4_194_304
/** Keys are cut to 40 bytes: a longer one can't be a symbol (at most 32), and stays a mismatch. */
export const KEY_BYTES_MAX = 40
export const BATCH_KEY_BYTES = BATCH_ROWS * KEY_BYTES_MAX
export const SCRATCH_BYTES = 262_144

export type CellType = 'u8' | 'i32' | 'i64' | 'f64'
export const CELL_BYTES: Record<CellType, number> = { u8: 1, i32: 4, i64: 8, f64: 8 }

export interface ColumnSpec {
  name: string
  type: CellType
  /** Elements a row: a fixed-size list (or fixed-size binary for u8) when above 1. */
  list: number
}
export interface TableSpec {
  name: string
  /** Rows when a task is new. */
  initialRows: number
  columns: ColumnSpec[]
}

const columns = (...specs: string[]): ColumnSpec[] =>
  specs.map((spec) => {
    const [name, type, list] = spec.split(' ')
    return { name, type: type as CellType, list: list === undefined ? 1 : Number(list) }
  })

/** Seconds of trades that the five-minute VWAP looks back on. */
export const VWAP_SECONDS = 300
/** Bars that Bollinger bands and realized volatility look back on. */
export const BOLLINGER_BARS = 20
export const VOLATILITY_BARS = 60
/** Minute bars that the five-minute VWAP looks back on. */
export const MINUTE_VWAP_BARS = VWAP_SECONDS / 60
/** Values of the newest final minute bar that are known, so that a repeat of any of its revisions is one. */
export const MINUTE_SEEN = 8
/**
 * Minutes of own seconds that each symbol keeps to be compared with the feed's bars: a revision comes half a minute after its minute, and
 * bars that the log hands over a little later than its trades are still compared. 8 × 44 B are 7 MB at 20,000 symbols.
 */
export const MINUTE_CHECKS = 8
/** Bars of a symbol that wait for their minute to be over by the watermark: while old data is read, bars come first. 48 B each. */
export const UNCHECKED_BARS_MAX = 128
/** Dedupe keys (exchange, id) up to this length lie in the trade's row as they are; of longer ones it holds the SHA-256. */
export const TRADE_KEY_BYTES = 32
export const FEED_BYTES_MAX = 32
export const FEEDS_MAX = 255

const QUOTE = ['quoteSet i32', 'quoteTime i64', 'bidPrice f64', 'bidSize f64', 'askPrice f64', 'askSize f64', 'quoteIdHead i32']

const FIRST_TABLES: TableSpec[] = [
  {
    name: 'symbol',
    initialRows: 64,
    columns: columns(
      'name u8 32', 'nameLength i32', 'hash i32', 'seqBars i64', 'seqSignals i64', 'seqMinuteSignals i64', 'windowHead i32',
      'indicatorRow i32', 'minuteRow i32', 'lastFinalSecond i64', ...QUOTE,
      `ownSecond i64 ${MINUTE_CHECKS}`, `ownPriced i32 ${MINUTE_CHECKS}`, `ownHigh f64 ${MINUTE_CHECKS}`, `ownLow f64 ${MINUTE_CHECKS}`,
      `ownClose f64 ${MINUTE_CHECKS}`, `ownVolume f64 ${MINUTE_CHECKS}`,
    ),
  },
  {
    name: 'indicator',
    initialRows: 64,
    columns: columns(
      'symbol i32', 'bars i32', 'lastClose f64', 'ema12 f64', 'ema26 f64', 'signal9 f64', 'rsiUp f64', 'rsiDown f64',
      `closes f64 ${BOLLINGER_BARS}`, `returns f64 ${VOLATILITY_BARS}`, 'session i64', 'sessionPv f64', 'sessionPvLow f64',
      'sessionVolume f64', 'sessionVolumeLow f64', 'w5mHead i32', 'w5mSplit i32', 'w5mTail i32', 'w5mBackPv f64', 'w5mBackV f64',
      `w5mSecond i64 ${VWAP_SECONDS}`, `w5mPv f64 ${VWAP_SECONDS}`, `w5mV f64 ${VWAP_SECONDS}`,
    ),
  },
  {
    name: 'window',
    initialRows: 256,
    columns: columns(
      'symbol i32', 'next i32', 'second i64', 'flags i32', 'open f64', 'high f64', 'low f64', 'close f64', 'openTime i64',
      'openArrival i64', 'closeTime i64', 'closeArrival i64', 'volume f64', 'pv f64', 'pvVolume f64', 'count i32', 'trades i32',
      'tradeHead i32', 'feed i32', 'barFeed i32', 'publishedMs i64', ...QUOTE,
    ),
  },
  {
    name: 'trade',
    initialRows: 1024,
    columns: columns(
      'next i32', 'hashNext i32', 'hash i32', 'symbol i32', 'window i32', 'time i64', 'arrival i64', 'price f64', 'size f64',
      'flags i32', 'feed i32', 'keyLength i32', `key u8 ${TRADE_KEY_BYTES}`,
    ),
  },
  { name: 'quoteId', initialRows: 1024, columns: columns('next i32', 'hashNext i32', 'symbol i32', 'kind i32', 'time i64', 'key i64') },
  { name: 'feed', initialRows: 16, columns: columns(`name u8 ${FEED_BYTES_MAX}`, 'nameLength i32') },
  {
    // of a symbol with minute bars: indicators before the newest final bar, that bar, what is known of it, the newest provisional bar,
    // and the list of bars that are still to be compared with own seconds
    name: 'minute',
    initialRows: 16,
    columns: columns(
      'symbol i32', 'bars i32', 'lastClose f64', 'ema12 f64', 'ema26 f64', 'signal9 f64', 'rsiUp f64', 'rsiDown f64',
      `closes f64 ${BOLLINGER_BARS}`, `returns f64 ${VOLATILITY_BARS}`, 'session i64', 'sessionPv f64', 'sessionPvLow f64',
      'sessionVolume f64', 'sessionVolumeLow f64', 'vwapBars i32', `vwapEnd i64 ${MINUTE_VWAP_BARS}`, `vwapPv f64 ${MINUTE_VWAP_BARS}`,
      `vwapV f64 ${MINUTE_VWAP_BARS}`,
      'newestSet i32', 'newestSecond i64', 'newestClose f64', 'newestVolume f64', 'newestVwap f64',
      'judgedSecond i64', 'seenCount i32', `seen i64 ${MINUTE_SEEN}`, 'pendingHead i32', 'pendingTail i32',
      'provisional i32', 'provisionalSecond i64', 'provisionalHash i64', 'provisionalClose f64', 'provisionalVolume f64',
      'provisionalVwap f64', 'provisionalFeed i32',
      'uncheckedHead i32', 'uncheckedTail i32', 'uncheckedCount i32', 'uncheckedSkipped i32',
    ),
  },
  {
    // final minute bars of the open epoch, in the order in which they came: empty at a barrier
    name: 'pendingBar',
    initialRows: 64,
    columns: columns(
      'next i32', 'second i64', 'high f64', 'low f64', 'close f64', 'volume f64', 'vwap f64', 'feed i32',
    ),
  },
  {
    // final minute bars that wait to be compared with own seconds, a list a symbol
    name: 'uncheckedBar',
    initialRows: 64,
    columns: columns('next i32', 'second i64', 'high f64', 'low f64', 'close f64', 'volume f64'),
  },
  { name: 'symbolIndex', initialRows: 128, columns: columns('row i32') },
  { name: 'tradeIndex', initialRows: 1024, columns: columns('row i32') },
  { name: 'quoteIdIndex', initialRows: 1024, columns: columns('row i32') },
  { name: 'openSymbols', initialRows: 1, columns: columns('bits i64') },
]

/**
 * Columns that came after a release, `column` as in FIRST_TABLES, in the order in which they came. A kernel finds a column by its number:
 * to put one among those of its table would renumber all that follow, and older kernels would read and write other columns. A table
 * that comes later stands at the end of FIRST_TABLES without columns, and has all of them here.
 */
const ADDED: { table: string; column: string }[] = []

export const TABLES: TableSpec[] = FIRST_TABLES.map((table) => ({
  ...table, columns: [...table.columns, ...columns(...ADDED.filter(({ table: name }) => name === table.name).map(({ column }) => column))],
}))

export const tableNumber = (name: string): number => TABLES.findIndex((table) => table.name === name)
/** Tables whose size follows another's: index tables are powers of two, at least `factor` times as many rows. */
export const FOLLOWERS: { table: string; of: string; rows(capacity: number): number }[] = [
  { table: 'symbolIndex', of: 'symbol', rows: (capacity) => powerOfTwo(capacity * 2) },
  { table: 'tradeIndex', of: 'trade', rows: (capacity) => powerOfTwo(capacity) },
  { table: 'quoteIdIndex', of: 'quoteId', rows: (capacity) => powerOfTwo(capacity) },
  { table: 'openSymbols', of: 'symbol', rows: (capacity) => Math.ceil(capacity / 64) },
]
const powerOfTwo = (n: number): number => 2 ** Math.ceil(Math.log2(n))

/** State cells of the header: part of a snapshot, all 8 bytes wide, i64. Appended to, never reordered. */
export const STATE_CELLS = [
  'latestStart', 'watermarkNs', 'tradesMaxNs', 'quotesMaxNs', 'barsEndNs', 'firstTradeNs', 'clockMs', 'conflicts', 'symbols',
  'counts.trades.applied', 'counts.trades.duplicate', 'counts.trades.late', 'counts.trades.filtered', 'counts.trades.rejected',
  'counts.quotes.applied', 'counts.quotes.duplicate', 'counts.quotes.late', 'counts.quotes.filtered', 'counts.quotes.rejected',
  'counts.bars.applied', 'counts.bars.duplicate', 'counts.bars.late', 'counts.bars.filtered', 'counts.bars.rejected',
] as const
export type StateCell = (typeof STATE_CELLS)[number]

/**
 * Cells of the running process: not part of a snapshot. Appended to, never reordered.
 * `owner` is set by compare-and-swap before a step and cleared after it; `need` names a table to grow before going on.
 * `minute…` count what the last close compared; the differences are f64.
 */
export const WORK_CELLS = [
  'magic', 'layoutVersion', 'owner', 'need', 'stateEnd', 'batchTopic', 'batchRows', 'specials', 'nextFinalNs', 'nextProvisionalMs',
  'inputHash.trades', 'inputHash.quotes', 'inputHash.bars', 'inputCount.trades', 'inputCount.quotes', 'inputCount.bars',
  'outBase', 'outBars', 'outSignals', 'outFinalBars', 'outFinalSignals', 'outBytes', 'outDigest', 'outBarsDigest', 'outSignalsDigest', 'textCursor',
  'watermarkBeforeNs', 'specialsDigest', 'outCapacity', 'minuteSignalsDue',
  'minuteEqual.volume', 'minuteEqual.high', 'minuteEqual.low', 'minuteEqual.close',
  'minuteDiffers.volume', 'minuteDiffers.high', 'minuteDiffers.low', 'minuteDiffers.close',
  'minuteSkipped.volume', 'minuteSkipped.high', 'minuteSkipped.low', 'minuteSkipped.close',
  'minuteDifference.volume', 'minuteDifference.high', 'minuteDifference.low', 'minuteDifference.close',
] as const
export type WorkCell = (typeof WORK_CELLS)[number]

/** Config cells at the head of the config image, 8 bytes each; offsets are relative to CONFIG_BASE. Appended to, never reordered. */
export const CONFIG_CELLS = [
  'latenessNs', 'maxFutureNs', 'provisional', 'provisionalDelayMs', 'provisionalRefreshMs', 'provisionalMaxAgeMs',
  'quoteStaleAfterNs', 'quoteDedupe', 'session', 'saleConditions', 'maxSymbols',
  'zoneOffset', 'zoneCount', 'conditionsOffset', 'fieldTrieOffset', 'imageBytes', 'layoutHash',
] as const
export type ConfigCell = (typeof CONFIG_CELLS)[number]

/**
 * Columns of the batch as it comes from the log; Arrow's layout, one buffer each. Key and value i lie in
 * [ends[i], ends[i + 1]) of their bytes, as Arrow's offsets do: ends[0] is 0.
 */
export const INPUT_COLUMNS: { name: string; type: CellType; rows: number }[] = [
  { name: 'offset', type: 'i64', rows: BATCH_ROWS },
  { name: 'flags', type: 'u8', rows: BATCH_ROWS },
  { name: 'size', type: 'i32', rows: BATCH_ROWS },
  { name: 'keyEnds', type: 'i32', rows: BATCH_ROWS + 1 },
  { name: 'valueEnds', type: 'i32', rows: BATCH_ROWS + 1 },
  { name: 'keys', type: 'u8', rows: BATCH_KEY_BYTES },
  { name: 'values', type: 'u8', rows: BATCH_VALUE_BYTES + 64 },
]

/** What decode makes of a batch: one row a record. `…Ptr` are absolute addresses into the batch or the text scratch. */
export const DECODED_COLUMNS: { name: string; type: CellType; rows: number }[] = [
  ...columns(
    'kind u8', 'outcome u8', 'reason u8', 'isFinal u8', 'tape u8', 'seqKind u8', 'timeNs i64', 'seq i64', 'contentHash i64',
    'conditionsLow i64', 'conditionsHigh i64', 'symbol i32', 'feedPtr i32', 'feedLength i32', 'exchangePtr i32', 'exchangeLength i32',
    'idPtr i32', 'idLength i32', 'newIdPtr i32', 'newIdLength i32', 'n0 f64', 'n1 f64', 'n2 f64', 'n3 f64', 'n4 f64', 'n5 f64', 'n6 f64',
  ).map(({ name, type }) => ({ name, type, rows: BATCH_ROWS })),
]

const align = (address: number, to = 64): number => Math.ceil(address / to) * to

const place = (base: number, specs: { name: string; type: CellType; rows: number }[]): { at: Record<string, number>; end: number } => {
  const at: Record<string, number> = {}
  let end = align(base)
  for (const { name, type, rows } of specs) {
    at[name] = end
    end = align(end + rows * CELL_BYTES[type])
  }
  return { at, end }
}

/** Room in the header for cells of each kind, tables and columns: what is added moves nothing. */
export const WORK_CELLS_MAX = 256
export const STATE_CELLS_MAX = 128
export const TABLES_MAX = 42
const STATE_CELLS_BASE = HEADER_BASE + WORK_CELLS_MAX * 8
const headerCells = new Map<string, number>([
  ...WORK_CELLS.map((name, cell): [string, number] => [name, HEADER_BASE + cell * 8]),
  ...STATE_CELLS.map((name, cell): [string, number] => [name, STATE_CELLS_BASE + cell * 8]),
])
/** Address of a header cell: looked up some hundred times an epoch. */
export const headerCell = (name: WorkCell | StateCell): number => headerCells.get(name) as number
/** For each table: capacity, rows used (high-water mark, row 0 included), head of the free list. */
export const TABLE_CELLS_BASE = STATE_CELLS_BASE + STATE_CELLS_MAX * 8
export const tableCell = (table: number, cell: 'capacity' | 'used' | 'free'): number =>
  TABLE_CELLS_BASE + table * 24 + ['capacity', 'used', 'free'].indexOf(cell) * 8
/** Base address of each state column, i32 each, in the order of STATE_COLUMNS. */
export const COLUMN_BASES = align(TABLE_CELLS_BASE + TABLES_MAX * 24)
export const configCell = (name: ConfigCell): number => CONFIG_BASE + CONFIG_CELLS.indexOf(name) * 8

export const INPUT = place(CONFIG_BASE + CONFIG_BYTES, INPUT_COLUMNS)
export const DECODED = place(INPUT.end, DECODED_COLUMNS)
/** Working space of the JSON scanner (nesting bits, field slots). */
export const SCRATCH_BASE = DECODED.end
/** Unescaped strings of the batch: never longer than their escaped form, so as large as the values are enough. */
export const TEXT_BASE = align(SCRATCH_BASE + SCRATCH_BYTES)
/** State tables start here in every task and every version of one layout. */
export const STATE_BASE = align(TEXT_BASE + BATCH_VALUE_BYTES, 65_536)

/** Every state column with its table, by its number in COLUMN_BASES. */
export const STATE_COLUMNS = [
  ...FIRST_TABLES.flatMap((table, number) => table.columns.map((column) => ({ table: number, ...column }))),
  ...ADDED.flatMap(({ table, column }) => columns(column).map((spec) => ({ table: tableNumber(table), ...spec }))),
]

/** What a kernel and its host have to agree on, and where or how it is: by it a kernel of another layout is known (layout-parts.ts). */
export function layoutParts(): Record<string, string | number> {
  const parts: Record<string, string | number> = {
    version: LAYOUT_VERSION, magic: MAGIC, config: `${CONFIG_BASE} ${CONFIG_BYTES}`, batch: `${BATCH_ROWS} ${BATCH_VALUE_BYTES} ${KEY_BYTES_MAX}`,
    stateBase: STATE_BASE,
  }
  for (const [name, at] of headerCells) parts[`cell ${name}`] = at
  for (const name of CONFIG_CELLS) parts[`setting ${name}`] = configCell(name)
  for (const [name, at] of Object.entries(INPUT.at)) parts[`input ${name}`] = at
  for (const [name, at] of Object.entries(DECODED.at)) parts[`decoded ${name}`] = at
  TABLES.forEach(({ name }, number) => (parts[`table ${name}`] = tableCell(number, 'capacity')))
  STATE_COLUMNS.forEach(({ table, name, type, list }, number) => (parts[`column ${TABLES[table].name}.${name}`] = `${COLUMN_BASES + number * 4} ${type} ${list}`))
  return parts
}

/** Pure: table capacities → base address of every column and the end of the state. */
export function placeTables(capacities: number[]): { bases: number[]; end: number } {
  const bases: number[] = []
  let end = STATE_BASE
  for (const column of STATE_COLUMNS) {
    bases.push(end)
    end = align(end + capacities[column.table] * column.list * CELL_BYTES[column.type])
  }
  return { bases, end: align(end, 65_536) }
}

/** Capacities of a new task. */
export function initialCapacities(): number[] {
  return withFollowers(TABLES.map((table) => table.initialRows))
}

/** Capacities with `table` grown to at least `rows`, and those of its followers. */
export function grownCapacities(capacities: number[], table: number, rows: number): number[] {
  const grown = [...capacities]
  grown[table] = Math.max(rows, capacities[table] * 2)
  return withFollowers(grown)
}

function withFollowers(capacities: number[]): number[] {
  const all = [...capacities]
  for (const follower of FOLLOWERS) all[tableNumber(follower.table)] = follower.rows(all[tableNumber(follower.of)])
  return all
}
