/** When windows become final: quiet partitions, the last bar of a day, starts by `latest`, stamps in the future. */
import { describe, expect, it } from 'vitest'
import { eventually, startEngine } from './engine-process.ts'
import {
  InputProducer, Tail, dumpInputs, finalCount, finalDifferences, headersOf, metricCounts, newJob, replay, send, tailOf, totalOf,
  valuesOf,
} from './engine-job.ts'
import type { Input, Job, Output } from './engine-job.ts'

const LATENESS_MS = 2_000
/** Below this a final has not waited for an idle timeout of a minute. */
const SOON_MS = 20_000
const TRADES_ALONE = { TA_QUOTES_TOPIC: '', TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' }
let nextId = 1

function trade({ env }: Job, timeMs: number, symbol = 'AAA', price = 10): Input {
  const t = new Date(timeMs).toISOString()
  const payload = { T: 't', S: symbol, i: nextId++, x: 'V', p: price, s: 100, c: ['@'], t, z: 'C' }
  const value = JSON.stringify({ ingest_ts: t, event_ts: t, feed: 'iex', channel: 'trades', symbol, seq: nextId, payload })
  return { topic: env.TA_TRADES_TOPIC, key: symbol, value }
}

function quote({ env }: Job, timeMs: number, symbol = 'AAA'): Input {
  const t = new Date(timeMs).toISOString()
  const payload = { T: 'q', S: symbol, bx: 'V', bp: 9.99, bs: 3, ax: 'V', ap: 10.01, as: 4, t, z: 'C' }
  const value = JSON.stringify({ ingest_ts: t, event_ts: t, feed: 'iex', channel: 'quotes', symbol, seq: nextId++, payload })
  return { topic: env.TA_QUOTES_TOPIC, key: symbol, value }
}

const bars = (tail: Tail, { env }: Job): Output[] => valuesOf(tail.records[env.TA_MICROBARS_TOPIC])
const finals = (tail: Tail, job: Job): Output[] => bars(tail, job).filter(({ is_final: isFinal }) => isFinal)
const secondOf = (timeMs: number): string => new Date(Math.floor(timeMs / 1000) * 1000).toISOString().replace('.000Z', 'Z')

/** Trades of AAA as they happen, one each 200 ms, until `done`; gives their times. */
async function tradesUntil(job: Job, done: () => boolean): Promise<number[]> {
  const producer = await InputProducer.open(job)
  const timesMs: number[] = []
  while (!done()) {
    timesMs.push(Date.now())
    await producer.send([trade(job, timesMs.at(-1)!)])
    await new Promise((resolve) => setTimeout(resolve, 200)) // that is their pace
  }
  await producer.close()
  return timesMs
}

/** What is published for these trades in the end: each second that has one, final, with as many as it has. */
async function expectAllFinal(job: Job, tail: Tail, timesMs: number[]): Promise<void> {
  const due = [...Map.groupBy(timesMs, secondOf)].map(([start, { length }]) => [start, length])
  await tail.until(() => finals(tail, job).length >= due.length, `${due.length} final bars`)
  const seen = finals(tail, job).map(({ window, payload }) => [window.start, (payload as { count: number }).count])
  expect(seen).toEqual(due)
}

describe('a final', () => {
  it('does not wait for an empty quotes topic beyond the idle timeout, and the last one comes by itself', async () => {
    const job = await newJob({ partitions: 1, env: { TA_WATERMARK_IDLE_TIMEOUT_MS: '1500' } })
    const tail = await tailOf(job)
    await startEngine(job.env).ready()
    // finals come while trades go on
    const timesMs = await tradesUntil(job, () => finals(tail, job).length >= 2)
    const [first] = finals(tail, job)
    expect(first.window.start).toBe(secondOf(timesMs[0]))
    const waitedMs = Date.parse(first.ingest_ts) - Date.parse(first.window.end)
    expect(waitedMs).toBeGreaterThanOrEqual(LATENESS_MS - 1_000)
    expect(waitedMs).toBeLessThan(SOON_MS)
    // nothing comes any more, and yet
    await expectAllFinal(job, tail, timesMs)
    const last = finals(tail, job).at(-1)!
    expect(Date.parse(last.ingest_ts)).toBeGreaterThanOrEqual(Date.parse(last.window.end) + LATENESS_MS)
  })

  it('waits for quotes that are behind, up to the idle timeout', async () => {
    const job = await newJob({ partitions: 1, env: { TA_WATERMARK_IDLE_TIMEOUT_MS: '600000', TA_PROVISIONAL: 'false' } })
    const tail = await tailOf(job)
    const startMs = Date.now() - 60_000
    const timesMs = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((second) => startMs + second * 1000)
    await send(job, [...timesMs.map((timeMs) => trade(job, timeMs)), quote(job, startMs), quote(job, startMs + 4_000)])
    startEngine(job.env)
    // the quotes stand at +4 s, so the watermark at +2 s: what ends by then is final, and nothing else
    await tail.until(() => finals(tail, job).length >= 2, 'two final bars')
    await send(job, [quote(job, startMs + 5_000)])
    await tail.until(() => finals(tail, job).length >= 3, 'one more')
    expect(finals(tail, job).map(({ window }) => window.start)).toEqual(timesMs.slice(0, 3).map(secondOf))
  })

  it('waits for trades alone where quotes are off', async () => {
    const job = await newJob({ partitions: 1, env: { TA_QUOTES_TOPIC: '', TA_WATERMARK_IDLE_TIMEOUT_MS: '60000' } })
    const tail = await tailOf(job)
    await startEngine(job.env).ready()
    await tradesUntil(job, () => finals(tail, job).length >= 2)
    const [first] = finals(tail, job)
    expect(Date.parse(first.ingest_ts) - Date.parse(first.window.end)).toBeLessThan(SOON_MS)
    const [signal] = valuesOf(tail.records[job.env.TA_SIGNALS_TOPIC])
    const nothing = { spread: null, bid_px: null, ask_px: null, bid_sz: null, ask_sz: null, ratio: null }
    expect(signal.payload).toMatchObject({ imbalance: nothing })
  })
})

describe('a start by latest', () => {
  it('takes nothing from before it, and publishes no window that it may have seen cut', async () => {
    const env = { ...TRADES_ALONE, TA_AUTO_OFFSET_RESET: 'latest' }
    const job = await newJob({ partitions: 1, env })
    const t0 = Date.now() - 60_000
    await send(job, [trade(job, t0), trade(job, t0 + 100)])
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    const first = t0 + 10_250
    const times = [0, 500, 1_500, 2_100, 3_000, 4_000].map((ms) => first + ms)
    await send(job, times.map((timeMs) => trade(job, timeMs)))
    // windows that start at or before the first event + lateness are cut
    const due = [...new Set(times.map(secondOf))].filter((start) => Date.parse(start) > first + LATENESS_MS)
    expect(due.length).toBeGreaterThan(0)
    await tail.until(() => finals(tail, job).length >= due.length, 'the whole windows')
    expect(finals(tail, job).map(({ window }) => window.start)).toEqual(due)
    expect((valuesOf(tail.records[job.env.TA_SIGNALS_TOPIC])[0].payload as { bars: number }).bars).toBe(1)
    const counts = await eventually(async () => {
      const now = metricCounts(await engine.metrics())
      return totalOf(now) >= times.length ? now : undefined
    }, () => 'the records are not counted')
    expect(counts).toEqual({ applied: times.length, duplicate: 0, late: 0, filtered: 0, rejected: 0 })

    // a restart goes on where it stopped, it does not look for the latest again
    await engine.stop()
    await send(job, [trade(job, first + 20_000)])
    await startEngine(job.env).ready()
    await tail.until(() => finals(tail, job).length >= due.length + 1, 'what came while the engine was away')
    expect(finals(tail, job).at(-1)!.window.start).toBe(secondOf(first + 20_000))
  })
})

describe('a stamp in the future', () => {
  it('is rejected and makes nothing late that is true', async () => {
    const job = await newJob({ partitions: 1, env: TRADES_ALONE })
    const tail = await tailOf(job)
    const nowMs = Date.now()
    const truth = [trade(job, nowMs - 900, 'AAA'), trade(job, nowMs - 500, 'BBB'), trade(job, nowMs, 'AAA')]
    const engine = await startEngine(job.env).ready()
    await send(job, [truth[0], trade(job, Date.now() + 60_000, 'AAA', 99), truth[1], truth[2]])
    const due = new Set([`AAA ${secondOf(nowMs - 900)}`, `BBB ${secondOf(nowMs - 500)}`, `AAA ${secondOf(nowMs)}`])
    await tail.until(() => finalCount(tail, job) >= due.size * 2, 'finals of the true trades')
    expect(new Set(finals(tail, job).map(({ symbol, window }) => `${symbol} ${window.start}`))).toEqual(due)
    expect(finals(tail, job).every(({ payload }) => (payload as { h: number }).h === 10)).toBe(true)
    const counts = await eventually(async () => {
      const now = metricCounts(await engine.metrics())
      return totalOf(now) >= 4 ? now : undefined
    }, () => 'the records are not counted')
    expect(counts).toEqual({ applied: 3, duplicate: 0, late: 0, filtered: 0, rejected: 1 })
    const dlq = await Tail.open([job.env.TA_DLQ_TOPIC], 1)
    await dlq.until(() => dlq.records[job.env.TA_DLQ_TOPIC].length >= 1, 'the rejected record')
    expect(headersOf(dlq.records[job.env.TA_DLQ_TOPIC][0])['ta-reason']).toBe('future')
  })
})

describe('a partition that is hours behind', () => {
  const HOUR_MS = 3_600_000
  const old = (): number => Math.floor((Date.now() - 3 * HOUR_MS) / 1000) * 1000

  it('catches up beside the other, none of its records late, and its finals are those of a replay', async () => {
    const job = await newJob({ partitions: 1, env: { TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1500' } })
    const startMs = old()
    const SECONDS = 900
    const trades = Array.from({ length: SECONDS }, (_, i) => trade(job, startMs + i * 1000, 'AAA', 10 + (i % 7)))
    const quotes = Array.from({ length: SECONDS * 2 }, (_, i) => quote(job, startMs + i * 500))
    // the trades are live by their end, and a quarter of an hour of quotes comes when they have been read
    await send(job, trades)
    const tail = await tailOf(job)
    const engine = startEngine({ ...job.env, TA_WATERMARK_IDLE_TIMEOUT_MS: '600000' })
    await eventually(async () => {
      const now = metricCounts(await engine.metrics().catch(() => new Map<string, number>()))
      return totalOf(now) >= SECONDS ? now : undefined
    }, () => `the trades are not counted:\n${engine.stderr}`)
    expect(finals(tail, job)).toEqual([]) // it waits for the quotes
    await send(job, quotes)
    const counts = await eventually(async () => {
      const now = metricCounts(await engine.metrics().catch(() => new Map<string, number>()))
      return totalOf(now) >= SECONDS * 3 ? now : undefined
    }, () => `the quotes are not counted:\n${engine.stderr}`)
    expect(counts).toEqual({ applied: SECONDS * 3, duplicate: 0, late: 0, filtered: 0, rejected: 0 })
    // all but what the lateness holds back
    await tail.until(() => finalCount(tail, job) >= 2 * (SECONDS - 3), 'the finals')
    await engine.stop()
    startEngine(job.env)
    await tail.until(() => finalCount(tail, job) >= 2 * SECONDS, 'the last finals, of two idle partitions')
    const replayed = await replay(job, await dumpInputs(job))
    expect(finalDifferences(finals(tail, job), replayed.bars, { seq: true })).toEqual([])
    expect(finalDifferences(valuesOf(tail.records[job.env.TA_SIGNALS_TOPIC]), replayed.signals, { seq: true })).toEqual([])
  })
})

describe('a quotes topic that is added later', () => {
  it('is taken up from its beginning with all it holds; what is too old is late, and seq goes on', async () => {
    const job = await newJob({ partitions: 1, env: { TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' } })
    const startMs = Math.floor((Date.now() - 600_000) / 1000) * 1000
    const tail = await tailOf(job)
    await send(job, [0, 1, 2].map((second) => trade(job, startMs + second * 1000)))
    // there are quotes, but the engine is told of none
    await send(job, [0, 1, 2].map((second) => quote(job, startMs + second * 1000)))
    const first = startEngine({ ...job.env, TA_QUOTES_TOPIC: '' })
    await tail.until(() => finalCount(tail, job) >= 6, 'finals without quotes')
    expect(valuesOf(tail.records[job.env.TA_SIGNALS_TOPIC]).every(({ payload }) =>
      (payload as { imbalance: { bid_px: number | null } }).imbalance.bid_px === null)).toBe(true)
    await first.stop()

    const engine = await startEngine(job.env).ready()
    await send(job, [trade(job, startMs + 10_000), quote(job, startMs + 9_500), trade(job, startMs + 20_000)])
    await tail.until(() => finals(tail, job).length >= 5, 'finals with quotes')
    const seen = finals(tail, job).map(({ window, seq }) => [window.start, seq])
    expect(seen).toEqual([0, 1, 2, 10, 20].map((second, i) => [secondOf(startMs + second * 1000), i + 1]))
    await tail.until(() => finalCount(tail, job) >= 10, 'their signals')
    const signals = valuesOf(tail.records[job.env.TA_SIGNALS_TOPIC]).slice(3)
    expect(signals.map(({ payload }) => (payload as { imbalance: { bid_px: number | null } }).imbalance.bid_px)).toEqual([9.99, 9.99])
    const counts = await eventually(async () => {
      const now = metricCounts(await engine.metrics())
      return totalOf(now) >= 6 ? now : undefined
    }, () => 'the records are not counted')
    expect(counts.rejected + counts.filtered + counts.duplicate).toBe(0)
    expect(counts.applied + counts.late).toBe(6)
  })
})
