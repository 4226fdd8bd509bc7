/**
 * The state as Arrow: each table is one record batch of its columns, written as an Arrow IPC file that pyarrow and DuckDB
 * open without our code. Read back by column name: a column that a file lacks starts empty, one that is no longer known is
 * left out. What was stored comes back bit for bit.
 *
 * In:  a task's memory. Out: files; and the way back. Imports: the layout, apache-arrow.
 */
import { createHash } from 'node:crypto'
import type { Data, DataType, RecordBatch as ArrowBatch } from 'apache-arrow'
import {
  Binary, Field, FixedSizeBinary, FixedSizeList, Float64, Int32, Int64, RecordBatch, RecordBatchFileWriter, Schema, Struct, Uint8, Utf8, makeData,
  tableFromIPC, vectorFromArray,
} from './arrow.ts'
import * as layout from './layout.ts'
import type { CellType, ColumnSpec } from './layout.ts'
import { TaskMemory } from './task-memory.ts'

/** One table's columns, copied out of a memory. */
export interface TableCopy {
  table: number
  /** First row that is stored: row 0 is none but in index tables. */
  firstRow: number
  rows: number
  columns: { spec: ColumnSpec; bytes: Uint8Array }[]
}

/** Tables whose row 0 is a row: indexes by bucket. */
const startsAtZero = (table: number): boolean => layout.FOLLOWERS.some((follower) => follower.table === layout.TABLES[table].name)

/** Copies every table's used rows; the memory may change afterwards. */
export function copyTables(task: TaskMemory): TableCopy[] {
  const bytes = task.bytes()
  const copies: TableCopy[] = layout.TABLES.map((_, table) => {
    const firstRow = startsAtZero(table) ? 0 : 1
    return { table, firstRow, rows: task.rows(table) - firstRow, columns: [] }
  })
  layout.STATE_COLUMNS.forEach((spec, column) => {
    const copy = copies[spec.table]
    const width = spec.list * layout.CELL_BYTES[spec.type]
    const start = task.base(column) + copy.firstRow * width
    copy.columns.push({ spec, bytes: bytes.slice(start, start + copy.rows * width) })
  })
  return copies
}

/** Puts a copy back where it came from, in a memory with the same capacities. */
export function restoreTables(task: TaskMemory, copies: TableCopy[]): void {
  const bytes = task.bytes()
  for (const copy of copies) {
    for (const { spec, bytes: stored } of copy.columns) {
      const column = layout.STATE_COLUMNS.findIndex((known) => known.table === copy.table && known.name === spec.name)
      bytes.set(stored, task.base(column) + copy.firstRow * spec.list * layout.CELL_BYTES[spec.type])
    }
  }
}

const ARROW: Record<CellType, () => DataType> = { u8: () => new Uint8(), i32: () => new Int32(), i64: () => new Int64(), f64: () => new Float64() }
const typed = (type: CellType, bytes: Uint8Array): Uint8Array | Int32Array | BigInt64Array | Float64Array => {
  if (type === 'u8') return bytes
  const { buffer, byteOffset, byteLength } = bytes
  if (type === 'i32') return new Int32Array(buffer, byteOffset, byteLength / 4)
  return type === 'i64' ? new BigInt64Array(buffer, byteOffset, byteLength / 8) : new Float64Array(buffer, byteOffset, byteLength / 8)
}

/** Arrow data over a column's bytes, without a copy. */
export function columnData(spec: ColumnSpec, bytes: Uint8Array, rows: number): Data {
  if (spec.list === 1) return makeData({ type: ARROW[spec.type](), length: rows, nullCount: 0, data: typed(spec.type, bytes) } as never)
  if (spec.type === 'u8') return makeData({ type: new FixedSizeBinary(spec.list), length: rows, nullCount: 0, data: bytes } as never)
  const child = makeData({ type: ARROW[spec.type](), length: rows * spec.list, nullCount: 0, data: typed(spec.type, bytes) } as never)
  const type = new FixedSizeList(spec.list, new Field('item', child.type as DataType, false))
  return makeData({ type, length: rows, nullCount: 0, child } as never)
}

function batchOf(columns: { name: string; data: Data }[], rows: number): ArrowBatch {
  const fields = columns.map(({ name, data }) => new Field(name, data.type as DataType, false))
  const struct = makeData({ type: new Struct(fields), length: rows, nullCount: 0, children: columns.map(({ data }) => data) } as never)
  return new RecordBatch(new Schema(fields), struct as never)
}

/** One table as an Arrow IPC file. */
export interface TableFile {
  name: string
  rows: number
  bytes: Uint8Array
  /** Hex, of the bytes: taken here, on the worker, as it costs some ms a megabyte. */
  sha256: string
}

/** Copied tables as Arrow IPC files, named for their table. */
export function encodeTables(copies: TableCopy[]): TableFile[] {
  const names = symbolNames(copies[0])
  return copies.map((copy) => {
    const columns = copy.columns.map(({ spec, bytes }) => ({ name: spec.name, data: columnData(spec, bytes, copy.rows) }))
    const symbol = copy.columns.find(({ spec }) => spec.name === 'symbol')
    if (symbol !== undefined && copy.rows > 0) {
      // for readers of the file alone: the symbol's name beside its row; not read back
      const rows = typed('i32', symbol.bytes) as Int32Array
      const text = vectorFromArray(Array.from(rows, (row) => names[row - 1] ?? ''), new Utf8())
      columns.push({ name: 'symbolName', data: text.data[0] })
    }
    const writer = new RecordBatchFileWriter()
    writer.write(batchOf(columns, copy.rows))
    writer.finish()
    const bytes = writer.toUint8Array(true)
    return { name: layout.TABLES[copy.table].name, rows: copy.rows, bytes, sha256: createHash('sha256').update(bytes).digest('hex') }
  })
}

function symbolNames(symbols: TableCopy): string[] {
  const bytes = (name: string): Uint8Array => (symbols.columns.find(({ spec }) => spec.name === name) as { bytes: Uint8Array }).bytes
  const names = Buffer.from(bytes('name'))
  const lengths = typed('i32', bytes('nameLength')) as Int32Array
  return Array.from(lengths, (length, row) => names.toString('utf8', row * 32, row * 32 + length))
}

/** Reads one table's file. Throws when it isn't one, or a column has another type than it had. */
export function decodeTable(table: number, file: Uint8Array, rows: number): TableCopy {
  const stored = tableFromIPC(file)
  if (stored.numRows !== rows) throw new RangeError(`${layout.TABLES[table].name}: ${stored.numRows} rows, the manifest says ${rows}`)
  const copy: TableCopy = { table, firstRow: startsAtZero(table) ? 0 : 1, rows, columns: [] }
  for (const spec of layout.TABLES[table].columns) {
    const vector = stored.getChild(spec.name)
    if (vector === null || rows === 0) continue
    const expected = columnData(spec, new Uint8Array(0), 0).type
    if (String(vector.type) !== String(expected)) {
      throw new RangeError(`${layout.TABLES[table].name}.${spec.name} is ${String(vector.type)}, ${String(expected)} was expected`)
    }
    const data = vector.data[0]
    const values = (spec.list > 1 && spec.type !== 'u8' ? data.children[0].values : data.values) as Uint8Array
    copy.columns.push({ spec, bytes: new Uint8Array(values.buffer, values.byteOffset, rows * spec.list * layout.CELL_BYTES[spec.type]) })
  }
  return copy
}

/** The batch as it came from the log, as an Arrow record batch over the shared memory itself: nothing is copied. */
export function inputBatch(task: TaskMemory, rows: number): ArrowBatch {
  const plain = layout.INPUT_COLUMNS.filter(({ name }) => name === 'offset' || name === 'flags' || name === 'size')
  const columns = memoryColumns(task, plain, layout.INPUT.at, rows)
  for (const name of ['keys', 'values'] as const) {
    const ends = new Int32Array(task.bytes().buffer, layout.INPUT.at[name === 'keys' ? 'keyEnds' : 'valueEnds'], rows + 1)
    const bytes = task.bytes().subarray(layout.INPUT.at[name], layout.INPUT.at[name] + ends[rows])
    columns.push({ name, data: makeData({ type: new Binary(), length: rows, nullCount: 0, valueOffsets: ends, data: bytes } as never) })
  }
  return batchOf(columns, rows)
}

/** What decode made of the batch, as an Arrow record batch over the shared memory itself: nothing is copied. */
export function decodedBatch(task: TaskMemory, rows: number): ArrowBatch {
  return batchOf(memoryColumns(task, layout.DECODED_COLUMNS, layout.DECODED.at, rows), rows)
}

function memoryColumns(
  task: TaskMemory, specs: { name: string; type: CellType }[], at: Record<string, number>, rows: number,
): { name: string; data: Data }[] {
  const bytes = task.bytes()
  return specs.map(({ name, type }) => {
    const start = at[name]
    return { name, data: columnData({ name, type, list: 1 }, bytes.subarray(start, start + rows * layout.CELL_BYTES[type]), rows) }
  })
}
