/**
 * librdkafka's configuration for each role, made from the settings. Properties that the promise rests on come last,
 * so that nothing passed on by the user can change them. Names and meanings: librdkafka's CONFIGURATION.md (2.12).
 */

import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'

/** What the Kafka room needs to know; empty strings mean absent. */
export interface KafkaSettings {
  /** host:port, comma-separated. */
  bootstrap: string
  security: 'PLAINTEXT' | 'SSL' | 'SASL_PLAINTEXT' | 'SASL_SSL'
  saslMechanism?: string
  username?: string
  password?: string
  /** PEM file of the authorities that sign the broker's certificate. */
  caLocation?: string
  certLocation?: string
  keyLocation?: string
  groupId: string
  /** Stable name of this process: the static member's `group.instance.id`. */
  instanceId: string
  /** Further librdkafka properties (TA_KAFKA_CONFIG). */
  config: Record<string, unknown>
  /** How records cross the border to librdkafka: packed columns, or an object a record (TA_INGEST). */
  ingest: Ingest
}

export type Ingest = 'columns' | 'events'

export const DEFAULT_MECHANISM = 'SCRAM-SHA-512'

export type NativeConfig = Record<string, string | number | boolean>

/** Properties that the promise rests on: TA_KAFKA_CONFIG must not hold them. */
export const RESERVED_PROPERTIES: readonly string[] = [
  'acks', 'auto.offset.reset', 'delivery.report.only.error', 'delivery.timeout.ms', 'enable.auto.commit',
  'enable.auto.offset.store',
  'enable.gapless.guarantee', 'enable.idempotence', 'enable.partition.eof', 'group.id', 'group.instance.id', 'group.protocol',
  'isolation.level', 'max.in.flight', 'max.in.flight.requests.per.connection', 'message.timeout.ms',
  'partition.assignment.strategy',
  'request.required.acks', 'transaction.timeout.ms', 'transactional.id',
]

/**
 * Properties of topics, by librdkafka's CONFIGURATION.md. The binding gives librdkafka a default topic configuration of
 * its own, which replaces every such property that came with the client's: they must be handed over apart.
 */
const TOPIC_PROPERTIES: ReadonlySet<string> = new Set([
  'acks', 'auto.commit.enable', 'auto.offset.reset', 'compression.level', 'consume.callback.max.messages', 'delivery.timeout.ms',
  'message.timeout.ms', 'offset.store.method', 'offset.store.path', 'offset.store.sync.interval.ms', 'partitioner',
  'produce.offset.report', 'queuing.strategy', 'request.required.acks', 'request.timeout.ms',
])

/** Parts a role's configuration into what is the client's and what is a topic's. */
export function splitConfig(config: NativeConfig): { client: NativeConfig; topic: NativeConfig } {
  const client: NativeConfig = {}
  const topic: NativeConfig = {}
  for (const [name, value] of Object.entries(config)) (TOPIC_PROPERTIES.has(name) ? topic : client)[name] = value
  return { client, topic }
}

/** A dead owner's open transaction holds readers back until this is over, or until the new owner's InitProducerId. */
export const TRANSACTION_TIMEOUT_MS = 10_000
/** Must be below the transaction's timeout, else librdkafka refuses the producer. */
const MESSAGE_TIMEOUT_MS = 9_000
export const SESSION_TIMEOUT_MS = 10_000
/**
 * How long a broker may sit on a fetch that finds nothing. Data ends the wait at once (fetch.min.bytes=1), so this
 * bounds only what rides on an empty answer: the news of a partition's end, and the start of a partition that was
 * added, sought or resumed while a fetch was out. 20 empty fetches a second and broker are the price.
 */
const FETCH_WAIT_MAX_MS = 50

/** Connection and security, shared by all roles. */
export function connectionConfig(settings: KafkaSettings): NativeConfig {
  const config: NativeConfig = {
    'client.id': 'torghut-ta',
    'socket.nagle.disable': true,
    'socket.keepalive.enable': true,
    'log.connection.close': false,
    'reconnect.backoff.ms': 50,
    'reconnect.backoff.max.ms': 1_000,
    // librdkafka's statistics cost throughput and go silent under load.
    'statistics.interval.ms': 0,
  }
  for (const [name, value] of Object.entries(settings.config)) config[name] = asProperty(name, value)
  config['bootstrap.servers'] = settings.bootstrap
  config['security.protocol'] = settings.security.toLowerCase()
  if (settings.security.startsWith('SASL')) {
    config['sasl.mechanisms'] = settings.saslMechanism || DEFAULT_MECHANISM
    if (settings.username) config['sasl.username'] = settings.username
    if (settings.password) config['sasl.password'] = settings.password
  }
  if (settings.security.endsWith('SSL')) {
    if (settings.caLocation) config['ssl.ca.location'] = settings.caLocation
    if (settings.certLocation) config['ssl.certificate.location'] = settings.certLocation
    if (settings.keyLocation) config['ssl.key.location'] = settings.keyLocation
  }
  return config
}

/** A consumer of partitions that are assigned by hand. */
export function fetcherConfig(settings: KafkaSettings): NativeConfig {
  return {
    ...queryConfig(settings, 'read_committed'),
    'enable.partition.eof': true,
    // With events the log is the one place that says which partition was out of range: the binding drops it from the error.
    ...(settings.ingest === 'events' ? { debug: joinDebug(settings, 'topic') } : {}),
  }
}

/** A consumer that only asks (offsets, metadata); the isolation level decides what it is told of a partition's end. */
export function queryConfig(
  settings: KafkaSettings, isolation: 'read_committed' | 'read_uncommitted', groupId = settings.groupId): NativeConfig {
  const base: NativeConfig = {
    'fetch.wait.max.ms': FETCH_WAIT_MAX_MS,
    // 1,000 by default: a partition whose queue was full for a moment would sit out a second.
    'fetch.queue.backoff.ms': 5,
    'fetch.error.backoff.ms': 50,
    // The whole consumer's bound on fetched bytes not yet taken, not a partition's, but for those that are held back: 4 MiB is 13,000
    // records of 316 B. What is fetched ahead still comes to a full queue, which grows for it: more costs memory and brings nothing.
    'queued.max.messages.kbytes': 4_096,
    'queued.min.messages': 100_000,
  }
  return {
    ...base,
    ...connectionConfig(settings),
    'fetch.min.bytes': 1,
    'group.id': groupId,
    'group.protocol': 'classic',
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    'auto.offset.reset': 'error',
    'isolation.level': isolation,
  }
}

/** The member of the group that deals the tasks out; it fetches nothing. */
export function memberConfig(settings: KafkaSettings): NativeConfig {
  const base: NativeConfig = {
    'session.timeout.ms': SESSION_TIMEOUT_MS,
    'heartbeat.interval.ms': 1_000,
    'max.poll.interval.ms': 60_000,
  }
  return {
    ...base,
    ...connectionConfig(settings),
    'group.id': settings.groupId,
    'group.instance.id': settings.instanceId,
    // With the new protocol (KIP-848) a static member that was killed comes back to a fatal UNRELEASED_INSTANCE_ID.
    'group.protocol': 'classic',
    'partition.assignment.strategy': 'cooperative-sticky',
    'enable.auto.commit': false,
    'enable.auto.offset.store': false,
    // Its partitions are paused before anything is fetched; an absent offset must not become an error on the queue.
    'auto.offset.reset': 'latest',
    'isolation.level': 'read_committed',
    // Its log line LOST is the only sign by which a lost assignment is told from a revoked one.
    debug: joinDebug(settings, 'consumer'),
  }
}

/** The transactional producer of one task. */
export function transactionalConfig(settings: KafkaSettings, transactionalId: string): NativeConfig {
  return {
    ...publisherConfig(settings),
    // The broker finishes a commit after answering it; the next AddPartitionsToTxn and EndTxn then meet CONCURRENT_TRANSACTIONS.
    'retry.backoff.ms': 2,
    'retry.backoff.max.ms': 10,
    'transactional.id': transactionalId,
    // Reports of successes end here in C++ (no callback is set), but they must be: they are what wakes the commit's
    // flush. With reports of errors alone it looks every 10 ms (begin → committed p50 11.8 ms instead of 5, measured).
    'delivery.report.only.error': false,
    'transaction.timeout.ms': TRANSACTION_TIMEOUT_MS,
    'message.timeout.ms': MESSAGE_TIMEOUT_MS,
  }
}

/** An idempotent producer outside of transactions (feeds, redrives). */
export function appenderConfig(settings: KafkaSettings): NativeConfig {
  return {
    ...publisherConfig(settings),
    'message.timeout.ms': 30_000,
    // Successful deliveries stay in librdkafka: one report a record would be one call into JavaScript a record.
    'delivery.report.only.error': true,
  }
}

function publisherConfig(settings: KafkaSettings): NativeConfig {
  const base: NativeConfig = {
    // Commit flushes, and a flush ends the linger: what was queued in one go travels in one request a partition.
    'linger.ms': 5,
    'compression.type': 'lz4',
    'queue.buffering.max.messages': 1_000_000,
    'queue.buffering.max.kbytes': 1_048_576,
    'message.max.bytes': 2_097_152,
  }
  return {
    ...base,
    ...connectionConfig(settings),
    acks: 'all',
    'enable.idempotence': true,
  }
}

function joinDebug(settings: KafkaSettings, context: string): string {
  const wanted = settings.config['debug']
  return typeof wanted === 'string' && wanted !== '' ? `${wanted},${context}` : context
}

function asProperty(name: string, value: unknown): string | number | boolean {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  throw new UserError(EXIT_SETTINGS, `The property ${name} of TA_KAFKA_CONFIG must be text, a number or a boolean`)
}
