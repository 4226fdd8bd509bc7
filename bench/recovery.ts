/**
 * `pnpm bench:recovery`: kill −9 to the first new committed record, at 5,000 records a second.
 * The same instance back at once, and another instance taking over; the parts of each; snapshot time and size, and what a snapshot
 * does to the latency of a second's publication. The broker waits 3 s before a new group's first rebalance, as in production.
 *
 * Options: --symbols 500,10000 --runs 10 (kills) --seconds 12 (at least, before each) --takeovers 3 --rounds 3 (of the
 * snapshots' cost, 0: none) --rate 5000. As it is, it takes some 18 minutes.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { feedMarket } from './market.ts'
import { BarReader, openJob, quantile, runEngine, startBroker, until } from './engine.ts'
import type { BenchEngine, Job } from './engine.ts'
import type { LocalBroker } from '../src/demo/local-broker.ts'

const { values: options } = parseArgs({
  options: {
    symbols: { type: 'string', default: '500,10000' },
    runs: { type: 'string', default: '10' },
    seconds: { type: 'string', default: '12' },
    takeovers: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    rate: { type: 'string', default: '5000' },
  },
})
const RATE = Number(options.rate)
const SNAPSHOT_MS = 10_000

const PARTS = ['restartMs', 'joinMs', 'fenceMs', 'loadMs', 'replayMs', 'commitMs'] as const
const FIGURES = ['firstMs', 'allTasksMs', ...PARTS, 'epochs'] as const

/**
 * From the kill on, ms: the first new record of any task, and that of the last task; and the parts of the way of the task that
 * is live last: process start, join, InitProducerId, epoch log and snapshot, replay, and from live to its first record.
 */
type Recovery = Record<(typeof FIGURES)[number], number>

/** Kills the engine, does `next`, and waits for the first committed records of the killed one's tasks. */
async function recover(engine: BenchEngine, reader: Arrivals, tasks: number[], next: () => Promise<BenchEngine>): Promise<{ recovery: Recovery; engine: BenchEngine }> {
  const killedMs = Date.now()
  process.kill(engine.pid, 'SIGKILL')
  await engine.ended
  // what was committed before the kill may still be on its way to the reader: records made after it count
  reader.watch(killedMs, tasks)
  const successor = await next()
  await until('the first record of every task', () => tasks.every((task) => reader.first.has(task)), 60_000).catch((error: unknown) => {
    console.error(successor.lines().slice(-20))
    throw error
  })
  const firsts = tasks.map((task) => reader.first.get(task) as number)
  const allMs = Math.max(...firsts)
  return { engine: successor, recovery: { firstMs: Math.min(...firsts) - killedMs, allTasksMs: allMs - killedMs, ...partsOf(successor, killedMs, allMs) } }
}

/** Parts of a recovery by the lines of the log that came after the kill. */
function partsOf(engine: BenchEngine, killedMs: number, allMs: number): Omit<Recovery, 'firstMs' | 'allTasksMs'> {
  const lines = engine.lines().filter(({ time }) => Date.parse(time) >= killedMs)
  const timesOf = (msg: string, task?: unknown): number[] =>
    lines.filter((line) => line.msg === msg && (task === undefined || line.task === task)).map(({ time }) => Date.parse(time))
  const last = lines.filter(({ msg }) => msg === 'task is live').at(-1)
  if (last === undefined) throw new Error('no task became live')
  const startingMs = timesOf('starting')[0] ?? killedMs // a standby has long been there
  const assignedMs = timesOf('tasks assigned')[0]
  const restoringMs = timesOf('restoring a task', last.task).at(-1) as number
  const liveMs = Date.parse(last.time)
  const fenceMs = Number(last.fenceMs)
  const epochs = lines.filter(({ msg }) => msg === 'restoring a task').map((line) => Number(line.epochs))
  return {
    restartMs: startingMs - killedMs, joinMs: assignedMs - startingMs, fenceMs, loadMs: restoringMs - assignedMs - fenceMs,
    replayMs: liveMs - restoringMs, commitMs: allMs - liveMs, epochs: Math.max(0, ...epochs),
  }
}

/** First arrival of a record made after a moment, by task; and the latency of every provisional record. */
class Arrivals {
  readonly first = new Map<number, number>()
  readonly latencies: number[] = []
  #afterMs = Number.POSITIVE_INFINITY
  #tasks: number[] = []

  watch(afterMs: number, tasks: number[]): void {
    this.first.clear()
    this.#afterMs = afterMs
    this.#tasks = tasks
  }

  note(receivedMs: number, partitions: number[], values: Buffer[]): void {
    values.forEach((value, i) => {
      const record = JSON.parse(value.toString()) as { ingest_ts: string; event_ts: string; is_final: boolean; seq: number }
      if (!record.is_final) this.latencies.push(receivedMs - Date.parse(record.event_ts))
      if (this.#tasks.includes(partitions[i]) && !this.first.has(partitions[i]) && Date.parse(record.ingest_ts) > this.#afterMs) {
        this.first.set(partitions[i], receivedMs)
      }
    })
  }
}

async function measure(broker: LocalBroker, symbols: number): Promise<object> {
  const job = await openJob(broker, `recovery-${symbols}-${Date.now() % 100_000}`, { TA_SNAPSHOT_INTERVAL_MS: String(SNAPSHOT_MS) })
  const stop = new AbortController()
  const feed = feedMarket(job.appender, { trades: job.settings.tradesTopic, quotes: job.settings.quotesTopic, partitions: 4, symbols, recordsPerSecond: RATE }, stop.signal)
  const arrivals = new Arrivals()
  const reader = new BarReader(job)
  await reader.start(job, (...batch) => arrivals.note(...batch))
  let engine = await runEngine(job, 'bench-a')
  await until('the engine to be live', () => engine.isReady())
  const same: Recovery[] = []
  let snapshot: object = {}
  for (let run = 0; run < Number(options.runs); run++) {
    await settle(Number(options.seconds) + Math.random() * (SNAPSHOT_MS / 1000))
    snapshot = await snapshotFigures(engine)
    const { recovery, engine: next } = await recover(engine, arrivals, [0, 1, 2, 3], () => runEngine(job, 'bench-a'))
    engine = next
    same.push(recovery)
    print(symbols, 'same instance', run, recovery)
  }
  const other = await takeovers(job, engine, arrivals, symbols)
  stop.abort()
  await feed
  await reader.close()
  await job.end()
  return { symbols, same: summary(same), other: summary(other), snapshot }
}

/** A standby joins, the first instance is killed, the standby takes over; the roles change each time. */
async function takeovers(job: Job, first: BenchEngine, arrivals: Arrivals, symbols: number): Promise<Recovery[]> {
  const recoveries: Recovery[] = []
  let engine = first
  for (let run = 0; run < Number(options.takeovers); run++) {
    const standby = await runEngine(job, `bench-standby-${run}`)
    await until('the standby to have its share', () => standby.lines().some((line) => line.msg === 'task is live'), 90_000)
    await settle(5)
    const shared = new Set(standby.lines().filter(({ msg }) => msg === 'task is live').map((line) => Number(line.task)))
    const lost = [0, 1, 2, 3].filter((task) => !shared.has(task))
    const { recovery } = await recover(engine, arrivals, lost, async () => standby)
    engine = standby
    recoveries.push(recovery)
    print(symbols, 'other instance', run, recovery)
  }
  await engine.stop()
  return recoveries
}

/** Size of the last snapshot of a task, and how long one took from the barrier to the manifest. */
async function snapshotFigures(engine: BenchEngine): Promise<object> {
  const text = await engine.metrics()
  const value = (name: string): number => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1])
  return { bytes: value('ta_snapshot_bytes'), meanMs: (value('ta_snapshot_seconds_sum') / value('ta_snapshot_seconds_count')) * 1000 }
}

/** Latency of provisional records with a snapshot every second, and with none, in turn. */
async function snapshotCost(broker: LocalBroker, symbols: number): Promise<object> {
  const p99: Record<string, number[]> = { with: [], without: [] }
  for (let round = 0; round < Number(options.rounds); round++) {
    for (const [kind, intervalMs] of [['with', 1_000], ['without', 3_600_000]] as const) {
      const job = await openJob(broker, `cost-${symbols}-${kind}-${Date.now() % 100_000}`, { TA_SNAPSHOT_INTERVAL_MS: String(intervalMs), TA_SNAPSHOT_MIN_PAUSE_MS: '0' })
      const stop = new AbortController()
      const feed = feedMarket(job.appender, { trades: job.settings.tradesTopic, quotes: job.settings.quotesTopic, partitions: 4, symbols, recordsPerSecond: RATE }, stop.signal)
      const arrivals = new Arrivals()
      const reader = new BarReader(job)
      const engine = await runEngine(job, 'bench-cost')
      await until('the engine to be live', () => engine.isReady())
      await settle(10)
      await reader.start(job, (...batch) => arrivals.note(...batch))
      await settle(20)
      p99[kind].push(quantile(arrivals.latencies, 0.99))
      stop.abort()
      await feed
      await engine.stop()
      await reader.close()
      await job.end()
    }
  }
  return { provisionalP99Ms: p99, ratioOfMedians: quantile(p99.with, 0.5) / quantile(p99.without, 0.5) }
}

const settle = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000))

function summary(runs: Recovery[]): object {
  const pick = (key: keyof Recovery): number[] => runs.map((run) => run[key])
  return Object.fromEntries(FIGURES.map((key) => [
    key, { p50: quantile(pick(key), 0.5), max: Math.max(...pick(key)) },
  ]))
}

const print = (...words: unknown[]): void => console.error(...words)

const broker = await startBroker()
try {
  const results = []
  for (const symbols of options.symbols.split(',').map(Number)) {
    results.push({ ...(await measure(broker, symbols)), snapshotCost: await snapshotCost(broker, symbols) })
  }
  mkdirSync(new URL('../bench/results/', import.meta.url), { recursive: true })
  writeFileSync(new URL('../bench/results/recovery.json', import.meta.url), `${JSON.stringify(results, null, 2)}\n`)
  console.log(JSON.stringify(results, null, 2))
} finally {
  await broker.stop()
}
