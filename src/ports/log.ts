/**
 * The log: consume, transact, and look after topics. Kafka for real (src/kafka), seeded and with faults (src/simulation).
 * Data plane types are packed columns; no object a record crosses this line.
 */

/** A position in one partition. Offsets are integers below 2^53. */
export interface Position {
  topic: string
  partition: number
  offset: number
}

export const FLAG_KEY_NULL = 1
export const FLAG_VALUE_NULL = 2
/** The value was longer than a record may be: its first 64 KiB and the SHA-256 of the whole are there, `sizes` has its true length. */
export const FLAG_VALUE_CUT = 4

/** The key was longer than 64 KiB: its first KiB, the SHA-256 of the whole and its length (u32, little-endian) are there. */
export const FLAG_KEY_CUT = 8

/**
 * Consumed records, packed, in the order in which they came. Arrow's layout: `ends[i]` is where record i's bytes end,
 * and `ends[i - 1]` (0 for the first) where they begin. Owned by the caller and used again for the next call.
 */
export interface RecordColumns {
  count: number
  /** Index of the topic in the list the consumer was opened with. */
  topics: Uint8Array
  partitions: Int32Array
  offsets: Float64Array
  /** Broker or producer time in ms since the epoch, −1 where there is none. */
  timestampsMs: Float64Array
  flags: Uint8Array
  keys: Uint8Array
  keyEnds: Int32Array
  values: Uint8Array
  valueEnds: Int32Array
  /** True length of each value in bytes. */
  sizes: Int32Array
}

/** What a batch holds of each record. */
export type BatchColumns = Pick<RecordColumns, 'offsets' | 'flags' | 'keys' | 'keyEnds' | 'values' | 'valueEnds' | 'sizes'>

/** A partition's end was reached: nothing is left to read below `offset` (the next one to come). */
export interface PartitionEnd {
  topic: number
  partition: number
  offset: number
}

export interface ConsumeResult {
  /** Records written to the columns, 0 when the deadline passed. */
  count: number
  ends: PartitionEnd[]
}

/** How long records gather at the broker at most, where they may. */
export const GATHER_MS = 20

/** Reads partitions that were assigned by hand. Never commits offsets, never starts from committed ones. */
export interface LogConsumer {
  /** Replaces the whole assignment; reading starts at each offset. */
  assign(positions: Position[]): Promise<void>
  /** Adds partitions, or moves partitions already assigned to another offset. */
  seek(positions: Position[]): Promise<void>
  unassign(partitions: { topic: string; partition: number }[]): Promise<void>
  pause(partitions: { topic: string; partition: number }[]): void
  resume(partitions: { topic: string; partition: number }[]): void
  /**
   * Fills `into` with what is there, waiting for a first record at most `timeoutMs` (one deadline for the whole call).
   * Returns as soon as something is there. Throws LogError: `out_of_range` (deleted by retention), `outside` (retry).
   */
  consume(into: RecordColumns, timeoutMs: number): Promise<ConsumeResult>
  /**
   * Whether records may gather at the broker for up to `GATHER_MS` before they are fetched, from the next fetch on: fewer
   * requests for the same records. A hint; partitions' ends are told as ever.
   */
  letGather(isLet: boolean): void
  close(): Promise<void>
}

export interface Header {
  name: string
  value: string
}

/** Records to produce to one partition of one topic, packed like RecordColumns. */
export interface OutputColumns {
  topic: string
  partition: number
  count: number
  keys: Uint8Array
  keyEnds: Int32Array
  values: Uint8Array
  valueEnds: Int32Array
  /** One list a record, or absent when no record has headers. */
  headers?: Header[][]
  /** Bits FLAG_KEY_NULL and FLAG_VALUE_NULL a record, or absent when every record has both. */
  flags?: Uint8Array
}

/**
 * The one transactional producer of a task. One transaction at a time; nothing is sent outside of one.
 * After any LogError the producer is spent: close it and open a new one.
 */
export interface LogProducer {
  /** InitProducerId: fences every older producer of the same id and decides what it had under way. Retries until it succeeds or is closed. */
  init(): Promise<void>
  /**
   * Begins the transaction that `transact` will end, and has these partitions registered with it meanwhile, so that what is produced
   * then need not wait for it. What is transacted then must go to the last of them, among others. A hint; its failure is the
   * next `transact`'s. The broker's time for a transaction begins to run.
   */
  prepare(places: { topic: string; partition: number }[]): void
  /**
   * One transaction: begin, produce everything, commit. Resolves once it is known to be committed.
   * `onProduced` is called once everything is handed over and the commit begins.
   * Rejects with LogError: `aborted` (known not to be committed), `unknown` (may have been committed), `fenced` (another owner).
   */
  transact(outputs: OutputColumns[], onProduced?: () => void): Promise<void>
  close(): Promise<void>
}

/** One record as the control plane sees it (epoch records, verify, DLQ): an object a record is fine there. */
export interface LogRecord {
  topic: string
  partition: number
  offset: number
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers: Header[]
}

export interface TopicInfo {
  name: string
  /** Number of partitions; 0 when the topic does not exist. */
  partitions: number
  replicationFactor: number
  config: Record<string, string>
}

/** Membership in the consumer group: it only deals the tasks out. */
export interface LogGroup {
  /**
   * Joins for the trades topic and calls back with partition numbers. `onRevoked` is awaited before they are given up;
   * `onLost` says that they are gone already (session timeout). A static member that comes back within its session is given what it
   * had; `afresh` ends that membership first, so that all partitions are dealt out anew.
   */
  join(handlers: {
    onAssigned(partitions: number[]): void
    onRevoked(partitions: number[]): Promise<void>
    onLost(partitions: number[]): void
    /** Another process has taken this instance's membership so often in a minute: it is its, or they take it from each other for ever. */
    onContested(times: number): void
  }, afresh?: boolean): Promise<void>
  /** Plainly commits offsets for lag tools alone. Errors are logged, never thrown. */
  commitOffsets(positions: Position[]): void
  /** Closes; with `leave` a static member leaves the group for good. */
  close(leave: boolean): Promise<void>
}

export interface Log {
  /** Resolves when a broker has answered. Rejects with LogError `outside` or `auth` when `timeoutMs` is over. */
  connect(timeoutMs: number): Promise<void>
  describe(topics: string[]): Promise<TopicInfo[]>
  createTopics(topics: { name: string; partitions: number; replicationFactor: number; config: Record<string, string> }[]): Promise<void>
  /** First and next offset of a partition; `stable` gives the last stable offset (read_committed) as the end. */
  bounds(topic: string, partition: number, isolation: 'read_committed' | 'read_uncommitted'): Promise<{ low: number; high: number }>
  /** Offset of the first record with a timestamp at or after `timeMs`, or the end. */
  offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number>
  /** Offsets committed by the group, −1 where there are none. */
  committed(group: string, partitions: { topic: string; partition: number }[]): Promise<number[]>
  /**
   * When the newest transaction of a transactional id began, ms by the broker's clock; null where there was none since its last
   * InitProducerId, or ever. Rejects with LogError `authorization` where it may not be asked, else `outside`.
   */
  transactionBegan(transactionalId: string): Promise<number | null>
  deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void>
  /** Reads [from, to) of a partition read_committed, in order, and ends when its position has reached `to`. */
  read(topic: string, partition: number, from: number, to: number, onRecord: (record: LogRecord) => void): Promise<void>
  consumer(topics: string[]): LogConsumer
  producer(transactionalId: string): LogProducer
  group(topic: string): LogGroup
  close(): Promise<void>
}

export type LogErrorKind = 'aborted' | 'unknown' | 'fenced' | 'out_of_range' | 'missing' | 'auth' | 'authorization' | 'outside'

/** Everything a log throws. `detail` is one sentence for a person and never holds a secret. */
export class LogError extends Error {
  readonly kind: LogErrorKind
  readonly topic: string | undefined
  readonly partition: number | undefined
  constructor(kind: LogErrorKind, detail: string, where?: { topic?: string; partition?: number }, options?: { cause?: unknown }) {
    super(detail, options)
    this.name = 'LogError'
    this.kind = kind
    this.topic = where?.topic
    this.partition = where?.partition
  }
}
