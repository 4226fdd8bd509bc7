import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as layout from './layout.ts'

const STATE_TABLES = layout.TABLES.map(({ name }) => name).filter((name) => !layout.FOLLOWERS.some(({ table }) => table === name))
const INITIAL = layout.initialCapacities()

/** Capacities after growing tables by chance, as a task does. */
const grown = fc.array(fc.constantFrom(...STATE_TABLES), { maxLength: 12 })
  .map((names) => names.reduce((all, name) => layout.grownCapacities(all, layout.tableNumber(name), 1), INITIAL))

const widthOf = ({ list, type }: layout.ColumnSpec): number => list * layout.CELL_BYTES[type]

describe('the regions of a memory', () => {
  it('follow one another, each as large as what lies in it', () => {
    const header = layout.COLUMN_BASES + layout.STATE_COLUMNS.length * 4
    expect(header).toBeLessThanOrEqual(layout.HEADER_BASE + layout.HEADER_BYTES)
    expect(layout.CONFIG_BASE).toBe(layout.HEADER_BASE + layout.HEADER_BYTES)
    const spans = [
      ...layout.INPUT_COLUMNS.map(({ name, type, rows }) => [layout.INPUT.at[name], rows * layout.CELL_BYTES[type]]),
      ...layout.DECODED_COLUMNS.map(({ name, type, rows }) => [layout.DECODED.at[name], rows * layout.CELL_BYTES[type]]),
      [layout.SCRATCH_BASE, layout.SCRATCH_BYTES],
      [layout.TEXT_BASE, layout.BATCH_VALUE_BYTES],
    ]
    let end = layout.CONFIG_BASE + layout.CONFIG_BYTES
    for (const [start, bytes] of spans) {
      expect(start % 64).toBe(0)
      expect(start).toBeGreaterThanOrEqual(end)
      end = start + bytes
    }
    expect(layout.STATE_BASE).toBeGreaterThanOrEqual(end)
  })

  it('have room in the header for what is added, so that it moves nothing', () => {
    expect(layout.WORK_CELLS.length).toBeLessThanOrEqual(layout.WORK_CELLS_MAX)
    expect(layout.STATE_CELLS.length).toBeLessThanOrEqual(layout.STATE_CELLS_MAX)
    expect(layout.TABLES.length).toBeLessThanOrEqual(layout.TABLES_MAX)
    expect(layout.headerCell(layout.STATE_CELLS[0])).toBe(layout.HEADER_BASE + layout.WORK_CELLS_MAX * 8)
  })

  it('give each header cell eight bytes of its own', () => {
    const ofTable = ['capacity', 'used', 'free'] as const
    const cells = [
      ...[...layout.WORK_CELLS, ...layout.STATE_CELLS].map(layout.headerCell),
      ...layout.TABLES.flatMap((_, table) => ofTable.map((cell) => layout.tableCell(table, cell))),
    ]
    expect(new Set(cells).size).toBe(cells.length)
    expect(cells.every((cell) => cell % 8 === 0)).toBe(true)
    expect(Math.min(...cells)).toBe(layout.HEADER_BASE)
    expect(Math.max(...cells) + 8).toBeLessThanOrEqual(layout.COLUMN_BASES)
  })
})

describe('placeTables', () => {
  it('puts columns one after the other on 64 bytes, none over another, and ends on a page', () => {
    fc.assert(fc.property(grown, (capacities) => {
      const { bases, end } = layout.placeTables(capacities)
      let stop = layout.STATE_BASE
      layout.STATE_COLUMNS.forEach((column, i) => {
        expect(bases[i] % 64).toBe(0)
        expect(bases[i]).toBeGreaterThanOrEqual(stop)
        stop = bases[i] + capacities[column.table] * widthOf(column)
      })
      expect(end).toBeGreaterThanOrEqual(stop)
      expect(end % 65_536).toBe(0)
    }), { numRuns: 100, seed: 1 })
  })

  it('moves no column down when a table grows: they are moved from the last to the first', () => {
    fc.assert(fc.property(grown, fc.constantFrom(...STATE_TABLES), (capacities, name) => {
      const before = layout.placeTables(capacities).bases
      const after = layout.placeTables(layout.grownCapacities(capacities, layout.tableNumber(name), 1)).bases
      expect(after.every((base, i) => base >= before[i])).toBe(true)
    }), { numRuns: 100, seed: 2 })
  })
})

describe('grownCapacities', () => {
  it('doubles at least, and keeps indexes powers of two that hold their table', () => {
    const rowCounts = fc.integer({ min: 0, max: 100_000 })
    fc.assert(fc.property(grown, fc.constantFrom(...STATE_TABLES), rowCounts, (capacities, name, rows) => {
      const table = layout.tableNumber(name)
      const after = layout.grownCapacities(capacities, table, rows)
      expect(after[table]).toBe(Math.max(rows, 2 * capacities[table]))
      const at = (of: string): number => after[layout.tableNumber(of)]
      for (const index of ['symbol', 'trade', 'quoteId']) {
        expect(Number.isInteger(Math.log2(at(`${index}Index`)))).toBe(true)
        expect(at(`${index}Index`)).toBeGreaterThanOrEqual(at(index))
      }
      // open addressing never meets a full index
      expect(at('symbolIndex')).toBeGreaterThanOrEqual(2 * at('symbol'))
      expect(at('openSymbols') * 64).toBeGreaterThanOrEqual(at('symbol'))
    }), { numRuns: 200, seed: 3 })
  })
})
