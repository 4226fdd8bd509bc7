import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Message } from 'node-rdkafka'
import type { Header, Log, LogError } from '../../src/ports/log.ts'
import { createTopics, readAll, uniqueName } from './harness.ts'
import { openLog, outputOf } from './kafka-fixtures.ts'

let log: Log

/** The same promises, whichever way records pass to and from the client. */
describe.each(['columns', 'events'] as const)('a producer by %s', (ingest) => {
  beforeAll(() => {
    log = openLog({ ingest })
  })
  afterAll(() => log.close())

  async function topicWith(partitions: number, config?: Record<string, string>): Promise<string> {
    const topic = uniqueName('producer')
    await createTopics([{ name: topic, partitions, config }])
    return topic
  }

  const failureOf = (promise: Promise<unknown>) => promise.then(() => undefined, (error: unknown) => error as LogError)

  describe('transact', () => {
    it('puts packed records of several topics and partitions where they belong, in order, with headers and keys', async () => {
      const [bars, dlq] = [await topicWith(2), await topicWith(1)]
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      // Views into one buffer that is used again at once: what was produced must be a copy.
      const output = outputOf(bars, 1, [{ key: 'NVDA', value: 'one' }, { key: 'AAPL', value: '' }, { key: null, value: 'drei' }])
      const scratch = Buffer.alloc(1_024)
      output.values = scratch.subarray(100, 100 + Buffer.from(output.values).copy(scratch, 100))
      await producer.transact([
        output,
        outputOf(bars, 0, [{ key: 'MSFT', value: 'zero' }]),
        outputOf(dlq, 0,
          [{ key: 'X', value: 'bad', headers: { 'ta-reason': 'not_json', 'ta-offset': '7' } }, { key: 'Y', value: 'bad too' }]),
      ])
      scratch.fill(0)
      await producer.transact([outputOf(bars, 1, [{ key: 'NVDA', value: 'two' }])])
      await producer.close()
      const seen = (await readAll(bars)).map(({ partition, key, value }) => [partition, key && String(key), String(value)])
      expect(seen).toEqual([[0, 'MSFT', 'zero'], [1, 'NVDA', 'one'], [1, 'AAPL', ''], [1, null, 'drei'], [1, 'NVDA', 'two']])
      const [first, second] = await readAll(dlq)
      expect(first.headers?.map((header) => Object.entries(header).map(([name, value]) => `${name}=${String(value)}`)).flat())
        .toEqual(['ta-reason=not_json', 'ta-offset=7'])
      expect(second.headers ?? []).toEqual([])
    })

    it('gives each record its own headers: none, empty ones, repeated names, any text, thousands of them', async () => {
      const topic = await topicWith(1)
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      const few: Header[][] = [[], [{ name: 'é', value: '漢字 🙂' }, { name: 'é', value: '' }], [{ name: 'long', value: 'x'.repeat(70_000) }]]
      const many = Array.from({ length: 5_000 }, (_, row): Header[] => (row % 3 === 0 ? [] : [{ name: 'ta-offset', value: String(row) }]))
      const headers = [...few, ...many]
      await producer.transact([{ ...outputOf(topic, 0, headers.map((_, row) => ({ key: row % 2 === 0 ? 'K' : null, value: `v${row}` }))), headers }])
      await producer.close()
      const seen = await readAll(topic)
      const pairs = (found: Message['headers']) => (found ?? []).flatMap((one) => Object.entries(one).map(([name, value]) => ({ name, value: String(value) })))
      expect(seen.map((message) => [String(message.value), pairs(message.headers)])).toEqual(headers.map((list, row) => [`v${row}`, list]))
    })

    it('takes views of shared memory, where the kernels write', async () => {
      const topic = await topicWith(1)
      const memory = new SharedArrayBuffer(64)
      const bytes = new Uint8Array(memory)
      bytes.set(Buffer.from('KVALUE'))
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      await producer.transact([{
        topic, partition: 0, count: 1, keys: bytes.subarray(0, 1), keyEnds: Int32Array.of(1), values: bytes.subarray(1, 6),
          valueEnds: Int32Array.of(5),
      }])
      await producer.close()
      expect((await readAll(topic)).map(({ key, value }) => [String(key), String(value)])).toEqual([['K', 'VALUE']])
    })

    it('commits thousands of records as one', async () => {
      const topic = await topicWith(1)
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      const records = Array.from({ length: 20_000 }, (_, index) => ({ key: 'A', value: `${index}`.padStart(600, '0') }))
      await producer.transact([outputOf(topic, 0, records)])
      await producer.close()
      const values = (await readAll(topic)).map(({ value }) => Number(String(value)))
      expect(values).toHaveLength(20_000)
      expect(values.every((value, index) => value === index)).toBe(true)
    })

    it('waits while the queue of the client is full, and leaves nothing out', async () => {
      const topic = await topicWith(1)
      const narrow = openLog({ ingest, config: { 'queue.buffering.max.messages': 700 } })
      const producer = narrow.producer(uniqueName('tx'))
      await producer.init()
      await producer.transact([outputOf(topic, 0, Array.from({ length: 3_000 }, (_, index) => ({ key: 'A', value: `${index}` })))])
      await producer.close()
      await narrow.close()
      expect((await readAll(topic)).map(({ value }) => String(value))).toEqual(Array.from({ length: 3_000 }, (_, index) => `${index}`))
    })

    it('is all or nothing: a record that the broker refuses takes the others with it', async () => {
      const [good, narrow] = [await topicWith(1), await topicWith(1, { 'max.message.bytes': '1000' })]
      const id = uniqueName('tx')
      const producer = log.producer(id)
      await producer.init()
      const random = Buffer.from(Array.from({ length: 5_000 }, () => Math.floor(Math.random() * 256)))
      const failure = await failureOf(producer.transact([
        outputOf(good, 0, [{ key: 'A', value: 'lost' }]), outputOf(narrow, 0, [{ key: 'A', value: random }]),
      ]))
      expect(failure).toMatchObject({ name: 'LogError', kind: 'aborted' })
      expect(await failureOf(producer.transact([outputOf(good, 0, [{ key: 'A', value: 'never' }])]))).toMatchObject(
        { kind: 'aborted' })
      await producer.close()
      const next = log.producer(id)
      await next.init()
      await next.transact([outputOf(good, 0, [{ key: 'A', value: 'kept' }])])
      await next.close()
      expect((await readAll(good)).map(({ value }) => String(value))).toEqual(['kept'])
      expect(await readAll(narrow)).toEqual([])
    })

    it('is known to be aborted when a record is too large for the client', async () => {
      const topic = await topicWith(1)
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      const failure = await failureOf(producer.transact([outputOf(topic, 0, [{ key: 'A', value: Buffer.alloc(3 << 20) }])]))
      expect(failure).toMatchObject({ kind: 'aborted', message: expect.stringContaining(topic) })
      await producer.close()
      expect(await readAll(topic)).toEqual([])
    })
  })

  describe('prepare', () => {
    const place = (topic: string): { topic: string; partition: number } => ({ topic, partition: 0 })

    it('changes nothing of what is committed, also where a partition gets nothing, or is not known yet', async () => {
      const [bars, epochs] = [await topicWith(1), await topicWith(1)]
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      for (let epoch = 1; epoch <= 20; epoch++) {
        producer.prepare([place(bars), place(epochs)])
        if (epoch % 2 === 0) await readAll(epochs) // some time, in which the partitions are registered
        const record = (topic: string) => outputOf(topic, 0, [{ key: 'A', value: `${epoch}` }])
        await producer.transact(epoch % 3 === 0 ? [record(epochs)] : [record(bars), record(epochs)])
      }
      await producer.close()
      const all = Array.from({ length: 20 }, (_, i) => i + 1)
      expect((await readAll(epochs)).map(({ value }) => Number(value))).toEqual(all)
      expect((await readAll(bars)).map(({ value }) => Number(value))).toEqual(all.filter((epoch) => epoch % 3 !== 0))
    })

    it('does not keep a next owner from its task, whose former owner is fenced', async () => {
      const topic = await topicWith(1)
      const id = uniqueName('task')
      const old = log.producer(id)
      await old.init()
      await old.transact([outputOf(topic, 0, [{ key: 'A', value: 'old' }])])
      old.prepare([place(topic)])
      await readAll(topic)
      const owner = log.producer(id)
      await owner.init()
      await owner.transact([outputOf(topic, 0, [{ key: 'A', value: 'new' }])])
      expect(await failureOf(old.transact([outputOf(topic, 0, [{ key: 'A', value: 'zombie' }])]))).toMatchObject({ kind: 'fenced' })
      await owner.transact([outputOf(topic, 0, [{ key: 'A', value: 'newer' }])])
      await Promise.all([old.close(), owner.close()])
      expect((await readAll(topic)).map(({ value }) => String(value))).toEqual(['old', 'new', 'newer'])
    })

    it('that meets a newer owner says so, not more than at the next transaction', async () => {
      const topic = await topicWith(1)
      const id = uniqueName('task')
      const old = log.producer(id)
      await old.init()
      await old.transact([outputOf(topic, 0, [{ key: 'A', value: 'old' }])])
      const owner = log.producer(id)
      await owner.init()
      old.prepare([place(topic)])
      await owner.transact([outputOf(topic, 0, [{ key: 'A', value: 'new' }])]) // meanwhile the registration is refused
      expect(await failureOf(old.transact([outputOf(topic, 0, [{ key: 'A', value: 'zombie' }])]))).toMatchObject({ kind: 'fenced' })
      await Promise.all([old.close(), owner.close()])
      expect((await readAll(topic)).map(({ value }) => String(value))).toEqual(['old', 'new'])
    })
  })

  describe('fencing', () => {
    it('ends the first of two producers with one id, and nothing of it comes later', async () => {
      const topic = await topicWith(1)
      const id = uniqueName('task')
      const [old, owner] = [log.producer(id), log.producer(id)]
      await old.init()
      await old.transact([outputOf(topic, 0, [{ key: 'A', value: 'old' }])])
      await owner.init()
      const failure = await failureOf(old.transact([outputOf(topic, 0, [{ key: 'A', value: 'zombie' }])]))
      expect(failure).toMatchObject({ name: 'LogError', kind: 'fenced' })
      expect(await failureOf(old.transact([]))).toMatchObject({ kind: 'fenced' })
      await owner.transact([outputOf(topic, 0, [{ key: 'A', value: 'new' }])])
      await Promise.all([old.close(), owner.close()])
      expect((await readAll(topic)).map(({ value }) => String(value))).toEqual(['old', 'new'])
    })
  })

  describe('transactionBegan', () => {
    it('tells a later transaction from the one before, whoever began it, and an InitProducerId from both', async () => {
      const topic = await topicWith(1)
      const id = uniqueName('task')
      const [old, owner] = [log.producer(id), log.producer(id)]
      await old.init()
      expect(await Promise.all([id, uniqueName('unknown')].map((each) => log.transactionBegan(each)))).toEqual([null, null])
      const began: (number | null)[] = []
      for (const producer of [old, old, owner]) {
        if (producer === owner) {
          await owner.init()
          expect(await log.transactionBegan(id)).toBeNull()
        }
        await producer.transact([outputOf(topic, 0, [{ key: 'A', value: 'x' }])])
        began.push(await log.transactionBegan(id))
        expect(await log.transactionBegan(id)).toBe(began.at(-1))
      }
      expect(began.every((ms) => ms !== null)).toBe(true)
      expect([...began].sort((a, b) => a! - b!)).toEqual(began)
      expect(new Set(began).size).toBe(3)
      await Promise.all([old.close(), owner.close()])
    })
  })

  describe('close', () => {
    it('ends an init that does not succeed', async () => {
      const away = openLog({ ingest, bootstrap: '127.0.0.1:1' })
      const producer = away.producer('x')
      const init = failureOf(producer.init())
      await producer.close()
      expect(await init).toMatchObject({ name: 'LogError', kind: 'outside' })
      await away.close()
    })
  })
})
