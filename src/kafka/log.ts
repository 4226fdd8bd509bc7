/**
 * The Kafka room: the ports of src/ports/log.ts for real, over node-rdkafka (librdkafka) and, for a few requests that it
 * lacks, Kafka's protocol itself. In: settings and a logger. Out: a `Log`. Imports ports and contract alone; commands hand it in.
 *
 * Invariants kept here (docs/architecture.md): 2 (nothing but the feed's appender sends outside of a transaction),
 * 8 (InitProducerId fences; an outside's failure is retried, never terminal).
 *
 * Every call that waits sits on a libuv pool thread: UV_THREADPOOL_SIZE must be at least tasks + 6 before Node starts.
 */
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { Log, LogConsumer, LogGroup, LogProducer, LogRecord, TopicInfo } from '../ports/log.ts'
import type { KafkaLogger } from './event-relay.ts'
import { KafkaFetcher } from './fetcher.ts'
import { KafkaGroupMember } from './group-member.ts'
import type { KafkaSettings } from './kafka-config.ts'
import { requireIngest } from './patched-client.ts'
import { PartitionQueries } from './partition-queries.ts'
import { readPartition } from './partition-reading.ts'
import { createTopics, describeTopics } from './topics.ts'
import { KafkaProducer } from './transactional-producer.ts'
import { bootstrapAddresses, deleteRecords, removeStaticMember, transactionBegan, withBroker } from './wire/requests.ts'

export type { KafkaLogger } from './event-relay.ts'
export { RESERVED_PROPERTIES, type KafkaSettings } from './kafka-config.ts'

const REQUEST_MS = 10_000

class KafkaLog implements Log {
  readonly #settings: KafkaSettings
  readonly #logger: KafkaLogger
  readonly #queries: PartitionQueries

  constructor(settings: KafkaSettings, logger: KafkaLogger) {
    this.#settings = settings
    this.#logger = logger
    this.#queries = new PartitionQueries(settings, logger)
  }

  connect(timeoutMs: number): Promise<void> {
    return this.#queries.connect(timeoutMs)
  }

  async describe(topics: string[]): Promise<TopicInfo[]> {
    return describeTopics(this.#settings, this.#logger, await this.#queries.metadata(topics))
  }

  async createTopics(
    topics: { name: string; partitions: number; replicationFactor: number; config: Record<string, string> }[]): Promise<void> {
    await createTopics(this.#settings, topics)
    await this.#queries.untilThere(topics.map(({ name }) => name))
  }

  bounds(topic: string, partition: number,
    isolation: 'read_committed' | 'read_uncommitted'): Promise<{ low: number; high: number }> {
    return this.#queries.bounds(topic, partition, isolation)
  }

  offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    return this.#queries.offsetAtTime(topic, partition, timeMs)
  }

  committed(group: string, partitions: { topic: string; partition: number }[]): Promise<number[]> {
    return this.#queries.committed(group, partitions)
  }

  transactionBegan(transactionalId: string): Promise<number | null> {
    return transactionBegan(this.#settings, transactionalId, REQUEST_MS)
  }

  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    const leader = await this.#queries.leader(topic, partition)
    await withBroker(this.#settings, [leader], REQUEST_MS,
      (connection) => deleteRecords(connection, topic, partition, offset, REQUEST_MS))
  }

  read(topic: string, partition: number, from: number, to: number, onRecord: (record: LogRecord) => void): Promise<void> {
    return readPartition(this.#settings, this.#logger, topic, partition, from, to, onRecord)
  }

  consumer(topics: string[]): LogConsumer {
    return new KafkaFetcher(this.#settings, this.#logger, topics)
  }

  producer(transactionalId: string): LogProducer {
    return new KafkaProducer(this.#settings, this.#logger, transactionalId)
  }

  group(topic: string): LogGroup {
    return new KafkaGroupMember(this.#settings, this.#logger, topic, (group, instanceId) =>
      removeStaticMember(this.#settings, group, instanceId, REQUEST_MS))
  }

  close(): Promise<void> {
    return this.#queries.close()
  }
}

/** Opens the log; nothing connects before the first call. Throws UserError where a setting can't work. */
export function openKafka(settings: KafkaSettings, logger: KafkaLogger): Log {
  if (bootstrapAddresses(settings.bootstrap).some(({ host, port }) => host === '' || !(port > 0 && port < 65_536))) {
    throw new UserError(EXIT_SETTINGS, `TA_KAFKA_BOOTSTRAP must be a list of host:port, and is ${settings.bootstrap}`)
  }
  requireIngest(settings.ingest)
  return new KafkaLog(settings, logger)
}
