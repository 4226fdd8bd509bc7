/**
 * Commits one epoch's transaction, whatever it takes. Nothing rolls the state back: the same bytes are kept until the commit
 * is known. After any error the producer is spent; a new one's InitProducerId decides what was under way, and then the
 * epoch topic tells whether the record is there (invariant 8: retried with backoff, never a terminal state).
 */
import type { Clock } from '../ports/clock.ts'
import { LogError } from '../ports/log.ts'
import type { Log, LogProducer, OutputColumns } from '../ports/log.ts'
import { decodeEpochRecord, encodeEpochRecord } from './epoch-record.ts'
import type { EpochRecord } from './epoch-record.ts'
import { EPOCH_KEY } from './outputs.ts'

const BACKOFF_FIRST_MS = 20
const BACKOFF_MOST_MS = 2_000
/**
 * The broker ends a transaction that is open for 10 s, and then refuses its producer just as it refuses one that another owner has
 * fenced. A refusal after almost that long says nothing of another owner: the epoch topic does.
 */
const TIMED_OUT_MS = 9_000

export interface CommitContext {
  log: Log
  clock: Clock
  transactionalId: string
  epochsTopic: string
  partition: number
  warn(detail: string): void
  counted(result: 'committed' | 'aborted' | 'unknown' | 'fenced'): void
}

/** Owns the task's producer: one transaction at a time. */
export class Committer {
  readonly #context: CommitContext
  #producer: LogProducer
  #closed = false
  /** Own running time at which the coming transaction was begun ahead of time. */
  #preparedMs: number | null = null

  constructor(context: CommitContext, producer: LogProducer) {
    this.#context = context
    this.#producer = producer
  }

  /** Lets the coming epoch's transaction begin and register its partitions ahead of time, once. The last place is the epoch topic's. */
  prepare(places: () => { topic: string; partition: number }[]): void {
    if (this.#preparedMs !== null || this.#closed) return
    this.#preparedMs = this.#context.clock.monotonicMs()
    this.#producer.prepare(places())
  }

  /**
   * Resolves once the epoch is known to be committed. `searchFrom` is an offset of the epoch partition before which its record
   * can't be; `onProduced` is called when the first try's commit begins. Rejects with LogError `fenced` when another owner has taken the task.
   */
  async commit(record: EpochRecord, outputs: OutputColumns[], searchFrom: number, onProduced?: () => void): Promise<void> {
    const { epoch } = record
    for (let backoffMs = BACKOFF_FIRST_MS; ; backoffMs = Math.min(backoffMs * 2, BACKOFF_MOST_MS)) {
      const startedMs = this.#preparedMs ?? this.#context.clock.monotonicMs()
      this.#preparedMs = null
      try {
        await this.#producer.transact(outputs, onProduced)
        this.#context.counted('committed')
        return
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        const timedOut = this.#context.clock.monotonicMs() - startedMs >= TIMED_OUT_MS
        if ((error.kind === 'fenced' && !timedOut) || this.#closed) {
          this.#context.counted('fenced')
          throw error
        }
        // looked at before a new producer fences: whoever has gone on meanwhile is not disturbed
        if (timedOut) await this.#isCommitted(record, searchFrom)
        this.#context.counted(error.kind === 'aborted' ? 'aborted' : 'unknown')
        this.#context.warn(`task ${this.#context.partition} epoch ${epoch}: ${error.message}; trying again`)
      }
      await this.#context.clock.sleep(backoffMs)
      await this.#renew()
      // the end is asked for after InitProducerId has returned: before it, the record might still come
      if (await this.#isCommitted(record, searchFrom)) {
        this.#context.counted('committed')
        return
      }
    }
  }

  async #renew(): Promise<void> {
    await this.#producer.close()
    if (this.#closed) throw new LogError('fenced', 'the task was given up')
    this.#producer = this.#context.log.producer(this.#context.transactionalId)
    await this.#producer.init()
  }

  /** Whether the very record is on the topic. One of the same number or a later one that isn't ours is another owner's. */
  async #isCommitted(record: EpochRecord, searchFrom: number): Promise<boolean> {
    const { log, epochsTopic, partition } = this.#context
    const bytes = encodeEpochRecord(record)
    for (;;) {
      try {
        const { low, high } = await log.bounds(epochsTopic, partition, 'read_committed')
        let found = false
        let foreign = false
        await log.read(epochsTopic, partition, Math.max(low, searchFrom), high, ({ key, value }) => {
          if (key?.toString() !== EPOCH_KEY || value === null) return
          if (value.equals(bytes)) found = true
          else if (decodeEpochRecord(value).epoch >= record.epoch) foreign = true
        })
        if (foreign) throw new LogError('fenced', `task ${partition}: another owner has written epoch ${record.epoch} or a later one`)
        return found
      } catch (error) {
        if (!(error instanceof LogError) || error.kind === 'fenced' || this.#closed) throw error
        this.#context.warn(`task ${partition}: ${error.message}; trying again`)
        await this.#context.clock.sleep(BACKOFF_MOST_MS / 4)
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#producer.close()
  }
}
