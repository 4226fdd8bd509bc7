/**
 * What a record costs between librdkafka and our columns, both ways round, by packed columns and by an object a record
 * (TA_INGEST): a real broker, the engine's own consumer and queues, the engine's own transactional producer; nothing else runs.
 * Options: --records 1000000 --rounds 3 --burst 2000 (records a transaction).
 */
import { openKafkaAppender } from '../src/kafka/appender.ts'
import type { Ingest, KafkaSettings } from '../src/kafka/kafka-config.ts'
import { openKafka } from '../src/kafka/log.ts'
import { RecordQueue, recordColumns } from '../src/ingest/record-queue.ts'
import { openLogger } from '../src/logging/logger.ts'
import type { OutputColumns } from '../src/ports/log.ts'
import { readOptions, whole } from './options.ts'
import { runBench } from './run-bench.ts'

const { records: RECORDS, rounds: ROUNDS, burst: BURST } = readOptions({ records: whole(1_000_000), rounds: whole(3), burst: whole(2_000) })
const WAYS: Ingest[] = ['events', 'columns']
const PARTITIONS = 4
const SYMBOLS = 500
const CHUNK = 10_000
const TRANSACTIONS = 50
/** As the reader's (src/engine/reader.ts). */
const ROWS = 8_192
const VALUE_BYTES = 4_194_304

const logger = openLogger({ level: 'error' })

/** Trades as Alpaca's feeds send them, about 320 bytes each. */
function trades(topic: string, partition: number, count: number): OutputColumns {
  const keys: Buffer[] = []
  const values: Buffer[] = []
  for (let i = 0; i < count; i++) {
    const symbol = `SYM${i % SYMBOLS}`
    const time = `2025-12-03T18:32:10.${String((i * 7_919) % 1_000_000).padStart(9, '0')}Z`
    keys.push(Buffer.from(symbol))
    values.push(Buffer.from(JSON.stringify({
      ingest_ts: '2025-12-03T18:32:10.123Z', event_ts: time, feed: 'sip', channel: 'trades', symbol, seq: i,
      payload: { T: 't', S: symbol, i: 52_983_525_029_461 + i * 13, x: 'D', p: 126 + (i % 97) / 100, s: i % 300, c: ['@', 'I'], t: time, z: 'C' },
      is_final: true, source: 'ws', version: 1,
    })))
  }
  const ends = (parts: Buffer[]): Int32Array => {
    let end = 0
    return Int32Array.from(parts, (part) => (end += part.length))
  }
  return { topic, partition, count, keys: Buffer.concat(keys), keyEnds: ends(keys), values: Buffer.concat(values), valueEnds: ends(values) }
}

interface Cost {
  perSecond: number
  /** CPU of all threads of the process. */
  cpuUs: number
  /** Time in which the main thread's event loop was busy. */
  mainUs: number
}

/** Runs `work`, which resolves to a number of records, and says what one cost. */
async function costOf(work: () => Promise<number>): Promise<Cost> {
  const startMs = performance.now()
  const cpu = process.cpuUsage()
  const loop = performance.eventLoopUtilization()
  const records = await work()
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: records / (performance.now() - startMs) * 1_000,
    cpuUs: (user + system) / records,
    mainUs: performance.eventLoopUtilization(loop).active * 1_000 / records,
  }
}

/** From the broker into the queues of four tasks. */
async function consumeAll(settings: KafkaSettings, topic: string): Promise<number> {
  const log = openKafka(settings, logger)
  const consumer = log.consumer([topic])
  const columns = recordColumns(ROWS, ROWS * 64, VALUE_BYTES)
  const queues = Array.from({ length: PARTITIONS }, () => new RecordQueue())
  for (const queue of queues) queue.start(0)
  await consumer.assign(queues.map((_, partition) => ({ topic, partition, offset: 0 })))
  let ended = 0
  let taken = 0
  while (ended < PARTITIONS) {
    const { count, ends } = await consumer.consume(columns, 1_000)
    for (let row = 0, next = 0; row < count; row = next) {
      while (next < count && columns.partitions[next] === columns.partitions[row]) next++
      queues[columns.partitions[row]].put(columns, row, next)
    }
    for (const queue of queues) queue.drop(queue.length)
    taken += count
    ended += ends.length
  }
  await consumer.close()
  await log.close()
  if (taken !== RECORDS) throw new Error(`${taken} records came, not ${RECORDS}`)
  return taken
}

/** Transactions of one burst each, to a partition's topic. */
async function produceBursts(settings: KafkaSettings, topic: string): Promise<number> {
  const log = openKafka(settings, logger)
  const producer = log.producer(`bench-${settings.ingest}`)
  await producer.init()
  const burst = trades(topic, 0, BURST)
  for (let i = 0; i < TRANSACTIONS; i++) await producer.transact([burst])
  await producer.close()
  await log.close()
  return TRANSACTIONS * BURST
}

function print(what: string, way: Ingest, { perSecond, cpuUs, mainUs }: Cost): void {
  const figures = [`${Math.round(perSecond).toLocaleString('en')}/s`, `CPU ${cpuUs.toFixed(2)} µs`, `main thread ${mainUs.toFixed(2)} µs`]
  process.stdout.write(`${what.padEnd(8)} ${way.padEnd(8)} ${figures.map((figure) => figure.padStart(24)).join('')} a record\n`)
}

await runBench(async (broker) => {
  const settingsOf = (ingest: Ingest): KafkaSettings =>
    ({ bootstrap: broker.bootstrap, security: 'PLAINTEXT', groupId: 'bench', instanceId: 'bench', config: {}, ingest })
  const admin = openKafka(settingsOf('columns'), logger)
  await admin.connect(30_000)
  const topics = ['bench.in', 'bench.out'].map((name) => ({ name, partitions: PARTITIONS, replicationFactor: 1, config: {} }))
  await admin.createTopics(topics)
  await admin.close()
  const appender = openKafkaAppender(settingsOf('columns'), logger)
  const chunks = Array.from({ length: PARTITIONS }, (_, partition) => trades('bench.in', partition, CHUNK))
  for (let sent = 0; sent < RECORDS; sent += CHUNK) {
    const columns = chunks[(sent / CHUNK) % PARTITIONS]
    await appender.append([{ ...columns, count: Math.min(CHUNK, RECORDS - sent) }])
  }
  await appender.close()
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of WAYS) print('consume', way, await costOf(() => consumeAll(settingsOf(way), 'bench.in')))
    for (const way of WAYS) print('produce', way, await costOf(() => produceBursts(settingsOf(way), 'bench.out')))
  }
})
