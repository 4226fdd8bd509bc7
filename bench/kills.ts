/** Kills an engine again and again under a feed: the same instance comes back at once, then another one takes over. */
import { setTimeout as sleep } from 'node:timers/promises'
import { murmur2Partition } from '../src/contract/partition.ts'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { untilCaughtUp, untilLive } from './engine-watch.ts'
import { PARTITIONS, runEngine, until, type BenchEngine, type Job } from './engine.ts'
import { LATENESS_MS, SETTLED_MS, startFedJob } from './fed-job.ts'
import { symbolName } from './market.ts'
import { rounded } from './measure/latencies.ts'
import { parseMetrics, sumOf } from './measure/prometheus.ts'
import { firstArrivals, recoveryOf, type Kill, type Recovery } from './measure/recovery.ts'

const SNAPSHOT_MS = 10_000
/** The killed instance's session ends first. */
const TAKEOVER_PATIENCE_MS = 90_000
/** Between a standby's first task and the kill: all that it is given has come by then. */
const STANDBY_MS = 5_000
/** A live task's first record comes with the seconds that passed meanwhile, or at the latest with the next one's end. */
const FIRST_RECORD_MS = 3_000
const LOOK_MS = 100

export interface KillPlan {
  symbols: number
  recordsPerSecond: number
  /** Kills of an instance that comes back. */
  runs: number
  /** Kills of an instance whose tasks another one takes over. */
  takeovers: number
  /** Of feed before each kill, at the least: up to a snapshot interval more, so that kills come at any distance from a snapshot. */
  seconds: number
}

/** Size of the last snapshot, and the mean time from the copy to the manifest; null when none was taken. */
export interface SnapshotFigures {
  bytes: number | null
  meanMs: number | null
}

export interface KillFigures {
  same: Recovery[]
  other: Recovery[]
  snapshot: SnapshotFigures
}

type KillNote = Kill & { kind: 'same' | 'other' }

/** Notes kills; what belongs to one is complete when the next one comes. */
class Kills {
  readonly notes: KillNote[] = []
  #successor: BenchEngine | null = null

  /** Resolves when the killed process is gone. */
  async kill(kind: KillNote['kind'], engine: BenchEngine, tasks: number[]): Promise<void> {
    this.complete()
    this.notes.push({ kind, killedMs: Date.now(), untilMs: Number.POSITIVE_INFINITY, tasks, lines: [] })
    process.kill(engine.pid, 'SIGKILL')
    await engine.ended
  }

  follow(successor: BenchEngine): void {
    this.#successor = successor
  }

  complete(): void {
    const last = this.notes.at(-1)
    if (last === undefined || this.#successor === null) return
    last.untilMs = Date.now()
    last.lines = this.#successor.lines()
    this.#successor = null
  }
}

/** Runs the plan. Throws when anything came out twice, not at all or wrong over all the kills. */
export async function measureKills(broker: LocalBroker, plan: KillPlan): Promise<KillFigures> {
  if (plan.runs + plan.takeovers === 0) return { same: [], other: [], snapshot: { bytes: null, meanMs: null } }
  const fed = await startFedJob(broker, `recovery-${plan.symbols}-${Date.now() % 100_000}`, { partitions: PARTITIONS, ...plan },
    { TA_SNAPSHOT_INTERVAL_MS: String(SNAPSHOT_MS) })
  const kills = new Kills()
  const first = await runEngine(fed.job, 'bench-a')
  await untilLive(first)
  await untilCaughtUp(first, PARTITIONS, LATENESS_MS)
  const fromMs = Date.now()
  const { engine: survivor, snapshot } = await killAndRestart(fed.job, first, kills, plan)
  const last = await killAndTakeOver(fed.job, survivor, kills, plan)
  await untilCaughtUp(last, PARTITIONS, LATENESS_MS)
  kills.complete()
  const toMs = Date.now()
  await sleep(SETTLED_MS)
  await last.stop()
  const { bars } = await fed.finish([{ fromMs, toMs }])
  const taskOf = Array.from({ length: plan.symbols }, (_, symbol) => murmur2Partition(symbolName(symbol), PARTITIONS))
  const recoveries = (kind: KillNote['kind']): Recovery[] => kills.notes.filter((note) => note.kind === kind)
    .map((note) => recoveryOf(note, firstArrivals(bars, (symbol) => taskOf[symbol], note)))
  return { same: recoveries('same'), other: recoveries('other'), snapshot }
}

async function killAndRestart(
  job: Job, first: BenchEngine, kills: Kills, { symbols, runs, seconds }: KillPlan,
): Promise<{ engine: BenchEngine; snapshot: SnapshotFigures }> {
  const tasks = Array.from({ length: PARTITIONS }, (_, task) => task)
  const taken = { count: 0, seconds: 0 }
  let bytes: number | null = null
  let engine = first
  for (let run = 0; run < runs; run++) {
    console.error(`${symbols} symbols, the same instance: kill ${run + 1} of ${runs}`)
    await sleep(seconds * 1000 + Math.random() * SNAPSHOT_MS)
    const metrics = parseMetrics(await engine.metrics())
    const count = sumOf(metrics, 'ta_snapshot_seconds_count')
    taken.count += count
    taken.seconds += sumOf(metrics, 'ta_snapshot_seconds_sum')
    if (count > 0) bytes = sumOf(metrics, 'ta_snapshot_bytes')
    await kills.kill('same', engine, tasks)
    engine = await runEngine(job, 'bench-a')
    kills.follow(engine)
    await untilLive(engine)
    await sleep(FIRST_RECORD_MS)
  }
  return { engine, snapshot: { bytes, meanMs: taken.count === 0 ? null : rounded((taken.seconds / taken.count) * 1000) } }
}

/** A standby joins, the first instance is killed, the standby takes over; it is the first instance of the next turn. */
async function killAndTakeOver(job: Job, first: BenchEngine, kills: Kills, { symbols, takeovers }: KillPlan): Promise<BenchEngine> {
  let engine = first
  for (let run = 0; run < takeovers; run++) {
    console.error(`${symbols} symbols, another instance: kill ${run + 1} of ${takeovers}`)
    const standby = await runEngine(job, `bench-standby-${run}`)
    const liveTasks = (sinceMs = 0): number[] =>
      standby.lines().filter(({ msg, time }) => msg === 'task is live' && Date.parse(time) >= sinceMs).map(({ task }) => Number(task))
    await untilSeldom('the standby to have its share', () => liveTasks().length > 0)
    await sleep(STANDBY_MS)
    const share = liveTasks()
    const lost = Array.from({ length: PARTITIONS }, (_, task) => task).filter((task) => !share.includes(task))
    const killedMs = Date.now()
    await kills.kill('other', engine, lost)
    kills.follow(standby)
    await untilSeldom('the standby to have taken over', () => lost.every((task) => liveTasks(killedMs).includes(task)))
    await sleep(FIRST_RECORD_MS)
    engine = standby
  }
  return engine
}

/** Looks seldom: each look reads a log. */
async function untilSeldom(what: string, condition: () => boolean): Promise<void> {
  await until(what, async () => condition() || (await sleep(LOOK_MS), false), TAKEOVER_PATIENCE_MS)
}
