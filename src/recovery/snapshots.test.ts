import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { blankRecord } from '../epoch/task-state.ts'
import { appendRecord, clearColumns } from '../ingest/packing.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import { copyTables, encodeTables } from '../state/arrow-tables.ts'
import { CLOSE_ALL, Kernel, copyOutputs, loadBatch } from '../state/kernel.ts'
import * as layout from '../state/layout.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { FileStore } from '../store/file-store.ts'
import { bundleOf, kernelModule, newKernel, textsOf } from '../../test/kernel/kernel-under-test.ts'
import { randomStream } from '../../test/kernel/random-stream.ts'
import { pythonWithArrow } from '../../test/store/python.ts'
import { manifestBytes, parseManifest } from './manifest.ts'
import type { Manifest } from './manifest.ts'
import { listSnapshots, loadBundle, loadSnapshot, manifestRecord, readManifest, stateHead, storeSnapshot } from './snapshots.ts'

const JOB = { group: 'g', tradesTopic: 't', partitions: 1 }
const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

function newStore(): { store: FileStore; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ta-snapshots-'))
  folders.push(folder)
  return { store: new FileStore(folder), folder }
}

/** What is written to the store from now on, in order; after `most` writes none succeeds. */
function writesOf(store: FileStore, most = Number.POSITIVE_INFINITY): string[] {
  const writes: string[] = []
  for (const name of ['put', 'putNew'] as const) {
    const write = store[name].bind(store) as (key: string, bytes: Uint8Array) => Promise<never>
    store[name] = async (key: string, bytes: Uint8Array) => {
      if (writes.length >= most) throw new Error('the store is gone')
      writes.push(`${name} ${key}`)
      return await write(key, bytes)
    }
  }
  return writes
}

const columns = recordColumns(64, 4_096, 262_144)

/** Applies the stream's records [from, to) of its actions and ends an epoch after each; returns what was published. */
function drive(kernel: Kernel, seed: number, from: number, to: number): string[] {
  const { actions } = randomStream(seed, 300)
  const texts: string[] = []
  let offset = from * 100
  let clockMs = 1_764_786_730_000 + from
  for (const action of actions.slice(from, to)) {
    if (action.do !== 'apply') continue
    clearColumns(columns)
    for (const { key, value } of action.records) {
      appendRecord(columns, { topic: 0, partition: 0, offset: offset++, timestampMs: -1, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) })
    }
    loadBatch(kernel.task, columns, 0, columns.count)
    kernel.decode(action.channel === 'trades' ? 0 : 1, columns.count, null)
    kernel.apply(columns.count)
    kernel.close(clockMs++, 0)
    texts.push(...textsOf(copyOutputs(kernel.task)))
    kernel.openEpoch()
  }
  return texts
}

const restOf = (kernel: Kernel): string[] => {
  kernel.close(null, CLOSE_ALL)
  return textsOf(copyOutputs(kernel.task))
}

async function stored(store: FileStore, kernel: Kernel, epoch = 7, instance = 'i'): Promise<void> {
  const bundle = bundleOf()
  const record = { ...blankRecord({ ...JOB, inputs: ['trades', 'quotes', ''] }, 0, instance, bundle.hash, [1, 2, -1], false, 0), epoch }
  await storeSnapshot(store, JOB, record, stateHead(kernel.task), encodeTables(copyTables(kernel.task)), bundle, 1_764_786_730_000)
}

async function loaded(store: FileStore, epoch = 7): Promise<TaskMemory> {
  return await loadSnapshot(store, await readManifest(store, 'g', 0, epoch), bundleOf().image)
}

/** Every stored byte of the state, with the header's cells. Row 0 of a table is no row: it is the scratch of provisional values. */
const stateOf = (task: TaskMemory) => ({ head: stateHead(task), tables: copyTables(task).map(({ columns: all }) => all.map(({ bytes }) => Buffer.from(bytes).toString('base64'))) })

describe('a snapshot', () => {
  it.each([1, 2, 3, 4, 5, 6])('gives the memory back bit for bit, and the task goes on as if nothing had been (stream %d)', async (seed) => {
    const { store } = newStore()
    const kernel = newKernel()
    drive(kernel, seed, 0, 40)
    await stored(store, kernel)
    const again = new Kernel(kernelModule, await loaded(store))
    again.openEpoch()
    expect(stateOf(again.task)).toEqual(stateOf(kernel.task))
    const texts = drive(kernel, seed, 40, 80)
    expect(drive(again, seed, 40, 80)).toEqual(texts)
    expect(restOf(again)).toEqual(restOf(kernel))
    expect(texts.length).toBeGreaterThan(0)
  })

  it('keeps the record of its epoch', async () => {
    const { store } = newStore()
    await stored(store, newKernel())
    expect(manifestRecord(await readManifest(store, 'g', 0, 7))).toMatchObject({ task: 0, epoch: 7, consumed: [{ to: 1 }, { to: 2 }, { to: -1 }] })
  })

  it.each<[string, (folder: string) => void]>([
    ['a flipped byte', (folder) => {
      const bytes = readFileSync(join(folder, 'window.arrow'))
      bytes[bytes.length >> 1] ^= 1
      writeFileSync(join(folder, 'window.arrow'), bytes)
    }],
    ['a cut file', (folder) => writeFileSync(join(folder, 'symbol.arrow'), readFileSync(join(folder, 'symbol.arrow')).subarray(0, 100))],
    ['a missing file', (folder) => rmSync(join(folder, 'trade.arrow'))],
    ['a missing manifest', (folder) => rmSync(join(folder, 'manifest.json'))],
  ])('is refused with %s', async (_, damage) => {
    const { store, folder } = newStore()
    const kernel = newKernel()
    drive(kernel, 1, 0, 30)
    await stored(store, kernel)
    damage(join(folder, 'g/task-0/000000000007'))
    await expect(loaded(store)).rejects.toThrow()
  })

  it.each<[string, (manifest: Buffer) => string | Buffer, RegExp]>([
    ['nothing', () => '', /no whole manifest: its 0 bytes are no JSON/],
    ['zeros', (manifest) => Buffer.alloc(manifest.length), /are no JSON/],
    ['its first half', (manifest) => manifest.subarray(0, manifest.length >> 1), /are no JSON/],
    ['{}', () => '{}', /no whole manifest: version is missing/],
    ['null', () => 'null', /it is no object/],
    ['a list', () => '[]', /it is no object/],
    ['a table without a checksum', (manifest) => String(manifest).replace(/"sha256"/, '"sha"'), /in a table: sha256 is missing/],
    ['a file outside its folder', (manifest) => String(manifest).replace(/"trade.arrow"/, '"../trade.arrow"'), /in a table: file is not/],
    ['a cell that is no number', (manifest) => String(manifest).replace(/"symbols": "\d+"/, '"symbols": "many"'), /cells is not/],
    ['one bit of a cell that is another', (manifest) => String(manifest).replace(/"watermarkNs": "(-?)9/, '"watermarkNs": "$18'), /does not have the checksum that it names/],
    ['a size that is another', (manifest) => String(manifest).replace(/"used": \d+/, '"used": 7'), /does not have the checksum/],
    ['another task', (manifest) => manifestBytes({ ...(JSON.parse(String(manifest)) as Manifest), task: 1 }), /is the manifest of task 1 at epoch 7/],
  ])('whose manifest holds %s is refused, in words, and stored anew', async (_, damaged, fault) => {
    const { store, folder } = newStore()
    const kernel = newKernel()
    await stored(store, kernel)
    const path = join(folder, 'g/task-0/000000000007/manifest.json')
    const manifest = readFileSync(path)
    writeFileSync(path, damaged(manifest))
    await expect(readManifest(store, 'g', 0, 7)).rejects.toThrow(RangeError)
    await expect(readManifest(store, 'g', 0, 7)).rejects.toThrow(fault)
    await stored(store, kernel)
    expect(parseManifest(path, readFileSync(path))).toEqual(parseManifest(path, manifest))
  })

  it('of an earlier life with the same epoch number is replaced, its manifest first; its own is not written over', async () => {
    const { store, folder } = newStore()
    const [before, now] = [newKernel(), newKernel()]
    drive(before, 1, 0, 30)
    drive(now, 2, 0, 30)
    await stored(store, before, 7, 'an earlier life')
    await stored(store, now)
    expect(manifestRecord(await readManifest(store, 'g', 0, 7)).instance).toBe('i')
    expect(stateOf(await loaded(store))).toEqual(stateOf(now.task))
    const writes = writesOf(store)
    await stored(store, now)
    expect(writes).toEqual([])
    await store.delete((await store.list('g/task-0/')).filter((key) => key.endsWith('manifest.json')))
    await stored(store, before, 7, 'an earlier life')
    writesOf(store, 2)
    await expect(stored(store, now)).rejects.toThrow('the store is gone')
    expect([await listSnapshots(store, 'g', 0), readdirSync(join(folder, 'g/task-0/000000000007')).length > 0]).toEqual([[], true])
  })

  it('from before an indicator was added loads, with that indicator starting empty', async () => {
    const { store } = newStore()
    const kernel = newKernel()
    drive(kernel, 2, 0, 60)
    const copies = copyTables(kernel.task)
    const indicator = copies[layout.tableNumber('indicator')]
    const older = { ...indicator, columns: indicator.columns.filter(({ spec }) => spec.name !== 'rsiUp') }
    const files = encodeTables(copies.map((copy) => (copy === indicator ? older : copy)))
    const bundle = bundleOf()
    await storeSnapshot(store, JOB, { ...blankRecord({ ...JOB, inputs: ['trades', 'quotes', ''] }, 0, 'i', bundle.hash, [0, 0, 0], false, 0), epoch: 7 }, stateHead(kernel.task), files, bundle, 0)
    const memory = await loaded(store)
    const column = (name: string) => copyTables(memory)[layout.tableNumber('indicator')].columns.find(({ spec }) => spec.name === name)?.bytes
    expect(column('rsiUp')?.every((byte) => byte === 0)).toBe(true)
    expect(Buffer.from(column('ema12') ?? [])).toEqual(Buffer.from(indicator.columns.find(({ spec }) => spec.name === 'ema12')?.bytes ?? []))
  })

  it.each<[string, (bundle: Buffer) => Buffer]>([
    ['half of it', (bundle) => bundle.subarray(0, bundle.length >> 1)],
    ['a flipped bit', (bundle) => Buffer.concat([bundle.subarray(0, -1), Buffer.of(bundle[bundle.length - 1] ^ 1)])],
    ['nothing', () => Buffer.alloc(0)],
  ])('makes its bundle good where %s is there, and writes a whole one no second time', async (_, damaged) => {
    const { store, folder } = newStore()
    const { hash, bytes } = bundleOf()
    const key = `g/bundles/${hash}.bundle`
    await store.put(key, damaged(bytes))
    await expect(loadBundle(store, 'g', hash)).rejects.toThrow(RangeError)
    await expect(loadBundle(store, 'g', hash)).rejects.toThrow(`${key} in ${store.place} is not whole`)
    const writes = writesOf(store)
    await stored(store, newKernel())
    expect((await loadBundle(store, 'g', hash)).equals(bytes)).toBe(true)
    expect(readFileSync(join(folder, key)).equals(bytes)).toBe(true)
    await stored(store, newKernel(), 8)
    expect(writes.filter((write) => write.endsWith(key))).toEqual([`put ${key}`])
  })

  it('is refused where its columns mean something else: another layout version', async () => {
    const { store, folder } = newStore()
    await stored(store, newKernel())
    const path = join(folder, 'g/task-0/000000000007/manifest.json')
    writeFileSync(path, manifestBytes({ ...parseManifest(path, readFileSync(path)), layoutVersion: 0 }))
    await expect(loaded(store)).rejects.toThrow(`has the state of layout version 0, and this program reads ${layout.LAYOUT_VERSION}`)
  })

  it('is written data first and its manifest last, where none is; one that breaks off at any write is none', async () => {
    const kernel = newKernel()
    drive(kernel, 3, 0, 30)
    const { store } = newStore()
    const writes = writesOf(store)
    await stored(store, kernel)
    const last = writes.at(-1)
    expect(writes.filter((write) => write.endsWith('manifest.json'))).toEqual([last])
    expect(last).toBe('putNew g/task-0/000000000007/manifest.json')
    expect(writes.length).toBeGreaterThan(layout.TABLES.length)
    for (let whole = 0; whole < writes.length; whole++) {
      const broken = newStore().store
      writesOf(broken, whole)
      await expect(stored(broken, kernel)).rejects.toThrow('the store is gone')
      expect(await listSnapshots(broken, 'g', 0)).toEqual([])
    }
  })
})

const python = await pythonWithArrow()

describe.skipIf(python === null)('a snapshot read by pyarrow and DuckDB', () => {
  it("tells a symbol's EMA as it was published", async () => {
    const { store, folder } = newStore()
    const kernel = newKernel()
    const texts = [...drive(kernel, 2, 0, 80), ...restOf(kernel)]
    await stored(store, kernel)
    const finals = texts.map((text) => JSON.parse(text)).filter(({ channel, is_final: isFinal }) => channel === 'signals' && isFinal)
    const last = finals.at(-1)
    const script = [
      'import sys, pyarrow.ipc, duckdb',
      't = pyarrow.ipc.open_file(sys.argv[1]).read_all()',
      'rows = {r["symbolName"]: r["ema12"] for r in t.to_pylist()}',
      'd = duckdb.sql("select ema12 from t where symbolName = $s", params={"s": sys.argv[2]}).fetchall()[0][0]',
      'print(repr(rows[sys.argv[2]]), repr(d))',
    ].join('\n')
    const out = execFileSync(python!, ['-c', script, join(folder, 'g/task-0/000000000007/indicator.arrow'), last.symbol], { encoding: 'utf8' })
    expect(out.trim().split(' ').map(Number)).toEqual([last.payload.ema.ema12, last.payload.ema.ema12])
  })
})
