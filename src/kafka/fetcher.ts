/**
 * LogConsumer over librdkafka: manual assignment, read_committed, nothing committed, nothing reset.
 *
 * Two things move what a consumer sees: taking messages, and moving positions. They exclude each other here (`#exclusive`),
 * so no message from before a seek comes out after it.
 */
import { GATHER_MS, LogError, type ConsumeResult, type LogConsumer, type Position, type RecordColumns } from '../ports/log.ts'
import { NativeCallError, type NativeConsumer } from './binding.ts'
import { ColumnIntake } from './column-intake.ts'
import { EventIntake } from './event-intake.ts'
import { EventRelay, type KafkaLogger, type NativeLog } from './event-relay.ts'
import { fetcherConfig, type KafkaSettings } from './kafka-config.ts'
import { asLogError, ERR__AUTO_OFFSET_RESET, ERR__FATAL, ERR__STATE, kindOf } from './kafka-errors.ts'
import { learnTopics } from './known-topics.ts'
import { consumerHandle, type NativeHandle } from './native-handle.ts'
import type { Place, RecordIntake } from './record-intake.ts'

/** How long a seek waits for a partition that has only just been assigned. */
const SEEK_TIMEOUT_MS = 5_000
/** So many bytes end a gathering. Below what one partition may bring in a fetch, so that old data never waits. */
const GATHER_BYTES = 262_144
/** "t [0]: offset reset (at offset 5 (leader epoch 0), broker 1) to INVALID…": the partition has stopped for good. */
const OFFSET_RESET = /(?:^|: )(\S+) \[(\d+)\]: offset reset \(at (.*), broker -?\d+\) to (?:\S+ )*?(?:offset )?INVALID/

export class KafkaFetcher implements LogConsumer {
  readonly #handle: NativeHandle<NativeConsumer>
  readonly #relay: EventRelay
  readonly #intake: RecordIntake
  readonly #topics: readonly string[]
  readonly #topicIndex: ReadonlyMap<string, number>
  /** Each partition with the offset that it was last moved to. */
  readonly #assigned = new Map<string, Position>()
  readonly #waitMaxMs: number
  readonly #paused = new Map<string, Place>()
  readonly #outOfRange = new Map<string, LogError>()
  #lane: Promise<unknown> = Promise.resolve()
  #learned: Promise<void> | undefined

  constructor(settings: KafkaSettings, logger: KafkaLogger, topics: string[]) {
    this.#topics = [...topics]
    this.#topicIndex = new Map(topics.map((topic, index) => [topic, index]))
    this.#relay = new EventRelay('consumer', logger, settings.password)
    // With events the log alone says which partition it was.
    if (settings.ingest === 'events') this.#relay.onLog = (log) => this.#onLog(log)
    const config = fetcherConfig(settings)
    this.#waitMaxMs = Number(config['fetch.wait.max.ms'])
    this.#handle = consumerHandle(config, this.#relay)
    this.#intake = settings.ingest === 'columns' ? new ColumnIntake(this.#handle, topics) : new EventIntake(this.#handle, topics)
  }

  assign(positions: Position[]): Promise<void> {
    return this.#moving(async () => {
      await this.#ready()
      this.#unpause([...this.#paused.values()])
      this.#attempt('Assigning partitions',
        () => this.#handle.native.assign(positions.map((position) => this.#checked(position))))
      this.#assigned.clear()
      this.#intake.forget()
      this.#outOfRange.clear()
      for (const position of positions) this.#assigned.set(keyOf(position.topic, position.partition), position)
    })
  }

  /** Open, and with the topics known, so that what is assigned is fetched at once. */
  #ready(): Promise<void> {
    this.#learned ??= learnTopics(this.#handle, this.#topics)
    return this.#learned
  }

  seek(positions: Position[]): Promise<void> {
    return this.#moving(async () => {
      await this.#ready()
      const added = positions.filter((position) => !this.#assigned.has(keyOf(position.topic, position.partition)))
      const moved = positions.filter((position) => this.#assigned.has(keyOf(position.topic, position.partition)))
      if (added.length > 0) {
        this.#attempt('Assigning partitions',
          () => this.#handle.native.incrementalAssign(added.map((position) => this.#checked(position))))
      }
      for (const position of moved) await this.#move(position)
      for (const position of positions) this.#assigned.set(keyOf(position.topic, position.partition), position)
      this.#forget(positions)
    })
  }

  async #move(position: Position): Promise<void> {
    const deadlineMs = performance.now() + SEEK_TIMEOUT_MS
    for (;;) {
      try {
        await this.#handle.call<void>((done) => this.#handle.native.seek({ ...position }, 1_000, done))
        return
      } catch (error) {
        // What has not begun to be fetched yet, or was stopped by an error for good, can't be sought.
        const stopped = error instanceof NativeCallError && error.code === ERR__STATE
        if (stopped && this.#reassign(position)) return
        if (!stopped || performance.now() > deadlineMs) {
          throw asLogError(error, `Seeking ${position.topic} [${position.partition}]`, position)
        }
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }

  #reassign(position: Position): boolean {
    const { topic, partition } = position
    try {
      this.#handle.native.incrementalUnassign([{ topic, partition }])
      this.#handle.native.incrementalAssign([this.#checked(position)])
    } catch {
      // Still being taken away or added; the caller tries again until its deadline.
      return false
    }
    if (this.#paused.has(keyOf(topic, partition))) this.#hold([position], true)
    return true
  }

  unassign(partitions: Place[]): Promise<void> {
    return this.#moving(async () => {
      const known = partitions.filter(({ topic, partition }) => this.#assigned.delete(keyOf(topic, partition)))
      this.#unpause(known)
      if (known.length > 0) {
        this.#attempt('Unassigning partitions',
          () => this.#handle.native.incrementalUnassign(known.map(({ topic, partition }) => ({ topic, partition }))))
      }
      this.#forget(partitions)
    })
  }

  /** Records that were fetched before may still come. */
  pause(partitions: Place[]): void {
    for (const { topic, partition } of partitions) this.#paused.set(keyOf(topic, partition), { topic, partition })
    this.#hold(partitions, true)
  }

  resume(partitions: Place[]): void {
    for (const { topic, partition } of partitions) this.#paused.delete(keyOf(topic, partition))
    this.#hold(partitions, false)
  }

  /** A pause of librdkafka's own drops what it has fetched ahead, and fetches it again: while old data is read, each record many times. */
  #hold(partitions: Place[], isHeld: boolean): void {
    const { native } = this.#handle
    const places = partitions.map(({ topic, partition }) => ({ topic, partition }))
    if (!native.holdColumns) {
      native[isHeld ? 'pause' : 'resume'](places)
      return
    }
    // a client that is closing, or a partition that it has never heard of: nothing comes from either
    const code = native.holdColumns(places, isHeld)
    if (code !== 0) this.#relay.logger.debug({ code, places }, isHeld ? 'Partitions are not held back' : 'Partitions are not let go on')
  }

  /** A pause would outlive the assignment inside librdkafka, and hold the partition when it comes back. */
  #unpause(partitions: Place[]): void {
    const paused = partitions.filter(({ topic, partition }) => this.#paused.has(keyOf(topic, partition)))
    if (paused.length > 0) this.resume(paused)
  }

  letGather(isLet: boolean): void {
    this.#handle.native.setFetchBounds?.(isLet ? GATHER_BYTES : 1, isLet ? GATHER_MS : this.#waitMaxMs)
  }

  async consume(into: RecordColumns, timeoutMs: number): Promise<ConsumeResult> {
    const deadlineMs = performance.now() + timeoutMs
    for (;;) {
      for (const [key, error] of this.#outOfRange) {
        this.#outOfRange.delete(key)
        throw error
      }
      const result = await this.#exclusive(() => this.#take(into, deadlineMs - performance.now()))
      if (result.count > 0 || result.ends.length > 0) return result
      if (this.#outOfRange.size === 0 && performance.now() >= deadlineMs) return result
    }
  }

  async #take(into: RecordColumns, waitMs: number): Promise<ConsumeResult> {
    try {
      return await this.#intake.take(into, Math.max(0, waitMs))
    } catch (error) {
      await this.#onConsumeError(error)
      into.count = 0
      return { count: 0, ends: [] }
    }
  }

  async #onConsumeError(error: unknown): Promise<void> {
    if (this.#handle.closing) throw new LogError('outside', 'The Kafka consumer is closed', undefined, { cause: error })
    const code = error instanceof NativeCallError ? error.code : ERR__FATAL
    const place = error instanceof NativeCallError ? error.place : undefined
    if (code === ERR__AUTO_OFFSET_RESET && place) {
      // One from before the last seek may still have been in the queue.
      if (place.offset < (this.#assigned.get(keyOf(place.topic, place.partition))?.offset ?? 0)) return
      this.#noteOutOfRange(place.topic, place.partition, `offset ${place.offset}`)
      return
    }
    if (code === ERR__AUTO_OFFSET_RESET) {
      // The error says no partition; the log line that does may still be on its way from librdkafka's thread.
      for (let turn = 0; turn < 50 && this.#outOfRange.size === 0; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
      if (this.#outOfRange.size === 0) throw asLogError(error, `Reading ${this.#topics.join(', ')}`)
      return
    }
    const kind = kindOf(code, 'outside')
    if (code === ERR__FATAL || kind === 'missing' || kind === 'authorization') {
      throw asLogError(error, `Reading ${place?.topic ?? this.#topics.join(', ')}`, place)
    }
    // A broker that is away: librdkafka comes back by itself, and the relay has said so.
    this.#relay.onEvent('error', error)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }

  #onLog(log: NativeLog): boolean {
    const match = log.fac === 'OFFSET' ? OFFSET_RESET.exec(log.message) : null
    if (match) this.#noteOutOfRange(match[1], Number(match[2]), match[3])
    return false
  }

  #noteOutOfRange(topic: string, partition: number, at: string): void {
    const key = keyOf(topic, partition)
    if (!this.#assigned.has(key)) return
    this.#outOfRange.set(key, new LogError('out_of_range',
      `The records of ${topic} [${partition}] at ${at} are not there: deleted by retention, or the topic was made anew`,
      { topic, partition }))
  }

  #forget(partitions: Place[]): void {
    for (const { topic, partition } of partitions) this.#outOfRange.delete(keyOf(topic, partition))
    this.#intake.forget(partitions)
  }

  #checked({ topic, partition, offset }: Position): Position {
    if (!this.#topicIndex.has(topic)) throw new RangeError(`The consumer was not opened with topic ${topic}`)
    return { topic, partition, offset }
  }

  #attempt(doing: string, action: () => void): void {
    try {
      action()
    } catch (error) {
      throw asLogError(error, doing)
    }
  }

  #exclusive<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#lane.then(action)
    this.#lane = result.catch(() => undefined)
    return result
  }

  /** What moves positions ends the wait that is under way, and comes next. */
  #moving<T>(action: () => Promise<T>): Promise<T> {
    this.#intake.wake()
    return this.#exclusive(action)
  }

  close(): Promise<void> {
    const closed = this.#handle.close()
    this.#intake.wake()
    return closed
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
