/**
 * A stretch of a lively market as it happens, with provisional records: what goes out before a window is final, what is served
 * over HTTP meanwhile, and that every output fits its schema.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { marketArrivals } from '../../src/demo/market.ts'
import { disorders } from '../golden/expected.ts'
import { faultsOfAll } from '../golden/schemas.ts'
import { eventually, startEngine } from './engine-process.ts'
import type { EngineProcess } from './engine-process.ts'
import {
  dumpInputs, expectVerified, feed, finalCount, finalDifferences, metricCounts, newJob, outputsOf, replay, statusCounts, tailOf,
  totalOf, valuesOf,
} from './engine-job.ts'
import type { Output, StatusOutput } from './engine-job.ts'

const T0 = Date.parse('2025-12-03T18:32:10Z')
const SECONDS = 8
const TOKEN = 'a-token-of-this-test'
const MARKET = Array.from({ length: SECONDS }, (_, i) => marketArrivals(11, T0 + i * 1000)).flat()
const SYMBOLS = new Set(MARKET.map(({ symbol }) => symbol))

/** Contract, section 7. */
const METRIC_NAMES = [
  'ta_input_records_total', 'ta_output_records_total', 'ta_watermark_lag_seconds', 'ta_source_lag_seconds',
  'ta_event_to_commit_seconds_bucket', 'ta_epoch_seconds_bucket', 'ta_transactions_total', 'ta_transaction_seconds_bucket',
  'ta_snapshot_age_seconds', 'ta_snapshot_seconds_bucket', 'ta_snapshot_bytes', 'ta_snapshots_total', 'ta_recovery_seconds',
  'ta_recovery_epochs_replayed', 'ta_backpressure_ratio', 'ta_input_backlog_records', 'ta_symbols', 'ta_task_assigned',
  'ta_build_info', 'ta_conflicting_duplicates_total', 'process_cpu_seconds_total',
]

describe('ta run on what happens now', () => {
  it('publishes provisional records, then one final of each window, the same as the replay', async () => {
    const job = await newJob()
    Object.assign(job.env, {
      TA_SNAPSHOT_URI: String(pathToFileURL(job.folder)), TA_SNAPSHOT_INTERVAL_MS: '1000', TA_SNAPSHOT_MIN_PAUSE_MS: '500',
      TA_WATERMARK_IDLE_TIMEOUT_MS: '4000', TA_STATUS_INTERVAL_MS: '1000', TA_HTTP_TOKEN: TOKEN,
      // the feed ends, and in New York the market may be open
      TA_SOURCE_LAG_MAX_MS: '0',
    })
    const file = join(job.folder, 'market.jsonl')
    writeFileSync(file, MARKET.map(({ text }) => `${text}\n`).join(''))
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    await feed(job, [file, '--speed', '1', '--shift-to-now'])
    const due = await replay(job, await dumpInputs(job))
    expect(totalOf(due.counts)).toBe(MARKET.length)
    await tail.until(() => finalCount(tail, job) >= due.finals, () => `${due.finals} finals`)
    const status = () => valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC])
    await tail.until(() => totalOf(statusCounts(status())) === MARKET.length, 'a status with all records')
    await expectServed(engine, due.counts)
    expect((await engine.stop()).code).toBe(0)
    await expectVerified(job)

    const outputs = await outputsOf(job)
    expectProvisionalFirst(outputs.bars)
    expectProvisionalFirst(outputs.signals)
    expect(finalDifferences(outputs.bars, due.bars, { seq: false })).toEqual([])
    expect(finalDifferences(outputs.signals, due.signals, { seq: false })).toEqual([])
    expect(disorders('bars', outputs.bars)).toEqual([])
    expect(disorders('signals', outputs.signals)).toEqual([])
    expect(statusCounts(outputs.status)).toEqual(due.counts)
    expect(faultsOfAll('ta.bars.1s.v1', outputs.bars)).toEqual([])
    expect(faultsOfAll('ta.signals.v1', outputs.signals)).toEqual([])
    expect(faultsOfAll('ta.status.v1', outputs.status)).toEqual([])
    expectStatusInOrder(outputs.status)
  })
})

/** Every window has a final, it comes after all its provisional records, and most windows were seen before they were final. */
function expectProvisionalFirst(records: Output[]): void {
  const windows = Map.groupBy(records, ({ symbol, window }) => `${symbol} ${window.end}`)
  const seenBefore = [...windows.values()].filter((of) => of.length > 1)
  expect(seenBefore.length).toBeGreaterThan(windows.size / 2)
  for (const of of windows.values()) {
    expect(of.map(({ is_final: isFinal }) => isFinal)).toEqual([...Array<boolean>(of.length - 1).fill(false), true])
    // not before the second is over
    for (const { ingest_ts: made, window } of of) expect(Date.parse(made)).toBeGreaterThanOrEqual(Date.parse(window.end))
  }
}

/** seq of each task from 1 without a gap, epochs and counts that never go back. */
function expectStatusInOrder(status: StatusOutput[]): void {
  for (const of of Map.groupBy(status, ({ symbol }) => symbol).values()) {
    expect(of.map(({ seq }) => seq)).toEqual(of.map((_, i) => i + 1))
    for (let i = 1; i < of.length; i++) {
      expect(of[i].payload.epoch).toBeGreaterThan(of[i - 1].payload.epoch)
      expect(totalOf(of[i].payload.counts)).toBeGreaterThanOrEqual(totalOf(of[i - 1].payload.counts))
    }
    for (const { payload: { status: told, reason } } of of) {
      expect(told).toBe(reason === '' ? 'ok' : 'degraded')
      // a machine that is busy may be late with its snapshots of each second, and says so; nothing else is wrong here
      expect(reason).toMatch(/^(snapshot age \d+\.\d s)?$/)
    }
  }
}

async function expectServed(engine: EngineProcess, counts: Record<string, number>): Promise<void> {
  expect(await engine.get('/livez')).toMatchObject({ status: 200 })
  expect(await engine.get('/readyz')).toMatchObject({ status: 200, text: 'ok\n' })
  // probes need no token, everything else does
  for (const path of ['/livez', '/readyz']) expect((await engine.get(path, {})).status).toBe(200)
  for (const path of ['/metrics', '/', '/status']) {
    expect([path, (await engine.get(path, {})).status]).toEqual([path, 401])
    expect([path, (await engine.get(path, { authorization: 'Bearer another' })).status]).toEqual([path, 401])
    expect([path, (await engine.get(path)).status]).toEqual([path, 200])
  }
  // told once a second
  const metrics = await eventually(async () => {
    const now = await engine.metrics()
    return totalOf(metricCounts(now)) >= totalOf(counts) && now.has('ta_snapshot_bytes') ? now : undefined
  }, () => `/metrics does not come to ${totalOf(counts)} records`)
  expect(metricCounts(metrics)).toEqual(counts)
  const names = new Set([...metrics.keys()].map((sample) => sample.split('{')[0]))
  expect(METRIC_NAMES.filter((name) => !names.has(name))).toEqual([])
  for (const stage of ['gather', 'decode', 'kernel', 'encode', 'produce', 'commit']) {
    expect([stage, metrics.get(`ta_epoch_seconds_count{stage="${stage}"}`)]).toEqual([stage, expect.any(Number)])
    expect(metrics.get(`ta_epoch_seconds_count{stage="${stage}"}`)).toBeGreaterThan(0)
  }
  for (const final of ['true', 'false']) {
    expect(metrics.get(`ta_event_to_commit_seconds_count{final="${final}"}`)).toBeGreaterThan(0)
  }
  for (const task of [0, 1, 2, 3]) expect(metrics.get(`ta_task_assigned{task="${task}"}`)).toBe(1)
  expect([0, 1, 2, 3].reduce((sum, task) => sum + metrics.get(`ta_symbols{task="${task}"}`)!, 0)).toBe(SYMBOLS.size)
  expect(metrics.get('ta_transactions_total{result="committed"}')).toBeGreaterThan(0)
}
