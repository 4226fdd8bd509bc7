/**
 * Ticks with duplicates, disorder and mixed key styles through the real broker and four tasks: exactly the expected bars and
 * signals, the same finals as `ta replay`, and outcomes that add up. Old stamps, provisional records off.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { envelopesOf, isFix, withoutFixes } from '../fixtures/envelopes.ts'
import type { InputRecord } from '../fixtures/envelopes.ts'
import { EXPECTED_DIRECTORY, SYNTH_DIRECTORY, sharedDirectory, tickFiles } from '../fixtures/tick-files.ts'
import { differences, loadExpected } from '../golden/expected.ts'
import { eventually, startEngine } from './engine-process.ts'
import {
  dumpInputs, expectVerified, feed, finalCount, finalDifferences, metricCounts, newJob, outputsOf, replay, statusCounts, tailOf,
  totalOf, valuesOf,
} from './engine-job.ts'
import type { Job, Replayed, StatusOutput, Tail } from './engine-job.ts'

/** All is there before the engine starts, so the idle timeout, which ends the stream, need not be long. */
const SETTINGS = { TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000', TA_STATUS_INTERVAL_MS: '500' }
const NOISE = { duplicates: 0.03, disorderMs: 1_500, keyStyle: 'mixed', seed: 7 } as const

async function jobWith(records: InputRecord[], ingest: string): Promise<{ job: Job; file: string }> {
  const job = await newJob({ env: { ...SETTINGS, TA_INGEST: ingest } })
  const file = join(job.folder, 'ticks.jsonl')
  writeFileSync(file, records.map(({ value }) => `${value}\n`).join(''))
  await feed(job, [file])
  return { job, file }
}

/** Runs the engine until it has published as many finals as the replay, and its outcomes are told; then ends it. */
async function runToTheEnd(job: Job, tail: Tail, due: Replayed, records: number): Promise<void> {
  const engine = startEngine(job.env)
  await tail.until(() => finalCount(tail, job) >= due.finals, () => `${due.finals} finals`)
  const status = () => valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC])
  await tail.until(() => totalOf(statusCounts(status())) === records, () => `status of ${records} records`)
  expect(statusCounts(status())).toEqual(due.counts)
  const counts = await eventually(async () => {
    const now = metricCounts(await engine.metrics())
    return totalOf(now) >= records ? now : undefined
  }, () => `/metrics does not come to ${records} records`)
  expect(counts).toEqual(due.counts)
  const { code, ms } = await engine.stop()
  expect([code, engine.stdout]).toEqual([0, ''])
  expect(ms).toBeLessThan(10_000)
}

async function expectGolden(records: InputRecord[], ingest: string, expectedFiles: string[]): Promise<{ job: Job; due: Replayed }> {
  const { job, file } = await jobWith(records, ingest)
  const due = await replay(job, [file])
  expect(totalOf(due.counts)).toBe(records.length)
  expect(due.channels.trades.duplicate).toBeGreaterThan(0)
  expect(due.counts.rejected).toBe(0)
  await runToTheEnd(job, await tailOf(job), due, records.length)
  await expectVerified(job)

  const { bars, signals } = await outputsOf(job)
  const expected = new Map(expectedFiles.flatMap((path) => [...loadExpected(path)]))
  expect(differences(expected, { bars, signals })).toEqual([])
  expect([...bars, ...signals].every(({ is_final: isFinal }) => isFinal)).toBe(true)
  expect(finalDifferences(bars, due.bars, { seq: true })).toEqual([])
  expect(finalDifferences(signals, due.signals, { seq: true })).toEqual([])
  return { job, due }
}

describe.each(['columns', 'events'])('ta run on old ticks, by %s', (ingest) => {
  it('gives the expected bars and signals of the made-up days, with corrections and cancels', async () => {
    const records = envelopesOf(tickFiles(SYNTH_DIRECTORY), { ...NOISE, disorderMs: 0 })
    expect(records.filter(isFix).length).toBeGreaterThan(50)
    const { due } = await expectGolden(records, ingest, [join(EXPECTED_DIRECTORY, 'synth.all.applied2s.csv.gz')])
    expect(due.channels.trades.late).toBeGreaterThan(0)
    expect(due.counts.filtered).toBe(0)
  })

  it('gives the expected bars and signals of the made-up days out of order', async () => {
    const records = withoutFixes(envelopesOf(tickFiles(SYNTH_DIRECTORY), NOISE))
    const { job, due } = await expectGolden(records, ingest, [join(EXPECTED_DIRECTORY, 'synth.all.csv.gz')])
    // the order in which the topics hold the records gives the same as the file that fed them
    const dumped = await replay(job, await dumpInputs(job))
    expect(dumped.counts).toEqual(due.counts)
    expect(finalDifferences(dumped.bars, due.bars, { seq: true })).toEqual([])
    expect(finalDifferences(dumped.signals, due.signals, { seq: true })).toEqual([])
  })

  const shared = sharedDirectory()
  it.runIf(shared !== null)('gives the expected bars and signals of the real days, all in one stream', async () => {
    const names = ['bbb_20140917', 'xxx_20180102', 'btcusdt_20210108']
    const ticks = names.flatMap((name) => tickFiles(shared!, name))
    await expectGolden(withoutFixes(envelopesOf(ticks, NOISE)), ingest, names.map((name) => join(shared!, 'expected', `${name}.all.csv.gz`)))
  })
})
