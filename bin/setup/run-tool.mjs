/** How set-up runs a tool, waits for another set-up, and says what it does. */
import { spawn, spawnSync } from 'node:child_process'
import {
  closeSync, linkSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync, writeSync,
} from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import { cacheFolder, contentOf } from './places.mjs'

/** One sentence for the user: what is wrong and what to do. Anything else that is thrown is a bug of set-up. */
export class SetupError extends Error {}

const LOG_TAIL_LINES = 20
const LOCK_POLL_MS = 200
/** Longer than the slowest build: a lock of another host that is older belongs to nobody. */
const LOCK_STALE_MS = 30 * 60_000

const say = (text) => process.stderr.write(text)
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** The step under way, so that a note breaks its line instead of running into it. */
let lineOpen = false

/** A remark of its own line in the middle of a step. */
export function note(text) {
  say(`${lineOpen ? '\n' : ''}setup: note: ${text}\n`)
  lineOpen = false
}

/**
 * Runs one step and says in one line what it did and how long it took. `work(doing)` calls `doing('building …')`
 * before something slow, so that the user sees it at once, and resolves to what the line says at the end.
 */
export async function step(name, work) {
  const startMs = performance.now()
  const doing = (text) => {
    say(lineOpen ? `, ${text}` : `setup: ${name}: ${text}`)
    lineOpen = true
  }
  try {
    const result = await work(doing)
    const ms = performance.now() - startMs
    const took = ms < 1000 ? `${Math.ceil(ms)} ms` : `${(ms / 1000).toFixed(1)} s`
    say(lineOpen ? ` … ${result} (${took})\n` : `setup: ${name}: ${result} (${took})\n`)
  } catch (error) {
    if (lineOpen) say(' … failed\n')
    throw error
  } finally {
    lineOpen = false
  }
}

/** Whether a command is to be found in PATH. */
export function inPath(command, env = process.env) {
  return (env.PATH ?? '').split(':').some((folder) => {
    try {
      const stat = statSync(join(folder || '.', command))
      return stat.isFile() && (stat.mode & 0o111) !== 0
    } catch {
      return false // not there, or not to be seen: not to be run either
    }
  })
}

/** Output of a command that is quick and may fail: undefined if it does. */
export function outputOf(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: 'utf8', timeout: 60_000, ...options })
  return result.status === 0 ? `${result.stdout}${result.stderr}` : undefined
}

function failure(what, reason, log) {
  const lines = (contentOf(log) ?? '').trimEnd().split('\n').slice(-LOG_TAIL_LINES)
  const tail = lines.map((line) => `    ${line}`).join('\n')
  return new SetupError(`${what} failed (${reason}). The last lines of its log:\n\n${tail}\n\nFull log: ${log}`)
}

/** Runs a tool with its output in a log, dropped on success. Rejects with a SetupError that has the log's tail and path. */
export async function runTool(what, command, args, { cwd, env = process.env } = {}) {
  const log = join(cacheFolder(), 'logs', `${what.replace(/[^a-z0-9]+/gi, '-').toLowerCase()}-${process.pid}.log`)
  mkdirSync(dirname(log), { recursive: true })
  const file = openSync(log, 'w')
  writeSync(file, `$ ${command} ${args.join(' ')}\n`)
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', file, file] })
  closeSync(file)
  const reason = await new Promise((resolve) => {
    child.once('error', (error) => resolve(error.code === 'ENOENT' ? `${command} is not in PATH` : error.message))
    child.once('exit', (code, signal) => resolve(code === 0 ? undefined : signal ? `ended by ${signal}` : `exit code ${code}`))
  })
  if (reason !== undefined) throw failure(what, reason, log)
  rmSync(log, { force: true })
}

function ownerIsAlive(lock) {
  const owner = contentOf(lock)
  if (owner === undefined) return false
  const [pid, host] = owner.trim().split(' ')
  if (host !== hostname()) return Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? 0) < LOCK_STALE_MS
  try {
    process.kill(Number(pid), 0)
    return true
  } catch (error) {
    return error.code === 'EPERM' // somebody else's process: alive
  }
}

/**
 * Runs `work` while no other set-up of this user does the same; a lock whose owner is dead is taken over. Two that take
 * over at once would do the work twice, which is a waste and no more: every result is published by a rename.
 */
export async function withLock(name, doing, work) {
  const lock = join(cacheFolder(), 'locks', name)
  const mine = `${lock}.${process.pid}`
  mkdirSync(dirname(lock), { recursive: true })
  writeFileSync(mine, `${process.pid} ${hostname()}\n`)
  let waited = false
  try {
    for (;;) {
      try {
        linkSync(mine, lock) // atomic, with its content: nobody sees a lock without an owner
        break
      } catch (error) {
        if (error.code !== 'EEXIST') throw error
      }
      if (!ownerIsAlive(lock)) rmSync(lock, { force: true })
      else {
        if (!waited) doing('waiting for another set-up')
        waited = true
        await pause(LOCK_POLL_MS)
      }
    }
    return await work()
  } finally {
    rmSync(mine, { force: true })
    if (contentOf(lock)?.startsWith(`${process.pid} `)) rmSync(lock, { force: true })
  }
}

/** Makes a folder's content by `fill(temporary)` and publishes it whole; who comes second keeps the first one's. */
export async function publishFolder(folder, fill) {
  const temporary = `${folder}.tmp-${process.pid}`
  rmSync(temporary, { recursive: true, force: true })
  mkdirSync(temporary, { recursive: true })
  try {
    await fill(temporary)
    renameSync(temporary, folder)
  } catch (error) {
    if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
  } finally {
    rmSync(temporary, { recursive: true, force: true })
  }
}

/** Writes a small file so that a reader sees the old or the new content, never a part. */
export function writeWhole(path, content) {
  const temporary = `${path}.tmp-${process.pid}`
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(temporary, content)
  renameSync(temporary, path)
}

/** Major version in `v24.21.0`; NaN where there is none. */
export const majorOf = (version) => Number(/^v?(\d+)\./.exec(version)?.[1] ?? NaN)

export const readText = (path) => readFileSync(path, 'utf8')
