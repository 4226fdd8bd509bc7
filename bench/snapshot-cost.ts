/**
 * What snapshots cost an output: commits, and first provisional bars seen from outside, with a snapshot of every task each second
 * (production: 10 s) and with none, in turn on one job under one feed.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { untilCaughtUp, untilLive } from './engine-watch.ts'
import { PARTITIONS, runEngine, type Job } from './engine.ts'
import { LATENESS_MS, SETTLED_MS, startFedJob } from './fed-job.ts'
import { measureBars, type Span } from './measure/arrivals.ts'
import { commitsWithin } from './measure/commits.ts'
import { Latencies, rounded, type LatencySummary } from './measure/latencies.ts'
import { parseMetrics, sumOf, type Samples } from './measure/prometheus.ts'

const PROGRAM = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const RECORDER = new URL('processes/commit-recorder.ts', import.meta.url).href
const SIDES = ['with', 'without'] as const
type Side = (typeof SIDES)[number]
const INTERVAL_MS: Readonly<Record<Side, number>> = { with: 1_000, without: 3_600_000 }

export interface CostPlan {
  symbols: number
  recordsPerSecond: number
  rounds: number
  /** Of each side in each round, and before it, not counted. */
  roundSeconds: number
  warmUpSeconds: number
}

export interface SideFigures {
  /** Snapshots stored while it was measured, and the mean time from the copy to the manifest. */
  snapshots: number
  snapshotMeanMs: number | null
  /** An epoch's end → its commit known, in the engine; and of that the transaction, without closing the epoch on a worker. */
  commit: LatencySummary
  transaction: LatencySummary
  commitP99ByRound: number[]
  /** Window end → first provisional bar of each symbol and window, at the reader. */
  provisional: LatencySummary
}

export type SnapshotCost = Readonly<Record<Side, SideFigures>>

interface Stretch {
  side: Side
  span: Span
  /** Lines of the recorder. */
  commits: string
  snapshots: number
  snapshotSeconds: number
}

/** Throws when what came out is not what went in, or snapshots were (not) taken where they should (not). */
export async function measureSnapshotCost(broker: LocalBroker, plan: CostPlan): Promise<SnapshotCost> {
  const fed = await startFedJob(broker, `cost-${plan.symbols}-${Date.now() % 100_000}`, { partitions: PARTITIONS, ...plan })
  const stretches: Stretch[] = []
  for (let round = 0; round < plan.rounds; round++) {
    // each side comes first in every other round
    for (const side of round % 2 === 0 ? SIDES : SIDES.toReversed()) {
      console.error(`${plan.symbols} symbols, ${side} snapshots: round ${round + 1} of ${plan.rounds}`)
      stretches.push(await measureStretch(fed.job, side, round, plan))
    }
  }
  const { trades, bars } = await fed.finish(stretches.map(({ span }) => span))
  const figuresOf = (side: Side): SideFigures => {
    const of = stretches.filter((stretch) => stretch.side === side)
    const sum = (pick: (stretch: Stretch) => number): number => of.reduce((total, stretch) => total + pick(stretch), 0)
    const snapshots = sum((stretch) => stretch.snapshots)
    if ((snapshots > 0) !== (side === 'with')) throw new Error(`${snapshots} snapshots were stored where it was to be measured ${side} any`)
    const pooled = { commit: new Latencies(), transaction: new Latencies() }
    for (const { commits, span } of of) commitsWithin(commits, span, pooled)
    return {
      snapshots, snapshotMeanMs: snapshots === 0 ? null : rounded((sum(({ snapshotSeconds }) => snapshotSeconds) / snapshots) * 1000),
      commit: pooled.commit.summary(), transaction: pooled.transaction.summary(),
      commitP99ByRound: of.map(({ commits, span }) => commitsWithin(commits, span).commit.at(99)),
      provisional: measureBars(trades, bars, of.map(({ span }) => span), LATENESS_MS).provisional.summary(),
    }
  }
  return { with: figuresOf('with'), without: figuresOf('without') }
}

async function measureStretch(job: Job, side: Side, round: number, { roundSeconds, warmUpSeconds }: CostPlan): Promise<Stretch> {
  const commitsFile = join(job.folder, `commits-${round}-${side}`)
  const engine = await runEngine(job, 'bench-cost', {
    TA_SNAPSHOT_INTERVAL_MS: String(INTERVAL_MS[side]), TA_SNAPSHOT_MIN_PAUSE_MS: '0', BENCH_COMMITS_FILE: commitsFile,
  }, { program: PROGRAM, nodeFlags: ['--import', RECORDER] })
  await untilLive(engine)
  await untilCaughtUp(engine, PARTITIONS, LATENESS_MS)
  await sleep(warmUpSeconds * 1000)
  const before = snapshotsOf(parseMetrics(await engine.metrics()))
  const fromMs = Date.now()
  await sleep(roundSeconds * 1000)
  const span = { fromMs, toMs: Date.now() }
  const after = snapshotsOf(parseMetrics(await engine.metrics()))
  await sleep(SETTLED_MS)
  await untilCaughtUp(engine, PARTITIONS, LATENESS_MS)
  await engine.stop()
  return { side, span, commits: readFileSync(commitsFile, 'utf8'), snapshots: after.count - before.count, snapshotSeconds: after.seconds - before.seconds }
}

const snapshotsOf = (metrics: Samples): { count: number; seconds: number } =>
  ({ count: sumOf(metrics, 'ta_snapshot_seconds_count'), seconds: sumOf(metrics, 'ta_snapshot_seconds_sum') })
