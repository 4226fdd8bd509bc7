/** A record that traps the kernel each time: it ends in the DLQ, once, on its epoch's skip list, and no kernel sees it again. */
import { describe, expect, it } from 'vitest'
import { decodeEpochRecord } from '../../src/epoch/epoch-record.ts'
import { murmur2Partition } from '../../src/contract/partition.ts'
import { startEngine } from '../broker/engine-process.ts'
import { InputProducer, type Job, tailOf } from '../broker/engine-job.ts'
import { readAll } from '../broker/harness.ts'
import { LiveFeed, chaosJob, expectWhole, flows, isRestoring, linesOf, live } from './chaos-job.ts'
import { trapping } from './kernel-variant.ts'

const TRAPS = 2

/** A trade of TRAP at this moment. */
function trapTrade(job: Job, id: number): { topic: string; key: string; value: string } {
  const t = new Date().toISOString()
  const envelope = {
    ingest_ts: t, event_ts: t, feed: 'sip', channel: 'trades', symbol: 'TRAP', seq: id,
    payload: { T: 't', S: 'TRAP', i: id, x: 'V', p: 10.5, s: 100, c: ['@'], t, z: 'C' }, is_final: true, source: 'ws', version: 1,
  }
  return { topic: job.env.TA_TRADES_TOPIC, key: 'TRAP', value: JSON.stringify(envelope) }
}

describe('a record that traps the kernel', () => {
  it('goes to the DLQ once, also over kills -9 and a replay of its epoch', async () => {
    const job = await chaosJob({ env: { TA_SNAPSHOT_URI: '' } })
    Object.assign(job.env, trapping())
    const task = murmur2Partition('TRAP', job.partitions)
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const producer = await InputProducer.open(job)
    let engine = await live(startEngine(job.env))
    await flows(job, tail, engine)
    for (let id = 1; id <= TRAPS; id++) {
      await producer.send([trapTrade(job, id)])
      await engine.logged(() => linesOf(engine, ({ msg }) => /traps the kernel each time/.test(msg)).length === id)
      await flows(job, tail, engine)
    }
    await live(engine)
    const dlq = async () => (await readAll(job.env.TA_DLQ_TOPIC)).map(({ value, headers }) => {
      const { seq: id } = JSON.parse(String(value)) as { seq: number }
      return { id, reason: headerOf(headers, 'ta-reason'), offset: headerOf(headers, 'ta-offset') }
    })
    while ((await dlq()).length < TRAPS) await flows(job, tail, engine)
    for (let kill = 0; kill < 2; kill++) {
      await engine.kill()
      engine = await live(startEngine(job.env))
      // every recorded epoch runs again, those with the skip list among them, without a trap
      expect(linesOf(engine, isRestoring).map(({ from }) => from)).toEqual(Array(4).fill('the beginning'))
      expect(linesOf(engine, ({ msg }) => /trap|starts over/.test(msg))).toEqual([])
      await flows(job, tail, engine)
    }
    const sent = await feed.stop()
    await producer.close()
    expect((await engine.stop()).code).toBe(0)
    expect((await expectWhole(job, tail, { trapped: 'TRAP' })).records).toBe(sent + TRAPS)
    const rejected = await dlq()
    expect(rejected.map(({ id, reason }) => [id, reason])).toEqual([[1, 'kernel_trap'], [2, 'kernel_trap']])
    const ofTask = (await readAll(job.env.TA_EPOCHS_TOPIC)).filter(({ partition }) => partition === task)
    const epochs = ofTask.filter(({ key }) => String(key) === 'epoch')
    const skipped = epochs.flatMap(({ value }) => decodeEpochRecord(value!).skip)
    expect(skipped).toEqual(rejected.map(({ offset }) => ({ topic: 0, offset: Number(offset) })))
  })
})

function headerOf(headers: unknown, name: string): string | undefined {
  const found = (headers as Record<string, Buffer | string>[] | undefined)?.find((header) => name in header)
  return found === undefined ? undefined : String(found[name])
}
