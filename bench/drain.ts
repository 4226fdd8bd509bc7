/**
 * One drain: the engine, or a job that computes nothing, reads a data set from its beginning to its end. When the last bar was
 * committed is seen from outside, by the partitions' last stable offsets, which costs next to nothing; what came out is read
 * and checked afterwards.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { END_PREFIX, putDataSet, type DataSet, type DataSetPlan } from './data-set.ts'
import { unlessEnded } from './engine-watch.ts'
import { openJob, runEngine, type BenchEngine, type Job } from './engine.ts'
import { cpuSeconds, residentBytes } from './measure/cpu.ts'
import { rounded } from './measure/latencies.ts'
import { parseMetrics, sumOf } from './measure/prometheus.ts'
import { startChild } from './processes/child.ts'
import type { RawDrainConfig, RawDrainResult } from './processes/raw-drain.ts'

const POLL_MS = 40
const PATIENCE_MS = 900_000

export interface Drain {
  inputs: number
  /** Final bars and signals. */
  outputs: number
  /** From the process's start, and from its tasks being live, to the last commit. */
  seconds: number
  liveSeconds: number
  /** Records a second, start-up included and not. */
  recordsPerSecond: number
  liveRecordsPerSecond: number
  /** CPU of the process: all of it, and from live to the last commit. */
  cpuSeconds: number
  liveCpuSeconds: number
  liveCpuPerRecordUs: number
  brokerCpuSeconds: number
  /** Largest seen. */
  residentMb: number
}

interface Sample {
  atMs: number
  cpu: number
  brokerCpu: number
  residentBytes: number
  /** Last stable offsets of the bars' partitions. */
  ends: number[]
}

/** Drains the data set with the engine. Throws when what came out is not what went in. */
export async function drainWithEngine(broker: LocalBroker, name: string, dataSet: DataSet, settings: Record<string, string> = {}): Promise<Drain> {
  const job = await openJob(broker, name, { TA_TRADES_TOPIC: dataSet.trades, TA_QUOTES_TOPIC: dataSet.quotes, ...settings }, dataSet.partitions)
  try {
    const brokerCpuBefore = cpuSeconds(broker.pid)
    const engine = await runEngine(job, 'bench-drain')
    const samples = await unlessEnded(engine, () => sampleUntilDrained(job, engine, broker, dataSet))
    const liveMs = Math.max(...engine.lines().filter(({ msg }) => msg === 'task is live').map(({ time }) => Date.parse(time)))
    await engine.stop()
    return drainOf(dataSet, samples, await checkBars(job, dataSet), { startedMs: engine.startedMs, liveMs, brokerCpuBefore })
  } finally {
    await job.end()
  }
}

async function sampleUntilDrained(job: Job, engine: BenchEngine, broker: LocalBroker, dataSet: DataSet): Promise<Sample[]> {
  const topic = job.settings.microbarsTopic
  const bars = dataSet.bars.reduce((sum, count) => sum + count, 0)
  const samples: Sample[] = []
  let looked = 0
  const isDrained = async (): Promise<boolean> => {
    if (performance.now() - looked < 1_000) return false
    looked = performance.now()
    const metrics = await engine.metrics().catch(() => '')
    return sumOf(parseMetrics(metrics), 'ta_output_records_total', `topic="${topic}"`, 'final="true"') >= bars
  }
  const deadlineMs = performance.now() + PATIENCE_MS
  do {
    if (performance.now() > deadlineMs) throw new Error(`not drained within ${PATIENCE_MS} ms: ${JSON.stringify(samples.at(-1))}`)
    const ends = await Promise.all(dataSet.bars.map(async (_, partition) => (await job.log.bounds(topic, partition, 'read_committed')).high))
    samples.push({ atMs: Date.now(), cpu: cpuSeconds(engine.pid), brokerCpu: cpuSeconds(broker.pid), residentBytes: residentBytes(engine.pid), ends })
    await sleep(POLL_MS)
  } while (!(await isDrained()))
  return samples
}

/** Reads all bars; each partition's last offset that counts. Throws when a bar or a trade is missing or there twice. */
async function checkBars(job: Job, dataSet: DataSet): Promise<number[]> {
  const topic = job.settings.microbarsTopic
  const lasts: number[] = []
  let trades = 0
  for (const [partition, wanted] of dataSet.bars.entries()) {
    const { low, high } = await job.log.bounds(topic, partition, 'read_committed')
    let [bars, last] = [0, -1]
    await job.log.read(topic, partition, low, high, ({ key, value, offset }) => {
      if (key?.toString().startsWith(END_PREFIX)) return
      const bar = JSON.parse((value as Buffer).toString()) as { is_final: boolean; payload: { count: number } }
      if (!bar.is_final) throw new Error(`a provisional bar of old data in ${topic} [${partition}] at ${offset}`)
      bars++
      trades += bar.payload.count
      last = offset
    })
    if (bars !== wanted) throw new Error(`${bars} bars instead of ${wanted} in ${topic} [${partition}]`)
    lasts.push(last)
  }
  if (trades !== dataSet.tradeCount) throw new Error(`the bars count ${trades} trades instead of ${dataSet.tradeCount}`)
  return lasts
}

function drainOf(dataSet: DataSet, samples: Sample[], lasts: number[], at: { startedMs: number; liveMs: number; brokerCpuBefore: number }): Drain {
  const end = samples.find(({ ends }) => ends.every((offset, partition) => offset > lasts[partition])) as Sample
  const live = samples.find(({ atMs }) => atMs >= at.liveMs) ?? end
  const inputs = dataSet.records + 2 * dataSet.partitions
  const [seconds, liveSeconds, liveCpuSeconds] = [(end.atMs - at.startedMs) / 1000, (end.atMs - at.liveMs) / 1000, end.cpu - live.cpu]
  return {
    inputs, outputs: 2 * dataSet.bars.reduce((sum, count) => sum + count, 0),
    seconds: rounded(seconds), liveSeconds: rounded(liveSeconds),
    recordsPerSecond: Math.round(inputs / seconds), liveRecordsPerSecond: Math.round(inputs / liveSeconds),
    cpuSeconds: rounded(end.cpu), liveCpuSeconds: rounded(liveCpuSeconds), liveCpuPerRecordUs: rounded((liveCpuSeconds / inputs) * 1e6),
    brokerCpuSeconds: rounded(end.brokerCpu - at.brokerCpuBefore),
    residentMb: Math.round(Math.max(...samples.map((sample) => sample.residentBytes)) / 1e6),
  }
}

/** The limit: the same records read, as many outputs written in transactions as large as the engine's, and nothing computed. */
export async function drainRaw(broker: LocalBroker, name: string, dataSet: DataSet): Promise<Drain> {
  const job = await openJob(broker, name, { TA_TRADES_TOPIC: dataSet.trades, TA_QUOTES_TOPIC: dataSet.quotes }, dataSet.partitions)
  try {
    const brokerCpuBefore = cpuSeconds(broker.pid)
    const startedMs = Date.now()
    const inputs = dataSet.records + 2 * dataSet.partitions
    const bars = dataSet.bars.reduce((sum, count) => sum + count, 0)
    const child = await startChild<RawDrainConfig, RawDrainResult>('raw-drain.ts', { env: job.env, partitions: dataSet.partitions, inputs, bars })
    const result = await child.result
    const brokerCpuSeconds = cpuSeconds(broker.pid) - brokerCpuBefore
    const [seconds, liveSeconds] = [(result.endMs - startedMs) / 1000, (result.endMs - result.liveMs) / 1000]
    return {
      inputs, outputs: result.outputs, seconds: rounded(seconds), liveSeconds: rounded(liveSeconds),
      recordsPerSecond: Math.round(inputs / seconds), liveRecordsPerSecond: Math.round(inputs / liveSeconds),
      cpuSeconds: rounded(result.cpuSeconds), liveCpuSeconds: rounded(result.liveCpuSeconds), liveCpuPerRecordUs: rounded((result.liveCpuSeconds / inputs) * 1e6),
      brokerCpuSeconds: rounded(brokerCpuSeconds), residentMb: Math.round(result.residentBytes / 1e6),
    }
  } finally {
    await job.end()
  }
}

/** Puts a data set into topics of its own. */
export async function prepareDataSet(broker: LocalBroker, name: string, plan: DataSetPlan): Promise<DataSet> {
  const job = await openJob(broker, name, {}, plan.partitions)
  try {
    return await putDataSet(job.appender, plan, { trades: job.settings.tradesTopic, quotes: job.settings.quotesTopic })
  } finally {
    await job.end()
  }
}
