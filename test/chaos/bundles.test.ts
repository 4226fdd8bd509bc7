/**
 * A kill -9 and a start with another kernel or other result settings at once: what is recorded runs again with the bundle
 * that each epoch names, what is new with the new one. And an epoch that does not come out as recorded.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import { decodeEpochRecord, encodeEpochRecord } from '../../src/epoch/epoch-record.ts'
import { openKafka } from '../../src/kafka/log.ts'
import { type Environment, eventually, lastWords, runTa, startEngine } from '../broker/engine-process.ts'
import {
  type Job, type Output, dumpInputs, expectVerified, finalsOf, outputsOf, replay, statusCounts, tailOf, totalOf, valuesOf,
} from '../broker/engine-job.ts'
import { bootstrap, createTopics, produce, readAll, uniqueName } from '../broker/harness.ts'
import { collectingLogger, kafkaSettings } from '../broker/kafka-fixtures.ts'
import { disorders } from '../golden/expected.ts'
import { LiveFeed, chaosJob, expectWhole, flows, isRestoring, linesOf, live } from './chaos-job.ts'
import { addedIndicator, disguisedFormula, otherFormula, staleKernel } from './kernel-variant.ts'

const OLD: Environment = { TA_SALE_CONDITIONS: 'all', TA_SESSION: 'us-equity' }
const NEW: Environment = { TA_SALE_CONDITIONS: 'alpaca', TA_SESSION: 'utc-day' }
const ALPHA = 2 / 13
const OTHER_ALPHA = 2 / 12

describe('a kill -9 and a change at once', () => {
  it('runs recorded epochs with their own bundle and new ones with the new', async () => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_URI: '' } })
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const stages: Environment[] = [OLD, NEW, { ...NEW, ...otherFormula() }, NEW]
    for (const [stage, env] of stages.entries()) {
      const engine = await live(startEngine({ ...job.env, ...env }))
      for (const { from, epochs } of linesOf(engine, isRestoring)) {
        expect([from, Number(epochs) > 0]).toEqual(['the beginning', true])
      }
      expect(linesOf(engine, ({ msg }) => /does not come out/.test(msg))).toEqual([])
      const takenOver = new Set(linesOf(engine, ({ msg }) => /another bundle takes over/.test(msg)).map(({ task }) => task))
      expect(takenOver.size).toBe(stage === 0 ? 0 : 4)
      await flows(job, tail, engine, 200)
      if (stage < stages.length - 1) await engine.kill()
      else {
        const sent = await feed.stop()
        await engine.stop()
        await expectCounted(job, sent)
      }
    }
    await expectBundles(job)
    await expectVerified(job)
    const { bars, signals } = await outputsOf(job)
    expect([...disorders('bars', bars), ...disorders('signals', signals)]).toEqual([])
    expectTurn(bars, await barsOf(job, OLD), await barsOf(job, NEW))
    expectAlphas(bars, signals)
  })

  it('runs recorded epochs by their own kernel where an indicator has got a column, and not where the program knows it no more', async () => {
    const job = await chaosJob()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const before = await live(startEngine(job.env))
    await flows(job, tail, before, 150)
    // indicators see final bars alone: some of before the new one
    const hasFinal = () => valuesOf(tail.records[job.env.TA_MICROBARS_TOPIC]).some(({ symbol, is_final: isFinal }) => symbol === 'NVDA' && isFinal)
    await tail.until(hasFinal, () => `a final bar of NVDA:\n${before.stderr}`)
    await before.kill()
    const added = { ...job.env, ...addedIndicator() }
    const upgraded = await live(startEngine(added))
    expect(linesOf(upgraded, isRestoring).filter(({ epochs }) => Number(epochs) > 0).length).toBeGreaterThan(0)
    expect(linesOf(upgraded, ({ msg }) => /another bundle takes over/.test(msg)).length).toBe(4)
    await flows(job, tail, upgraded, 150)
    await upgraded.kill()
    const refused = startEngine(job.env)
    // one that goes to work instead is ended by kill -9: its code is null then
    await Promise.race([refused.ended(), live(refused).then(() => refused.kill(), () => refused.kill())])
    expect((await refused.ended()).code, refused.stderr).toBe(78)
    expect(lastWords(await refused.ended()).msg).toMatch(/^The recorded epochs of task \d from \d+ on have to be run again by their own kernel \(bundle [0-9a-f]{12}\), whose memory is /)
    expect(lastWords(await refused.ended()).msg).toContain('(column indicator.barsSeen, which there is no more): start the program that wrote them, stop it with SIGTERM')
    // as it says: stopped in order, its last epoch is a snapshot's, and nothing is left to be run again
    const again = await live(startEngine(added))
    await flows(job, tail, again)
    expect((await again.stop()).code).toBe(0)
    await expectSeen(job, added)
    const downgraded = await live(startEngine(job.env))
    expect(linesOf(downgraded, isRestoring).map(({ epochs }) => epochs)).toEqual([0, 0, 0, 0])
    await flows(job, tail, downgraded)
    const sent = await feed.stop()
    await downgraded.kill()
    expect((await expectWhole(job, tail)).records).toBe(sent)
  })
})

/** The new column has begun empty, after bars had been seen, and counts them since. */
async function expectSeen(job: Job, env: Environment): Promise<void> {
  const task = murmur2Partition('NVDA', job.partitions)
  const { code, stdout, stderr } = await runTa(['snapshot', 'inspect', '--task', String(task), '--symbol', 'NVDA'], env)
  expect(code, stderr).toBe(0)
  const { bars, barsSeen } = (JSON.parse(stdout) as { symbol: { indicators: { bars: number; barsSeen: number } } }).symbol.indicators
  expect(barsSeen).toBeGreaterThan(0)
  expect(barsSeen).toBeLessThan(bars)
}

async function expectCounted(job: Job, sent: number): Promise<void> {
  // settled by one more engine of the same bundle, so that all is on a status record
  const tail = await tailOf(job)
  const engine = startEngine({ ...job.env, ...NEW, TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' })
  await tail.until(() => {
    const status = tail.records[job.env.TA_STATUS_TOPIC].map(({ value }) => JSON.parse(String(value)))
    return totalOf(statusCounts(status)) === sent
  }, () => `${sent} records:\n${engine.stderr}`)
  expect((await engine.stop()).code).toBe(0)
}

/** Three bundles in each task's epochs, in runs: a takeover each time, and never in between. */
async function expectBundles(job: Job): Promise<void> {
  const found = (await readAll(job.env.TA_EPOCHS_TOPIC)).filter(({ key }) => String(key) === 'epoch')
  const records = found.map(({ value }) => decodeEpochRecord(value!))
  for (const task of [0, 1, 2, 3]) {
    const hashes = records.filter((record) => record.task === task).map(({ bundle }) => bundle)
    const runs = hashes.filter((hash, i) => hash !== hashes[i - 1])
    expect([runs.length, new Set(runs).size, runs[3]]).toEqual([4, 3, runs[1]])
  }
}

async function barsOf(job: Job, env: Environment): Promise<Map<string, string>> {
  const { bars } = await replay({ ...job, env: { ...job.env, ...env } }, await dumpInputs(job))
  return finalsOf(bars, { seq: false })
}

/** A symbol's bars are those of the old settings, then, but for the few windows that were open then, those of the new. */
function expectTurn(bars: Output[], old: Map<string, string>, fresh: Map<string, string>): void {
  let [oldOnly, freshOnly] = [0, 0]
  const turned = new Set<string>()
  const neither = new Map<string, number>()
  for (const [key, text] of finalsOf(bars, { seq: false })) {
    const symbol = key.split(' ')[0]
    const [isOld, isFresh] = [old.get(key) === text, fresh.get(key) === text]
    if (isOld && !isFresh) {
      expect(turned.has(symbol), `${key} is of the old settings again`).toBe(false)
      oldOnly++
    } else if (isFresh && !isOld) {
      turned.add(symbol)
      freshOnly++
    } else if (!isOld) neither.set(symbol, (neither.get(symbol) ?? 0) + 1)
  }
  expect(Math.min(oldOnly, freshOnly)).toBeGreaterThan(20)
  for (const [symbol, count] of neither) expect(count, `${symbol}: windows open at the change`).toBeLessThanOrEqual(5)
}

/** What EMA12 moved by, from one final to the next, tells the formula: the one, the other, the one again; nothing else. */
function expectAlphas(bars: Output[], signals: Output[]): void {
  const finals = bars.filter(({ is_final: isFinal }) => isFinal)
  const closes = new Map(finals.map((bar) => [`${bar.symbol} ${bar.event_ts}`, (bar.payload as { c: number }).c]))
  const last = new Map<string, number>()
  const formulas = new Map<string, string>()
  for (const signal of signals.filter(({ is_final: isFinal }) => isFinal)) {
    const { symbol } = signal
    const before = last.get(symbol)
    const now = (signal.payload as { ema: { ema12: number } }).ema.ema12
    const close = closes.get(`${symbol} ${signal.event_ts}`)
    last.set(symbol, now)
    if (before === undefined || close === undefined || Math.abs(close - before) < 1e-6) continue
    const alpha = (now - before) / (close - before)
    const formula = [ALPHA, OTHER_ALPHA].findIndex((value) => Math.abs(value - alpha) < 1e-4)
    const seen = formulas.get(symbol) ?? ''
    if (!seen.endsWith(String(formula))) formulas.set(symbol, seen + String(formula))
  }
  expect([...formulas.values()].filter((seen) => !['0', '01', '010', '1', '10'].includes(seen))).toEqual([])
  expect([...formulas.values()].filter((seen) => seen === '010').length).toBeGreaterThan(3)
}

describe('a kernel of another build than the program', () => {
  it('ends the job with what to do, before anything is run by it', async () => {
    const job = await chaosJob()
    const ended = await startEngine({ ...job.env, ...staleKernel() }).ended()
    expect(ended.code, ended.stderr).toBe(78)
    expect(lastWords(ended).msg).toMatch(/^The kernel build\/kernel\.wasm was not built for this program \(the kernel is of layout 1, .*\): run `node bin\/setup\.mjs`\.$/)
    expect(await readAll(job.env.TA_EPOCHS_TOPIC)).toEqual([])
  })
})

describe('an epoch that does not come out as recorded', () => {
  const which = [['the last one', 0], ['one in the middle', 12]] as const
  it.each(which)('%s ends the job, names both digests, and TA_ON_DIVERGENCE=continue goes on', async (_, back) => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_URI: '' } })
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await flows(job, tail, engine, 150)
    await engine.kill()
    const task = murmur2Partition('NVDA', job.partitions)
    const { epoch, then, now } = await forgeDigest(job, task, back)
    const published = async () => (await readAll(job.env.TA_MICROBARS_TOPIC)).filter(({ partition }) => partition === task).length
    const before = await published()
    const ended = await startEngine(job.env).ended()
    expect(ended.code).toBe(70)
    expect(lastWords(ended).msg).toMatch(forgedWords(job, { task, epoch, then, now }))
    expect(lastWords(ended).msg).toMatch(/TA_ON_DIVERGENCE=continue.*ta reset/)
    expect(await published()).toBe(before)
    const sent = await feed.stop()
    const { records, log } = await expectWhole(job, tail, { env: { TA_ON_DIVERGENCE: 'continue' } })
    expect(records).toBe(sent)
    const goneOn = log.filter(({ msg }) => /TA_ON_DIVERGENCE=continue/.test(msg)).map(({ msg }) => msg)
    expect(goneOn).toEqual([expect.stringMatching(forgedWords(job, { task, epoch, then, now }))])
  })

  it('names the first record and its column, with what was published and what is computed now', async () => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_URI: '' } })
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await flows(job, tail, engine, 150)
    await engine.kill()
    await feed.stop()
    const published = await outputsOf(job)
    const disguise = disguisedFormula()
    // another bundle, too: what was recorded is run by its own, from the epoch topic
    const ended = await startEngine({ ...job.env, ...disguise, TA_SESSION: 'utc-day' }).ended()
    expect(ended.code, ended.stderr).toBe(70)
    expectColumn(job, lastWords(ended).msg, published.signals)
    expect(await outputsOf(job)).toEqual(published)
    const goesOn = await live(startEngine({ ...job.env, ...disguise, TA_ON_DIVERGENCE: 'continue' }))
    const told = linesOf(goesOn, ({ msg }) => /does not come out as recorded/.test(msg))
    for (const task of [0, 1, 2, 3]) {
      const [first] = told.filter(({ msg }) => msg.startsWith(`Task ${task} `))
      expect(first.msg).toContain('; going on because TA_ON_DIVERGENCE=continue')
      expectColumn(job, first.msg, published.signals)
    }
    expect((await goesOn.stop()).code).toBe(0)
  })

  it('is what the job ends with, also where retention has deleted what an older snapshot would need', async () => {
    const job = await chaosJob()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    const task = murmur2Partition('NVDA', job.partitions)
    const root = join(job.folder, 'snapshots', job.env.TA_GROUP_ID, `task-${task}`)
    const stored = () => (existsSync(root) ? readdirSync(root) : []).filter((name) => existsSync(join(root, name, 'manifest.json'))).sort()
    await flows(job, tail, engine, 150)
    await eventually(() => stored().length >= 3 || undefined, () => `snapshots: ${stored().join(', ')}`)
    await engine.kill()
    await feed.stop()
    const { epoch, then, now } = await forgeDigest(job, task, 0)
    const newest = stored().filter((name) => Number(name) < epoch).at(-1)!
    const manifest = JSON.parse(readFileSync(join(root, newest, 'manifest.json'), 'utf8')) as { record: string }
    const { consumed } = decodeEpochRecord(Buffer.from(manifest.record, 'base64'))
    const log = openKafka(kafkaSettings({ bootstrap: bootstrap() }), collectingLogger().logger)
    for (const [channel, topic] of [job.env.TA_TRADES_TOPIC, job.env.TA_QUOTES_TOPIC].entries()) {
      await log.deleteRecordsBefore(topic, task, consumed[channel].to)
    }
    await log.close()
    const ended = await startEngine(job.env).ended()
    expect(ended.code, ended.stderr).toBe(70)
    expect(lastWords(ended).msg).toMatch(forgedWords(job, { task, epoch, then, now }))
    expect(ended.stderr).toMatch(new RegExp(`No older snapshot of task ${task} can be tried: .* deleted by retention`))
  })
})

interface Forged {
  task: number
  epoch: number
  then: string
  now: string
}

/** What is said of a record with another digest: what was published is what is computed, so there is no column to name. */
const forgedWords = ({ env }: Job, { task, epoch, then, now }: Forged): RegExp => new RegExp(
  `Task ${task} epoch ${epoch} does not come out as recorded: output digest of signals: ${then} then, ${now} now; ` +
  `the \\d+ signals on ${env.TA_SIGNALS_TOPIC} \\[${task}\\] are the same as those computed now`)

/** The sentence names a signal that was published, and the first column that the other formula changes, with the value that was. */
function expectColumn({ env }: Job, msg: string, published: Output[]): void {
  const named = new RegExp(`output digest of signals: [0-9a-f]{16} then, [0-9a-f]{16} now; the first of the signals that differs from ${env.TA_SIGNALS_TOPIC} ` +
    '\\[\\d\\]: (\\S+) (\\S+)Z \\(PT1S, seq (\\d+)\\) is "macd\\.macd" (\\S+) on the topic, (\\S+) computed now; "macd')
  const [, symbol, start, seq, then, now] = named.exec(msg) ?? expect.fail(msg)
  const record = published.find((signal) => signal.symbol === symbol && signal.seq === Number(seq))
  const { window, payload } = record as Output & { window: { start: string }; payload: { macd: { macd: number } } }
  expect([window.start.startsWith(start), payload.macd.macd]).toEqual([true, Number(then)])
  expect(Number(now)).not.toBe(Number(then))
}

/** A copy of the job's epoch topic in which one epoch of a task has another digest; the job uses the copy from now on. */
async function forgeDigest(job: Job, task: number, back: number): Promise<{ epoch: number; then: string; now: string }> {
  const records = await readAll(job.env.TA_EPOCHS_TOPIC)
  const copy = uniqueName('epochs-copy')
  await createTopics([{ name: copy, partitions: job.partitions, config: { 'retention.ms': '-1' } }])
  const epochs = records.filter(({ key, partition }) => String(key) === 'epoch' && partition === task).slice(1) // 0 has no outputs
  const forged = epochs.at(-1 - Math.min(back, epochs.length - 1))! // a busy machine ends fewer
  const record = decodeEpochRecord(forged.value!)
  const signalsDigest = BigInt.asIntN(64, record.signalsDigest ^ 1n)
  const other = encodeEpochRecord({ ...record, signalsDigest })
  await produce(copy, records.map((each) =>
    ({ partition: each.partition, key: String(each.key), value: each === forged ? other : each.value })))
  job.env.TA_EPOCHS_TOPIC = copy
  const hex = (value: bigint) => BigInt.asUintN(64, value).toString(16).padStart(16, '0')
  return { epoch: record.epoch, then: hex(signalsDigest), now: hex(record.signalsDigest) }
}
