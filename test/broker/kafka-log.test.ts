import { createRequire } from 'node:module'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { UserError } from '../../src/contract/errors.ts'
import { openKafka } from '../../src/kafka/log.ts'
import type { Log, LogRecord } from '../../src/ports/log.ts'
import { bootstrap, produce, uniqueName } from './harness.ts'
import { collectingLogger, kafkaSettings, openLog, outputOf } from './kafka-fixtures.ts'

const kafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka')

let log: Log
beforeAll(async () => {
  log = openLog()
  await log.connect(20_000)
})
afterAll(() => log.close())

async function topicWith(partitions: number, config: Record<string, string> = {}): Promise<string> {
  const name = uniqueName('log')
  await log.createTopics([{ name, partitions, replicationFactor: 1, config }])
  return name
}

/** A transaction that stays open until it is told how to end. */
async function openTransaction(topic: string): Promise<(how: 'commitTransaction' | 'abortTransaction') => Promise<void>> {
  const producer = new kafka.Producer({ 'bootstrap.servers': bootstrap(), 'transactional.id': uniqueName('open') })
  const call = (start: (done: (error: unknown) => void) => void) =>
    new Promise<void>((resolve, reject) => start((error) => (error ? reject(error) : resolve())))
  await call((done) => producer.connect({}, done))
  await call((done) => producer.initTransactions(20_000, done))
  await call((done) => producer.beginTransaction(done))
  producer.produce(topic, 0, Buffer.from('open'))
  await call((done) => producer.flush(20_000, done))
  return async (how) => {
    await call((done) => producer[how](20_000, done))
    await call((done) => producer.disconnect(done))
  }
}

async function readTo(topic: string, from: number, to: number): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  await log.read(topic, 0, from, to, (record) => records.push(record))
  return records
}

describe('topics', () => {
  it('are created once, and described with partitions, replication and settings; absent ones have none', async () => {
    const topic = await topicWith(3, { 'retention.ms': '-1', 'cleanup.policy': 'compact' })
    await log.createTopics([{ name: topic, partitions: 9, replicationFactor: 1, config: {} }])
    const absent = uniqueName('absent')
    const [there, missing] = await log.describe([topic, absent])
    expect(there).toMatchObject(
      { name: topic, partitions: 3, replicationFactor: 1, config: { 'retention.ms': '-1', 'cleanup.policy': 'compact' } })
    expect(Number(there.config['max.message.bytes'])).toBeGreaterThan(0)
    expect(missing).toEqual({ name: absent, partitions: 0, replicationFactor: 0, config: {} })
  })

  it('that can not be are refused with a sentence', async () => {
    await expect(
      log.createTopics([{ name: uniqueName('x'), partitions: 1, replicationFactor: 9, config: {} }])).rejects.toMatchObject({
      name: 'LogError', message: expect.stringContaining('Creating x-'),
    })
  })
})

describe('offsets', () => {
  it('tell the last stable offset from the last one', async () => {
    const topic = await topicWith(1)
    await produce(topic, [{ partition: 0, key: 'A', value: '1' }])
    const end = await openTransaction(topic)
    expect(await log.bounds(topic, 0, 'read_committed')).toEqual({ low: 0, high: 1 })
    expect(await log.bounds(topic, 0, 'read_uncommitted')).toEqual({ low: 0, high: 2 })
    await end('commitTransaction')
    await expect.poll(async () => (await log.bounds(topic, 0, 'read_uncommitted')).high).toBe(3)
    await expect(log.bounds(topic, 7, 'read_committed')).rejects.toMatchObject({ kind: 'missing', topic, partition: 7 })
  })

  it('are found by time', async () => {
    const topic = await topicWith(1)
    await produce(topic, [{ partition: 0, key: 'A', value: '1' }, { partition: 0, key: 'A', value: '2' }])
    const [first] = await readTo(topic, 0, 1)
    expect(await log.offsetAtTime(topic, 0, 0)).toBe(0)
    expect(await log.offsetAtTime(topic, 0, first.timestampMs)).toBe(0)
    expect(await log.offsetAtTime(topic, 0, first.timestampMs + 3_600_000)).toBe(2)
  })

  it('that a group has not committed are −1', async () => {
    const topic = await topicWith(2)
    expect(await log.committed(uniqueName('nobody'), [{ topic, partition: 0 }, { topic, partition: 1 }])).toEqual([-1, -1])
  })
})

describe('read', () => {
  it('gives a stretch with keys, headers and times, and stops before its end', async () => {
    const topic = await topicWith(1)
    await produce(topic, [0, 1, 2, 3, 4].map((index) =>
      ({ partition: 0, key: index === 2 ? null : `K${index}`, value: `v${index}`, headers: { n: `${index}` } })))
    const records = await readTo(topic, 1, 4)
    expect(records.map(({ offset, key, value }) => [offset, key && String(key), String(value)])).toEqual(
      [[1, 'K1', 'v1'], [2, null, 'v2'], [3, 'K3', 'v3']])
    expect(records[0]).toMatchObject({ topic, partition: 0, headers: [{ name: 'n', value: '1' }] })
    expect(Math.abs(records[0].timestampMs - Date.now())).toBeLessThan(60_000)
    expect(await readTo(topic, 3, 3)).toEqual([])
  })

  it('ends at an end that is a control record, and at one whose tail was aborted', async () => {
    const topic = await topicWith(1)
    const producer = log.producer(uniqueName('tx'))
    await producer.init()
    await producer.transact([outputOf(topic, 0, [{ key: 'A', value: 'one' }])])
    await producer.close()
    // the broker answers an EndTxn before it has written the markers
    const stableEnd = async (): Promise<number> => (await log.bounds(topic, 0, 'read_committed')).high
    await expect.poll(stableEnd).toBe(2)
    expect((await readTo(topic, 0, 2)).map(({ value }) => String(value))).toEqual(['one'])
    expect(await readTo(topic, 1, 2)).toEqual([])
    await (await openTransaction(topic))('abortTransaction')
    await expect.poll(stableEnd).toBe(4)
    expect((await readTo(topic, 0, 4)).map(({ value }) => String(value))).toEqual(['one'])
    expect(await readTo(topic, 2, 3)).toEqual([])
  })

  it('waits for an open transaction below its end', async () => {
    const topic = await topicWith(1)
    const end = await openTransaction(topic)
    const { high } = await log.bounds(topic, 0, 'read_uncommitted')
    const reading = readTo(topic, 0, high)
    const committed = end('commitTransaction')
    expect((await reading).map(({ value }) => String(value))).toEqual(['open'])
    await committed
  })

  it('says out_of_range for what was deleted', async () => {
    const topic = await topicWith(1)
    await produce(topic, [0, 1, 2].map((index) => ({ partition: 0, key: 'A', value: `${index}` })))
    await log.deleteRecordsBefore(topic, 0, 2)
    await expect(readTo(topic, 0, 3)).rejects.toMatchObject({ kind: 'out_of_range', topic, partition: 0 })
    expect((await readTo(topic, 2, 3)).map(({ offset }) => offset)).toEqual([2])
    await expect(log.deleteRecordsBefore(topic, 0, 99)).rejects.toMatchObject({ kind: 'out_of_range' })
  })
})

describe('openKafka', () => {
  it('refuses a property that there is not, naming it, before anything connects', () => {
    const { logger } = collectingLogger()
    expect(() => openKafka(kafkaSettings({ config: { 'no.such.thing': 1 } }), logger)).toThrow(UserError)
    expect(() => openKafka(kafkaSettings({ config: { 'no.such.thing': 1 } }), logger)).toThrow('no.such.thing')
    expect(() => openKafka(kafkaSettings({ bootstrap: 'host:port' }), logger)).toThrow('host:port')
  })
})
