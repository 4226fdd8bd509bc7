/**
 * The main thread's side of health, metrics and console: counts turns, gathers observations, posts reports. Nothing here waits
 * for the serving thread, and nothing that happens to it stops the engine: when it dies it is started again.
 */
import { Worker } from 'node:worker_threads'
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { HistogramKey, LabelValues } from '../contract/metrics.ts'
import type { BuildInfo, EngineReport, Observations, ServingAnswer, ServingMessage, ServingStart } from './engine-report.ts'
import { measureThisThread } from './main-thread-metrics.ts'

export interface ServingOptions {
  /** Address to listen on (TA_HTTP_HOST). */
  host: string
  /** Port (TA_HTTP_PORT), 0 for any free one. */
  port: number
  /** Bearer token asked for by all but /livez and /readyz; empty = none. */
  token: string
  build: BuildInfo
  /** /livez says 503 when the main loop has not turned for so long. */
  turnStaleAfterMs?: number
  /** Told when the serving thread died and is started again. */
  onFailure?: (error: Error) => void
}

/** None of the settings: secrets are not for this thread. With the cache of compiled code it takes half the CPU to start. */
const THREAD_ENV = process.env.NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE }
const TURN_STALE_AFTER_MS = 10_000
const RESTART_MS = 1_000
/** The main thread's own metrics are gathered this often: a scrape comes every 15 s or so. */
const MAIN_THREAD_EVERY_MS = 5_000
/** Observations kept of a series between two reports; at more they go out at once. */
const OBSERVATIONS_MAX = 1_024

interface Buffered {
  key: HistogramKey
  labels: readonly string[]
  values: Float64Array
  count: number
}

/** Health, metrics and console of this process. Usable from the start, and by others once `listen` has resolved. */
export class Serving {
  readonly #options: ServingOptions
  readonly #turnsBuffer = new SharedArrayBuffer(4)
  readonly #turns = new Int32Array(this.#turnsBuffer)
  readonly #observations = new Map<string, Buffered>()
  readonly #measure = measureThisThread()
  #measuring: NodeJS.Timeout | undefined
  #restarting: NodeJS.Timeout | undefined
  #worker: Worker | undefined
  #port: number
  #closed = false
  #ready = { ready: false, reason: 'starting' }

  constructor(options: ServingOptions) {
    this.#options = options
    this.#port = options.port
  }

  /** The port that is listened on. */
  get port(): number {
    return this.#port
  }

  /** The main loop has turned once more. Cheap: call it at every turn, and in recovery, too, or /livez says 503 after 10 s. */
  turn(): void {
    Atomics.add(this.#turns, 0, 1)
  }

  /** Whether the tasks are live; if not, `reason` says in words what is missing. */
  setReady(ready: boolean, reason = ''): void {
    if (ready === this.#ready.ready && reason === this.#ready.reason) return
    this.#ready = { ready, reason }
    this.#post({ type: 'ready', ready, reason })
  }

  /** A value of a histogram, in its unit (seconds), so many times. Kept until the next report, in its series' own array. */
  observe<Key extends HistogramKey>(key: Key, labels: LabelValues<Key>, value: number, times = 1): void {
    const buffered = this.#seriesOf(key, labels)
    for (let left = times; left > 0;) {
      const more = Math.min(left, OBSERVATIONS_MAX - buffered.count)
      buffered.values.fill(value, buffered.count, buffered.count + more)
      buffered.count += more
      left -= more
      if (buffered.count === OBSERVATIONS_MAX) this.#postReport(null, null)
    }
  }

  #seriesOf(key: HistogramKey, labels: readonly string[]): Buffered {
    const id = labels.length === 0 ? key : `${key}/${labels.join('/')}`
    let buffered = this.#observations.get(id)
    if (!buffered) {
      buffered = { key, labels: [...labels], values: new Float64Array(OBSERVATIONS_MAX), count: 0 }
      this.#observations.set(id, buffered)
    }
    return buffered
  }

  /** Posts a report with all observations since the last. A few times a second is plenty. */
  report(report: EngineReport): void {
    this.#postReport(report, null)
  }

  /** Stops listening and ends the thread. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#measuring)
    clearTimeout(this.#restarting)
    const worker = this.#worker
    this.#worker = undefined
    if (!worker) return
    await worker.terminate()
  }

  /** Starts the thread; resolves when it listens. Once. Rejects with UserError 78 when it can't; `close` it then, too. */
  async listen(): Promise<void> {
    await this.#start()
    const measure = (): void => void this.#measure().then((values) => this.#postReport(null, values))
    this.#measuring = setInterval(measure, MAIN_THREAD_EVERY_MS).unref()
    measure()
  }

  #start(): Promise<void> {
    const { host, token, build, turnStaleAfterMs = TURN_STALE_AFTER_MS } = this.#options
    const start: ServingStart = { host, port: this.#port, token, build, turnStaleAfterMs, turns: this.#turnsBuffer,
      ...this.#ready }
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL('./serving-thread.ts', import.meta.url), { workerData: start, env: THREAD_ENV, name: 'serving' })
      let failure: Error = new Error('the serving thread ended by itself')
      this.#worker = worker
      worker.on('message', (answer: ServingAnswer) => {
        if (answer.type === 'failed') {
          failure = listenError(host, this.#port, answer)
          void worker.terminate()
          return
        }
        this.#port = answer.port
        // Said before it listened, or while there was no thread.
        this.#post({ type: 'ready', ...this.#ready })
        resolve()
      })
      worker.on('error', (error) => failure = error)
      worker.on('exit', () => {
        reject(failure)
        if (this.#worker === worker) this.#ended(failure)
      })
    })
  }

  #ended(failure: Error): void {
    this.#worker = undefined
    // Not measured: never listened, so `listen` has said why.
    if (this.#closed || !this.#measuring) return
    this.#options.onFailure?.(failure)
    this.#restarting = setTimeout(() => {
      // What goes wrong is told by #ended, which tries again.
      void this.#start().catch(() => {})
    }, RESTART_MS)
  }

  #postReport(report: EngineReport | null, mainThread: string | null): void {
    const observations: Observations[] = []
    for (const buffered of this.#observations.values()) {
      if (buffered.count === 0) continue
      const values = buffered.values.slice(0, buffered.count)
      observations.push([buffered.key, buffered.labels, values] as unknown as Observations)
      buffered.count = 0
    }
    this.#post({ type: 'report', report, observations, mainThread })
  }

  #post(message: ServingMessage): void {
    this.#worker?.postMessage(message)
  }
}

function listenError(host: string, port: number, { code, detail }: { code: string; detail: string }): UserError {
  const place = `port ${port} on ${host}`
  switch (code) {
    case 'EADDRINUSE':
      return new UserError(EXIT_SETTINGS,
        `${place} is in use: end what listens there or set TA_HTTP_PORT to another (0 = any free one)`)
    case 'EACCES':
      return new UserError(EXIT_SETTINGS, `this user may not listen on ${place}: set TA_HTTP_PORT to 1024 or more`)
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new UserError(EXIT_SETTINGS,
        `${host} is no address of this machine: set TA_HTTP_HOST to one, such as 127.0.0.1 or 0.0.0.0`)
    default:
      return new UserError(EXIT_SETTINGS, `can't listen on ${place} (TA_HTTP_HOST, TA_HTTP_PORT): ${detail}`)
  }
}
