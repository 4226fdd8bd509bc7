/**
 * `pnpm bench`: how soon and at what cost. A real broker; feed, engine, reader and null transactions each in a process of their
 * own. Engine and null transactions take turns on the same broker under the same feed, so that a machine's mood is both's.
 * What the reader got is checked against what was fed before any figure is believed.
 */
import { loadavg, cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { EngineWatch, untilCaughtUp, untilLive, type EngineFigures } from './engine-watch.ts'
import { openJob, runEngine, startServerBroker, type Job } from './engine.ts'
import { findMistakes, measureBars, measureSignals, type BarFigures, type Span } from './measure/arrivals.ts'
import { concludeRun, writeResult, type Comparable } from './measure/comparison.ts'
import { cpuSeconds } from './measure/cpu.ts'
import { Latencies, rounded, type LatencySummary } from './measure/latencies.ts'
import { drawPercentiles } from './measure/picture.ts'
import { startChild } from './processes/child.ts'
import type { FeedConfig, FeedResult } from './processes/feed.ts'
import type { NullConfig, NullResult } from './processes/null-transactions.ts'
import type { ReaderConfig, ReaderResult } from './processes/reader.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '5000' },
    symbols: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '60' },
    partitions: { type: 'string', default: '4' },
    workers: { type: 'string', default: '' },
    'quotes-per-trade': { type: 'string', default: '4' },
    'warm-up': { type: 'string', default: '15' },
    out: { type: 'string', default: 'latency' },
    note: { type: 'string', default: '' },
  },
})
const options = {
  recordsPerSecond: Number(values.rate), symbols: Number(values.symbols), seconds: Number(values.seconds), partitions: Number(values.partitions),
  workers: values.workers === '' ? 'default' : Number(values.workers), quotesPerTrade: Number(values['quotes-per-trade']), warmUpSeconds: Number(values['warm-up']),
}
const ROUNDS = 2
const LATENESS_MS = 2_000
/** Finals of a span's last window come within the lateness and this. */
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
  machine: { cores: number; load1m: number; node: string }
  /** ms, window end → received; final: watermark → received. */
  provisional: LatencySummary
  provisionalAll: LatencySummary
  provisionalSignals: LatencySummary
  final: LatencySummary
  finalFromWindowEnd: LatencySummary
  finalSignals: LatencySummary
  freshness: LatencySummary
  nullTransaction: LatencySummary
  nullTransactions: NullFigures[]
  shareOfWindowsChanged: number
  shareOfProvisionalsChanged: number
  engine: EngineFigures[]
}

async function engineRound(job: Job, broker: LocalBroker): Promise<{ span: Span; figures: EngineFigures }> {
  const engine = await runEngine(job, 'bench', { ...(values.workers === '' ? {} : { TA_WORKERS: values.workers }) })
  await untilLive(engine)
  await untilCaughtUp(engine, options.partitions, LATENESS_MS)
  await sleep(options.warmUpSeconds * 1000)
  const watch = await EngineWatch.start(engine, broker)
  const fromMs = Date.now()
  await sleep((options.seconds / ROUNDS) * 1000)
  const span = { fromMs, toMs: Date.now() }
  const figures = await watch.end()
  await sleep(LATENESS_MS + GRACE_MS)
  await engine.stop()
  return { span, figures }
}

async function nullRound(job: Job, broker: LocalBroker, topic: string, perSecond: number): Promise<{ span: Span; figures: NullFigures }> {
  const config: NullConfig = { env: job.env, topic, partitions: options.partitions, perSecond: Math.max(Math.round(perSecond), 1) }
  const nulls = await startChild<NullConfig, NullResult>('null-transactions.ts', config)
  await sleep(3_000)
  const [fromMs, before] = [Date.now(), cpuSeconds(broker.pid)]
  await sleep((options.seconds / ROUNDS) * 1000)
  const [toMs, after] = [Date.now(), cpuSeconds(broker.pid)]
  await sleep(GRACE_MS)
  await nulls.stop()
  return { span: { fromMs, toMs }, figures: { perSecond: config.perSecond, brokerCpuShare: rounded((after - before) / ((toMs - fromMs) / 1000)) } }
}

async function run(broker: LocalBroker): Promise<void> {
  const job = await openJob(broker, `latency-${Date.now() % 100_000}`, {}, options.partitions)
  const nullTopic = `${job.settings.groupId}.null`
  await job.log.createTopics([{ name: nullTopic, partitions: options.partitions, replicationFactor: 1, config: {} }])
  const { partitions, symbols, recordsPerSecond, quotesPerTrade } = options
  const reader = await startChild<ReaderConfig, ReaderResult>('reader.ts', { env: job.env, partitions, nullTopic })
  const feed = await startChild<FeedConfig, FeedResult>('feed.ts', { env: job.env, partitions, symbols, recordsPerSecond, quotesPerTrade })
  const engine: EngineFigures[] = []
  const nulls: NullFigures[] = []
  const spans: { engine: Span[]; nulls: Span[] } = { engine: [], nulls: [] }
  for (let round = 0; round < ROUNDS; round++) {
    console.error(`round ${round + 1} of ${ROUNDS}: engine, ${options.warmUpSeconds} s of warm-up that don't count, then ${options.seconds / ROUNDS} s`)
    const ofEngine = await engineRound(job, broker)
    console.error(`round ${round + 1} of ${ROUNDS}: null transactions, ${options.seconds / ROUNDS} s`)
    const ofNulls = await nullRound(job, broker, nullTopic, ofEngine.figures.transactionsPerSecond)
    engine.push(ofEngine.figures)
    nulls.push(ofNulls.figures)
    spans.engine.push(ofEngine.span)
    spans.nulls.push(ofNulls.span)
  }
  const { trades } = await feed.stop()
  const received = await reader.stop()
  await job.end()
  const mistakes = findMistakes(trades, received.bars, spans.engine)
  if (mistakes.length > 0) throw new Error(`what was received is not what was fed, so no figure counts:\n  ${mistakes.slice(0, 10).join('\n  ')}`)
  conclude(measureBars(trades, received.bars, spans.engine, LATENESS_MS), measureSignals(received.signals, spans.engine, LATENESS_MS),
    nullLatencies(received, spans.nulls), engine, nulls)
}

function nullLatencies({ nulls: { dueMs, receivedMs } }: ReaderResult, spans: readonly Span[]): Latencies {
  const latencies = new Latencies()
  dueMs.forEach((due, i) => {
    if (spans.some(({ fromMs, toMs }) => due >= fromMs && due < toMs)) latencies.add(receivedMs[i] - due)
  })
  return latencies
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length

function conclude(bars: BarFigures, signals: { provisional: Latencies; final: Latencies }, nulls: Latencies, engine: EngineFigures[], nullTransactions: NullFigures[]): void {
  const toNull = (latencies: Latencies, percentile: number): number | null => {
    const ratio = latencies.at(percentile) / nulls.at(percentile)
    return Number.isFinite(ratio) ? rounded(ratio) : null
  }
  const final = bars.final.summary()
  const later = (ms: number | null): number | null => (ms === null ? null : ms + LATENESS_MS)
  const result: LatencyResult = {
    note: values.note, options,
    machine: { cores: cpus().length, load1m: rounded(loadavg()[0]), node: process.version },
    ratios: {
      provisionalP50ToNull: toNull(bars.provisional, 50), provisionalP99ToNull: toNull(bars.provisional, 99),
      finalP50ToNull: toNull(bars.final, 50), finalP99ToNull: toNull(bars.final, 99),
      engineCpuToBrokerCpu: rounded(mean(engine.map(({ engineCpuShare }) => engineCpuShare)) / mean(engine.map(({ brokerCpuShare }) => brokerCpuShare))),
    },
    provisional: bars.provisional.summary(), provisionalAll: bars.provisionalAll.summary(), provisionalSignals: signals.provisional.summary(),
    final, finalFromWindowEnd: { ...final, min: later(final.min), mean: later(final.mean), p50: later(final.p50), p90: later(final.p90), p99: later(final.p99), p999: later(final.p999), max: later(final.max) },
    finalSignals: signals.final.summary(), freshness: bars.freshness.summary(), nullTransaction: nulls.summary(), nullTransactions,
    shareOfWindowsChanged: rounded(bars.windowsChanged / bars.windows), shareOfProvisionalsChanged: rounded(bars.changed / Math.max(bars.provisionals, 1)),
    engine,
  }
  print(result)
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

function print(result: LatencyResult): void {
  const row = (name: string, { count, p50, p90, p99, p999, max }: LatencySummary): void => console.log(
    `${name.padEnd(46)}${String(count).padStart(8)}${[p50, p90, p99, p999, max].map((ms) => (ms === null ? '–' : ms.toFixed(1)).padStart(9)).join('')}`)
  console.log(`${'ms'.padEnd(46)}${'n'.padStart(8)}${['p50', 'p90', 'p99', 'p99.9', 'max'].map((name) => name.padStart(9)).join('')}`)
  row('window end → provisional bar, its first', result.provisional)
  row('window end → provisional bar, all', result.provisionalAll)
  row('window end → provisional signal, its first', result.provisionalSignals)
  row('window end → final bar', result.finalFromWindowEnd)
  row('watermark → final bar', result.final)
  row('watermark → final signal', result.finalSignals)
  row('trade appended → first bar that has it', result.freshness)
  row('null transaction, due → received', result.nullTransaction)
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
  console.log(`\nfirst provisional bars that their final changed: ${percent(result.shareOfWindowsChanged)}; of all provisional bars: ${percent(result.shareOfProvisionalsChanged)}`)
  result.engine.forEach((figures, round) => {
    console.log(`\nround ${round + 1}: ${figures.records} records in ${figures.seconds.toFixed(1)} s, ${figures.transactionsPerSecond.toFixed(1)} transactions/s`)
    console.log(`  CPU: engine ${percent(figures.engineCpuShare)} of a core, ${figures.engineCpuPerRecordUs.toFixed(1)} µs a record; broker ${percent(figures.brokerCpuShare)}, ${figures.brokerCpuPerRecordUs.toFixed(1)} µs (with null transactions alone: ${percent(result.nullTransactions[round].brokerCpuShare)})`)
    console.log(`  by thread: ${Object.entries(figures.engineCpuShareByThread).filter(([, share]) => share >= 0.001).sort(([, a], [, b]) => b - a).map(([name, share]) => `${name} ${percent(share)}`).join(', ')}`)
    console.log(`  memory ${figures.residentMb} MB; event loop delay p99 ${figures.eventLoopDelayMs.p99.toFixed(1)}, max ${figures.eventLoopDelayMs.max.toFixed(1)} ms; ${figures.gc.pauses} GC pauses, ${figures.gc.meanMs.toFixed(2)} ms each`)
    console.log(`  stages, mean ms (p99 at most): ${Object.entries(figures.stages).map(([stage, { meanMs, p99AtMostMs }]) => `${stage} ${meanMs.toFixed(2)} (${p99AtMostMs})`).join(', ')}`)
  })
}

const broker = await startServerBroker()
try {
  await run(broker)
} finally {
  await broker.stop()
}
