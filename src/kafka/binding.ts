/**
 * The native side of node-rdkafka, typed. Its JavaScript layer is left out: it demands metadata before anything works,
 * wraps each call, and loses error codes on the way. All of it must be called on the main thread (its callbacks come
 * over the default libuv loop).
 */
import { createRequire } from 'node:module'
import type { RecordColumns } from '../ports/log.ts'

export interface NativeError {
  message: string
  code?: number
  isFatal?: boolean
  isRetriable?: boolean
  isTxnRequiresAbort?: boolean
  /** Where it happened, if the call can tell. */
  topic?: string
  partition?: number
  offset?: number
}

export type Callback<T> = (error: NativeError | null | undefined, result: T) => void

export interface NativePartition {
  topic: string
  partition: number
  offset?: number
}

export interface NativeMessage {
  topic: string
  partition: number
  offset: number
  timestamp: number
  size: number
  key: Buffer | null
  value: Buffer | null
  headers?: Record<string, Buffer>[]
}

export interface NativeEnd {
  topic: string
  partition: number
  offset: number
}

/** What `consumeColumns` took, in order: records in the columns, ends that were reached, or one of the last two alone. */
export interface NativeTaken {
  count: number
  /** `topic` is an index into the list that the call was given. */
  ends: { topic: number; partition: number; offset: number }[]
  /** A record with a larger key or value than was asked for; it is not in the columns. */
  large?: NativeMessage
  error?: NativeError
}

/** What `produceColumns` did: rows queued, and the first error (0: none) with its row. */
export interface NativeQueued {
  queued: number
  code: number
  row: number
}

export interface NativeMetadata {
  brokers: { id: number; host: string; port: number }[]
  topics: { name: string; partitions: { id: number; leader: number; replicas: number[]; isrs: number[] }[] }[]
}

export interface NativeClient {
  configureCallbacks(add: boolean, callbacks: object): void
  connect(callback: Callback<unknown>): void
  disconnect(callback: Callback<unknown>): void
  getMetadata(options: { topic?: string; allTopics?: boolean; timeout: number }, callback: Callback<NativeMetadata>): void
  queryWatermarkOffsets(
    topic: string, partition: number, timeoutMs: number, callback: Callback<{ lowOffset: number; highOffset: number }>): void
}

export interface NativeConsumer extends NativeClient {
  assign(partitions: NativePartition[]): void
  unassign(): void
  incrementalAssign(partitions: NativePartition[]): void
  incrementalUnassign(partitions: NativePartition[]): void
  subscribe(topics: string[]): number
  pause(partitions: NativePartition[]): number
  resume(partitions: NativePartition[]): number
  commit(partitions: NativePartition[]): number
  seek(partition: NativePartition, timeoutMs: number, callback: Callback<void>): void
  committed(partitions: NativePartition[], timeoutMs: number, callback: Callback<(NativePartition | Error)[]>): void
  offsetsForTimes(partitions: NativePartition[], timeoutMs: number, callback: Callback<(NativePartition | Error)[]>): void
  /** Calls back with messages and partition ends. Waits `timeoutMs` for each message anew. */
  consume(
    timeoutMs: number, count: number,
    callback: (error: NativeError | null, messages: NativeMessage[], ends: NativeEnd[]) => void): void
  /**
   * Waits `timeoutMs` at most for a first message, fills the columns with what is there, and calls back. One call at a
   * time; the columns are the call's until then. From patches/: absent in a client that was built without.
   */
  consumeColumns?(timeoutMs: number, into: RecordColumns, topics: readonly string[], keyMaxBytes: number, valueMaxBytes: number,
    callback: Callback<NativeTaken>): void
  /** Ends the wait of a `consumeColumns` under way. */
  wakeColumns?(): void
  /** Drops what `consumeColumns` has kept for its next call, of these partitions or of all. */
  forgetColumns?(partitions?: NativePartition[]): void
  /**
   * Keeps the partitions' records back, or lets them come on: 0 or the first error's code. Unlike after `pause` nothing is fetched again; records on
   * their way to the caller still come. From patches/.
   */
  holdColumns?(partitions: NativePartition[], isHeld: boolean): number
  /** Changes fetch.min.bytes and fetch.wait.max.ms from the next request on. From patches/. */
  setFetchBounds?(minBytes: number, waitMaxMs: number): void
}

export interface NativeProducer extends NativeClient {
  poll(): void
  produce(
    topic: string, partition: number, value: Buffer | null, key: Buffer | null, timestampMs?: number | null, opaque?: undefined,
    headers?: Record<string, string>[]): number
  /**
   * Queues the rows [from, to), copied, for one partition. On ERR__QUEUE_FULL all rows before `row` are queued and none
   * after it. `headers`: by row, of each the lengths of name and value (32 bits each, low byte first), name, value. From patches/: absent
   * in a client that was built without.
   */
  produceColumns?(
    topic: string, partition: number, from: number, to: number, keys: Uint8Array, keyEnds: Int32Array, values: Uint8Array,
    valueEnds: Int32Array, flags?: Uint8Array, headers?: Uint8Array, headerEnds?: Int32Array): NativeQueued
  /**
   * Registers partitions with the transaction that has begun, in one request; 0 or an error code (none is registered then). One
   * of them must be produced to before the commit. From patches/.
   */
  registerPartitions?(partitions: NativePartition[]): number
  initTransactions(timeoutMs: number, callback: Callback<void>): void
  beginTransaction(callback: Callback<void>): void
  commitTransaction(timeoutMs: number, callback: Callback<void>): void
  abortTransaction(timeoutMs: number, callback: Callback<void>): void
  flush(timeoutMs: number, callback: Callback<void>): void
}

export interface NativeAdmin {
  connect(): number
  disconnect(): number
  createTopic(
    topic: { topic: string; num_partitions: number; replication_factor: number; config: Record<string, string> },
    timeoutMs: number, callback: Callback<void>): void
}

export interface Binding {
  KafkaConsumer: new (config: object, topicConfig: object) => NativeConsumer
  Producer: new (config: object, topicConfig: object) => NativeProducer
  AdminClient: new (config: object) => NativeAdmin
  err2str(code: number): string
  /** Gives pages that are free in the C heaps back to the system, at once. From patches/. */
  trimMemory?(): void
  librdkafkaVersion: string
}

let loaded: Binding | undefined

/** The native module, loaded at first use: commands without Kafka never need it to be built. */
export function binding(): Binding {
  loaded ??= createRequire(import.meta.url)('node-rdkafka/librdkafka.js') as Binding
  return loaded
}

/** A failed native call, with librdkafka's code and transaction flags. */
export class NativeCallError extends Error {
  readonly code: number
  readonly isFatal: boolean
  readonly isRetriable: boolean
  readonly isTxnRequiresAbort: boolean
  readonly place: { topic: string; partition: number; offset: number } | undefined
  constructor(error: NativeError) {
    super(error.message)
    this.name = 'NativeCallError'
    this.code = error.code ?? -1
    this.isFatal = error.isFatal === true
    this.isRetriable = error.isRetriable === true
    this.isTxnRequiresAbort = error.isTxnRequiresAbort === true
    const { topic, partition, offset } = error
    if (topic !== undefined && partition !== undefined && offset !== undefined) this.place = { topic, partition, offset }
  }
}
