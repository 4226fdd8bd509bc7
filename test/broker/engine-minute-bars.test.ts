/** Minute bars on a real broker: signals of their own, no part in the watermark, and a check of the engine's own seconds. */
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { disorders } from '../golden/expected.ts'
import { faultsOfAll } from '../golden/schemas.ts'
import { minuteBarRecord, tradeRecord } from '../model/records.ts'
import { eventually, startEngine } from './engine-process.ts'
import {
  InputProducer, Tail, dumpInputs, expectVerified, headersOf, newJob, outputsOf, replay, send, tailOf, valuesOf,
} from './engine-job.ts'
import type { Input, Job, Output } from './engine-job.ts'
import { uniqueName } from './harness.ts'

const LATENESS_MS = 2_000
/** Below this a final has not waited for a minute bar, of which the stamp is a minute and more back. */
const SOON_MS = 20_000
/** Pace of the live stream. */
const PACE_MS = 200

const minuteBarJob = (env: Record<string, string>): Promise<Job> =>
  newJob({ partitions: 1, env: { TA_QUOTES_TOPIC: '', TA_BARS1M_TOPIC: uniqueName('bars1m'), ...env } })
const stamp = (timeMs: number): string => new Date(timeMs).toISOString()
const trade = ({ env }: Job, timeMs: number, i: number, more = {}): Input =>
  ({ topic: env.TA_TRADES_TOPIC, ...tradeRecord({ t: stamp(timeMs), i, s: 10, ...more }) })
const bar = ({ env }: Job, minuteMs: number, more = {}, envelope = {}): Input =>
  ({ topic: env.TA_BARS1M_TOPIC, ...minuteBarRecord({ t: stamp(minuteMs), ...more }, envelope) })
const minuteOf = (timeMs: number): number => Math.floor(timeMs / 60_000) * 60_000

const bars = (tail: Tail, { env }: Job): Output[] => valuesOf(tail.records[env.TA_MICROBARS_TOPIC])
const finals = (tail: Tail, job: Job): Output[] => bars(tail, job).filter(({ is_final: isFinal }) => isFinal)
const minutes = (tail: Tail, { env }: Job): Output[] =>
  valuesOf(tail.records[env.TA_SIGNALS_TOPIC]).filter(({ window }) => window.size === 'PT1M')

describe('a live stream of minute bars, each stamped at a start a minute back', () => {
  it('holds back no one-second final, ends no idleness, and gives signals at once', async () => {
    const job = await minuteBarJob({ TA_WATERMARK_IDLE_TIMEOUT_MS: '2000' })
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    const producer = await InputProducer.open(job)
    const pace = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, PACE_MS))
    let sent = 0
    const sendBars = async (): Promise<void> => {
      const nowMs = Date.now()
      // revisions of the minute before, the running one provisionally
      const revision = bar(job, minuteOf(nowMs) - 60_000, { v: ++sent })
      await producer.send([revision, bar(job, minuteOf(nowMs), { v: sent }, { is_final: false })])
    }
    const timesMs: number[] = []
    while (finals(tail, job).length < 3) {
      timesMs.push(Date.now())
      await producer.send([trade(job, timesMs.at(-1)!, timesMs.length)])
      await sendBars()
      await pace()
    }
    for (const { ingest_ts: ingestTs, window } of finals(tail, job).slice(0, 3)) {
      expect(Date.parse(ingestTs) - Date.parse(window.end)).toBeLessThan(SOON_MS)
    }
    // no trade comes any more, minute bars do: the last second becomes final by itself
    const due = new Set(timesMs.map((ms) => Math.floor(ms / 1000))).size
    while (finals(tail, job).length < due) {
      await sendBars()
      await pace()
    }
    await producer.close()
    const last = finals(tail, job).at(-1)!
    expect(Date.parse(last.ingest_ts)).toBeGreaterThanOrEqual(Date.parse(last.window.end) + LATENESS_MS)
    await tail.until(() => minutes(tail, job).filter(({ is_final: isFinal }) => isFinal).length >= sent, `${sent} final minute signals`)
    expect((await engine.stop()).code).toBe(0)

    const { signals } = await outputsOf(job)
    const ofMinutes = signals.filter(({ window }) => window.size === 'PT1M')
    expect(ofMinutes.filter(({ is_final: isFinal }) => isFinal).length).toBe(sent)
    expect(ofMinutes.some(({ is_final: isFinal }) => !isFinal)).toBe(true)
    expect(disorders('signals', signals)).toEqual([])
    expect(faultsOfAll('ta.signals.v1', signals)).toEqual([])
    await expectVerified(job)
  })
})

describe('minute bars of old', () => {
  it('go through stops, restarts and the replay alike: revisions, repeats and late ones', async () => {
    const job = await minuteBarJob({ TA_SNAPSHOT_INTERVAL_MS: '300', TA_SNAPSHOT_MIN_PAUSE_MS: '100', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' })
    job.env.TA_SNAPSHOT_URI = String(pathToFileURL(job.folder))
    const t0 = minuteOf(Date.now()) - 3_600_000
    const series = Array.from({ length: 40 }, (_, i) => bar(job, t0 + i * 60_000, { c: 100 + (i % 3), h: 103, v: 100 + i }))
    const [first, second] = [series.slice(0, 20), series.slice(20)]
    const revised = bar(job, t0 + 19 * 60_000, { T: 'u', c: 99, v: 500 })
    const late = bar(job, t0 + 60_000, { c: 99.5 })
    const tail = await tailOf(job)
    await send(job, [trade(job, t0, 1), ...first])
    const engine = await startEngine(job.env).ready()
    await tail.until(() => minutes(tail, job).length >= 20, '20 minute signals')
    await engine.stop()
    await send(job, [revised, first[19], late, ...second])
    const again = await startEngine(job.env).ready()
    await tail.until(() => minutes(tail, job).length >= 41, '41 minute signals')
    const count = (outcome: string) => `ta_input_records_total{channel="bars",outcome="${outcome}"}`
    await eventually(async () => {
      const metrics = await again.metrics()
      return [['applied', 21], ['duplicate', 1], ['late', 1]].every(([outcome, n]) => metrics.get(count(outcome as string)) === n)
    }, () => 'the minute bars are not counted')
    expect((await again.stop()).code).toBe(0)
    await expectVerified(job)

    const copies = await Tail.open([job.env.TA_LATE_TOPIC], 1)
    await copies.until(() => copies.records[job.env.TA_LATE_TOPIC].length >= 1, 'the late bar')
    const [copy] = copies.records[job.env.TA_LATE_TOPIC]
    expect([String(copy.value), headersOf(copy)]).toEqual(
      [late.value, { 'ta-reason': 'late', 'ta-topic': job.env.TA_BARS1M_TOPIC, 'ta-partition': '0', 'ta-offset': '22' }])

    const text = (output: Output): string => JSON.stringify({ ...output, ingest_ts: '' })
    const live = (await outputsOf(job)).signals.filter(({ window }) => window.size === 'PT1M')
    const replayed = (await replay(job, await dumpInputs(job))).signals.filter(({ window }) => window.size === 'PT1M')
    expect(replayed.length).toBe(41)
    expect(live.map(text)).toEqual(replayed.map(text))
    expect(live.at(-1)).toMatchObject({ seq: 41, payload: { bars: 40, signal_quality_flag: 'ok', imbalance: null } })
  })

  it('are compared with the seconds of the same minute, and /metrics says what differs', async () => {
    const job = await minuteBarJob({ TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' })
    const t0 = minuteOf(Date.now()) - 600_000
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    await send(job, [bar(job, t0 - 60_000)])
    await tail.until(() => minutes(tail, job).length >= 1, 'the signal of the first minute bar')
    const seconds = [5, 125, 170, 185, 230, 245]
    await send(job, seconds.map((second, i) => trade(job, t0 + second * 1000, i, { p: 100 + i })))
    await tail.until(() => finals(tail, job).length >= seconds.length, 'the seconds')
    const right = { o: 101, h: 102, l: 101, c: 102, v: 20 }
    await send(job, [bar(job, t0 + 120_000, right), bar(job, t0 + 180_000, { o: 103, h: 104, l: 103, c: 104, v: 25 })])
    const of = (name: string, labels: string) => `ta_minute_bar_${name}_total{${labels}}`
    const seen = await eventually(async () => {
      const metrics = await engine.metrics()
      const equal = metrics.get(of('checks', 'field="close",result="equal"'))
      return equal === 2 ? metrics : undefined
    }, () => 'nothing was compared')
    const counts = ['volume', 'high', 'low', 'close'].map((field) =>
      ['equal', 'differs'].map((result) => seen.get(of('checks', `field="${field}",result="${result}"`))))
    expect(counts).toEqual([[1, 1], [2, 0], [2, 0], [2, 0]])
    expect(seen.get(of('difference', 'field="volume"'))).toBeCloseTo(0.2, 12)
    expect((await engine.stop()).code).toBe(0)
  })

  it('are compared minute by minute where trades and bars of half an hour lie in the topics before the start', async () => {
    const job = await minuteBarJob({ TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' })
    const t0 = minuteOf(Date.now()) - 3_600_000
    const minutesOld = Array.from({ length: 30 }, (_, minute) => t0 + minute * 60_000)
    const seconds = minutesOld.flatMap((start) => [start + 1_000, start + 30_000, start + 58_000])
    await send(job, seconds.map((ms, i) => trade(job, ms, i, { p: 100 })))
    await send(job, minutesOld.map((start) => bar(job, start, { o: 100, h: 100, l: 100, c: 100, v: 30 })))
    const engine = await startEngine(job.env).ready()
    const counts = await eventually(async () => {
      const metrics = await engine.metrics()
      const seen = ['equal', 'differs', 'skipped'].map((result) => metrics.get(`ta_minute_bar_checks_total{field="close",result="${result}"}`) ?? 0)
      return seen[0] + seen[1] + seen[2] >= 29 ? seen : undefined
    }, () => 'not all minutes are counted')
    // the first may have begun before the first trade; the last is over once another trade says so
    expect(counts).toEqual([28, 0, 1])
    expect((await engine.stop()).code).toBe(0)
    await expectVerified(job)
  })
})
