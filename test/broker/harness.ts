/**
 * What tests against the real broker share: its address, names that no other test has, topics, and a plain client that
 * knows nothing of the engine, so that a test does not check the engine by the engine's own code.
 */
import { randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'
import type { KafkaConsumer, LibrdKafkaError, Message, MessageHeader, Metadata, TopicPartition } from 'node-rdkafka'
import { inject } from 'vitest'
import type {} from './shared-broker.ts'

const kafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka')

const CALL_TIMEOUT_MS = 20_000
const CONSUME_WAIT_MS = 200
const CONSUME_RECORDS_MAX = 10_000

/** `host:port` of the broker that this run shares. A test that harms its broker starts one by `startLocalBroker`. */
export const bootstrap = (): string => inject('bootstrap')

/** A name for a topic, a group or a transactional id that no other test has, e.g. `trades-3fa9c1d2`. */
export const uniqueName = (prefix: string): string => `${prefix}-${randomBytes(4).toString('hex')}`

/** Settings for an engine of its own on the shared broker: own topics, own group. More or others in `more`. */
export function uniqueSettings(more: Record<string, string> = {}): Record<string, string> {
  const id = randomBytes(4).toString('hex')
  return {
    TA_KAFKA_BOOTSTRAP: bootstrap(),
    TA_GROUP_ID: `ta-${id}`,
    TA_TRADES_TOPIC: `trades-${id}`,
    TA_QUOTES_TOPIC: `quotes-${id}`,
    TA_BARS1M_TOPIC: `bars1m-${id}`,
    TA_MICROBARS_TOPIC: `out-bars-${id}`,
    TA_SIGNALS_TOPIC: `out-signals-${id}`,
    TA_STATUS_TOPIC: `out-status-${id}`,
    TA_EPOCHS_TOPIC: `epochs-${id}`,
    TA_DLQ_TOPIC: `dlq-${id}`,
    TA_LATE_TOPIC: `late-${id}`,
    ...more,
  }
}

export interface TopicSpec {
  name: string
  partitions: number
  config?: Record<string, string>
}

/** Creates topics; resolves when the broker knows their leaders. */
export async function createTopics(topics: TopicSpec[], broker = bootstrap()): Promise<void> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': broker })
  try {
    await Promise.all(topics.map(({ name, partitions, config = {} }) => {
      const topic = { topic: name, num_partitions: partitions, replication_factor: 1, config: config as never }
      return new Promise<void>((resolve, reject) => {
        admin.createTopic(topic, CALL_TIMEOUT_MS, (error) => error ? reject(error) : resolve())
      })
    }))
  } finally {
    admin.disconnect()
  }
}

/** Gives a topic more partitions. */
export async function addPartitions(topic: string, partitions: number, broker = bootstrap()): Promise<void> {
  const admin = kafka.AdminClient.create({ 'bootstrap.servers': broker })
  try {
    await new Promise<void>((resolve, reject) => {
      admin.createPartitions(topic, partitions, CALL_TIMEOUT_MS, (error) => error ? reject(error) : resolve())
    })
  } finally {
    admin.disconnect()
  }
}

export interface OutgoingRecord {
  partition: number
  key: string | null
  value: string | Buffer | null
  headers?: Record<string, string>
}

/** Produces records to their partitions in order; resolves when all of them are acknowledged. */
export async function produce(topic: string, records: OutgoingRecord[], broker = bootstrap()): Promise<void> {
  const producer = new kafka.Producer({ 'bootstrap.servers': broker, 'enable.idempotence': true, 'linger.ms': 1 })
  await connected((done) => producer.connect({}, done))
  producer.setPollInterval(20)
  try {
    for (const { partition, key, value, headers = {} } of records) {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value
      const list: MessageHeader[] = Object.entries(headers).map(([name, text]) => ({ [name]: text }))
      producer.produce(topic, partition, bytes, key, undefined, undefined, list)
    }
    await new Promise<void>((resolve, reject) => {
      producer.flush(CALL_TIMEOUT_MS, (error: LibrdKafkaError | null) => error ? reject(error) : resolve())
    })
  } finally {
    await new Promise<void>((resolve) => producer.disconnect(() => resolve()))
  }
}

export interface ReadOptions {
  isolation?: 'read_committed' | 'read_uncommitted'
  broker?: string
}

/**
 * All records of a topic, each partition from its beginning to the end that it has now; for `read_committed` that is the
 * last stable offset, so an open transaction is not waited for. Sorted by partition, in offset order.
 */
export async function readAll(topic: string, options: ReadOptions = {}): Promise<Message[]> {
  const { isolation = 'read_committed', broker = bootstrap() } = options
  const consumer = new kafka.KafkaConsumer({
    'bootstrap.servers': broker, 'group.id': uniqueName('reader'), 'isolation.level': isolation, 'enable.auto.commit': false,
    'enable.partition.eof': true, 'fetch.wait.max.ms': 20,
  }, { 'auto.offset.reset': 'earliest' })
  const found = await connected<Metadata>((done) => consumer.connect({ topic, timeout: CALL_TIMEOUT_MS }, done))
  try {
    const partitions = found.topics.find((each) => each.name === topic)?.partitions.map((each) => each.id) ?? []
    if (partitions.length === 0) throw new Error(`there is no topic ${topic}`)
    const records = await readToEnds(consumer, partitions.map((partition) => ({ topic, partition, offset: 0 })))
    return records.sort((a, b) => a.partition - b.partition || a.offset - b.offset)
  } finally {
    await new Promise<void>((resolve) => consumer.disconnect(() => resolve()))
  }
}

async function readToEnds(consumer: KafkaConsumer, from: (TopicPartition & { offset: number })[]): Promise<Message[]> {
  const open = new Set(from.map((each) => each.partition))
  consumer.on('partition.eof', ({ partition }: { partition: number }) => open.delete(partition))
  consumer.setDefaultConsumeTimeout(CONSUME_WAIT_MS)
  consumer.assign(from)
  const records: Message[] = []
  while (open.size > 0) {
    records.push(...await new Promise<Message[]>((resolve, reject) => {
      consumer.consume(CONSUME_RECORDS_MAX, (error, messages) => error ? reject(error) : resolve(messages))
    }))
  }
  return records
}

function connected<T>(connect: (done: (error: LibrdKafkaError, result: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => connect((error, result) => error ? reject(error) : resolve(result)))
}
