import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { snapshotStoreContract } from '../../test/store/snapshot-store-contract.ts'
import { FileStore } from './file-store.ts'

const root = mkdtempSync(join(tmpdir(), 'torghut-ta-store-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let places = 0
/** A folder that is not there yet, in one that isn't either. */
const newFolder = (): string => join(root, `place ${++places}`, 'snapshots')
const filesBelow = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map(({ name }) => name)
const MEBIBYTE = 1_048_576

snapshotStoreContract('FileStore', async () => {
  const folder = newFolder()
  return { open: () => new FileStore(folder) }
})

describe('FileStore', () => {
  it('leaves nothing beside its files when it fails to write', async () => {
    const folder = newFolder()
    const store = new FileStore(folder)
    await store.put('a/b', new Uint8Array([1]))
    await expect(store.put('a', new Uint8Array([2]))).rejects.toMatchObject({ kind: 'outside' }) // a folder has that name
    await expect(store.put('a/b/c', new Uint8Array([3]))).rejects.toMatchObject({ kind: 'outside' }) // and a file that folder's
    expect(await store.putNew('a/b', new Uint8Array([4]))).toBe(false)
    expect(filesBelow(folder)).toEqual(['b'])
  })

  it('says in a sentence what it could not do, and where', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, '..'), { recursive: true })
    writeFileSync(folder, 'a file where the folder should be')
    const store = new FileStore(folder)
    await expect(store.put('g/key', new Uint8Array(1))).rejects.toThrow(
      new RegExp(`^could not write g/key in file://${folder}: (ENOTDIR|EEXIST): .*$`))
    await expect(store.get('g/key')).rejects.toMatchObject({ kind: 'missing' })
    expect(await store.list('')).toEqual([])
  })

  it('removes what a process that died has left, but not what another writes now', async () => {
    const folder = newFolder()
    const store = new FileStore(folder)
    mkdirSync(join(folder, 'g/1'), { recursive: true })
    mkdirSync(join(folder, 'g/2'))
    const [old, fresh] = [join(folder, 'g/1/.tmp-old'), join(folder, 'g/2/.tmp-fresh')]
    for (const file of [old, fresh]) writeFileSync(file, 'half')
    const longAgo = Date.now() / 1_000 - 7_200
    utimesSync(old, longAgo, longAgo)
    expect(await store.list('')).toEqual([])
    await store.put('g/3/a', new Uint8Array(1))
    expect(filesBelow(folder).sort()).toEqual(['.tmp-fresh', 'a'])
    expect(readdirSync(join(folder, 'g')).sort()).toEqual(['2', '3'])
    expect(await store.list('')).toEqual(['g/3/a'])
  })

  it('passes over what is no key', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'g'), { recursive: true })
    for (const name of ['g/new\nline', 'g/fine', '.tmp-x']) writeFileSync(join(folder, name), 'x')
    expect(await new FileStore(folder).list('')).toEqual(['g/fine'])
  })

  it('removes a folder with its last key, and never the root', async () => {
    const folder = newFolder()
    const store = new FileStore(`${folder}/`)
    await store.put('g/1/a', new Uint8Array(1))
    await store.put('top', new Uint8Array(1))
    await store.delete(['g/1/a', 'top'])
    expect(readdirSync(folder)).toEqual(['g'])
    await store.put('only', new Uint8Array(1))
    rmSync(join(folder, 'g'), { recursive: true })
    await store.delete(['only'])
    expect(readdirSync(folder)).toEqual([])
  })

  it('has whole files alone after a kill -9 in the middle of writing', { timeout: 60_000 }, async () => {
    const folder = newFolder()
    const program = `
      const { FileStore } = await import(${JSON.stringify(new URL('./file-store.ts', import.meta.url).href)})
      const store = new FileStore(${JSON.stringify(folder)})
      for (let i = 1; ; i++) {
        await store.put('over', new Uint8Array(${4 * MEBIBYTE}).fill(i))
        await store.putNew('new/' + i, new Uint8Array(${4 * MEBIBYTE}).fill(i))
        process.stdout.write('.')
      }`
    const writer = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
    let rounds = 0
    for await (const chunk of writer.stdout) {
      rounds += (chunk as Buffer).length
      if (rounds >= 3) break
    }
    writer.kill('SIGKILL')
    if (writer.signalCode === null && writer.exitCode === null) await once(writer, 'exit')
    const store = new FileStore(folder)
    const keys = await store.list('')
    expect(keys.length).toBeGreaterThanOrEqual(4)
    for (const key of keys) {
      const bytes = await store.get(key)
      expect(Buffer.compare(bytes, new Uint8Array(4 * MEBIBYTE).fill(bytes[0]))).toBe(0)
    }
    expect((await store.get('over'))[0]).toBeGreaterThanOrEqual(3)
  })
})
