/**
 * Processes of a bench: what is measured, what feeds it and what reads it share no event loop and no garbage. Parent and child
 * talk in a few messages at the beginning and the end, and not while it is measured.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { UserError } from '../../src/contract/errors.ts'
import { EXIT_OUTSIDE } from '../../src/contract/exit-codes.ts'

export interface BenchChild<Result> {
  readonly pid: number
  /** Asks it to end; resolves to what it found. */
  stop(): Promise<Result>
  /** Resolves to what it found when it ends by itself. */
  readonly result: Promise<Result>
}

type FromChild<Result> = { kind: 'ready' } | { kind: 'result'; result: Result }
type ToChild<Config> = { kind: 'start'; config: Config } | { kind: 'stop' }

/** Those without a result as yet. */
const running = new Set<ChildProcess>()
let fail: (error: Error) => void
/** Rejects when one ends before it had a result: whoever waits for something else would wait for long. */
export const childFailed = new Promise<never>((_, reject) => (fail = reject))
childFailed.catch(() => {}) // of no interest to a bench that is over

/** Ends those that are left: of a bench that has failed they would go on, and keep it from ending. */
export function endChildren(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Starts a file of this folder, hands it its configuration, and resolves once it is ready. */
export async function startChild<Config, Result>(file: string, config: Config): Promise<BenchChild<Result>> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), {
    serialization: 'advanced', execArgv: ['--disable-warning=ExperimentalWarning'], env: { ...process.env, UV_THREADPOOL_SIZE: '32' },
  })
  running.add(child)
  child.on('error', () => {}) // its end says so
  const ended = once(child, 'exit').then(([code, signal]) => {
    const error = new UserError(EXIT_OUTSIDE, `the bench's ${file} ended (${code === null ? String(signal) : `exit code ${code}`}) before it had a result`)
    if (running.delete(child)) fail(error)
    throw error
  })
  ended.catch(() => {}) // told through ready and result
  const message = <Kind extends FromChild<Result>['kind']>(kind: Kind): Promise<Extract<FromChild<Result>, { kind: Kind }>> =>
    new Promise((resolve) => {
      child.on('message', (value: FromChild<Result>) => {
        if (value.kind === kind) resolve(value as Extract<FromChild<Result>, { kind: Kind }>)
      })
    })
  const result = Promise.race([message('result').then((value) => {
    running.delete(child)
    return value.result
  }), ended])
  result.catch(() => {}) // nobody may be waiting for it yet
  const ready = message('ready')
  child.send({ kind: 'start', config } satisfies ToChild<Config>)
  await Promise.race([ready, ended])
  return {
    pid: child.pid as number,
    result,
    stop: () => {
      if (child.connected) child.send({ kind: 'stop' } satisfies ToChild<Config>)
      return result
    },
  }
}

/** The other side: runs `work` with the parent's configuration, tells its result and ends the process. It ends when the parent does, too. */
export function runChild<Config, Result>(work: (config: Config, stop: AbortSignal, ready: () => void) => Promise<Result>): void {
  const stop = new AbortController()
  const send = (message: FromChild<Result>): Promise<void> =>
    new Promise((resolve, reject) => process.send!(message, undefined, {}, (error) => (error ? reject(error) : resolve())))
  process.on('disconnect', () => process.exit(1))
  process.on('message', (message: ToChild<Config>) => {
    if (message.kind === 'stop') return stop.abort()
    work(message.config, stop.signal, () => void send({ kind: 'ready' }))
      .then((result) => send({ kind: 'result', result }))
      .then(() => process.exit(0), (error: unknown) => {
        console.error(error)
        process.exit(1)
      })
  })
}

/** Wall-clock ms with a fraction: whole ms are too coarse for what takes a few of them. */
export const nowMs = (): number => performance.timeOrigin + performance.now()
