/**
 * Every native call of the patched client, `argv[3]` times over, against the broker at `argv[2]`: run under valgrind by client-leaks.test.ts.
 * Ends with a line that says what went through.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { binding } from '../../src/kafka/binding.ts'
import { openKafka } from '../../src/kafka/log.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { FLAG_VALUE_NULL, LogError, type OutputColumns } from '../../src/ports/log.ts'

const [bootstrap, rounds] = [process.argv[2], Number(process.argv[3])]
const RECORDS = 500
/** Larger than what is packed: it comes alone. */
const LARGE_BYTES = 1_100_000
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const log = openKafka({ bootstrap, security: 'PLAINTEXT', groupId: 'leaks', instanceId: 'one', config: {}, ingest: 'columns' }, silent)
await log.connect(60_000)
const topic = `leaks-${process.pid}`
await log.createTopics([{ name: topic, partitions: 2, replicationFactor: 1, config: { 'max.message.bytes': '4000000' } }])

function output(partition: number, values: (Buffer | null)[], withHeaders: boolean): OutputColumns {
  const ends = (lengths: number[]): Int32Array => {
    let end = 0
    return Int32Array.from(lengths, (length) => (end += length))
  }
  return {
    topic, partition, count: values.length, keys: Buffer.from('K'.repeat(values.length)), keyEnds: ends(values.map(() => 1)),
    values: Buffer.concat(values.map((value) => value ?? Buffer.alloc(0))), valueEnds: ends(values.map((value) => value?.length ?? 0)),
    flags: Uint8Array.from(values, (value) => (value === null ? FLAG_VALUE_NULL : 0)), ...(withHeaders && { headers: values.map(() => [{ name: 'ta-reason', value: 'late' }]) }),
  }
}

const producer = log.producer(`${topic}-tx`)
await producer.init()
const consumer = log.consumer([topic])
const columns = recordColumns(300, 300 * 32, 200_000)
const places = [0, 1].map((partition) => ({ topic, partition }))
await consumer.assign(places.map((place) => ({ ...place, offset: 0 })))
let [seen, sent, ends, errors] = [0, 0, 0, 0]
for (let round = 0; round < rounds; round++) {
  producer.prepare(places)
  const values = Array.from({ length: RECORDS }, (_, i) => (i % 50 === 7 ? null : Buffer.from(`value ${round} ${i}`.padEnd(300))))
  await producer.transact([output(0, values, false), output(1, [Buffer.alloc(LARGE_BYTES, 'x'), ...values.slice(0, 20)], true)])
  sent += RECORDS + 21
  consumer.letGather(round % 2 === 0)
  consumer.pause([places[0]])
  consumer.resume([places[0]])
  while (seen < sent) {
    const taken = await consumer.consume(columns, 500)
    seen += columns.count
    ends += taken.ends.length
  }
  // what was read ahead is dropped, and a position that is gone is an error
  await consumer.seek([{ topic, partition: 1, offset: 0 }])
  await consumer.unassign([places[1]])
  await consumer.seek([{ topic, partition: 1, offset: 10 ** 9 }])
  for (const before = errors; errors === before;) {
    await consumer.consume(columns, 500).catch((error: unknown) => {
      if (!(error instanceof LogError)) throw error
      errors++
    })
  }
  await consumer.assign(places.map((place) => ({ ...place, offset: place.partition === 0 ? (round + 1) * (RECORDS + 1) : 0 })))
  await consumer.unassign([places[1]])
  const { high } = await log.bounds(topic, 1, 'read_committed')
  await consumer.seek([{ topic, partition: 1, offset: high }])
  binding().trimMemory?.()
}
const waiting = consumer.consume(columns, 60_000).catch(() => undefined)
await sleep(100)
await Promise.all([consumer.close(), waiting])
await producer.close()
await log.close()
console.log(JSON.stringify({ seen, sent, ends, errors }))
