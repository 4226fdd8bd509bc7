/**
 * `pnpm bench`: how soon and at what cost. A real broker; feed, engine, reader and null transactions each in a process of their
 * own. Engine and null transactions take turns on the same broker under the same feed, so that a machine's mood is both's.
 * What the reader got is checked against what was fed before any figure is believed.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { EngineWatch, unlessEnded, untilCaughtUp, untilLive, type EngineFigures } from './engine-watch.ts'
import { runEngine, type Job } from './engine.ts'
import { LATENESS_MS, SETTLED_MS, startFedJob } from './fed-job.ts'
import { measureBars, measureSignals, type BarFigures, type Span } from './measure/arrivals.ts'
import { concludeRun, writeResult, type Comparable } from './measure/comparison.ts'
import { cpuSeconds } from './measure/cpu.ts'
import { Latencies, rounded, type LatencySummary } from './measure/latencies.ts'
import { describeLatency } from './measure/latency-text.ts'
import { machineNow, type Machine } from './measure/machine.ts'
import { drawPercentiles } from './measure/picture.ts'
import { readOptions, refuse, resultName, text, whole, wholeOrDefault } from './options.ts'
import { startChild } from './processes/child.ts'
import type { NullConfig, NullResult } from './processes/null-transactions.ts'
import type { ReaderResult } from './processes/reader.ts'
import { runBench } from './run-bench.ts'

const values = readOptions({
  rate: whole(5_000), symbols: whole(500), seconds: whole(60), partitions: whole(4), workers: wholeOrDefault(), 'quotes-per-trade': whole(4, 0),
  'warm-up': whole(15, 0), rounds: whole(2), out: resultName('latency'), note: text(''),
})
const options = {
  recordsPerSecond: values.rate, symbols: values.symbols, seconds: values.seconds, partitions: values.partitions, workers: values.workers,
  quotesPerTrade: values['quotes-per-trade'], warmUpSeconds: values['warm-up'], rounds: values.rounds,
}
const ROUND_SECONDS_MIN = 2
/** Of the engine in each round. */
const ROUND_SECONDS = options.seconds / options.rounds
if (ROUND_SECONDS < ROUND_SECONDS_MIN) {
  refuse(`rounds of ${rounded(ROUND_SECONDS)} s have hardly a second's end: give --seconds ${options.rounds * ROUND_SECONDS_MIN} or more for ${options.rounds} of them.`)
}
/** Null transactions in each round: as long as the engine, and no longer than it takes to know them. */
const NULL_SECONDS = Math.min(ROUND_SECONDS, 60)
/** Of null transactions: the last of a round has been received by then. */
const GRACE_MS = 1_500
/** How much worse a ratio may be than the committed one; p99 of some hundred seconds' ends moves more than p50. */
const TOLERANCES = { provisionalP50ToNull: 1.4, provisionalP99ToNull: 1.8, finalP50ToNull: 1.4, finalP99ToNull: 1.8, engineCpuToBrokerCpu: 1.4 }

interface NullFigures {
  /** Transactions begun and committed a second. */
  perSecond: number
  /** Of the broker, while the feed goes on and no engine runs. */
  brokerCpuShare: number
}

/** bench/results/latency.json. */
export interface LatencyResult extends Comparable {
  note: string
  machine: Machine
  /** ms, window end → received; final: watermark → received. */
  provisional: LatencySummary
  provisionalAll: LatencySummary
  provisionalSignals: LatencySummary
  final: LatencySummary
  finalFromWindowEnd: LatencySummary
  finalSignals: LatencySummary
  freshness: LatencySummary
  /** p99 of provisional bars in quarters of each round's time: whether it grows. */
  provisionalP99ByQuarter: number[][]
  nullTransaction: LatencySummary
  nullTransactions: NullFigures[]
  shareOfWindowsChanged: number
  shareOfProvisionalsChanged: number
  engine: EngineFigures[]
}

async function engineRound(job: Job, broker: LocalBroker, warmUpSeconds: number): Promise<{ span: Span; figures: EngineFigures }> {
  const engine = await runEngine(job, 'bench', values.workers === 'default' ? {} : { TA_WORKERS: String(values.workers) })
  await untilLive(engine)
  const measured = await unlessEnded(engine, async () => {
    await untilCaughtUp(engine, options.partitions, LATENESS_MS)
    await sleep(warmUpSeconds * 1000)
    const watch = await EngineWatch.start(engine, broker)
    const fromMs = Date.now()
    await sleep(ROUND_SECONDS * 1000)
    const span = { fromMs, toMs: Date.now() }
    const figures = await watch.end()
    await sleep(SETTLED_MS)
    await untilCaughtUp(engine, options.partitions, LATENESS_MS)
    return { span, figures }
  })
  await engine.stop()
  return measured
}

async function nullRound(job: Job, broker: LocalBroker, topic: string, perSecond: number): Promise<{ span: Span; figures: NullFigures }> {
  const config: NullConfig = { env: job.env, topic, partitions: options.partitions, perSecond: Math.max(Math.round(perSecond), 1) }
  const nulls = await startChild<NullConfig, NullResult>('null-transactions.ts', config)
  await sleep(3_000)
  const [fromMs, before] = [Date.now(), cpuSeconds(broker.pid)]
  await sleep(NULL_SECONDS * 1000)
  const [toMs, after] = [Date.now(), cpuSeconds(broker.pid)]
  await sleep(GRACE_MS)
  await nulls.stop()
  return { span: { fromMs, toMs }, figures: { perSecond: config.perSecond, brokerCpuShare: rounded((after - before) / ((toMs - fromMs) / 1000)) } }
}

async function run(broker: LocalBroker): Promise<void> {
  const { job, nullTopic, finish } = await startFedJob(broker, `latency-${Date.now() % 100_000}`, { ...options, nulls: true })
  const engine: EngineFigures[] = []
  const nulls: NullFigures[] = []
  const spans: { engine: Span[]; nulls: Span[] } = { engine: [], nulls: [] }
  for (let round = 0; round < options.rounds; round++) {
    // the broker's own compiler needs a minute of load, which it has had long ago where one trades
    const warmUpSeconds = options.warmUpSeconds * (round === 0 ? 3 : 1)
    console.error(`round ${round + 1} of ${options.rounds}: engine, ${warmUpSeconds} s of warm-up that don't count, then ${ROUND_SECONDS} s`)
    const ofEngine = await engineRound(job, broker, warmUpSeconds)
    console.error(`round ${round + 1} of ${options.rounds}: null transactions, ${NULL_SECONDS} s`)
    const ofNulls = await nullRound(job, broker, nullTopic, ofEngine.figures.transactionsPerSecond)
    engine.push(ofEngine.figures)
    nulls.push(ofNulls.figures)
    spans.engine.push(ofEngine.span)
    spans.nulls.push(ofNulls.span)
  }
  const { trades, bars, signals, nulls: ofNulls } = await finish(spans.engine)
  const quarters = spans.engine.map((span) => quartersOf(span).map((quarter) => measureBars(trades, bars, [quarter], LATENESS_MS).provisional.at(99)))
  conclude(measureBars(trades, bars, spans.engine, LATENESS_MS), quarters, measureSignals(signals, spans.engine, LATENESS_MS),
    nullLatencies(ofNulls, spans.nulls), engine, nulls)
}

function quartersOf({ fromMs, toMs }: Span): Span[] {
  const at = (quarter: number): number => fromMs + ((toMs - fromMs) * quarter) / 4
  return [0, 1, 2, 3].map((quarter) => ({ fromMs: at(quarter), toMs: at(quarter + 1) }))
}

function nullLatencies({ dueMs, receivedMs }: ReaderResult['nulls'], spans: readonly Span[]): Latencies {
  const latencies = new Latencies()
  dueMs.forEach((due, i) => {
    if (spans.some(({ fromMs, toMs }) => due >= fromMs && due < toMs)) latencies.add(receivedMs[i] - due)
  })
  return latencies
}

/** A summary with so many ms added to each latency. */
function laterBy(ms: number, { count, ...latencies }: LatencySummary): LatencySummary {
  return { count, ...Object.fromEntries(Object.entries(latencies).map(([name, value]) => [name, value === null ? null : value + ms])) } as LatencySummary
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function conclude(
  bars: BarFigures, quarters: number[][], signals: { provisional: Latencies; final: Latencies }, nulls: Latencies, engine: EngineFigures[], nullTransactions: NullFigures[],
): void {
  const toNull = (latencies: Latencies, percentile: number): number | null => {
    const ratio = latencies.at(percentile) / nulls.at(percentile)
    return Number.isFinite(ratio) ? rounded(ratio) : null
  }
  const final = bars.final.summary()
  const result: LatencyResult = {
    note: values.note, options,
    machine: machineNow(),
    ratios: {
      provisionalP50ToNull: toNull(bars.provisional, 50), provisionalP99ToNull: toNull(bars.provisional, 99),
      finalP50ToNull: toNull(bars.final, 50), finalP99ToNull: toNull(bars.final, 99),
      engineCpuToBrokerCpu: rounded(mean(engine.map(({ engineCpuShare }) => engineCpuShare)) / mean(engine.map(({ brokerCpuShare }) => brokerCpuShare))),
    },
    provisional: bars.provisional.summary(), provisionalAll: bars.provisionalAll.summary(), provisionalSignals: signals.provisional.summary(),
    final, finalFromWindowEnd: laterBy(LATENESS_MS, final),
    finalSignals: signals.final.summary(), freshness: bars.freshness.summary(), provisionalP99ByQuarter: quarters, nullTransaction: nulls.summary(), nullTransactions,
    shareOfWindowsChanged: rounded(bars.windowsChanged / bars.windows), shareOfProvisionalsChanged: rounded(bars.changed / Math.max(bars.provisionals, 1)),
    engine,
  }
  for (const line of describeLatency(result)) console.log(line)
  const picture = drawPercentiles(
    `${options.recordsPerSecond} records/s, ${options.symbols} symbols, ${options.partitions} partitions`,
    `ms, by percentile; warm-up of ${options.warmUpSeconds} s left out${values.note === '' ? '' : `; ${values.note}`}`,
    [
      { name: 'window end → provisional bar', latencies: bars.provisional }, { name: 'watermark → final bar', latencies: bars.final },
      { name: 'trade appended → first bar with it', latencies: bars.freshness }, { name: 'null transaction', latencies: nulls, dashed: true },
    ])
  console.log(`\npicture: ${writeResult(`${values.out}.svg`, picture)}`)
  concludeRun(values.out, result, TOLERANCES)
}

await runBench(run)
