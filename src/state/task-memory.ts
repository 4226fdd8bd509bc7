/**
 * A task's memory: one shared WebAssembly.Memory that holds the whole state in columns. Made here, grown here, read here.
 *
 * In:  capacities, a config image. Out: memory, cells, columns. Imports: nothing but the layout.
 * Growth happens between kernel calls only. It leaves views made before it, here and in other threads, at the old length,
 * so views are asked for anew after each call (`bytes()`), never kept.
 */
import * as layout from './layout.ts'
import type { StateCell, WorkCell } from './layout.ts'

const PAGE = 65_536
const PAGES_MAX = 32_768
export const NONE = -(2n ** 63n)
const NEVER = 2n ** 63n - 1n

export class TaskMemory {
  readonly memory: WebAssembly.Memory
  #buffer: ArrayBufferLike
  #bytes: Uint8Array
  #i64: BigInt64Array
  #i32: Int32Array

  /** Over an existing memory, as another thread's instance sees it. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory
    this.#buffer = memory.buffer
    this.#bytes = new Uint8Array(this.#buffer)
    this.#i64 = new BigInt64Array(this.#buffer)
    this.#i32 = new Int32Array(this.#buffer)
  }

  /** A new task's memory: empty tables, no watermark, `image` as its config. */
  static create(image: Uint8Array, capacities = layout.initialCapacities()): TaskMemory {
    const { bases, end } = layout.placeTables(capacities)
    const memory = new WebAssembly.Memory({ initial: end / PAGE, maximum: PAGES_MAX, shared: true })
    const task = new TaskMemory(memory)
    task.setCell('magic', BigInt(layout.MAGIC))
    task.setCell('layoutVersion', BigInt(layout.LAYOUT_VERSION))
    for (const name of ['watermarkNs', 'tradesMaxNs', 'quotesMaxNs', 'barsEndNs', 'firstTradeNs', 'clockMs'] as const) task.setCell(name, NONE)
    task.setCell('nextFinalNs', NEVER)
    task.setCell('nextProvisionalMs', NEVER)
    task.#place(capacities, bases, end)
    layout.TABLES.forEach((_, table) => task.setTable(table, 'used', 1))
    task.setImage(image)
    return task
  }

  #refresh(): void {
    if (this.#buffer === this.memory.buffer) return
    this.#buffer = this.memory.buffer
    this.#bytes = new Uint8Array(this.#buffer)
    this.#i64 = new BigInt64Array(this.#buffer)
    this.#i32 = new Int32Array(this.#buffer)
  }

  /** All bytes, at the memory's present length. */
  bytes(): Uint8Array {
    this.#refresh()
    return this.#bytes
  }

  i64(): BigInt64Array {
    this.#refresh()
    return this.#i64
  }

  i32(): Int32Array {
    this.#refresh()
    return this.#i32
  }

  cell(name: WorkCell | StateCell): bigint {
    return this.i64()[layout.headerCell(name) / 8]
  }

  number(name: WorkCell | StateCell): number {
    return Number(this.cell(name))
  }

  /** A cell that holds an f64. */
  float(name: WorkCell): number {
    return new Float64Array(this.bytes().buffer, layout.headerCell(name), 1)[0]
  }

  setCell(name: WorkCell | StateCell, value: bigint): void {
    this.i64()[layout.headerCell(name) / 8] = BigInt.asIntN(64, value)
  }

  table(table: number, cell: 'capacity' | 'used' | 'free'): number {
    return Number(this.i64()[layout.tableCell(table, cell) / 8])
  }

  setTable(table: number, cell: 'capacity' | 'used' | 'free', value: number): void {
    this.i64()[layout.tableCell(table, cell) / 8] = BigInt(value)
  }

  capacities(): number[] {
    return layout.TABLES.map((_, table) => this.table(table, 'capacity'))
  }

  /** Base address of a state column, by its number in STATE_COLUMNS. */
  base(column: number): number {
    return this.i32()[layout.COLUMN_BASES / 4 + column]
  }

  setImage(image: Uint8Array): void {
    if (image.length > layout.CONFIG_BYTES) throw new RangeError(`config image of ${image.length} bytes is larger than ${layout.CONFIG_BYTES}`)
    this.bytes().set(image, layout.CONFIG_BASE)
    this.bytes().fill(0, layout.CONFIG_BASE + image.length, layout.CONFIG_BASE + layout.CONFIG_BYTES)
  }

  #place(capacities: number[], bases: number[], end: number): void {
    capacities.forEach((capacity, table) => this.setTable(table, 'capacity', capacity))
    bases.forEach((base, column) => (this.i32()[layout.COLUMN_BASES / 4 + column] = base))
    this.setCell('stateEnd', BigInt(end))
  }

  /** Rows of a table that hold something: the high-water mark, or all of an index table. */
  rows(table: number): number {
    const follows = layout.FOLLOWERS.some((follower) => follower.table === layout.TABLES[table].name)
    return this.table(table, follows ? 'capacity' : 'used')
  }

  /**
   * Makes room for at least twice a table's rows and moves every column to its new place. The caller rebuilds the indexes
   * afterwards (Kernel.grow does both).
   */
  grow(table: number): void {
    const before = this.capacities()
    const rows = layout.TABLES.map((_, number) => this.rows(number))
    const oldBases = layout.STATE_COLUMNS.map((_, column) => this.base(column))
    const capacities = layout.grownCapacities(before, table, before[table] + 1)
    const { bases, end } = layout.placeTables(capacities)
    const missing = end / PAGE - this.memory.buffer.byteLength / PAGE
    if (missing > 0) this.memory.grow(missing)
    const bytes = this.bytes()
    // every column moves up or stays, so going from the last to the first never writes over one that is still to move
    for (let column = layout.STATE_COLUMNS.length - 1; column >= 0; column--) {
      const spec = layout.STATE_COLUMNS[column]
      const width = spec.list * layout.CELL_BYTES[spec.type]
      const used = rows[spec.table] * width
      bytes.copyWithin(bases[column], oldBases[column], oldBases[column] + used)
      // up to the next column: what lay in the gap that alignment leaves is of other columns, too
      bytes.fill(0, bases[column] + used, bases[column + 1] ?? end)
    }
    this.#place(capacities, bases, end)
  }
}
