/**
 * The store in trouble under a live market: it delays no output, shows in metrics, status and log, and snapshots resume by
 * themselves; a snapshot that is not whole is passed over for the one before.
 */
import { once } from 'node:events'
import { readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EngineProcess, type Environment, eventually, runTa, startEngine } from '../broker/engine-process.ts'
import { type Job, type StatusOutput, type Tail, tailOf, valuesOf } from '../broker/engine-job.ts'
import { uniqueName } from '../broker/harness.ts'
import { pass, refuse, startMeddler } from '../store/meddler.ts'
import { ACCESS_KEY, SECRET_KEY, type S3Server, s3ServerBinary, startS3Server } from '../store/s3-server.ts'
import { LiveFeed, chaosJob, expectWhole, flows, isRestoring, linesOf, live } from './chaos-job.ts'

const binary = await s3ServerBinary()
/** Window end → on the broker, while the store is gone; below any time-out of a store, far above a busy machine's. */
const DELAY_MS_MAX = 4_000
/** Each request: a snapshot has a dozen of them one after another. */
const SLOW_MS = 2_000
/** A task that only waits for its store has nothing to commit or to store; librdkafka's closing is part of it. */
const STOP_MS_MAX = 4_500
/** TA_SNAPSHOT_RETAIN, where it is not set. */
const RETAINED = 5
const WRONG_SECRET = 'not-the-secret-key-of-the-tests'

/**
 * How long after its end a window was first on the broker, ms: the median of all published since record `from`. Not the longest, which
 * is the machine's; a store that holds outputs up would do so for all of an outage.
 */
function delayMs(tail: Tail, topic: string, from: number): number {
  const seen = new Set<string>()
  const delays: number[] = []
  const values = valuesOf(tail.records[topic])
  tail.records[topic].forEach(({ timestamp }, i) => {
    const key = `${values[i].symbol} ${values[i].event_ts}`
    if (!seen.has(key) && i >= from) delays.push(timestamp! - Date.parse(values[i].event_ts))
    seen.add(key)
  })
  return delays.sort((a, b) => a - b)[delays.length >> 1]
}

const lastStatus = (tail: Tail, job: Job): StatusOutput['payload'] =>
  valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC]).at(-1)!.payload

const stored = async (engine: EngineProcess) => (await engine.metrics()).get('ta_snapshots_total{result="stored"}') ?? 0
const ageSeconds = async (engine: EngineProcess) => (await engine.metrics()).get('ta_snapshot_age_seconds') ?? 0

/** Resolves once `more` further snapshots are stored. */
async function stores(engine: EngineProcess, more: number): Promise<void> {
  const due = await stored(engine) + more
  await eventually(async () => (await stored(engine)) >= due || undefined, () => `no snapshots:\n${engine.stderr}`)
}

/** Resolves once each task has stored `each` further snapshots (no more than are kept): so many as tasks may be one task's alone. */
async function storesOfEachTask(job: Job, engine: EngineProcess, each: number): Promise<void> {
  const before = await storedEpochs(job)
  let now = before
  const further = (task: number): number => (now.get(task) ?? []).filter((epoch) => epoch > Math.max(-1, ...before.get(task) ?? [])).length
  const all = async () => {
    now = await storedEpochs(job)
    return Array.from({ length: job.partitions }, (_, task) => further(task)).every((count) => count >= each) || undefined
  }
  await eventually(all, () => `snapshots: ${JSON.stringify([...now])}\n${engine.stderr}`)
}

/** Epochs of the snapshots that are whole, by task. */
async function storedEpochs(job: Job): Promise<Map<number, number[]>> {
  const { code, stdout, stderr } = await runTa(['snapshot', 'list', '--json'], job.env)
  expect(code, stderr).toBe(0)
  const rows = JSON.parse(stdout) as { task: number; epoch: number; fault: string }[]
  const epochs = new Map<number, number[]>()
  for (const { task, epoch } of rows.filter(({ fault }) => fault === '')) epochs.set(task, [...epochs.get(task) ?? [], epoch])
  return epochs
}

/** Resolves once the snapshots are as old as that; meanwhile and at the end everything flows. */
async function outage(job: Job, tail: Tail, engine: EngineProcess): Promise<void> {
  const from = tail.records[job.env.TA_MICROBARS_TOPIC].length
  await eventually(async () => (await ageSeconds(engine)) > 4 || undefined, () => 'the age does not rise')
  await flows(job, tail, engine)
  expect(lastStatus(tail, job)).toMatchObject({ status: 'degraded', reason: expect.stringMatching(/^snapshot/) })
  expect(delayMs(tail, job.env.TA_MICROBARS_TOPIC, from)).toBeLessThan(DELAY_MS_MAX)
}

async function recovers(job: Job, tail: Tail, engine: EngineProcess): Promise<void> {
  await storesOfEachTask(job, engine, 2)
  const from = tail.records[job.env.TA_STATUS_TOPIC].length
  const later = () => valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC]).slice(from).map(({ payload }) => payload)
  // a busy machine may take longer for a snapshot than three of these intervals, and then says so
  await tail.until(() => later().some(({ status, reason }) => status === 'ok' && reason === ''), () => `a status that is ok:\n${engine.stderr}`)
}

describe.skipIf(binary === null)('an S3 store', () => {
  let server: S3Server
  beforeAll(async () => {
    server = await startS3Server(binary!)
  })
  afterAll(() => server?.stop())

  async function s3Job(env: Environment = {}): Promise<Job> {
    const bucket = uniqueName('snapshots')
    await server.createBucket(bucket)
    return await chaosJob({
      env: {
        TA_SNAPSHOT_URI: `s3://${bucket}/of/tests`, TA_S3_ENDPOINT: server.endpoint,
        TA_S3_ACCESS_KEY: ACCESS_KEY, TA_S3_SECRET_KEY: SECRET_KEY, ...env,
      },
    })
  }

  it('that is gone, then hangs, delays nothing; snapshots resume, and a killed engine starts from them', async () => {
    const job = await s3Job()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    let engine = await live(startEngine(job.env))
    // as many as are kept: then the epochs from the beginning on are trimmed, and a snapshot is needed at a start
    await storesOfEachTask(job, engine, RETAINED)
    await server.kill()
    await outage(job, tail, engine)
    await server.restart()
    await recovers(job, tail, engine)
    // what listens takes the request and never answers
    await server.kill()
    const silent = createServer((socket) => socket.on('error', () => {})).listen(server.port, '127.0.0.1')
    await once(silent, 'listening')
    const silenced: { destroy(): void }[] = []
    silent.on('connection', (socket) => silenced.push(socket))
    await outage(job, tail, engine)
    for (const socket of silenced) socket.destroy()
    silent.close()
    await server.restart()
    await recovers(job, tail, engine)
    await engine.kill()
    // whoever starts while the store is gone waits for it, and says so
    await server.kill()
    engine = startEngine(job.env)
    await engine.logged(({ msg }) => /snapshot|S3|127\.0\.0\.1/.test(msg) && /starts over|trying again/.test(msg))
    await server.restart()
    await live(engine)
    const restored = linesOf(engine, isRestoring)
    expect(restored.length).toBe(4)
    for (const { from } of restored) expect(from).toMatch(/^snapshot of epoch/)
    await flows(job, tail, engine)
    const sent = await feed.stop()
    expect((await engine.stop()).code).toBe(0)
    expect((await expectWhole(job, tail)).records).toBe(sent)
  })

  it('that is slow, then full, delays nothing, and snapshots resume', async () => {
    let mode: 'as it is' | 'slow' | 'full' = 'as it is'
    await using store = await startMeddler(server.port, async (incoming, outgoing, forward) => {
      if (mode === 'full' && incoming.method === 'PUT') {
        for await (const _ of incoming); // S3 reads a body before it refuses it
        refuse(outgoing, 507, 'InsufficientStorage', 'no space is left')
        return
      }
      if (mode === 'slow') await sleep(SLOW_MS)
      pass(outgoing, await forward())
    })
    const job = await s3Job({ TA_S3_ENDPOINT: store.endpoint })
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await storesOfEachTask(job, engine, 1)
    mode = 'slow'
    await outage(job, tail, engine)
    mode = 'as it is'
    await recovers(job, tail, engine)
    mode = 'full'
    await outage(job, tail, engine)
    expect(lastStatus(tail, job).reason).toMatch(/507|InsufficientStorage/)
    mode = 'as it is'
    await recovers(job, tail, engine)
    const sent = await feed.stop()
    expect((await engine.stop()).code).toBe(0)
    expect((await expectWhole(job, tail)).records).toBe(sent)
  })

  it('that refuses the secret from the start delays nothing, and the status says so', async () => {
    const job = await s3Job({ TA_S3_SECRET_KEY: WRONG_SECRET })
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await flows(job, tail, engine, 80)
    await outage(job, tail, engine)
    expect((await engine.metrics()).get('ta_snapshots_total{result="failed"}')).toBeGreaterThan(0)
    expect(await stored(engine)).toBe(0)
    expect(lastStatus(tail, job).reason).toMatch(/403|refuse|denied|credential|TA_S3/i)
    const sent = await feed.stop()
    expect((await engine.stop()).code).toBe(0)
    expect(engine.stderr).not.toContain(WRONG_SECRET)
    expect((await expectWhole(job, tail, { env: { TA_S3_SECRET_KEY: SECRET_KEY } })).records).toBe(sent)
  })
})

describe('a store that hangs at a restart', () => {
  it('is not waited for while every epoch is on the topic, and does not hold a stop up', async () => {
    const silenced: { destroy(): void }[] = []
    const silent = createServer((socket) => silenced.push(socket.on('error', () => {}))).listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    const job = await chaosJob({
      env: { TA_SNAPSHOT_URI: 's3://silent/store', TA_S3_ENDPOINT: `http://127.0.0.1:${port}`, TA_S3_ACCESS_KEY: ACCESS_KEY, TA_S3_SECRET_KEY: SECRET_KEY },
    })
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    let engine = await live(startEngine(job.env))
    await flows(job, tail, engine)
    await engine.kill()
    engine = await live(startEngine(job.env))
    const told = linesOf(engine, ({ msg }) => /has not answered for 5 s; task \d starts from its beginning/.test(msg))
    expect(told.length).toBe(4)
    await flows(job, tail, engine)
    await engine.kill()
    engine = startEngine(job.env)
    await engine.logged(({ msg }) => msg === 'tasks assigned')
    const stoppedMs = performance.now()
    expect((await engine.stop()).code).toBe(0)
    expect(linesOf(engine, isRestoring)).toEqual([])
    expect(performance.now() - stoppedMs).toBeLessThan(STOP_MS_MAX)
    const sent = await feed.stop()
    for (const socket of silenced) socket.destroy()
    silent.close()
    expect((await expectWhole(job, tail, { env: { TA_SNAPSHOT_URI: '' } })).records).toBe(sent)
  })
})

describe('a snapshot that is not whole', () => {
  it('is passed over for the one before, and that is said', async () => {
    const job = await chaosJob()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const engine = await live(startEngine(job.env))
    await flows(job, tail, engine)
    await storesOfEachTask(job, engine, 2)
    await feed.stop()
    await engine.kill()
    const folders = [0, 1, 2, 3].map((task) => snapshotFolders(job, task))
    const [lost, flipped, bare, torn] = folders.map((of) => of[0])
    rmSync(join(lost, largestOf(lost)))
    flip(join(flipped, largestOf(flipped)))
    rmSync(join(bare, 'manifest.json'))
    truncateSync(join(torn, 'manifest.json'), 500)
    const { log } = await expectWhole(job, tail)
    const passedOver = log.filter(({ msg }) => /is passed over/.test(msg)).map(({ msg }) => msg)
    expect(passedOver.map((msg) => /task (\d)/.exec(msg)?.[1]).sort()).toEqual(['0', '1', '3'])
    for (const line of log.filter(isRestoring)) {
      const before = Number(folders[line.task as number][1].split('/').at(-1))
      expect([line.from, Number(line.epochs) > 0]).toEqual([`snapshot of epoch ${before}`, true])
    }
    // the one that was broken was made anew, or has gone with the old ones: the next start passes nothing over
    const again = await live(startEngine(job.env))
    expect(linesOf(again, ({ msg }) => /is passed over/.test(msg))).toEqual([])
    expect((await again.stop()).code).toBe(0)
  })
})

describe('snapshots of an earlier life, which a reset without the store has left', () => {
  it("do not count: the new life's own are kept, and a killed engine starts from them", async () => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_RETAIN: '2' } })
    const feed = await LiveFeed.start(job)
    const before = await live(startEngine(job.env))
    await stores(before, 48)
    expect((await before.stop()).code).toBe(0)
    const left = [0, 1, 2, 3].map((task) => snapshotEpochs(job, task))
    const reset = await runTa(['reset', '--from', 'latest', '--yes'], { ...job.env, TA_SNAPSHOT_URI: '' })
    expect([reset.code, reset.stderr]).toEqual([0, ''])
    const engine = await live(startEngine(job.env))
    await stores(engine, 24) // for each task so many that the epochs' beginning has been trimmed
    await engine.kill()
    const tail = await tailOf(job)
    const again = await live(startEngine(job.env))
    const restored = linesOf(again, isRestoring)
    expect(restored.length).toBe(4)
    for (const { task, from } of restored) {
      const epoch = Number(/^snapshot of epoch (\d+)$/.exec(from as string)?.[1])
      // or it would be no test: there are higher numbers, and they are not taken
      expect(epoch, String(from)).toBeLessThan(left[task as number][0])
      expect(snapshotEpochs(job, task as number)).toContain(left[task as number][0])
    }
    await flows(job, tail, again)
    await feed.stop()
    expect((await again.stop()).code).toBe(0)
  })
})

/** Newest first. */
const snapshotEpochs = (job: Job, task: number): number[] => snapshotFolders(job, task).map((folder) => Number(folder.split('/').at(-1)))

/** Folders of a task's snapshots, newest first; only those with a manifest. */
function snapshotFolders(job: Job, task: number): string[] {
  const root = join(job.folder, 'snapshots', job.env.TA_GROUP_ID, `task-${task}`)
  const whole = readdirSync(root).filter((epoch) => readdirSync(join(root, epoch)).includes('manifest.json'))
  return whole.sort().reverse().map((epoch) => join(root, epoch))
}

function largestOf(folder: string): string {
  const bytes = (name: string) => statSync(join(folder, name)).size
  return readdirSync(folder).filter((name) => name.endsWith('.arrow')).sort((a, b) => bytes(b) - bytes(a))[0]
}

/** One bit in the middle of a file. */
function flip(path: string): void {
  const bytes = readFileSync(path)
  bytes[bytes.length >> 1] ^= 1
  writeFileSync(path, bytes)
}
