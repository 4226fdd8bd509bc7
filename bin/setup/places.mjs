/**
 * Where set-up keeps things: the project's own folders, and a cache in the user's folder that all clones share.
 * Plain JavaScript for Node >= 20, as the rest of set-up: it runs before anything is installed.
 */
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
export const nodeModules = join(root, 'node_modules')
/** Link to the Node that set-up has chosen and built for; `bin/ta` starts the engine with it. */
export const nodeLink = join(nodeModules, '.ta-node')

/** `$XDG_CACHE_HOME/torghut-ta`, else `~/.cache/torghut-ta`. A relative XDG_CACHE_HOME counts as unset, as its standard says. */
export function cacheFolder(env = process.env) {
  const xdg = env.XDG_CACHE_HOME
  return join(xdg && isAbsolute(xdg) ? xdg : join(env.HOME || homedir(), '.cache'), 'torghut-ta')
}

/** Short hash of strings and buffers, in order. */
export function digest(...parts) {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part).update('\0')
  return hash.digest('hex').slice(0, 16)
}

/** Content of a small file, or undefined where there is none. */
export function contentOf(path) {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw error
  }
}

/** Names and contents of the files below a folder that pass the filter, in a fixed order; none where there is no folder. */
export function filesBelow(folder, passes = () => true) {
  let entries
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch (error) {
    if (error.code === 'ENOENT') return []
    throw error
  }
  const parts = []
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) parts.push(entry.name, ...filesBelow(path, passes))
    else if (passes(entry.name)) parts.push(entry.name, readFileSync(path))
  }
  return parts
}
