import { tableFromIPC } from 'apache-arrow'
import { describe, expect, it } from 'vitest'
import { newKernel } from '../../test/kernel/kernel-under-test.ts'
import { randomStream } from '../../test/kernel/random-stream.ts'
import { applyToKernel, closeKernel, kernelOf } from '../../test/kernel/side-by-side.ts'
import { copyTables, decodeTable, encodeTables, restoreTables } from './arrow-tables.ts'
import * as layout from './layout.ts'
import { TaskMemory } from './task-memory.ts'

const TINY = layout.grownCapacities(layout.TABLES.map(() => 1), layout.tableNumber('symbol'), 2)

/** A task in mid-stream: open windows, ids, quotes, rows given back, tables that have grown. */
function busyTask(seed: number): TaskMemory {
  const { settings, actions } = randomStream(seed, 300, { stepMs: [0, 120], symbols: ['AAPL', 'BTC/USD', 'ÄÖ'] })
  const kernel = kernelOf({ ...settings, latenessMs: 5_000, maxSymbols: 20_000 }, TINY)
  const offsets = { trades: 0, quotes: 0, bars: 0 }
  for (const action of actions.slice(0, -4)) {
    if (action.do === 'close') closeKernel(kernel, action)
    else {
      applyToKernel(kernel, action, offsets[action.channel])
      offsets[action.channel] += action.records.length
    }
  }
  return kernel.task
}

/** The state region as bytes, without row 0 of the indicators: the scratch of provisional signals, written before each use. */
function stateBytes(task: TaskMemory): Uint8Array {
  const bytes = task.bytes().slice(0, task.number('stateEnd'))
  layout.STATE_COLUMNS.forEach((spec, column) => {
    if (layout.TABLES[spec.table].name !== 'indicator') return
    bytes.fill(0, task.base(column), task.base(column) + spec.list * layout.CELL_BYTES[spec.type])
  })
  return bytes.subarray(layout.STATE_BASE)
}

function throughFiles(task: TaskMemory): TaskMemory {
  const again = TaskMemory.create(new Uint8Array(8), task.capacities())
  restoreTables(again, encodeTables(copyTables(task)).map(({ rows, bytes }, table) => decodeTable(table, bytes, rows)))
  return again
}

describe('tables as Arrow files', () => {
  it.each([11, 12, 13, 14, 15, 16])('give the whole region of the state back, bit for bit (stream %d)', (seed) => {
    const task = busyTask(seed)
    expect(task.table(layout.tableNumber('window'), 'used')).toBeGreaterThan(1)
    expect(Buffer.compare(stateBytes(throughFiles(task)), stateBytes(task))).toBe(0)
  })

  it('of an empty task give an empty task', () => {
    const task = newKernel().task
    expect(Buffer.compare(stateBytes(throughFiles(task)), stateBytes(task))).toBe(0)
  })

  it('are copies: the memory may change while they are written', () => {
    const task = busyTask(11)
    const copies = copyTables(task)
    const before = encodeTables(copies).map(({ bytes }) => Buffer.from(bytes))
    task.bytes().fill(0xff, layout.STATE_BASE)
    expect(encodeTables(copies).map(({ bytes }) => Buffer.from(bytes))).toEqual(before)
  })

  it('have a column for each of the state, of its type, without nulls, and the name of the symbol beside its row', () => {
    const task = busyTask(11)
    const files = encodeTables(copyTables(task))
    expect(files.map(({ name }) => name)).toEqual(layout.TABLES.map(({ name }) => name))
    layout.TABLES.forEach((table, number) => {
      const read = tableFromIPC(files[number].bytes)
      const names = read.schema.fields.map(({ name }) => name)
      expect(names.filter((name) => name !== 'symbolName')).toEqual(table.columns.map(({ name }) => name))
      for (const { name } of table.columns) expect(read.getChild(name)?.nullCount).toBe(0)
    })
    const indicators = tableFromIPC(files[layout.tableNumber('indicator')].bytes)
    const symbols = tableFromIPC(files[layout.tableNumber('symbol')].bytes)
    const cell = (name: string, row: number): unknown => symbols.getChild(name)?.get(row)
    const texts = Array.from({ length: symbols.numRows }, (_, row) =>
      Buffer.from(cell('name', row) as Uint8Array).toString('utf8', 0, cell('nameLength', row) as number))
    expect(texts.length).toBeGreaterThan(1)
    expect([...(indicators.getChild('symbolName') ?? [])]).toEqual(texts)
  })

  it('are refused with another number of rows, with another type of a column, or when they are no Arrow file', () => {
    const [symbol] = encodeTables(copyTables(busyTask(11)))
    expect(() => decodeTable(0, symbol.bytes, symbol.rows + 1)).toThrow(/rows/)
    expect(() => decodeTable(0, Buffer.from('no Arrow file'), symbol.rows)).toThrow()
    const copies = copyTables(busyTask(11))
    const spec = { ...copies[0].columns.find((column) => column.spec.name === 'seqBars')!.spec, type: 'f64' as const }
    const columns = copies[0].columns.map((column) => (column.spec.name === 'seqBars' ? { ...column, spec } : column))
    const [other] = encodeTables([{ ...copies[0], columns }, ...copies.slice(1)])
    expect(() => decodeTable(0, other.bytes, other.rows)).toThrow('symbol.seqBars is Float64, Int64 was expected')
  })

  it('leave out a column that is no longer known', () => {
    const copies = copyTables(busyTask(11))
    const gone = { spec: { name: 'gone', type: 'f64' as const, list: 1 }, bytes: new Uint8Array(copies[0].rows * 8) }
    const [symbol] = encodeTables([{ ...copies[0], columns: [gone, ...copies[0].columns] }, ...copies.slice(1)])
    const names = decodeTable(0, symbol.bytes, symbol.rows).columns.map(({ spec }) => spec.name)
    expect(names).toEqual(layout.TABLES[0].columns.map(({ name }) => name))
  })
})
