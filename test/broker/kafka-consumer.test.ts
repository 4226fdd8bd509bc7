import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { FLAG_KEY_CUT, FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL, LogError, type Log, type LogConsumer } from '../../src/ports/log.ts'
import { createTopics, produce, uniqueName } from './harness.ts'
import { columns, consumeUntil, openLog, openTalkingLog, outputOf, rowsOf } from './kafka-fixtures.ts'

let log: Log
const consumers: LogConsumer[] = []

/** The same promises, whichever way records pass to and from the client. */
describe.each(['columns', 'events'] as const)('a consumer by %s', (ingest) => {
  beforeAll(() => {
    log = openLog({ ingest })
  })
  afterAll(async () => {
    await Promise.all(consumers.splice(0).map((consumer) => consumer.close()))
    await log.close()
  })

  function consumerOf(...topics: string[]): LogConsumer {
    const consumer = log.consumer(topics)
    consumers.push(consumer)
    return consumer
  }

  async function topicWith(partitions: number, config?: Record<string, string>): Promise<string> {
    const topic = uniqueName('consumer')
    await createTopics([{ name: topic, partitions, config }])
    return topic
  }

  const numbered = (count: number, partition = 0) =>
    Array.from({ length: count }, (_, index) => ({ partition, key: 'A', value: `v${index}` }))

  describe('consume', () => {
    it('gives keys, values, nulls, empties and topics as they were produced, in order', async () => {
      const [first, second] = [await topicWith(1), await topicWith(2)]
      await produce(first, [
        { partition: 0, key: 'NVDA', value: 'é1', headers: { a: 'b' } }, { partition: 0, key: null, value: 'x' },
          { partition: 0, key: 'A', value: null },
        { partition: 0, key: '', value: '' },
      ])
      await produce(second, [{ partition: 1, key: 'B', value: 'other' }])
      const consumer = consumerOf(first, second)
      await consumer.assign([{ topic: first, partition: 0, offset: 0 }, { topic: second, partition: 1, offset: 0 }])
      const { rows } = await consumeUntil(consumer, (found) => found.length === 5)
      expect(rows.filter(({ topic }) => topic === 0)).toEqual([
        { topic: 0, partition: 0, offset: 0, flags: 0, size: 3, key: 'NVDA', value: 'é1' },
        { topic: 0, partition: 0, offset: 1, flags: FLAG_KEY_NULL, size: 1, key: null, value: 'x' },
        { topic: 0, partition: 0, offset: 2, flags: FLAG_VALUE_NULL, size: 0, key: 'A', value: null },
        { topic: 0, partition: 0, offset: 3, flags: 0, size: 0, key: '', value: '' },
      ])
      expect(rows.filter(({ topic }) => topic === 1)).toEqual(
        [{ topic: 1, partition: 1, offset: 0, flags: 0, size: 5, key: 'B', value: 'other' }])
    })

    it('begins with partitions that it is given when it has been connected for a while, without the client looking for them each second', async () => {
      const topic = await topicWith(1)
      await produce(topic, numbered(1))
      const { log: talking, said } = openTalkingLog('metadata', { ingest })
      const consumer = talking.consumer([topic])
      const isConnected = () => said.some((line) => /Received metadata.*: connected/.test(line))
      // the last one lets the client's other connections follow
      for (let waits = 0; waits < 1; waits += isConnected() ? 1 : 0) await consumer.consume(columns(), 250)
      const before = said.length
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      const { rows } = await consumeUntil(consumer, (found) => found.length === 1)
      await Promise.all([consumer.close(), talking.close()])
      expect(rows).toMatchObject([{ offset: 0, value: 'v0' }])
      expect(said.slice(before).filter((line) => line.includes('refresh unavailable topics'))).toEqual([])
    })

    it('leaves nothing out where records may gather at the broker, and tells ends as ever', async () => {
      const topic = await topicWith(1)
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      const seen: number[] = []
      for (const [round, isLet] of [true, false, true].entries()) {
        consumer.letGather(isLet)
        await produce(topic, numbered(100))
        const { rows, ends } = await consumeUntil(consumer, (found, told) => found.length >= 100 && told.at(-1)?.offset === 100 * (round + 1))
        seen.push(...rows.map(({ offset }) => offset))
        expect(ends.at(-1)).toEqual({ topic: 0, partition: 0, offset: 100 * (round + 1) })
      }
      expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => index))
    })

    it('keeps what does not fit for the next call', async () => {
      const topic = await topicWith(1)
      await produce(topic, numbered(1_000))
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      const { rows } = await consumeUntil(consumer, (found) => found.length >= 1_000, columns(7, 70_000))
      expect(rows.map(({ offset }) => offset)).toEqual(Array.from({ length: 1_000 }, (_, index) => index))
      expect(rows.map(({ value }) => value)).toEqual(Array.from({ length: 1_000 }, (_, index) => `v${index}`))
    })

    it('cuts a value over 1 MiB and says its true length', async () => {
      const topic = await topicWith(1, { 'max.message.bytes': '4000000' })
      // Made from a repeated line, so that it fits the producer's limit compressed or not: 1.5 MiB.
      const big = Buffer.alloc(1_572_864, 'abcdefgh')
      const producer = log.producer(uniqueName('big'))
      await producer.init()
      await producer.transact([outputOf(topic, 0, [{ key: 'A', value: big }, { key: 'B', value: 'after' }])])
      await producer.close()
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      const { rows } = await consumeUntil(consumer, (found) => found.length === 2)
      expect(rows[0]).toMatchObject({ flags: FLAG_VALUE_CUT, size: big.length })
      expect(rows[0].value?.startsWith(big.subarray(0, 65_536).toString())).toBe(true)
      expect(rows[1]).toMatchObject({ flags: 0, value: 'after' })
    })

    it('cuts a key over 64 KiB to what tells it from others', async () => {
      const topic = await topicWith(1)
      const key = 'k'.repeat(65_537)
      await produce(topic, [{ partition: 0, key, value: 'v' }, { partition: 0, key: 'B', value: 'after' }])
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      const { rows } = await consumeUntil(consumer, (found) => found.length === 2, columns(8_192))
      expect(rows[0]).toMatchObject({ flags: FLAG_KEY_CUT, value: 'v', size: 1 })
      expect(rows[0].key?.startsWith('k'.repeat(1_024))).toBe(true)
      expect(rows[0].key!.length).toBeLessThan(2_048)
      expect(rows[1]).toMatchObject({ flags: 0, key: 'B', value: 'after' })
    })

    it("tells a partition's end once it is reached, again after more, and for an empty one", async () => {
      const topic = await topicWith(2)
      await produce(topic, numbered(3))
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }, { topic, partition: 1, offset: 0 }])
      const first = await consumeUntil(consumer, (_, ends) => ends.length === 2)
      expect(first.rows).toHaveLength(3)
      expect(first.ends.toSorted((a, b) => a.partition - b.partition)).toEqual([
        { topic: 0, partition: 0, offset: 3 }, { topic: 0, partition: 1, offset: 0 },
      ])
      await produce(topic, numbered(2))
      const second = await consumeUntil(consumer, (_, ends) => ends.length === 1)
      expect(second).toMatchObject({ rows: [{ offset: 3 }, { offset: 4 }], ends: [{ topic: 0, partition: 0, offset: 5 }] })
    })

    it('waits until its deadline and no longer when nothing comes', async () => {
      const topic = await topicWith(1)
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await consumeUntil(consumer, (_, ends) => ends.length === 1)
      const into = columns()
      const startMs = performance.now()
      expect(await consumer.consume(into, 150)).toEqual({ count: 0, ends: [] })
      const tookMs = performance.now() - startMs
      expect(tookMs).toBeGreaterThanOrEqual(149)
      expect(tookMs).toBeLessThan(1_000)
      expect(into.count).toBe(0)
    })

    it('shows nothing of a transaction before it is committed, and nothing at all of an aborted one', async () => {
      const topic = await topicWith(1)
      const producer = log.producer(uniqueName('tx'))
      await producer.init()
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await producer.transact([outputOf(topic, 0, [{ key: 'A', value: '1' }, { key: 'A', value: '2' }])])
      await producer.transact([outputOf(topic, 0, [{ key: 'A', value: '3' }])])
      const { rows } = await consumeUntil(consumer, (found) => found.length === 3)
      // Each commit leaves a control record, which has an offset and is never seen.
      expect(rows.map(({ offset }) => offset)).toEqual([0, 1, 3])
      await producer.close()
    })
  })

  describe('positions', () => {
    it('moves by seek, and nothing from before comes out after it', async () => {
      const topic = await topicWith(2)
      await produce(topic, numbered(500))
      await produce(topic, numbered(5, 1))
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await consumeUntil(consumer, (found) => found.length > 0, columns(10))
      await consumer.seek([{ topic, partition: 0, offset: 490 }, { topic, partition: 1, offset: 2 }])
      const { rows } = await consumeUntil(consumer, (_, ends) => ends.length === 2)
      expect(rows.filter(({ partition }) => partition === 0).map(({ offset }) => offset)).toEqual(
        Array.from({ length: 10 }, (_, index) => 490 + index))
      expect(rows.filter(({ partition }) => partition === 1).map(({ offset }) => offset)).toEqual([2, 3, 4])
      await consumer.seek([{ topic, partition: 0, offset: 499 }])
      expect((await consumeUntil(consumer, (found) => found.length === 1)).rows[0].offset).toBe(499)
    })

    it('gives nothing of a paused partition until it is resumed, nor of an unassigned one ever', async () => {
      const topic = await topicWith(3)
      const consumer = consumerOf(topic)
      await consumer.assign([0, 1, 2].map((partition) => ({ topic, partition, offset: 0 })))
      await consumeUntil(consumer, (_, ends) => ends.length === 3)
      consumer.pause([{ topic, partition: 0 }])
      await consumer.unassign([{ topic, partition: 1 }])
      await produce(topic, [...numbered(2, 0), ...numbered(2, 1), ...numbered(2, 2)])
      const { rows } = await consumeUntil(consumer, (_, ends) => ends.some(({ partition }) => partition === 2))
      expect(rows.map(({ partition }) => partition)).toEqual([2, 2])
      consumer.resume([{ topic, partition: 0 }])
      const after = await consumeUntil(consumer, (_, ends) => ends.some(({ partition }) => partition === 0))
      expect(after.rows.map(({ partition, offset }) => [partition, offset])).toEqual([[0, 0], [0, 1]])
    })

    it('goes on after a pause with the record that was to come next, at the end of the partition, too', async () => {
      const topic = await topicWith(1)
      await produce(topic, numbered(2))
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await consumeUntil(consumer, (_, ends) => ends.length === 1)
      // The end's own offset is that of the next record: it must not count as read (librdkafka issue 4844).
      consumer.pause([{ topic, partition: 0 }])
      await produce(topic, numbered(3))
      consumer.resume([{ topic, partition: 0 }])
      const { rows } = await consumeUntil(consumer, (_, ends) => ends.some(({ offset }) => offset === 5))
      expect(rows.map(({ offset }) => offset)).toEqual([2, 3, 4])
    })

    it.skipIf(ingest === 'events')('fetches no record twice, however often it is paused in the midst of them', async () => {
      const topic = await topicWith(1)
      await produce(topic, numbered(2_000))
      const { log: talking, said } = openTalkingLog('fetch', { ingest })
      const consumer = talking.consumer([topic])
      const into = columns(50)
      const seen: number[] = []
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      while (seen.length < 2_000) {
        await consumer.consume(into, 10_000)
        seen.push(...rowsOf(into).map(({ offset }) => offset))
        consumer.pause([{ topic, partition: 0 }])
        consumer.resume([{ topic, partition: 0 }])
      }
      await Promise.all([consumer.close(), talking.close()])
      expect(seen).toEqual(Array.from({ length: 2_000 }, (_, index) => index))
      const fetched = said.map((line) => Number(/Enqueue (\d+) message/.exec(line)?.[1] ?? 0))
      expect(fetched.reduce((sum, count) => sum + count, 0)).toBe(2_000)
    })

    it('is moved at once while a call waits, which then gives what is there', async () => {
      const topic = await topicWith(1)
      await produce(topic, numbered(4))
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await consumeUntil(consumer, (_, ends) => ends.length === 1)
      const into = columns()
      const waiting = consumer.consume(into, 60_000)
      const startMs = performance.now()
      await consumer.seek([{ topic, partition: 0, offset: 3 }])
      expect(performance.now() - startMs).toBeLessThan(10_000)
      await waiting
      expect(rowsOf(into).map(({ offset }) => offset)).toEqual([3])
    })

    it('can be sought while paused', async () => {
      const topic = await topicWith(1)
      await produce(topic, numbered(20))
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await consumeUntil(consumer, (found) => found.length === 20)
      consumer.pause([{ topic, partition: 0 }])
      await consumer.seek([{ topic, partition: 0, offset: 15 }])
      consumer.resume([{ topic, partition: 0 }])
      const { rows } = await consumeUntil(consumer, (found) => found.length >= 5)
      expect(rows.map(({ offset }) => offset)).toEqual([15, 16, 17, 18, 19])
    })

    it('forgets a pause with the assignment it belongs to, and keeps it over a seek', async () => {
      const topic = await topicWith(2)
      await produce(topic, [...numbered(3, 0), ...numbered(3, 1)])
      const consumer = consumerOf(topic)
      const both = [0, 1].map((partition) => ({ topic, partition, offset: 0 }))
      await consumer.assign(both)
      consumer.pause([{ topic, partition: 0 }])
      // At once: partition 0 has hardly begun to be fetched.
      await consumer.seek([{ topic, partition: 0, offset: 1 }])
      const { rows } = await consumeUntil(consumer, (_, ends) => ends.length === 1)
      expect(rows.map(({ partition }) => partition)).toEqual([1, 1, 1])
      await consumer.assign(both)
      const again = await consumeUntil(consumer, (_, ends) => ends.length === 2)
      expect(again.rows).toHaveLength(6)
      consumer.pause([{ topic, partition: 1 }])
      await consumer.unassign([{ topic, partition: 1 }])
      await consumer.seek([{ topic, partition: 1, offset: 2 }])
      expect((await consumeUntil(consumer, (_, ends) => ends.length === 1)).rows.map(({ offset }) => offset)).toEqual([2])
    })

    it('says out_of_range, with topic and partition, for what retention has deleted; others go on', async () => {
      const topic = await topicWith(2)
      await produce(topic, [...numbered(10, 0), ...numbered(3, 1)])
      await log.deleteRecordsBefore(topic, 0, 6)
      expect(await log.bounds(topic, 0, 'read_committed')).toEqual({ low: 6, high: 10 })
      const consumer = consumerOf(topic)
      await consumer.assign([{ topic, partition: 0, offset: 2 }, { topic, partition: 1, offset: 0 }])
      const into = columns()
      const seen: number[] = []
      const failure = await (async () => {
        for (;;) {
          await consumer.consume(into, 200)
          seen.push(...rowsOf(into).map(({ partition }) => partition))
        }
      })().catch((error: unknown) => error as LogError)
      expect(failure).toBeInstanceOf(LogError)
      expect(failure).toMatchObject({ kind: 'out_of_range', topic, partition: 0 })
      await consumer.seek([{ topic, partition: 0, offset: 6 }])
      const { rows } = await consumeUntil(consumer, (found, ends) => ends.some(({ partition }) => partition === 0)
        && found.length + seen.length >= 7)
      expect(rows.filter(({ partition }) => partition === 0).map(({ offset }) => offset)).toEqual([6, 7, 8, 9])
      expect([...seen, ...rows.map(({ partition }) => partition)].filter((partition) => partition === 1)).toHaveLength(3)
    })

    it('closes while a call waits', async () => {
      const topic = await topicWith(1)
      const consumer = log.consumer([topic])
      await consumer.assign([{ topic, partition: 0, offset: 0 }])
      await consumeUntil(consumer, (_, ends) => ends.length === 1)
      const waiting = consumer.consume(columns(), 60_000).catch((error: unknown) => error)
      const startMs = performance.now()
      await consumer.close()
      expect(await waiting).toMatchObject({ name: 'LogError', kind: 'outside' })
      expect(performance.now() - startMs).toBeLessThan(5_000)
    })
  })
})
