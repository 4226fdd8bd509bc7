import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { bootstrap, createTopics, produce, readAll, uniqueName, uniqueSettings } from './harness.ts'

const kafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka')

describe('the shared broker', () => {
  it('takes a topic, and gives back what was put in, by partition and in order', async () => {
    const topic = uniqueName('smoke')
    await createTopics([{ name: topic, partitions: 2, config: { 'max.message.bytes': '2000000' } }])
    await produce(topic, [
      { partition: 1, key: 'B', value: 'b0', headers: { 'ta-reason': 'late' } },
      { partition: 0, key: 'A', value: Buffer.from('a0') },
      { partition: 1, key: null, value: null },
    ])
    const records = await readAll(topic)
    expect(records.map(({ partition, offset, key, value }) => [partition, offset, key && String(key), value && String(value)]))
      .toEqual([[0, 0, 'A', 'a0'], [1, 0, 'B', 'b0'], [1, 1, null, null]])
    expect(String(records[1].headers?.[0]['ta-reason'])).toBe('late')
  })

  it('shows an aborted transaction to read_uncommitted alone, and a topic that ends with one has an end', async () => {
    const topic = uniqueName('transactions')
    await createTopics([{ name: topic, partitions: 1 }])
    const producer = new kafka.Producer({ 'bootstrap.servers': bootstrap(), 'transactional.id': uniqueName('id') })
    const call = (name: 'initTransactions' | 'beginTransaction' | 'commitTransaction' | 'abortTransaction') =>
      new Promise<void>((resolve, reject) => {
        const done = (error: unknown) => error ? reject(error) : resolve()
        if (name === 'beginTransaction') producer.beginTransaction(done)
        else producer[name](20_000, done)
      })
    await new Promise((resolve, reject) => producer.connect({}, (error, ok) => error ? reject(error) : resolve(ok)))
    await call('initTransactions')
    for (const [value, end] of [['kept', 'commitTransaction'], ['dropped', 'abortTransaction']] as const) {
      await call('beginTransaction')
      producer.produce(topic, 0, Buffer.from(value))
      await new Promise<void>((resolve, reject) => {
        producer.flush(20_000, (error: unknown) => error ? reject(error) : resolve())
      })
      await call(end)
    }
    await new Promise<void>((resolve) => producer.disconnect(() => resolve()))
    expect((await readAll(topic)).map(({ value }) => String(value))).toEqual(['kept'])
    const all = await readAll(topic, { isolation: 'read_uncommitted' })
    expect(all.map(({ value }) => String(value))).toEqual(['kept', 'dropped'])
  })

  it('refuses a topic that nobody created', async () => {
    await expect(readAll(uniqueName('absent'))).rejects.toThrow()
  })

  it('gives each test settings of its own', () => {
    const [one, other] = [uniqueSettings(), uniqueSettings({ TA_QUOTES_TOPIC: '' })]
    const shared = Object.keys(one).filter((name) => one[name] === other[name])
    expect(shared).toEqual(['TA_KAFKA_BOOTSTRAP'])
    expect(other.TA_QUOTES_TOPIC).toBe('')
  })
})
