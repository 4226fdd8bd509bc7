/** Looks at a running engine and its broker from outside: CPU, memory, the engine's own metrics, between two moments. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { UserError } from '../src/contract/errors.ts'
import { EXIT_OUTSIDE } from '../src/contract/exit-codes.ts'
import { EPOCH_STAGES } from '../src/contract/metrics.ts'
import { until, type BenchEngine } from './engine.ts'
import { cpuSeconds, cpuSecondsByThread, residentBytes } from './measure/cpu.ts'
import { rounded } from './measure/latencies.ts'
import { histogramBetween, parseMetrics, sumOf, type Samples } from './measure/prometheus.ts'

/** perf_hooks' event loop monitor sets a timer of 10 ms; what it shows is that and the delay. */
const LOOP_TIMER_MS = 10
const LOOK_MS = 2_000

const ENDED_PATIENCE_MS = 2_000
const LIVE_PATIENCE_MS = 120_000
const CAUGHT_UP_PATIENCE_MS = 180_000
const LAG_LOOK_MS = 200

/** What `work` resolves to; rejects with the engine's last words should it end before. */
export async function unlessEnded<T>(engine: BenchEngine, work: () => Promise<T>): Promise<T> {
  const ended = engine.ended.then(({ exitCode, lastWords }) => {
    throw new UserError(EXIT_OUTSIDE, `the engine ended (${exitCode === null ? 'by a signal' : `exit code ${exitCode}`}): ${lastWords}`)
  })
  ended.catch(() => {}) // it ends later, too, when it is told to
  try {
    return await Promise.race([work(), ended])
  } catch (error) {
    // one that is gone does not answer, which may be seen before its end
    await Promise.race([ended, sleep(ENDED_PATIENCE_MS)])
    throw error
  }
}

/** Resolves when all tasks are live; rejects with the engine's last words should it end before. */
export async function untilLive(engine: BenchEngine): Promise<void> {
  await unlessEnded(engine, () => until('the engine to be live', () => engine.isReady(), LIVE_PATIENCE_MS))
}

/** Resolves when no task's watermark is more than a second behind the lateness: what lay there before has been caught up. */
export async function untilCaughtUp(engine: BenchEngine, tasks: number, latenessMs: number): Promise<void> {
  await until('the engine to have caught up', async () => {
    const metrics = parseMetrics(await engine.metrics())
    const lags = [...metrics].filter(([series]) => series.startsWith('ta_watermark_lag_seconds')).map(([, lag]) => lag)
    await sleep(LAG_LOOK_MS)
    return lags.length === tasks && lags.every((lag) => lag < latenessMs / 1000 + 1)
  }, CAUGHT_UP_PATIENCE_MS)
}

export interface EngineFigures {
  seconds: number
  records: number
  transactionsPerSecond: number
  /** CPU of the engine: share of a core, and µs a record. */
  engineCpuShare: number
  engineCpuPerRecordUs: number
  engineCpuShareByThread: Record<string, number>
  brokerCpuShare: number
  brokerCpuPerRecordUs: number
  /** Largest seen. */
  residentMb: number
  /** Memory of the process and heap of its main thread in ten parts of the time: what grows without end shows here. */
  growth: { residentMb: number[]; heapUsedMb: number[] }
  /** Delay of the main thread's event loop, ms: the largest, and the worst p99, of the spells that the engine reports one by one. */
  eventLoopDelayMs: { p99: number; max: number }
  /** Main thread: pauses, their mean, and share of time. */
  gc: { pauses: number; meanMs: number; share: number }
  /** Mean and a bound for p99 of each stage, ms an epoch (decode and kernel: a step). */
  stages: Record<string, { count: number; meanMs: number; p99AtMostMs: number }>
}

interface Look {
  atMs: number
  engineCpu: number
  brokerCpu: number
  threads: Map<string, number>
  metrics: Samples
}

export class EngineWatch {
  readonly #engine: BenchEngine
  readonly #broker: Pick<LocalBroker, 'pid'>
  readonly #first: Look
  readonly #delays: { p99: number[]; max: number[] } = { p99: [], max: [] }
  readonly #residentMb: number[] = []
  readonly #heapUsedMb: number[] = []
  readonly #looking: NodeJS.Timeout

  private constructor(engine: BenchEngine, broker: Pick<LocalBroker, 'pid'>, first: Look) {
    this.#engine = engine
    this.#broker = broker
    this.#first = first
    this.#looking = setInterval(() => void this.#engine.metrics().then((text) => this.#note(parseMetrics(text)), () => {}), LOOK_MS)
  }

  static async start(engine: BenchEngine, broker: Pick<LocalBroker, 'pid'>): Promise<EngineWatch> {
    return new EngineWatch(engine, broker, await look(engine, broker))
  }

  #note(samples: Samples): void {
    this.#residentMb.push(Math.round(residentBytes(this.#engine.pid) / 1e6))
    this.#heapUsedMb.push(Math.round(sumOf(samples, 'nodejs_heap_size_used_bytes') / 1e6))
    for (const what of ['p99', 'max'] as const) {
      const ms = sumOf(samples, `nodejs_eventloop_lag_${what}_seconds`) * 1000 - LOOP_TIMER_MS
      if (Number.isFinite(ms)) this.#delays[what].push(Math.max(ms, 0))
    }
  }

  /** What happened since the start. */
  async end(): Promise<EngineFigures> {
    clearInterval(this.#looking)
    const first = this.#first
    const last = await look(this.#engine, this.#broker)
    this.#note(last.metrics)
    const seconds = (last.atMs - first.atMs) / 1000
    const since = (name: string, ...labels: string[]): number => sumOf(last.metrics, name, ...labels) - sumOf(first.metrics, name, ...labels)
    const records = since('ta_input_records_total')
    const share = (cpu: number): number => rounded(cpu / seconds)
    const perRecord = (cpu: number): number => rounded((cpu / records) * 1e6)
    const [engineCpu, brokerCpu] = [last.engineCpu - first.engineCpu, last.brokerCpu - first.brokerCpu]
    const pauses = since('nodejs_gc_duration_seconds_count')
    const paused = since('nodejs_gc_duration_seconds_sum')
    return {
      seconds, records, transactionsPerSecond: rounded(since('ta_transactions_total', 'result="committed"') / seconds),
      engineCpuShare: share(engineCpu), engineCpuPerRecordUs: perRecord(engineCpu),
      engineCpuShareByThread: Object.fromEntries([...last.threads].map(([name, cpu]) => [name, share(cpu - (first.threads.get(name) ?? 0))])),
      brokerCpuShare: share(brokerCpu), brokerCpuPerRecordUs: perRecord(brokerCpu),
      residentMb: Math.max(...this.#residentMb), growth: { residentMb: tenOf(this.#residentMb), heapUsedMb: tenOf(this.#heapUsedMb) },
      eventLoopDelayMs: { p99: rounded(Math.max(...this.#delays.p99)), max: rounded(Math.max(...this.#delays.max)) },
      gc: { pauses, meanMs: rounded((paused / Math.max(pauses, 1)) * 1000), share: rounded(paused / seconds) },
      stages: Object.fromEntries(EPOCH_STAGES.map((stage) => {
        const { count, mean, p99AtMost } = histogramBetween(first.metrics, last.metrics, 'ta_epoch_seconds', `stage="${stage}"`)
        return [stage, { count, meanMs: rounded(mean * 1000), p99AtMostMs: rounded(p99AtMost * 1000) }]
      })),
    }
  }
}

/** Ten of many values, evenly spread, the last one among them. */
const tenOf = (values: number[]): number[] => (values.length <= 10 ? values : Array.from({ length: 10 }, (_, i) => values[Math.ceil(((i + 1) * values.length) / 10) - 1]))

async function look(engine: BenchEngine, broker: Pick<LocalBroker, 'pid'>): Promise<Look> {
  const metrics = parseMetrics(await engine.metrics())
  return {
    atMs: performance.now(), engineCpu: cpuSeconds(engine.pid), brokerCpu: cpuSeconds(broker.pid), threads: cpuSecondsByThread(engine.pid), metrics,
  }
}
