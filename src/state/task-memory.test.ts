import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as layout from './layout.ts'
import { NONE, TaskMemory } from './task-memory.ts'

const followers = layout.FOLLOWERS.map(({ table }) => layout.tableNumber(table))
const GROWING = layout.TABLES.map((_, table) => table).filter((table) => !followers.includes(table))
const widthOf = ({ list, type }: layout.ColumnSpec): number => list * layout.CELL_BYTES[type]

/** Bytes of a column's rows [from, to). */
function rowsOf(task: TaskMemory, column: number, from: number, to: number): Uint8Array {
  const width = widthOf(layout.STATE_COLUMNS[column])
  return task.bytes().slice(task.base(column) + from * width, task.base(column) + to * width)
}

describe('a new memory', () => {
  it('knows nothing yet: no times, empty tables, row 0 taken, its config in place', () => {
    const task = TaskMemory.create(Uint8Array.of(1, 2, 3))
    const times = ['watermarkNs', 'tradesMaxNs', 'quotesMaxNs', 'firstTradeNs', 'clockMs'] as const
    expect(times.map((name) => task.cell(name))).toEqual(times.map(() => NONE))
    expect(task.capacities()).toEqual(layout.initialCapacities())
    layout.TABLES.forEach((_, table) => expect([task.table(table, 'used'), task.table(table, 'free')]).toEqual([1, 0]))
    expect([...task.bytes().subarray(layout.CONFIG_BASE, layout.CONFIG_BASE + 4)]).toEqual([1, 2, 3, 0])
    expect(task.bytes().subarray(layout.STATE_BASE).every((byte) => byte === 0)).toBe(true)
    expect(task.number('stateEnd')).toBe(task.bytes().length)
  })

  it('takes no config image that is larger than its place, and keeps nothing of the one before', () => {
    const task = TaskMemory.create(new Uint8Array(layout.CONFIG_BYTES).fill(9))
    task.setImage(Uint8Array.of(1))
    const image = task.bytes().subarray(layout.CONFIG_BASE, layout.CONFIG_BASE + layout.CONFIG_BYTES)
    expect(image.filter((byte) => byte !== 0)).toEqual(Uint8Array.of(1))
    expect(() => task.setImage(new Uint8Array(layout.CONFIG_BYTES + 1))).toThrow(RangeError)
  })
})

describe('growth', () => {
  it('keeps every row of every table, leaves new rows empty, and is seen through another view of the same memory', { timeout: 60_000 }, () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(...GROWING), { minLength: 1, maxLength: 8 }), (tables) => {
      const task = TaskMemory.create(new Uint8Array(8), layout.TABLES.map(({ name }) => (name === 'symbolIndex' ? 4 : 2)))
      const other = new TaskMemory(task.memory)
      other.bytes()
      for (const [step, table] of tables.entries()) {
        for (const each of GROWING) task.setTable(each, 'used', task.table(each, 'capacity'))
        layout.STATE_COLUMNS.forEach((spec, column) => {
          const bytes = rowsOf(task, column, 0, task.rows(spec.table)).map((_, i) => (i * 31 + column * 7 + step) & 0xff)
          task.bytes().set(bytes, task.base(column))
        })
        const before = layout.STATE_COLUMNS.map((spec, column) => rowsOf(task, column, 0, task.rows(spec.table)))
        const counts = layout.TABLES.map((_, each) => task.rows(each))
        task.grow(table)
        layout.STATE_COLUMNS.forEach((spec, column) => {
          expect(rowsOf(other, column, 0, counts[spec.table])).toEqual(before[column])
          const fresh = rowsOf(other, column, counts[spec.table], other.table(spec.table, 'capacity'))
          expect(fresh.every((byte) => byte === 0)).toBe(true)
        })
        expect(task.table(table, 'capacity')).toBe(2 * counts[table])
        expect(other.bytes().length).toBe(task.memory.buffer.byteLength)
        expect(task.number('stateEnd')).toBeLessThanOrEqual(task.bytes().length)
      }
    }), { numRuns: 25, seed: 1 })
  })
})
