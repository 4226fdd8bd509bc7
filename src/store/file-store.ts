/**
 * Snapshots in a folder. A file appears whole: written beside, synced, then renamed or linked, and its folder synced, so
 * that it outlives a power cut. In: keys and bytes. Out: files below one root. Imports: ports, contract.
 */
import { randomUUID } from 'node:crypto'
import type { Dirent } from 'node:fs'
import { link, mkdir, open, readFile, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { assertKey, assertPrefix, isKey, sortKeys, TEMPORARY } from './store-key.ts'

/** No write takes that long: a temporary file that is older was left by a process that died. */
const TEMPORARY_STALE_MS = 3_600_000
/** How often another's removal of an empty folder may come between making it and writing to it. */
const FOLDER_TRIES = 10

type FileError = NodeJS.ErrnoException
const codeOf = (error: unknown): string => (error as FileError).code ?? ''
const isAbsent = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error))

export class FileStore implements SnapshotStore {
  readonly place: string
  readonly #root: string
  #swept: Promise<void> | undefined

  /** `root` is an absolute folder; it is made when first written to. */
  constructor(root: string) {
    this.#root = resolve(root)
    this.place = `file://${this.#root}`
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#write(key, bytes, async (temporary, path) => {
      await rename(temporary, path)
      return true
    })
  }

  async putNew(key: string, bytes: Uint8Array): Promise<boolean> {
    return await this.#write(key, bytes, async (temporary, path) => {
      try {
        await link(temporary, path) // fails where the name is taken, unlike rename
        return true
      } catch (error) {
        if (codeOf(error) === 'EEXIST') return false
        throw error
      }
    })
  }

  async get(key: string): Promise<Uint8Array> {
    const path = this.#path(key)
    try {
      return await readFile(path)
    } catch (error) {
      // a folder is no key, as in S3
      if (isAbsent(error) || codeOf(error) === 'EISDIR') {
        throw new StoreError('missing', `${this.place} has no ${key}`, { cause: error })
      }
      throw this.#failed('read', key, error)
    }
  }

  async list(prefix: string): Promise<string[]> {
    assertPrefix(prefix)
    const keys: string[] = []
    try {
      for await (const { key } of this.#filesBelow(prefix.slice(0, prefix.lastIndexOf('/') + 1))) {
        if (key.startsWith(prefix) && isKey(key)) keys.push(key) // what is no key was put there by others
      }
    } catch (error) {
      throw this.#failed('list', prefix, error)
    }
    return sortKeys(keys)
  }

  async delete(keys: string[]): Promise<void> {
    const paths = keys.map((key) => this.#path(key))
    let failure: StoreError | undefined
    for (const [i, path] of paths.entries()) {
      try {
        await rm(path, { force: true })
      } catch (error) {
        if (!isAbsent(error)) failure ??= this.#failed('delete', keys[i], error) // the others go all the same
      }
    }
    for (const folder of new Set(paths.map((path) => dirname(path)))) await this.#removeIfEmpty(folder)
    if (failure !== undefined) throw failure
  }

  /** Writes beside the path, then lets `publish` give the file its name; resolves to whether it did. Leaves nothing else. */
  async #write(
    key: string, bytes: Uint8Array, publish: (temporary: string, path: string) => Promise<boolean>,
  ): Promise<boolean> {
    const path = this.#path(key)
    const folder = dirname(path)
    const temporary = join(folder, `${TEMPORARY}${randomUUID()}`)
    try {
      await (this.#swept ??= this.#sweep())
      const made = await writeSynced(temporary, bytes)
      if (!await publish(temporary, path)) return false
      await syncFolders(folder, made)
      return true
    } catch (error) {
      throw this.#failed('write', key, error)
    } finally {
      await rm(temporary, { force: true }).catch(() => undefined) // a disk that failed to write may fail here, too
    }
  }

  #path(key: string): string {
    assertKey(key)
    return join(this.#root, ...key.split('/'))
  }

  /** Files below a folder (`''` or with a slash at the end); what others remove meanwhile is not there and hides nothing else. */
  async* #filesBelow(folder: string): AsyncGenerator<{ key: string; name: string }> {
    let entries: Dirent[]
    try {
      entries = await readdir(join(this.#root, folder), { withFileTypes: true })
    } catch (error) {
      if (isAbsent(error)) return
      throw error
    }
    for (const entry of entries) {
      const key = `${folder}${entry.name}`
      if (entry.isDirectory()) yield* this.#filesBelow(`${key}/`)
      else if (entry.isFile()) yield { key, name: entry.name }
    }
  }

  /** Removes what processes that died while they wrote have left; once a process, at its first write. */
  async #sweep(): Promise<void> {
    try {
      for await (const { key, name } of this.#filesBelow('')) {
        if (!name.startsWith(TEMPORARY)) continue
        const path = join(this.#root, key)
        if (Date.now() - (await stat(path)).mtimeMs < TEMPORARY_STALE_MS) continue
        await rm(path, { force: true })
        await this.#removeIfEmpty(dirname(path))
      }
    } catch {
      // tidiness alone: what is wrong with the folder shows in the write that follows
    }
  }

  async #removeIfEmpty(folder: string): Promise<void> {
    // the root is the user's, and may be a mount point. One that isn't empty, or can't be removed, stays: it does no harm
    if (folder !== this.#root) await rmdir(folder).catch(() => undefined)
  }

  #failed(what: string, key: string, error: unknown): StoreError {
    const hint = ['EPERM', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(error)) && (error as FileError).syscall === 'link'
      ? '; its file system has no hard links, which snapshots need: use another folder' : ''
    const reason = error instanceof Error ? error.message : String(error)
    const sentence = `could not ${what} ${key === '' ? 'anything' : key} in ${this.place}: ${reason}${hint}`
    return new StoreError('outside', sentence, { cause: error })
  }
}

/** Writes and syncs a new file, making its folder. Resolves to the topmost folder that it had to make, if any. */
async function writeSynced(path: string, bytes: Uint8Array): Promise<string | undefined> {
  let made: string | undefined
  for (let tries = 1; ; tries++) {
    const topmost = await mkdir(dirname(path), { recursive: true })
    made ??= topmost
    try {
      const file = await open(path, 'wx')
      try {
        await file.writeFile(bytes)
        await file.sync()
      } finally {
        await file.close()
      }
      return made
    } catch (error) {
      if (codeOf(error) !== 'ENOENT' || tries === FOLDER_TRIES) throw error
    }
  }
}

/** Makes the names in `folder` durable, and those of the folders that were made on the way to it. */
async function syncFolders(folder: string, made: string | undefined): Promise<void> {
  const topmost = made === undefined ? folder : dirname(made)
  for (let path = folder; ; path = dirname(path)) {
    try {
      await syncFolder(path)
    } catch (error) {
      // a parent that may be entered but not read, a file system that can't sync folders: the file itself is written
      if (!['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP', 'EISDIR'].includes(codeOf(error))) throw error
    }
    if (path === topmost || path === dirname(path)) return
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
