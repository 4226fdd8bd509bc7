/** A Java process that dies with this one, and the question whether a broker answers. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { LOCAL_HOST } from './broker-files.ts'

/** Below the ranges that systems take outgoing ports from, so that nobody gets a broker's port while it is down. */
const PORT_FIRST = 20_000
const PORT_LAST = 32_000
const PORT_TRIES = 100

/**
 * Reads a process id, then waits for its standard input to end, which the death of this process does, however it dies:
 * then it kills the process and removes the folder that it was given. A second line means that all is in order.
 */
const WATCHDOG = `
trap '' INT TERM HUP
read -r pid || exit 0
if read -r _; then exit 0; fi
kill -9 "$pid" 2>/dev/null
tries=0
while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 20 ]; do sleep 0.05; tries=$((tries + 1)); done
[ -z "$1" ] || rm -rf -- "$1"
`

/** A child that was started with its output in a log file, under a watchdog. */
export interface WatchedProcess {
  readonly child: ChildProcess
  readonly pid: number
  /** Resolves at its end. */
  readonly ended: Promise<void>
}

/**
 * Starts a command that ends when this process does; `removeAtDeath` is a folder that goes with them ('' = none). Both
 * are in sessions of their own: Ctrl-C in the terminal is for the engine, which still needs its broker to stop in order.
 */
export async function startWatched(
  command: string, args: string[], logFile: string, removeAtDeath: string, env = process.env): Promise<WatchedProcess> {
  const guard = ['-c', WATCHDOG, 'watchdog', removeAtDeath]
  const watchdog = spawn('/bin/sh', guard, { stdio: ['pipe', 'ignore', 'ignore'], detached: true })
  watchdog.stdin.on('error', () => {}) // it has ended already: so has what it watched
  const log = openSync(logFile, 'a')
  const child = spawn(command, args, { stdio: ['ignore', log, log], detached: true, env })
  closeSync(log)
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
  // written before anything is awaited: no moment in which the child runs unwatched
  if (child.pid !== undefined) watchdog.stdin.write(`${child.pid}\n`)
  void ended.then(() => watchdog.stdin.end('done\n'))
  watchdog.unref()
  ;(watchdog.stdin as unknown as { unref(): void }).unref()
  await Promise.race([once(child, 'spawn'), once(child, 'error').then(([error]) => { throw error })])
  child.unref()
  return { child, pid: child.pid!, ended }
}

/** Sends a signal and waits for the end; kills after `patienceMs`. */
export async function endProcess(watched: WatchedProcess, signal: NodeJS.Signals, patienceMs = 30_000): Promise<void> {
  const { child } = watched
  if (child.exitCode !== null || child.signalCode !== null) return
  child.ref() // while it is waited for, it keeps this process alive
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await watched.ended
  clearTimeout(timer)
}

/** Output of a command that ends by itself; rejects with what it printed, and `code` ENOENT where there is no such command. */
export function outputOf(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, (error, stdout, stderr) => {
      if (error) reject(Object.assign(new Error(`${stdout}\n${stderr}`.trim() || error.message), { code: error.code }))
      else resolve(stdout)
    })
  })
}

/** Whether a port of this host can be listened on. */
export async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  try {
    server.listen(port, LOCAL_HOST)
    await once(server, 'listening')
    return true
  } catch {
    return false // taken, or forbidden: another one is tried
  } finally {
    server.close()
  }
}

/** A port that was free when it was looked at; whoever uses it must be ready for a clash. */
export async function freePort(taken: readonly (number | undefined)[] = []): Promise<number> {
  for (let i = 0; i < PORT_TRIES; i++) {
    const port = PORT_FIRST + Math.floor(Math.random() * (PORT_LAST - PORT_FIRST))
    if (!taken.includes(port) && await isFree(port)) return port
  }
  throw new Error(`no free port between ${PORT_FIRST} and ${PORT_LAST} after ${PORT_TRIES} tries`)
}

/** ApiVersions, version 0, with the correlation id 7: the first thing any client asks. */
const API_VERSIONS_REQUEST = Buffer.from([0, 0, 0, 11, 0, 18, 0, 0, 0, 0, 0, 7, 0, 1, 0x74])
const ANSWER_BYTES_MIN = 10

/** Asks a port for ApiVersions: true when a broker answers without an error, false when not within `timeoutMs`. */
export async function answers(port: number, timeoutMs = 1000): Promise<boolean> {
  const socket = connect(port, LOCAL_HOST)
  socket.setTimeout(timeoutMs, () => socket.destroy())
  let got = Buffer.alloc(0)
  try {
    await once(socket, 'connect')
    socket.write(API_VERSIONS_REQUEST)
    for await (const chunk of socket) {
      got = Buffer.concat([got, chunk as Buffer])
      if (got.length >= ANSWER_BYTES_MIN) return got.readInt32BE(4) === 7 && got.readInt16BE(8) === 0
    }
    return false
  } catch {
    return false // refused or reset: not up yet
  } finally {
    socket.destroy()
  }
}

/** Resolves to true as soon as the port answers, to false when `ended` resolves first; rejects after `timeoutMs`. */
export async function untilAnswers(port: number, ended: Promise<void>, timeoutMs: number): Promise<boolean> {
  let over = false
  void ended.then(() => { over = true })
  const deadlineMs = performance.now() + timeoutMs
  while (performance.now() < deadlineMs) {
    if (await answers(port)) return true
    if (over) return false
    await sleep(25)
  }
  throw new Error(`no answer on port ${port} within ${timeoutMs} ms`)
}
