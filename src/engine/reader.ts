/**
 * The one consumer of an engine: reads every owned partition and deals its records to the tasks' queues. A full queue pauses
 * its partition, a drained one resumes it (invariant 7). No object a record (invariant 9).
 */
import type { Logger } from '../logging/logger.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import type { Clock } from '../ports/clock.ts'
import { GATHER_MS, LogError } from '../ports/log.ts'
import type { Log, LogConsumer, Position, RecordColumns } from '../ports/log.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { mayGatherAtBroker, quietForMs } from './reading-pace.ts'
import type { Pace } from './reading-pace.ts'
import type { TaskOwner } from './task-owner.ts'

const RECORDS = 8_192
const VALUE_BYTES = 4_194_304
const WAIT_MS = 100
const RETRY_MS = 250

export class Reader {
  readonly #log: Log
  readonly #clock: Clock
  readonly #logger: Logger
  /** Topic names by the consumer's topic number, and the channel of each. */
  readonly #topics: string[]
  readonly #channels: number[]
  readonly #columns: RecordColumns
  readonly #owners = new Map<number, TaskOwner>()
  /** Starts by partition, one after the other: of two that overlap, either's positions could be the last. */
  readonly #starts = new Map<number, Promise<void>>()
  readonly #consumer: LogConsumer
  readonly #pace: Pace
  readonly #closing = new AbortController()
  #isGathering = false
  #running: Promise<void> = Promise.resolve()
  /** Time in which some partition was paused, up to the last change, ms. */
  #pausedMs = 0
  #pausedSinceMs: number | null = null

  /** `inputs`: topic by channel, '' where it is off. `columns`: what is read into, so the most that one turn reads. */
  constructor(
    log: Log, clock: Clock, logger: Logger, inputs: readonly string[], pace: Pace, columns = recordColumns(RECORDS, RECORDS * 64, VALUE_BYTES),
  ) {
    this.#log = log
    this.#clock = clock
    this.#logger = logger
    this.#pace = pace
    this.#columns = columns
    this.#topics = inputs.filter((topic) => topic !== '')
    this.#channels = this.#topics.map((topic) => inputs.indexOf(topic))
    this.#consumer = this.#log.consumer(this.#topics)
  }

  /** Begins to read; `turn` is called at each turn, `failed` once with what can't be tried again. */
  start(turn: () => void, failed: (error: unknown) => void): void {
    this.#running = this.#run(turn).catch(failed)
  }

  /**
   * Adds a task, or starts it anew, at these positions; a channel without one (null) is not read. Until the seek is done nobody gets the partition's records: those of
   * its former owner, from further on, would make the queue drop all before them.
   */
  add(owner: TaskOwner, positions: (number | null)[]): Promise<void> {
    const added = (this.#starts.get(owner.partition) ?? Promise.resolve()).then(() => this.#start(owner, positions))
    this.#starts.set(owner.partition, added.catch(() => undefined))
    return added
  }

  async #start(owner: TaskOwner, positions: (number | null)[]): Promise<void> {
    this.#owners.delete(owner.partition)
    const places: Position[] = []
    const unread: Pick<Position, 'topic' | 'partition'>[] = []
    for (const [number, topic] of this.#topics.entries()) {
      const offset = positions[this.#channels[number]]
      if (offset === null) unread.push({ topic, partition: owner.partition })
      else places.push({ topic, partition: owner.partition, offset })
    }
    positions.forEach((offset, channel) => owner.queues[channel].start(offset ?? 0))
    try {
      if (unread.length > 0) await this.#consumer.unassign(unread)
      await this.#consumer.seek(places)
    } finally {
      this.#owners.set(owner.partition, owner) // also after a seek that failed: it may be assigned, and is to be removed
    }
    owner.paused.fill(false)
    this.#notePaused()
    this.#consumer.resume(places)
  }

  async remove(owner: TaskOwner): Promise<void> {
    if (this.#owners.get(owner.partition) !== owner) return
    this.#owners.delete(owner.partition)
    this.#notePaused()
    await this.#consumer.unassign(this.#topics.map((topic) => ({ topic, partition: owner.partition })))
  }

  /** A queue has room again. */
  drained(owner: TaskOwner, channel: number): void {
    if (!owner.paused[channel]) return
    owner.paused[channel] = false
    this.#consumer.resume([{ topic: this.#topics[this.#channels.indexOf(channel)], partition: owner.partition }])
    this.#notePaused()
  }

  /** Time in which some partition was paused, ms: a pause that goes on counts, too. */
  get pausedMs(): number {
    return this.#pausedMs + (this.#pausedSinceMs === null ? 0 : this.#clock.monotonicMs() - this.#pausedSinceMs)
  }

  #notePaused(): void {
    const paused = [...this.#owners.values()].some((owner) => owner.paused.includes(true))
    const nowMs = this.#clock.monotonicMs()
    if (paused) this.#pausedSinceMs ??= nowMs
    else if (this.#pausedSinceMs !== null) {
      this.#pausedMs += nowMs - this.#pausedSinceMs
      this.#pausedSinceMs = null
    }
  }

  async #run(turn: () => void): Promise<void> {
    while (!this.#closing.signal.aborted) {
      turn()
      try {
        const { ends } = await this.#consumer.consume(this.#columns, this.#gather())
        this.#deal()
        for (const { topic, partition, offset } of ends) this.#owners.get(partition)?.noteEnd(this.#channels[topic], offset)
        const restMs = Math.min(quietForMs(this.#clock.nowMs(), this.#columns.count, this.#pace), this.#pace.gatherMs)
        if (restMs >= 1) await this.#clock.sleep(restMs, this.#closing.signal)
      } catch (error) {
        if (this.#closing.signal.aborted) return
        if (!(error instanceof LogError)) throw error
        if (error.kind === 'out_of_range') {
          throw new UserError(EXIT_SETTINGS, `${error.message}: the records were deleted by retention before they were read. Start anew with ta reset --from earliest.`, { cause: error })
        }
        this.#logger.warn({}, `reading: ${error.message}; trying again`)
        await this.#clock.sleep(RETRY_MS, this.#closing.signal)
      }
    }
  }

  /** Tells the consumer whether records may gather at the broker; returns how long it may wait for some before it is told anew, ms. */
  #gather(): number {
    const quietMs = quietForMs(this.#clock.nowMs(), this.#columns.count, this.#pace)
    const isLet = mayGatherAtBroker(quietMs)
    if (isLet !== this.#isGathering) this.#consumer.letGather(isLet)
    this.#isGathering = isLet
    return isLet ? Math.min(quietMs - GATHER_MS, WAIT_MS) : WAIT_MS
  }

  /** Deals the columns' records to their queues and wakes the tasks that got some. */
  #deal(): void {
    const columns = this.#columns
    const { partitions, topics } = columns
    let woken: TaskOwner | undefined
    let next = 0
    for (let row = 0; row < columns.count; row = next) {
      const partition = partitions[row]
      const topic = topics[row]
      // a fetch brings each partition's records as one run
      while (next < columns.count && partitions[next] === partition && topics[next] === topic) next++
      const owner = this.#owners.get(partition)
      if (owner === undefined) continue
      const channel = this.#channels[topic]
      const queue = owner.queues[channel]
      queue.put(columns, row, next)
      if (owner !== woken) {
        owner.wake()
        woken = owner
      }
      if (queue.isFull && !owner.paused[channel]) {
        owner.paused[channel] = true
        this.#consumer.pause([{ topic: this.#topics[topic], partition }])
        this.#notePaused()
      }
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
    await this.#consumer.close()
  }
}
