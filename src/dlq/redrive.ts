/**
 * Sends planned records back, byte for byte, in transactions of a bounded size; each transaction holds the marks of what it
 * sends. Whoever opens the producer of the same transactional id next fences this one and finds its marks.
 */
import { invariant } from '../contract/errors.ts'
import type { Clock } from '../ports/clock.ts'
import { FLAG_KEY_CUT, FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL, LogError } from '../ports/log.ts'
import type { Log, LogConsumer, LogProducer, RecordColumns } from '../ports/log.ts'
import { RedriveBatch } from './redrive-batch.ts'
import type { PartitionPlan, RedrivePlan } from './redrive-plan.ts'

const CONSUME_WAIT_MS = 500
/** Without any progress for so long the broker counts as away. */
const STALLED_MS = 30_000

export interface RedriveProgress {
  /** Records that are known to be committed. */
  sent: number
  transactions: number
  /** Planned records that retention has deleted since. */
  gone: number
}

export interface Redrive {
  log: Pick<Log, 'consumer'>
  /** Opened and initialized before the plan was made, so that nothing of an earlier redrive is undecided. */
  producer: LogProducer
  clock: Clock
  /** Used for reading. */
  columns: RecordColumns
  dlqTopic: string
  /** Aborted: ends after the transaction under way. */
  stop: AbortSignal
  /** Called after each transaction. */
  onProgress(progress: RedriveProgress): void
}

/** Sends what is planned; resolves to what was sent. Throws LogError; what `onProgress` was told of is sent then. */
export async function redrive(job: Redrive, plan: RedrivePlan): Promise<RedriveProgress> {
  const progress: RedriveProgress = { sent: 0, transactions: 0, gone: 0 }
  const consumer = job.log.consumer([job.dlqTopic])
  try {
    for (const part of plan.partitions) {
      if (job.stop.aborted) break
      await new PartitionRedrive(job, plan, part, progress).run(consumer)
    }
    return progress
  } finally {
    await consumer.close()
  }
}

/** One partition of the DLQ: its records in order, `#next` is the first that was not met yet. */
class PartitionRedrive {
  readonly #job: Redrive
  readonly #part: PartitionPlan
  readonly #progress: RedriveProgress
  readonly #batch: RedriveBatch
  #next = 0

  constructor(job: Redrive, plan: RedrivePlan, part: PartitionPlan, progress: RedriveProgress) {
    this.#job = job
    this.#part = part
    this.#progress = progress
    this.#batch = new RedriveBatch(plan.targets, { topic: job.dlqTopic, partition: part.stretch.partition })
  }

  async run(consumer: LogConsumer): Promise<void> {
    const { offsets, stretch: { topic, partition, to } } = this.#part
    const { clock, columns, stop } = this.#job
    await consumer.assign([{ topic, partition, offset: offsets[0] }])
    let movedMs = clock.monotonicMs()
    while (this.#next < offsets.length && !stop.aborted) {
      const { count, ends } = await consumer.consume(columns, CONSUME_WAIT_MS)
      for (let row = 0; row < count && !stop.aborted; row++) {
        invariant(columns.partitions[row] === partition, 0, `a record of partition ${columns.partitions[row]} came for ${partition}`)
        this.#take(row)
        if (this.#batch.isFull) await this.#send()
      }
      if (ends.some(({ offset }) => offset >= to)) this.#skipBelow(Number.POSITIVE_INFINITY)
      if (count > 0) movedMs = clock.monotonicMs()
      else if (this.#next < offsets.length && clock.monotonicMs() - movedMs > STALLED_MS) {
        const sentence = `Nothing came from ${topic} [${partition}] for ${STALLED_MS / 1_000} s, with offset ${to} not reached`
        throw new LogError('outside', sentence, { topic, partition })
      }
    }
    if (!stop.aborted) await this.#send()
  }

  #skipBelow(offset: number): void {
    const { offsets } = this.#part
    while (this.#next < offsets.length && offsets[this.#next] < offset) {
      this.#next++
      this.#progress.gone++
    }
  }

  #take(row: number): void {
    const { columns } = this.#job
    const { offsets, targetOf } = this.#part
    const offset = columns.offsets[row]
    this.#skipBelow(offset)
    if (offsets[this.#next] !== offset) return
    const flags = columns.flags[row]
    invariant((flags & (FLAG_KEY_CUT | FLAG_VALUE_CUT)) === 0, 0, `the DLQ's record ${offset} is too long to be whole`)
    const key = (flags & FLAG_KEY_NULL) !== 0 ? null : copyOf(columns.keys, columns.keyEnds, row)
    const value = (flags & FLAG_VALUE_NULL) !== 0 ? null : copyOf(columns.values, columns.valueEnds, row)
    this.#batch.add(targetOf[this.#next], offset, key, value)
    this.#next++
  }

  async #send(): Promise<void> {
    const { records } = this.#batch
    if (records === 0) return
    await this.#job.producer.transact(this.#batch.take())
    this.#progress.sent += records
    this.#progress.transactions++
    this.#job.onProgress({ ...this.#progress })
  }
}

/** The columns are used again for the next call. */
function copyOf(bytes: Uint8Array, ends: Int32Array, row: number): Buffer {
  return Buffer.from(bytes.subarray(row === 0 ? 0 : ends[row - 1], ends[row]))
}
