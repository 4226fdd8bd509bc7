/**
 * `ta` as a user runs it: a child process with settings in its environment. `runTa` waits for its end, `startEngine` gives a
 * running `ta run` whose log lines, readiness and end can be awaited.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { delimiter, dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach } from 'vitest'

const BIN = fileURLToPath(new URL('../../bin/ta', import.meta.url))
const POLL_MS = 25
/** Far beyond what anything awaited takes here: only a fault lets it pass, and then the log is shown. */
const PATIENCE_MS = 60_000

export type Environment = Record<string, string>

export interface Ended {
  /** Exit code, null where a signal ended it. */
  code: number | null
  stdout: string
  stderr: string
}

/** A line of the log; pino's fields and those of the message. */
export interface LogLine {
  level: string
  msg: string
  [field: string]: unknown
}

/** Only what is given, and the path, this Node first: no setting of the person who runs the tests gets in. */
function spawnTa(args: string[], env: Environment): ChildProcess {
  const PATH = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`
  return spawn(BIN, args, { env: { PATH, HOME: process.env.HOME, ...env }, stdio: ['pipe', 'pipe', 'pipe'] })
}

const running = new Set<ChildProcess>()
// a command that should have ended and did not, in a test that timed out
afterEach(() => {
  for (const child of running) child.kill('SIGKILL')
})

/** Runs `ta …` to its end. */
export async function runTa(args: string[], env: Environment, input = ''): Promise<Ended> {
  const child = spawnTa(args, env)
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.stdin!.on('error', () => {}) // it ended without reading on
  child.stdin!.end(input)
  let stdout = ''
  let stderr = ''
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const code = await new Promise<number | null>((resolve) => child.on('close', (exitCode) => resolve(exitCode)))
  return { code, stdout, stderr }
}

/** What `ta …` says on stderr of why it ended, and that it is one sentence, without a stack. */
export function lastWords({ stderr }: Ended): LogLine {
  if (/\n\s+at |"stack"/.test(stderr)) throw new Error(`a stack trace on stderr:\n${stderr}`)
  const lines = linesOf(stderr)
  const fatal = lines.filter(({ level }) => level === 'fatal')
  if (fatal.length !== 1) throw new Error(`${fatal.length} last sentences on stderr, one is due:\n${stderr}`)
  return fatal[0]
}

function linesOf(stderr: string): LogLine[] {
  const texts = stderr.split('\n').filter((text) => text !== '')
  return texts.map((text) => (text.startsWith('{') ? (JSON.parse(text) as LogLine) : { level: 'raw', msg: text }))
}

/** Asks until `probe` gives something, for what has no event: HTTP answers. Rejects with `failed()` when that takes too long. */
export async function eventually<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  failed: () => string,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadlineMs = performance.now() + patienceMs
  for (;;) {
    const found = await probe()
    if (found !== undefined) return found
    if (performance.now() > deadlineMs) throw new Error(failed())
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

/** A running `ta run`. */
export class EngineProcess {
  readonly #child: ChildProcess
  readonly #ended: Promise<number | null>
  readonly #token: string
  #running = true
  #sent: NodeJS.Signals | null = null
  #watchers: (() => void)[] = []
  stderr = ''
  stdout = ''

  constructor(env: Environment) {
    this.#child = spawnTa(['run'], { TA_HTTP_PORT: '0', ...env })
    this.#token = env.TA_HTTP_TOKEN ?? ''
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => this.#hear(() => (this.stderr += text)))
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    this.#ended = new Promise((resolve) => {
      this.#child.on('close', (code, signal) => this.#hear(() => {
        this.#running = false
        if (signal !== null && signal !== this.#sent) this.stderr += `ended by ${signal}, which nobody sent\n`
        resolve(code)
      }))
    })
  }

  #hear(take: () => void): void {
    take()
    for (const watcher of this.#watchers.splice(0)) watcher()
  }

  get pid(): number {
    return this.#child.pid!
  }

  get running(): boolean {
    return this.#running
  }

  get log(): LogLine[] {
    const whole = this.stderr.slice(0, this.stderr.lastIndexOf('\n') + 1)
    return linesOf(whole)
  }

  /** Resolves with the first log line that fits, one already written included. Rejects when the engine ends before. */
  async logged(fits: (line: LogLine) => boolean): Promise<LogLine> {
    const deadlineMs = performance.now() + PATIENCE_MS
    for (;;) {
      const found = this.log.find(fits)
      if (found) return found
      if (!this.#running) throw new Error(`the engine ended without saying it:\n${this.stderr}`)
      const leftMs = deadlineMs - performance.now()
      if (leftMs <= 0) throw new Error(`the engine has not said it:\n${this.stderr}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#watchers.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  /** Where it serves. */
  async url(path: string): Promise<string> {
    const { port } = await this.logged(({ msg }) => msg === 'starting')
    return `http://127.0.0.1:${port as number}${path}`
  }

  /** One GET, with the engine's token unless `headers` says otherwise. */
  async get(path: string, headers?: Record<string, string>): Promise<{ status: number; text: string; headers: Headers }> {
    const authorization: Record<string, string> = this.#token === '' ? {} : { authorization: `Bearer ${this.#token}` }
    const response = await fetch(await this.url(path), { headers: headers ?? authorization })
    return { status: response.status, text: await response.text(), headers: response.headers }
  }

  /** Resolves once /readyz says 200. Rejects when the engine ends before. */
  async ready(): Promise<this> {
    await eventually(
      async () => {
        if (!this.#running) throw new Error(`the engine ended before it was ready:\n${this.stderr}`)
        const { status } = await this.get('/readyz').catch(() => ({ status: 0 }))
        return status === 200 ? true : undefined
      },
      () => `the engine does not get ready:\n${this.stderr}`,
    )
    return this
  }

  /** Values of /metrics by name and labels, as they stand there. */
  async metrics(): Promise<Map<string, number>> {
    const { text } = await this.get('/metrics')
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]))
  }

  /** Sends SIGTERM and resolves with the exit code and how long that took. Rejects when a signal ended it. */
  async stop(): Promise<{ code: number; ms: number }> {
    const startMs = performance.now()
    this.#child.kill('SIGTERM')
    const code = await this.#ended
    if (code === null) throw new Error(`the engine did not end in order after SIGTERM:\n${this.stderr}`)
    return { code, ms: performance.now() - startMs }
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    this.#sent = 'SIGKILL'
    this.#child.kill('SIGKILL')
    await this.#ended
  }

  /** Resolves with what a command that ends leaves behind. */
  async ended(): Promise<Ended> {
    const code = await this.#ended
    return { code, stdout: this.stdout, stderr: this.stderr }
  }
}

const engines: EngineProcess[] = []

/** Starts `ta run` on any free port; whatever becomes of the test, it ends with it. */
export function startEngine(env: Environment): EngineProcess {
  const engine = new EngineProcess(env)
  engines.push(engine)
  return engine
}

afterEach(async () => {
  await Promise.all(engines.splice(0).filter(({ running }) => running).map((engine) => engine.kill()))
})
