/**
 * Snapshots of a task in the store: data first, the manifest last and only where none is, so that a snapshot is there
 * wholly or not at all. Every file has its SHA-256 in the manifest. A snapshot is never needed for progress (invariant 6).
 *
 * Keys: `<group>/task-<p>/<epoch, 12 digits>/<table>.arrow` and `…/manifest.json`; bundles `<group>/bundles/<hash>.bundle`.
 */
import { createHash } from 'node:crypto'
import type { SnapshotFile } from '../dispatch/request.ts'
import { encodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { decodeTable, restoreTables } from '../state/arrow-tables.ts'
import * as layout from '../state/layout.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { manifestBytes, parseManifest } from './manifest.ts'
import type { Manifest, TableSize } from './manifest.ts'

export { manifestRecord } from './manifest.ts'
export type { Manifest } from './manifest.ts'

/** What the memory holds beside the tables, taken at the barrier. */
export interface StateHead {
  cells: Record<string, string>
  tables: TableSize[]
}

const MANIFEST = 'manifest.json'
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
const taskPrefix = (group: string, task: number): string => `${group}/task-${task}/`
const epochName = (epoch: number): string => String(epoch).padStart(12, '0')
const manifestKey = (group: string, task: number, epoch: number): string => `${taskPrefix(group, task)}${epochName(epoch)}/${MANIFEST}`
const bundleKey = (group: string, hash: string): string => `${group}/bundles/${hash}.bundle`

/** Header cells and table sizes of a memory, to be taken together with the copy of its tables. */
export function stateHead(task: TaskMemory): StateHead {
  return {
    cells: Object.fromEntries(layout.STATE_CELLS.map((name) => [name, String(task.cell(name))])),
    tables: layout.TABLES.map(({ name }, table) => ({
      name, capacity: task.table(table, 'capacity'), used: task.table(table, 'used'), free: task.table(table, 'free'),
    })),
  }
}

/**
 * Stores one snapshot, unless it is there already (a good one is never written over). What else has that epoch's number, half-written or
 * of an earlier life of the job, goes: nothing on the epoch log bears it out. Resolves to its size in bytes.
 */
export async function storeSnapshot(
  store: SnapshotStore, job: { group: string; tradesTopic: string; partitions: number }, record: EpochRecord, head: StateHead,
  files: SnapshotFile[], bundle: { hash: string; bytes: Uint8Array }, storedAtMs: number,
): Promise<number> {
  const folder = `${taskPrefix(job.group, record.task)}${epochName(record.epoch)}/`
  const key = manifestKey(job.group, record.task, record.epoch)
  const there = await manifestThere(store, job.group, record.task, record.epoch)
  const recordText = encodeEpochRecord(record).toString('base64')
  if (typeof there === 'object' && there?.record === recordText) return there.tables.reduce((sum, { bytes }) => sum + bytes, 0)
  // before its files are written over: a manifest never stands beside files of another snapshot
  if (there !== null) await store.delete([key])
  await keepBundle(store, job.group, bundle)
  const tables: Manifest['tables'] = []
  for (const { name, rows, bytes, sha256: digest } of files) {
    const file = `${name}.arrow`
    await store.put(folder + file, bytes)
    const sizes = head.tables.find((table) => table.name === name) as TableSize
    tables.push({ ...sizes, file, rows, bytes: bytes.length, sha256: digest })
  }
  const text = manifestBytes({
    version: 1, ...job, task: record.task, epoch: record.epoch, record: recordText,
    layoutVersion: layout.LAYOUT_VERSION, cells: head.cells, tables, storedAtMs,
  })
  if (!(await store.putNew(key, text))) throw new StoreError('outside', `${store.place} has got another ${key} meanwhile`)
  return files.reduce((sum, { bytes }) => sum + bytes.length, text.length)
}

const BROKEN = 'broken'

/** The manifest under this epoch's number, BROKEN when it is none (half-written), null when there is none. */
async function manifestThere(store: SnapshotStore, group: string, task: number, epoch: number): Promise<Manifest | typeof BROKEN | null> {
  try {
    return await readManifest(store, group, task, epoch)
  } catch (error) {
    if (error instanceof StoreError && error.kind === 'missing') return null
    if (error instanceof RangeError) return BROKEN
    throw error
  }
}

/** Epochs of a task's snapshots, newest first. Only those with a manifest count. */
export async function listSnapshots(store: SnapshotStore, group: string, task: number): Promise<number[]> {
  return epochsIn(await store.list(taskPrefix(group, task)))
}

const epochOf = (key: string): number => Number(key.split('/').at(-2))

const epochsIn = (keys: string[]): number[] =>
  keys.filter((key) => key.endsWith(`/${MANIFEST}`)).map(epochOf).filter((epoch) => Number.isSafeInteger(epoch)).sort((a, b) => b - a)

/** Rejects with RangeError when it is no whole manifest, or another snapshot's. */
export async function readManifest(store: SnapshotStore, group: string, task: number, epoch: number): Promise<Manifest> {
  const key = manifestKey(group, task, epoch)
  const manifest = parseManifest(key, await store.get(key))
  if (manifest.task === task && manifest.epoch === epoch) return manifest
  throw new RangeError(`${key} is the manifest of task ${manifest.task} at epoch ${manifest.epoch}`)
}

/** The epoch record that a snapshot says it belongs to, as bytes; null when there is no whole manifest. */
export async function readRecord(store: SnapshotStore, group: string, task: number, epoch: number): Promise<Buffer | null> {
  const manifest = await manifestThere(store, group, task, epoch)
  return manifest === null || manifest === BROKEN ? null : Buffer.from(manifest.record, 'base64')
}

/** Loads a snapshot into a new memory with `image` as its config. Throws RangeError when a file isn't what the manifest says. */
export async function loadSnapshot(store: SnapshotStore, manifest: Manifest, image: Uint8Array): Promise<TaskMemory> {
  const folder = `${taskPrefix(manifest.group, manifest.task)}${epochName(manifest.epoch)}/`
  if (manifest.layoutVersion !== layout.LAYOUT_VERSION) {
    throw new RangeError(`${folder} has the state of layout version ${manifest.layoutVersion}, and this program reads ${layout.LAYOUT_VERSION}`)
  }
  const capacities = layout.TABLES.map(({ name, initialRows }) => manifest.tables.find((table) => table.name === name)?.capacity ?? initialRows)
  const memory = TaskMemory.create(image, capacities)
  const known = manifest.tables.filter(({ name }) => layout.tableNumber(name) >= 0) // not those that are no longer known
  const files = await Promise.all(known.map(({ file }) => store.get(folder + file)))
  for (const [i, table] of known.entries()) {
    const number = layout.tableNumber(table.name)
    const bytes = files[i]
    if (sha256(bytes) !== table.sha256) throw new RangeError(`${folder}${table.file} does not have the checksum that its manifest says`)
    restoreTables(memory, [decodeTable(number, bytes, table.rows)])
    memory.setTable(number, 'used', table.used)
    memory.setTable(number, 'free', table.free)
  }
  for (const name of layout.STATE_CELLS) if (manifest.cells[name] !== undefined) memory.setCell(name, BigInt(manifest.cells[name]))
  return memory
}

/** A bundle's bytes beside the snapshots. Throws StoreError `missing` when it isn't there, RangeError when it isn't whole. */
export async function loadBundle(store: SnapshotStore, group: string, hash: string): Promise<Buffer> {
  const key = bundleKey(group, hash)
  const bytes = Buffer.from(await store.get(key))
  if (sha256(bytes) !== hash) throw new RangeError(`${key} in ${store.place} is not whole: its ${bytes.length} bytes do not have that SHA-256`)
  return bytes
}

/**
 * Puts a bundle beside the snapshots, unless it is there, whole: asked by its hash, as what is only half there would never be made good,
 * and no snapshot that names it could be loaded. Whoever writes at the same time writes the same bytes.
 */
async function keepBundle(store: SnapshotStore, group: string, { hash, bytes }: { hash: string; bytes: Uint8Array }): Promise<void> {
  try {
    await loadBundle(store, group, hash)
  } catch (error) {
    if (!(error instanceof RangeError) && !(error instanceof StoreError && error.kind === 'missing')) throw error
    await store.put(bundleKey(group, hash), bytes)
  }
}

/** Deletes a task's snapshots of epochs before `oldest`, and what was left half-written there. */
export async function deleteSnapshotsBefore(store: SnapshotStore, group: string, task: number, oldest: number): Promise<void> {
  const old = (await store.list(taskPrefix(group, task))).filter((key) => epochOf(key) < oldest)
  // manifests first: what is left of a snapshot that is being deleted is no snapshot any more
  await store.delete(old.filter((key) => key.endsWith(`/${MANIFEST}`)))
  await store.delete(old.filter((key) => !key.endsWith(`/${MANIFEST}`)))
}
