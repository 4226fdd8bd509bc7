/**
 * The broker's transaction coordinator: producer epochs, fencing, decisions. A decision is durable when EndTxn is answered;
 * the markers follow, partition by partition. InitProducerId aborts what is open, waits until what is being decided is
 * decided, and only then hands out its epoch.
 */
import type { OutputColumns } from '../ports/log.ts'
import { FLAG_KEY_NULL, FLAG_VALUE_NULL, LogError } from '../ports/log.ts'
import type { Entry, PartitionLog, Transaction } from './partition-log.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import type { Tally } from './tally.ts'

interface Producer {
  epoch: number
  current: Transaction | null
  /** When its newest transaction began; −1 since the last InitProducerId. */
  beganMs: number
  /** Wait until the current transaction is decided and marked everywhere. */
  waiting: (() => void)[]
}

/** Who writes: a producer's id and epoch, and the process it is in. */
export interface Writer {
  transactionalId: string
  epoch: number
  by: string
}

export class TransactionCoordinator {
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #producers = new Map<string, Producer>()
  readonly #timeoutMs: number
  /** Longest time from a decision to its last marker, ms. */
  readonly #markersMs: number
  readonly #tally: Tally

  constructor(scheduler: Scheduler, random: Random, timeoutMs: number, tally: Tally) {
    this.#tally = tally
    this.#scheduler = scheduler
    this.#random = random
    this.#timeoutMs = timeoutMs
    this.#markersMs = random.pick([1, 5, 50, 400])
  }

  #of(transactionalId: string): Producer {
    const known = this.#producers.get(transactionalId)
    if (known !== undefined) return known
    const fresh: Producer = { epoch: 0, current: null, beganMs: -1, waiting: [] }
    this.#producers.set(transactionalId, fresh)
    return fresh
  }

  /** Answers with the new epoch once everything before it is decided. */
  init(transactionalId: string, answer: (epoch: number) => void): void {
    const producer = this.#of(transactionalId)
    const { current } = producer
    if (current === null) {
      producer.beganMs = -1
      answer(++producer.epoch)
      return
    }
    // before the decision: one on a transaction without a record is there at once
    producer.waiting.push(() => this.init(transactionalId, answer))
    if (current.state === 'open') {
      producer.epoch += 1 // from now on the old one is fenced
      this.#tally.note('InitProducerId aborted a transaction')
      this.#decide(producer, current, 'aborting')
    } else this.#tally.note('InitProducerId awaited a decision')
  }

  /** Appends to one partition inside the producer's transaction, which begins with its first record. */
  produce(writer: Writer, log: PartitionLog, outputs: OutputColumns, answer: () => void, refuse: (error: LogError) => void): void {
    const { transactionalId, epoch, by } = writer
    const producer = this.#of(transactionalId)
    const { current } = producer
    if (epoch !== producer.epoch) return refuse(this.#fenced(transactionalId))
    if (current !== null && current.state !== 'open') {
      // CONCURRENT_TRANSACTIONS: the client tries again until the last one is done
      producer.waiting.push(() => this.produce(writer, log, outputs, answer, refuse))
      return
    }
    const transaction = current ?? this.#begin(producer, transactionalId, by)
    log.append(entriesOf(outputs, transaction, this.#scheduler.nowMs, by))
    answer()
  }

  /** A transaction begins without a record. One that is being decided is waited for. */
  register({ transactionalId, epoch, by }: Writer, answer: () => void, refuse: (error: LogError) => void): void {
    const producer = this.#of(transactionalId)
    if (epoch !== producer.epoch) return refuse(this.#fenced(transactionalId))
    if (producer.current !== null && producer.current.state !== 'open') {
      producer.waiting.push(() => this.register({ transactionalId, epoch, by }, answer, refuse))
      return
    }
    if (producer.current === null) this.#begin(producer, transactionalId, by)
    answer()
  }

  #begin(producer: Producer, transactionalId: string, by: string): Transaction {
    const transaction: Transaction = {
      transactionalId, producerEpoch: producer.epoch, by, state: 'open', startedMs: this.#scheduler.nowMs, partitions: new Set(),
    }
    producer.current = transaction
    producer.beganMs = transaction.startedMs
    this.#scheduler.after(this.#timeoutMs + this.#random.between(0, this.#timeoutMs), () => {
      if (transaction.state !== 'open') return
      this.#tally.note('transaction timed out')
      producer.epoch += 1
      this.#decide(producer, transaction, 'aborting')
    })
    return transaction
  }

  /** EndTxn. Answers when the decision is durable; the markers come after it. */
  end(transactionalId: string, epoch: number, commit: boolean, answer: () => void, refuse: (error: LogError) => void): void {
    const producer = this.#of(transactionalId)
    if (epoch !== producer.epoch) return refuse(this.#fenced(transactionalId))
    if (producer.current?.state === 'open') this.#decide(producer, producer.current, commit ? 'committing' : 'aborting')
    answer()
  }

  /** When the newest transaction of an id began; null where there was none since its last InitProducerId, or ever. */
  began(transactionalId: string): number | null {
    const { beganMs } = this.#of(transactionalId)
    return beganMs >= 0 ? beganMs : null
  }

  #fenced(transactionalId: string): LogError {
    this.#tally.note('write of a fenced producer')
    return new LogError('fenced', `A newer producer of ${transactionalId} has taken over`)
  }

  #decide(producer: Producer, transaction: Transaction, state: 'committing' | 'aborting'): void {
    transaction.state = state
    let left = transaction.partitions.size
    const finish = (): void => {
      transaction.state = state === 'committing' ? 'committed' : 'aborted'
      producer.current = null
      const waiting = producer.waiting
      producer.waiting = []
      for (const run of waiting) run()
    }
    if (left === 0) finish()
    for (const log of transaction.partitions) {
      this.#scheduler.after(this.#random.between(0, this.#markersMs), () => {
        log.mark(transaction, this.#scheduler.nowMs)
        if (--left === 0) finish()
      })
    }
  }
}

function entriesOf(outputs: OutputColumns, transaction: Transaction, nowMs: number, by: string): Entry[] {
  const { keys, keyEnds, values, valueEnds } = outputs
  const piece = (bytes: Uint8Array, ends: Int32Array, row: number): Buffer => {
    return Buffer.from(bytes.slice(row === 0 ? 0 : ends[row - 1], ends[row]))
  }
  const is = (flag: number, row: number): boolean => ((outputs.flags?.[row] ?? 0) & flag) !== 0
  return Array.from({ length: outputs.count }, (_, row): Entry => ({
    kind: 'data', transaction, timestampMs: nowMs, by,
    key: is(FLAG_KEY_NULL, row) ? null : piece(keys, keyEnds, row),
    value: is(FLAG_VALUE_NULL, row) ? null : piece(values, valueEnds, row),
    headers: outputs.headers?.[row] ?? [],
  }))
}
