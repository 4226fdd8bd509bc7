/**
 * Snapshots as people look at them: which there are, whether they hold, what a symbol's state is in one.
 *
 * In:  the store. Out: plain objects. Imports: recovery's reading of snapshots, state.
 */
import { readBundle } from '../bundle/bundle.ts'
import { CHANNELS, OUTCOMES } from '../contract/outcomes.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_BUG, EXIT_USAGE } from '../contract/exit-codes.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { listSnapshots, loadBundle, loadSnapshot, manifestRecord, readManifest } from '../recovery/snapshots.ts'
import * as layout from '../state/layout.ts'
import { NONE, TaskMemory } from '../state/task-memory.ts'

export interface SnapshotRow {
  task: number
  epoch: number
  /** These three: null when the manifest is broken. */
  storedAt: string | null
  bytes: number | null
  symbols: number | null
  /** What is wrong with the manifest, in words; empty when it is whole. Says nothing of the files: snapshotFault does. */
  fault: string
}

/** Tasks that have snapshots, ascending. */
export async function tasksOf(store: SnapshotStore, group: string): Promise<number[]> {
  const tasks = new Set<number>()
  for (const key of await store.list(`${group}/task-`)) tasks.add(Number(/\/task-(\d+)\//.exec(key)?.[1] ?? Number.NaN))
  return [...tasks].filter((task) => Number.isInteger(task)).sort((a, b) => a - b)
}

/** All snapshots of a group, newest first in each task, broken ones, too. */
export async function snapshotRows(store: SnapshotStore, group: string): Promise<SnapshotRow[]> {
  const rows: SnapshotRow[] = []
  for (const task of await tasksOf(store, group)) {
    for (const epoch of await listSnapshots(store, group, task)) {
      rows.push(await snapshotRow(store, group, task, epoch))
    }
  }
  return rows
}

async function snapshotRow(store: SnapshotStore, group: string, task: number, epoch: number): Promise<SnapshotRow> {
  try {
    const { storedAtMs, cells, tables } = await readManifest(store, group, task, epoch)
    return {
      task, epoch, storedAt: new Date(storedAtMs).toISOString(), bytes: tables.reduce((sum, { bytes }) => sum + bytes, 0),
      symbols: Number(cells.symbols), fault: '',
    }
  } catch (error) {
    return { task, epoch, storedAt: null, bytes: null, symbols: null, fault: faultOf(error) }
  }
}

/** A fault of what is stored, in words; throws on what says nothing of it: a store that can't be reached. */
function faultOf(error: unknown): string {
  if (error instanceof StoreError && error.kind === 'outside') throw error
  return error instanceof Error ? error.message : String(error)
}

/** Loads one snapshot wholly, every checksum looked at. Throws where it doesn't hold. */
async function loadWhole(store: SnapshotStore, group: string, task: number, epoch: number): Promise<{ memory: TaskMemory; record: ReturnType<typeof manifestRecord> }> {
  const manifest = await readManifest(store, group, task, epoch)
  const record = manifestRecord(manifest)
  const bundle = readBundle(await loadBundle(store, group, record.bundle))
  return { memory: await loadSnapshot(store, manifest, bundle.image), record }
}

/** What is wrong with a snapshot, in words; empty when it holds. */
export async function snapshotFault(store: SnapshotStore, group: string, task: number, epoch: number): Promise<string> {
  try {
    await loadWhole(store, group, task, epoch)
    return ''
  } catch (error) {
    return faultOf(error)
  }
}

/** A task's position, watermark and outcome counts at a snapshot; with `symbol` that symbol's state, too. */
export async function inspectSnapshot(store: SnapshotStore, group: string, task: number, epoch: number, symbol: string | undefined): Promise<object> {
  const { memory, record } = await loadWhole(store, group, task, epoch).catch((error: unknown) => {
    throw new UserError(EXIT_BUG, `The snapshot of task ${task} at epoch ${epoch} in ${store.place} does not hold: ${faultOf(error)}. ` +
      'Name another one with --epoch; ta snapshot verify says which hold.', { cause: error })
  })
  const stamp = (ns: bigint): string | null => (ns === NONE ? null : new Date(Number(ns / 1_000_000n)).toISOString())
  const counts = Object.fromEntries(CHANNELS.map((channel, c) => [
    channel, Object.fromEntries(OUTCOMES.map((outcome, o) => [outcome, record.counts[c * OUTCOMES.length + o]])),
  ]))
  return {
    task, epoch, instance: record.instance, bundle: record.bundle, watermark: stamp(memory.cell('watermarkNs')),
    clock: new Date(record.clockCloseMs).toISOString(), offsets: Object.fromEntries(CHANNELS.map((channel, c) => [channel, record.consumed[c].to])),
    idle: record.idle, counts, statusSeq: record.statusSeq, symbols: memory.number('symbols'),
    ...(symbol === undefined ? {} : { symbol: symbolState(memory, symbol) }),
  }
}

/** A row of a table as an object: every column by name. */
function rowOf(memory: TaskMemory, table: string, row: number): Record<string, unknown> {
  const number = layout.tableNumber(table)
  const out: Record<string, unknown> = {}
  layout.STATE_COLUMNS.forEach((column, index) => {
    if (column.table === number) out[column.name] = cellOf(memory, index, row)
  })
  return out
}

function cellOf(memory: TaskMemory, index: number, row: number): unknown {
  const { type, list } = layout.STATE_COLUMNS[index]
  const at = memory.base(index) + row * list * layout.CELL_BYTES[type]
  const { buffer } = memory.bytes()
  if (type === 'u8') return Buffer.from(memory.bytes().slice(at, at + list)).toString('utf8').replace(/\0+$/, '')
  const values =
    type === 'i32' ? Array.from(new Int32Array(buffer, at, list))
    : type === 'f64' ? Array.from(new Float64Array(buffer, at, list))
    : Array.from(new BigInt64Array(buffer, at, list), (value) => (value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : String(value)))
  return list === 1 ? values[0] : values
}

function symbolState(memory: TaskMemory, symbol: string): object {
  const used = memory.table(layout.tableNumber('symbol'), 'used')
  for (let row = 1; row < used; row++) {
    const state = rowOf(memory, 'symbol', row)
    if (state.name !== symbol) continue
    const windows: object[] = []
    for (let window = Number(state.windowHead); window !== 0;) {
      const open = rowOf(memory, 'window', window)
      windows.push(open)
      window = Number(open.next)
    }
    return { ...state, indicators: rowOf(memory, 'indicator', Number(state.indicatorRow)), openWindows: windows }
  }
  throw new UserError(EXIT_USAGE, `The snapshot knows no symbol ${symbol}.`)
}
