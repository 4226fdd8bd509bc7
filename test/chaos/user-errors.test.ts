/** Ends that need a person: the exit code, one sentence that names the command that goes on, and that the command does go on. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { manifestBytes, parseManifest } from '../../src/recovery/manifest.ts'
import { decodeEpochRecord } from '../../src/epoch/epoch-record.ts'
import { openKafka } from '../../src/kafka/log.ts'
import { type Environment, type LogLine, eventually, lastWords, runTa, startEngine } from '../broker/engine-process.ts'
import { type Job, send, tailOf } from '../broker/engine-job.ts'
import { bootstrap, createTopics, produce, readAll, uniqueName } from '../broker/harness.ts'
import { collectingLogger, kafkaSettings } from '../broker/kafka-fixtures.ts'
import { LiveFeed, chaosJob, expectWhole, flows, isLive, live, marketInputs } from './chaos-job.ts'

/** The settings' end of `ta run`: what it says then. */
async function refusal(env: Environment): Promise<LogLine> {
  const engine = startEngine(env)
  // one that goes to work instead is ended by kill -9: its code is null then
  const working = live(engine).then(() => engine.kill(), () => undefined)
  const ended = await engine.ended()
  await working
  expect(ended.code, ended.stderr).toBe(78)
  return lastWords(ended)
}

/** `ta reset --from earliest --yes`, and then a market comes out again. */
async function goesOnAfterReset(job: Job): Promise<void> {
  const reset = await runTa(['reset', '--from', 'earliest', '--yes'], job.env)
  expect([reset.code, reset.stderr]).toEqual([0, ''])
  const tail = await tailOf(job)
  const engine = await live(startEngine(job.env))
  const feed = await LiveFeed.start(job)
  await flows(job, tail, engine)
  await feed.stop()
  expect((await engine.stop()).code).toBe(0)
}

/** Runs until the market comes out, and until `enough`, then dies. */
async function runAndKill(job: Job, enough = () => Promise.resolve()): Promise<void> {
  const tail = await tailOf(job)
  const feed = await LiveFeed.start(job)
  const engine = await live(startEngine(job.env))
  await flows(job, tail, engine, 80)
  await enough()
  await feed.stop()
  await engine.kill()
}

const openLog = () => openKafka(kafkaSettings({ bootstrap: bootstrap() }), collectingLogger().logger)

/** Resolves when the group has offsets for each task: they are for lag tools, and come every few seconds. */
async function offsetsCommitted({ env, partitions }: Job): Promise<void> {
  const log = openLog()
  const places = Array.from({ length: partitions }, (_, partition) => ({ topic: env.TA_TRADES_TOPIC, partition }))
  const all = async () => (await log.committed(env.TA_GROUP_ID, places)).every((offset) => offset >= 0)
  await eventually(async () => await all() || undefined, () => 'no offsets')
  await log.close()
}

/** Paths of the manifests of all snapshots. */
function manifestsOf({ folder, env }: Job): string[] {
  const root = join(folder, 'snapshots', env.TA_GROUP_ID)
  const names = existsSync(root) ? readdirSync(root, { recursive: true, encoding: 'utf8' }) : []
  return names.filter((name) => name.endsWith('manifest.json')).map((name) => join(root, name))
}

/** Resolves when each task has a snapshot. */
async function snapshotsStored(job: Job): Promise<void> {
  const all = () => new Set(manifestsOf(job).map((path) => path.split('/').at(-3))).size === job.partitions || undefined
  await eventually(all, () => `snapshots: ${manifestsOf(job).join(', ')}`)
}

/** Resolves when the first epochs of each task are gone, as the snapshots that are kept do not need them. */
async function epochsTrimmed({ env, partitions }: Job): Promise<void> {
  const log = openLog()
  for (let task = 0; task < partitions; task++) {
    const low = async () => (await log.bounds(env.TA_EPOCHS_TOPIC, task, 'read_committed')).low
    await eventually(async () => await low() > 0 || undefined, () => `the epochs of task ${task} are not trimmed`)
  }
  await log.close()
}

async function deleteInputs(job: Job): Promise<void> {
  const log = openLog()
  for (const topic of [job.env.TA_TRADES_TOPIC, job.env.TA_QUOTES_TOPIC]) {
    for (let partition = 0; partition < job.partitions; partition++) {
      await log.deleteRecordsBefore(topic, partition, (await log.bounds(topic, partition, 'read_committed')).high)
    }
  }
  await log.close()
}

describe('an end that needs a person', () => {
  it('inputs that retention deleted before they were read', async () => {
    const job = await chaosJob()
    await runAndKill(job)
    await send(job, marketInputs(job, 5))
    await deleteInputs(job)
    const { msg } = await refusal(job.env)
    expect(msg).toMatch(/\[\d\] begins at offset \d+, but task \d has to go on from offset \d+ /)
    expect(msg).toMatch(/deleted by retention.*ta reset --from earliest/)
    await goesOnAfterReset(job)
  })

  it('snapshots of another job in the same place', async () => {
    const job = await chaosJob()
    await runAndKill(job, () => snapshotsStored(job))
    const other = await chaosJob({ env: { TA_GROUP_ID: job.env.TA_GROUP_ID, TA_SNAPSHOT_URI: job.env.TA_SNAPSHOT_URI } })
    const tail = await tailOf(other)
    const engine = await live(startEngine(other.env))
    const feed = await LiveFeed.start(other)
    await flows(other, tail, engine, 10)
    await feed.stop()
    await engine.kill()
    const { msg } = await refusal(other.env)
    expect(msg).toContain(`are of another job (tradesTopic ${job.env.TA_TRADES_TOPIC}, here ${other.env.TA_TRADES_TOPIC})`)
    expect(msg).toMatch(/TA_SNAPSHOT_URI of its own.*ta reset/)
    await goesOnAfterReset(other)
  })

  it('an epoch topic without records although the group has offsets', async () => {
    const job = await chaosJob()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await flows(job, tail, engine)
    await offsetsCommitted(job)
    await feed.stop()
    expect((await engine.stop()).code).toBe(0)
    job.env.TA_EPOCHS_TOPIC = uniqueName('epochs-anew')
    await createTopics([{ name: job.env.TA_EPOCHS_TOPIC, partitions: job.partitions, config: { 'retention.ms': '-1' } }])
    const { msg } = await refusal(job.env)
    expect(msg).toContain(`${job.env.TA_EPOCHS_TOPIC} [`)
    expect(msg).toMatch(/holds no epoch, although the group .* has offsets .*TA_EPOCHS_TOPIC.*ta reset/)
    await goesOnAfterReset(job)
  })

  it('epochs of another job on the same topic; that job goes on', async () => {
    const job = await chaosJob()
    await runAndKill(job)
    const other = await chaosJob()
    const own = other.env.TA_EPOCHS_TOPIC
    other.env.TA_EPOCHS_TOPIC = job.env.TA_EPOCHS_TOPIC
    const { msg } = await refusal(other.env)
    expect(msg).toMatch(new RegExp(`^${job.env.TA_EPOCHS_TOPIC} \\[\\d\\] holds epochs of the group ${job.env.TA_GROUP_ID}, here TA_GROUP_ID is ${other.env.TA_GROUP_ID}: `))
    expect(msg).toMatch(/give each job its own TA_EPOCHS_TOPIC, or start anew with ta reset/)
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await flows(job, tail, engine)
    await feed.stop()
    expect((await engine.stop()).code).toBe(0)
    other.env.TA_EPOCHS_TOPIC = own
    await goesOnAfterReset(other)
  })

  it('epochs that are gone, and no whole snapshot', async () => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_RETAIN: '1' } })
    await runAndKill(job, () => epochsTrimmed(job))
    const { msg } = await refusal({ ...job.env, TA_SNAPSHOT_URI: 'file:///nowhere/at/all' })
    expect(msg).toMatch(/recorded epochs up to \d+, but no snapshot to start from in /)
    expect(msg).toMatch(/bring the snapshots back, or start anew with ta reset/)
    for (const path of manifestsOf(job)) writeFileSync(path, manifestBytes({ ...parseManifest(path, readFileSync(path)), layoutVersion: 0 }))
    const { msg: why } = await refusal(job.env)
    expect(why).toMatch(/no snapshot to start from in \S+ \(that of epoch \d+: \S+ has the state of layout version 0, and this program reads \d+\), and the epochs/)
    await goesOnAfterReset(job)
  })

  it('a bundle that recorded epochs were computed with and that is nowhere', async () => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_URI: '' } })
    await runAndKill(job)
    const records = (await readAll(job.env.TA_EPOCHS_TOPIC)).filter(({ key }) => String(key) === 'epoch')
    const { bundle } = decodeEpochRecord(records[0].value!)
    job.env.TA_EPOCHS_TOPIC = uniqueName('epochs-bare')
    await createTopics([{ name: job.env.TA_EPOCHS_TOPIC, partitions: job.partitions, config: { 'retention.ms': '-1' } }])
    await produce(job.env.TA_EPOCHS_TOPIC, records.map(({ partition, value }) => ({ partition, key: 'epoch', value })))
    job.env.TA_SESSION = 'utc-day' // another bundle: this one is at hand
    const { msg } = await refusal(job.env)
    expect(msg).toContain(`The bundle ${bundle} that recorded epochs were computed with is neither on ${job.env.TA_EPOCHS_TOPIC} nor in `)
    expect(msg).toMatch(/bring it back, or start anew with ta reset/)
    await goesOnAfterReset(job)
  })

  it('two jobs with the same transactional ids: one of them ends, the other goes on', async () => {
    const prefix = `${uniqueName('shared')}-`
    const shared = { env: { TA_TRANSACTIONAL_ID_PREFIX: prefix } }
    const jobs = [await chaosJob(shared), await chaosJob(shared)]
    const tails = await Promise.all(jobs.map((job) => tailOf(job)))
    const feeds = await Promise.all(jobs.map((job) => LiveFeed.start(job)))
    // at once: each may be fenced first in some of its tasks
    const engines = jobs.map((job) => startEngine(job.env))
    const loser = await Promise.race(engines.map((engine, i) => engine.ended().then(() => i)))
    const ended = await engines[loser].ended()
    expect(ended.code).toBe(78)
    expect(lastWords(ended).msg).toContain(`by another job with the transactional ids ${prefix}…: `)
    expect(lastWords(ended).msg).toContain('give each job its own TA_GROUP_ID or TA_TRANSACTIONAL_ID_PREFIX')
    const winner = 1 - loser
    await flows(jobs[winner], tails[winner], engines[winner], 200)
    // as the sentence says
    jobs[loser].env.TA_TRANSACTIONAL_ID_PREFIX = `${uniqueName('own')}-`
    const again = await live(startEngine(jobs[loser].env))
    await flows(jobs[loser], tails[loser], again)
    await flows(jobs[winner], tails[winner], engines[winner])
    const sent = await Promise.all(feeds.map((feed) => feed.stop()))
    expect([(await engines[winner].stop()).code, (await again.stop()).code]).toEqual([0, 0])
    for (const [i, job] of jobs.entries()) expect((await expectWhole(job, tails[i])).records).toBe(sent[i])
  })

  it('two jobs with the same group and instance id: one of them ends, the other goes on', async () => {
    const shared = { env: { TA_GROUP_ID: uniqueName('shared'), TA_INSTANCE_ID: 'same' } }
    const jobs = [await chaosJob(shared), await chaosJob(shared)]
    const engines = jobs.map((job) => startEngine(job.env))
    const loser = await Promise.race(engines.map((engine, i) => engine.ended().then(() => i)))
    const ended = await engines[loser].ended()
    expect(ended.code).toBe(78)
    expect(lastWords(ended).msg).toContain('give each ')
    expect(lastWords(ended).msg).toContain('its own TA_GROUP_ID')
    const winner = engines[1 - loser]
    await winner.ready()
    expect((await winner.stop()).code).toBe(0)
  })

  it('a reset done again and again, of a job that runs: none, it goes on', async () => {
    const job = await chaosJob()
    const engine = await live(startEngine(job.env))
    for (let times = 0; times < 5; times++) {
      const lives = engine.log.filter(isLive).length
      expect((await runTa(['reset', '--from', 'latest', '--yes'], job.env)).code).toBe(0)
      await engine.logged(() => engine.log.filter(isLive).length >= lives + 4)
    }
    expect(engine.log.filter(({ msg }) => msg.includes('another job'))).toEqual([])
    expect((await engine.stop()).code).toBe(0)
  })
})
