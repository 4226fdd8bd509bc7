/**
 * The engine stopped and killed in mid-stream: what the outputs hold in the end is what a run without any stop gives, and no
 * consumer sees a gap or a repeat.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { marketArrivals } from '../../src/demo/market.ts'
import { envelopesOf } from '../fixtures/envelopes.ts'
import { SYNTH_DIRECTORY, tickFiles } from '../fixtures/tick-files.ts'
import { disorders } from '../golden/expected.ts'
import { startEngine } from './engine-process.ts'
import type { EngineProcess, LogLine } from './engine-process.ts'
import {
  InputProducer, dumpInputs, expectSpecialsOnce, expectVerified, feed, finalCount, finalDifferences, newJob, outputsOf, replay,
  statusCounts, tailOf, totalOf, valuesOf,
} from './engine-job.ts'
import type { Input, Job, Replayed, StatusOutput, Tail } from './engine-job.ts'

const OLD = { TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000', TA_STATUS_INTERVAL_MS: '500' }
const SNAPSHOTS = { TA_SNAPSHOT_INTERVAL_MS: '300', TA_SNAPSHOT_MIN_PAUSE_MS: '100' }
const TASKS = 4
const T0 = Date.parse('2025-12-03T19:00:00Z')
const SLICE = 50
const BAD_EVERY = 100
const BAD = { channel: 'trades', text: 'no JSON' } as const

/** The made-up market's arrivals as a file and as records; all symbols, or some and now and then a record that is none. */
function market(job: Job, { seconds, symbols }: { seconds: number; symbols?: string[] }): { file: string; inputs: Input[] } {
  const file = join(job.folder, 'market.jsonl')
  const arrivals = Array.from({ length: seconds }, (_, i) => marketArrivals(5, T0 + i * 1000)).flat()
  const wanted = arrivals.filter(({ symbol }) => symbols === undefined || symbols.includes(symbol))
    .map((record, i) => (symbols === undefined || i % BAD_EVERY > 0 ? record : { ...record, ...BAD }))
  writeFileSync(file, wanted.map(({ text }) => `${text}\n`).join(''))
  const topics = { trades: job.env.TA_TRADES_TOPIC, quotes: job.env.TA_QUOTES_TOPIC }
  return { file, inputs: wanted.map(({ channel, symbol, text }) => ({ topic: topics[channel], key: symbol, value: text })) }
}

/** Sends a few at a time, each acknowledged before the next. */
async function inSlices(producer: InputProducer, inputs: Input[]): Promise<void> {
  for (let from = 0; from < inputs.length; from += SLICE) await producer.send(inputs.slice(from, from + SLICE))
}

const snapshotsIn = (job: Job) => ({ ...SNAPSHOTS, TA_SNAPSHOT_URI: `${String(pathToFileURL(job.folder))}/snapshots` })

/** How each task was restored, from the log. */
const restored = (engine: EngineProcess): LogLine[] => engine.log.filter(({ msg }) => msg === 'restoring a task')

/** Resolves when all tasks are live, however short that is. */
async function live(engine: EngineProcess): Promise<EngineProcess> {
  await engine.logged(() => engine.log.filter(({ msg }) => msg === 'task is live').length === TASKS)
  return engine
}

/** All finals are out and all records are counted once; then what a reader sees is judged against the replay. */
async function expectWhole(job: Job, tail: Tail, due: Replayed, engine: EngineProcess, options: { seq: boolean }): Promise<void> {
  const seen = () => finalCount(tail, job)
  await tail.until(() => seen() >= due.finals, () => `${due.finals} finals, now ${seen()}:\n${engine.stderr}\n`)
  const status = () => valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC])
  await tail.until(() => totalOf(statusCounts(status())) === totalOf(due.counts), 'a status with all records')
  expect(statusCounts(status())).toEqual(due.counts)
  expect((await engine.stop()).code).toBe(0)
  await expectVerified(job)
  await expectSpecialsOnce(job, due.counts)
  const { bars, signals } = await outputsOf(job)
  expect([...disorders('bars', bars), ...disorders('signals', signals)]).toEqual([])
  expect(finalDifferences(bars, due.bars, options)).toEqual([])
  expect(finalDifferences(signals, due.signals, options)).toEqual([])
}

describe('a restart in mid-stream', () => {
  it('after SIGTERM and after kill -9 goes on from the snapshots, without a gap or a repeat', async () => {
    // nobody becomes idle while the engine is away and the input waits for it: what is late is the stream's to say
    const job = await newJob({ env: { ...OLD, TA_WATERMARK_IDLE_TIMEOUT_MS: '600000' } })
    Object.assign(job.env, snapshotsIn(job))
    const { file, inputs } = market(job, { seconds: 210, symbols: ['JPM', 'XOM', 'DIS', 'KO', 'BA', 'WMT', 'CAT', 'BRK.B'] })
    const due = await replay(job, [file])
    expect(due.counts.rejected).toBeGreaterThan(50)
    const tail = await tailOf(job)
    const producer = await InputProducer.open(job)
    const ends = ['SIGTERM', 'kill', 'SIGTERM', 'kill', 'kill', 'SIGTERM'] as const
    const part = Math.ceil(inputs.length / (ends.length + 1))
    let stopped = false
    for (const [i, end] of ends.entries()) {
      const engine = await live(startEngine(job.env))
      const after = finalCount(tail, job) + 20
      // the state was stored at the barrier at which the engine stopped: there is nothing to run again
      const restart = restored(engine).map(({ from, epochs }) => [from, epochs])
      if (stopped) expect(restart).toEqual(Array(TASKS).fill([expect.stringMatching(/^snapshot/), 0]))
      const sending = inSlices(producer, inputs.slice(i * part, (i + 1) * part))
      await tail.until(() => finalCount(tail, job) >= after, () => `${after} finals:\n${engine.stderr}\n`)
      stopped = end === 'SIGTERM'
      if (stopped) expect(await engine.stop()).toEqual({ code: 0, ms: expect.toSatisfy((ms: number) => ms < 10_000) })
      else await engine.kill()
      await sending
    }
    expect(finalCount(tail, job)).toBeLessThan(due.finals)
    await producer.send(inputs.slice(ends.length * part))
    await producer.close()
    await expectWhole(job, tail, due, startEngine({ ...job.env, TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' }), { seq: true })
  })

  it('without any snapshot runs every recorded epoch again', async () => {
    const job = await newJob({ env: OLD })
    const days = envelopesOf(tickFiles(SYNTH_DIRECTORY), { duplicates: 0.03, disorderMs: 1_500, keyStyle: 'mixed', seed: 3 })
    const file = join(job.folder, 'ticks.jsonl')
    writeFileSync(file, days.map(({ value }) => `${value}\n`).join(''))
    const topics = { trades: job.env.TA_TRADES_TOPIC, quotes: job.env.TA_QUOTES_TOPIC }
    const inputs = days.map(({ topic, key, value }): Input => ({ topic: topics[topic], key, value }))
    const due = await replay(job, [file])
    const tail = await tailOf(job)
    const producer = await InputProducer.open(job)
    // the rest comes when the kills are over, so that they are in mid-stream however fast the engine is
    const atFirst = Math.floor(inputs.length * 0.75)
    await producer.send(inputs.slice(0, atFirst))
    const patient = { ...job.env, TA_WATERMARK_IDLE_TIMEOUT_MS: '600000' }
    for (const share of [0.3, 0.6]) {
      const engine = startEngine(patient)
      await tail.until(() => finalCount(tail, job) >= due.finals * share, () => `finals:\n${engine.stderr}\n`)
      await engine.kill()
    }
    expect(finalCount(tail, job)).toBeLessThan(due.finals)
    await producer.send(inputs.slice(atFirst))
    await producer.close()
    const engine = await live(startEngine(job.env))
    expect(restored(engine).length).toBe(TASKS)
    for (const { from, epochs } of restored(engine)) {
      expect(from).toBe('the beginning')
      expect(epochs).toBeGreaterThan(0)
    }
    await expectWhole(job, tail, due, engine, { seq: true })
  })

  it('amid provisional records, killed several times as things happen, gives each window one final all the same', async () => {
    const job = await newJob({ env: { TA_STATUS_INTERVAL_MS: '500' } })
    Object.assign(job.env, snapshotsIn(job))
    const tail = await tailOf(job)
    const { file } = market(job, { seconds: 12 })
    let engine = await live(startEngine(job.env))
    let fed = false
    const feeding = feed(job, [file, '--speed', '1', '--shift-to-now']).finally(() => (fed = true))
    const published = () => tail.records[job.env.TA_MICROBARS_TOPIC].length
    let kills = 0
    while (!fed && kills < 4) {
      const after = published() + 40
      await tail.until(() => published() >= after, () => `${after} bars:\n${engine.stderr}\n`)
      await engine.kill()
      kills++
      engine = await live(startEngine(job.env))
    }
    await feeding
    expect(kills).toBeGreaterThan(1)
    const due = await replay(job, await dumpInputs(job))
    await expectWhole(job, tail, due, engine, { seq: false })
    expect(valuesOf(tail.records[job.env.TA_MICROBARS_TOPIC]).some(({ is_final: isFinal }) => !isFinal)).toBe(true)
  })
})
