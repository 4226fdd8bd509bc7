/** Snapshots in a folder. A file appears whole: written beside, synced, then renamed or linked. */
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, readdir, rename, rm, rmdir } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'

const TEMPORARY = '.tmp-'

export class FileStore implements SnapshotStore {
  readonly place: string
  readonly #root: string

  /** `root` is an absolute folder; it is made when first written to. */
  constructor(root: string) {
    this.#root = root
    this.place = `file://${root}`
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#attempt(key, async (path) => {
      const temporary = await writeBeside(path, bytes)
      await rename(temporary, path)
    })
  }

  async putNew(key: string, bytes: Uint8Array): Promise<boolean> {
    return await this.#attempt(key, async (path) => {
      const temporary = await writeBeside(path, bytes)
      try {
        await link(temporary, path) // fails where the name is taken, unlike rename
        return true
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
        throw error
      } finally {
        await rm(temporary, { force: true })
      }
    })
  }

  async get(key: string): Promise<Uint8Array> {
    return await this.#attempt(key, async (path) => await readFile(path))
  }

  async list(prefix: string): Promise<string[]> {
    const folder = join(this.#root, dirname(`${prefix}x`))
    try {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true })
      const keys = entries.filter((entry) => entry.isFile()).map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).split(sep).join('/'))
      return keys.filter((key) => key.startsWith(prefix) && !key.includes(TEMPORARY)).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw this.#storeError(prefix, error)
    }
  }

  async delete(keys: string[]): Promise<void> {
    const folders = new Set<string>()
    for (const key of keys) {
      await this.#attempt(key, async (path) => {
        await rm(path, { force: true })
        folders.add(dirname(path))
      })
    }
    for (const folder of folders) await rmdir(folder).catch(() => undefined) // not empty yet: stays
  }

  async #attempt<T>(key: string, action: (path: string) => Promise<T>): Promise<T> {
    try {
      return await action(join(this.#root, ...key.split('/')))
    } catch (error) {
      throw this.#storeError(key, error)
    }
  }

  #storeError(key: string, error: unknown): StoreError {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return new StoreError('missing', `${this.place} has no ${key}`, { cause: error })
    return new StoreError('outside', `${this.place}, ${key}: ${message}`, { cause: error })
  }
}

async function writeBeside(path: string, bytes: Uint8Array): Promise<string> {
  await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}${TEMPORARY}${randomUUID()}`
  const file = await open(temporary, 'wx')
  try {
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  return temporary
}
