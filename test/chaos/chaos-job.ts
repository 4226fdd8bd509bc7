/**
 * What the chaos tests share: a job under a live market, and the one question at the end of every scenario: is what a reader
 * sees the same, to the byte, as `ta replay` makes of the same inputs, each record counted once, each window final once?
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import { SECONDS_BEFORE, marketArrivals } from '../../src/demo/market.ts'
import { type EngineProcess, type Environment, type LogLine, startEngine } from '../broker/engine-process.ts'
import {
  type Input, InputProducer, type Job, type JobOptions, type Replayed, type StatusOutput, type Tail, dumpInputs,
  expectVerified, finalCount, finalDifferences, newJob, outputsOf, replay, statusCounts, totalOf, valuesOf,
} from '../broker/engine-job.ts'
import { disorders } from '../golden/expected.ts'

/** TA_CHAOS_ROUNDS: how many times as many kills, cuts and deaths as usual. */
export const ROUNDS = Number(process.env.TA_CHAOS_ROUNDS ?? 1)
const TICK_MS = 25
/** Snapshots as often as can be. */
export const SNAPSHOTS: Environment = { TA_SNAPSHOT_INTERVAL_MS: '400', TA_SNAPSHOT_MIN_PAUSE_MS: '100' }
/**
 * Nobody becomes idle while the chaos lasts: a feed that pauses with its broker would otherwise be late for its last window by
 * the clock's decision, which a replay over files does not know.
 */
const PATIENT: Environment = { TA_WATERMARK_IDLE_TIMEOUT_MS: '600000', TA_STATUS_INTERVAL_MS: '500' }
const SETTLING: Environment = { TA_WATERMARK_IDLE_TIMEOUT_MS: '1000', TA_STATUS_INTERVAL_MS: '300' }

/** A job with snapshots in its own folder, for a live market. */
export async function chaosJob({ env, ...options }: JobOptions = {}): Promise<Job> {
  const job = await newJob({ ...options, env: { ...PATIENT, ...SNAPSHOTS, ...env } })
  job.env.TA_SNAPSHOT_URI ??= `${String(pathToFileURL(job.folder))}/snapshots`
  return job
}

/** The made-up market as it happens now, about 600 records a second, until `stop`. */
export class LiveFeed {
  readonly #job: Job
  readonly #producer: InputProducer
  readonly #seed: number
  #stopped = false
  #running: Promise<void> = Promise.resolve()
  sent = 0

  private constructor(job: Job, producer: InputProducer, seed: number) {
    this.#job = job
    this.#producer = producer
    this.#seed = seed
  }

  static async start(job: Job, seed = 11): Promise<LiveFeed> {
    const feed = new LiveFeed(job, await InputProducer.open(job), seed)
    feed.#running = feed.#run()
    // told by stop(), and now: who waits for bars meanwhile would only see that none come
    feed.#running.catch((error: unknown) => process.stderr.write(`the live feed has ended: ${String(error)}\n`))
    return feed
  }

  async #run(): Promise<void> {
    let second = Math.floor(Date.now() / 1000) * 1000
    let waiting = this.#arrivals(second)
    while (!this.#stopped) {
      const nowMs = Date.now()
      while (second + 1000 <= nowMs) waiting.push(...this.#arrivals((second += 1000)))
      const due = waiting.findIndex(({ arrivalMs }) => arrivalMs > nowMs)
      const records = waiting.splice(0, due < 0 ? waiting.length : due)
      await this.#producer.send(records.map(({ input }) => input))
      this.sent += records.length
      await new Promise((resolve) => setTimeout(resolve, TICK_MS))
    }
  }

  #arrivals(secondMs: number): { arrivalMs: number; input: Input }[] {
    const topics = { trades: this.#job.env.TA_TRADES_TOPIC, quotes: this.#job.env.TA_QUOTES_TOPIC }
    return marketArrivals(this.#seed, secondMs).map(({ arrivalMs, channel, symbol, text }) =>
      ({ arrivalMs, input: { topic: topics[channel], key: symbol, value: text } }))
  }

  /** Ends the market; resolves to how many records it has put in, all acknowledged. */
  async stop(): Promise<number> {
    this.#stopped = true
    await this.#running.finally(() => this.#producer.close())
    return this.sent
  }
}

/** A finished stretch of the market, `seconds` long, as records. */
export function marketInputs(job: Job, seconds: number, from = '2025-12-03T19:00:00Z', seed = 5): Input[] {
  const topics = { trades: job.env.TA_TRADES_TOPIC, quotes: job.env.TA_QUOTES_TOPIC }
  const first = Date.parse(from)
  return Array.from({ length: seconds }, (_, i) => marketArrivals(seed, first + (i + SECONDS_BEFORE) * 1000)).flat()
    .map(({ channel, symbol, text }) => ({ topic: topics[channel], key: symbol, value: text }))
}

export const isLive = ({ msg }: LogLine): boolean => msg === 'task is live'
export const isRestoring = ({ msg }: LogLine): boolean => msg === 'restoring a task'
/** The lines that fit. */
export const linesOf = (engine: EngineProcess, fits: (line: LogLine) => boolean): LogLine[] => engine.log.filter(fits)

/** Resolves when so many tasks have been live, however short that was. */
export async function live(engine: EngineProcess, tasks = 4): Promise<EngineProcess> {
  try {
    await engine.logged(() => new Set(engine.log.filter(isLive).map(({ task }) => task)).size >= tasks)
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await selfReport(engine)}`, { cause: error })
  }
  return engine
}

/** What an engine that hangs says of itself, and whether it turns or stands still. */
async function selfReport(engine: EngineProcess): Promise<string> {
  if (!engine.running) return 'it has ended'
  const cpuTicks = () => readFileSync(`/proc/${engine.pid}/stat`, 'utf8').split(' ').slice(13, 15).join('+')
  const before = cpuTicks()
  const answers = await Promise.all(['/livez', '/readyz', '/metrics'].map(async (path) => {
    const asked = engine.get(path).then(({ status, text }) => `${status} ${text}`, String)
    return `${path}: ${await Promise.race([asked, sleep(5_000)]) ?? 'no answer'}`
  }))
  return [...answers, `CPU ticks ${before}, then ${cpuTicks()}`].join('\n')
}

/** Resolves when `more` further bars have been published: nobody hangs. */
export async function flows(job: Job, tail: Tail, engine: EngineProcess, more = 40, patienceMs = 60_000): Promise<void> {
  const bars = () => tail.records[job.env.TA_MICROBARS_TOPIC].length
  const due = bars() + more
  await tail.until(() => bars() >= due, () => `${due} bars, now ${bars()}:\n${engine.stderr}\n`, patienceMs)
}

/** What a scenario came to. */
export interface Settled {
  /** Records consumed. */
  records: number
  /** Log of the last engine. */
  log: LogLine[]
}

export interface WholeOptions {
  /** Settings of the last engine. */
  env?: Environment
  /** A symbol whose records trap the kernel: rejected here, and not given to the replay. */
  trapped?: string
  /** Whether `seq` has to be the replay's, too: there were no provisional records. */
  seq?: boolean
}

/**
 * The end of a scenario whose engines are all down: one that lets idleness close the last windows brings everything out;
 * then all finals equal the replay's, every record is counted once, `ta verify` agrees. Gives the replay and the log.
 */
export async function expectWhole(job: Job, tail: Tail, options: WholeOptions = {}): Promise<Settled> {
  const due = await dueOf(job, options.trapped)
  const engine = startEngine({ ...job.env, ...SETTLING, ...options.env })
  const finals = () => finalCount(tail, job)
  await tail.until(() => finals() >= due.finals, () => `${due.finals} finals, now ${finals()}:\n${engine.stderr}\n`)
  const status = () => statusCounts(valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC]))
  const records = totalOf(due.counts)
  await tail.until(() => totalOf(status()) >= records,
    () => `a status with ${records} records, now ${JSON.stringify(status())}:\n${engine.stderr}`)
  expect(status()).toEqual(due.counts)
  expect((await engine.stop()).code).toBe(0)
  await expectVerified(job)
  await expectOutputs(job, due, options)
  return { records, log: engine.log }
}

/** What a reader sees now is the replay's: order, and each final to the byte. */
async function expectOutputs(job: Job, due: Replayed, { seq = false }: WholeOptions): Promise<void> {
  const { bars, signals } = await outputsOf(job)
  expect([...disorders('bars', bars), ...disorders('signals', signals)]).toEqual([])
  expect(finalDifferences(bars, due.bars, { seq })).toEqual([])
  expect(finalDifferences(signals, due.signals, { seq })).toEqual([])
}

/** The replay of all that is in the inputs. */
async function dueOf(job: Job, trapped?: string): Promise<Replayed> {
  const files = await dumpInputs(job)
  let rejected = 0
  for (const file of trapped === undefined ? [] : files) {
    const lines = readFileSync(file, 'utf8').split('\n')
    const kept = lines.filter((line) => !line.includes(`"symbol":"${trapped}"`))
    rejected += lines.length - kept.length
    writeFileSync(file, kept.join('\n'))
  }
  const due = await replay(job, files)
  due.counts.rejected += rejected
  return due
}
