/**
 * LogConsumer over librdkafka: manual assignment, read_committed, nothing committed, nothing reset.
 *
 * Two things move what a consumer sees: taking messages, and moving positions. They exclude each other here (`#exclusive`),
 * so no message from before a seek comes out after it.
 */
import {
  LogError, type ConsumeResult, type LogConsumer, type PartitionEnd, type Position, type RecordColumns,
} from '../ports/log.ts'
import { NativeCallError, type NativeConsumer, type NativeMessage } from './binding.ts'
import { EventRelay, type KafkaLogger, type NativeLog } from './event-relay.ts'
import { fetcherConfig, type KafkaSettings } from './kafka-config.ts'
import { asLogError, ERR__AUTO_OFFSET_RESET, ERR__FATAL, ERR__STATE, kindOf } from './kafka-errors.ts'
import { consumerHandle, type NativeHandle } from './native-handle.ts'
import { packRecords } from './record-packing.ts'
import { take } from './taking.ts'

type Place = { topic: string; partition: number }

/** How long a seek waits for a partition that has only just been assigned. */
const SEEK_TIMEOUT_MS = 5_000
/** "t [0]: offset reset (at offset 5 (leader epoch 0), broker 1) to INVALID…": the partition has stopped for good. */
const OFFSET_RESET = /(?:^|: )(\S+) \[(\d+)\]: offset reset \(at (.*), broker -?\d+\) to (?:\S+ )*?(?:offset )?INVALID/

export class KafkaFetcher implements LogConsumer {
  readonly #handle: NativeHandle<NativeConsumer>
  readonly #relay: EventRelay
  readonly #topics: readonly string[]
  readonly #topicIndex: ReadonlyMap<string, number>
  readonly #assigned = new Map<string, Place>()
  readonly #paused = new Map<string, Place>()
  /** Messages taken and not handed out yet, from `#next` on. */
  #messages: NativeMessage[] = []
  #next = 0
  #ends: PartitionEnd[] = []
  readonly #outOfRange = new Map<string, LogError>()
  #lane: Promise<unknown> = Promise.resolve()

  constructor(settings: KafkaSettings, logger: KafkaLogger, topics: string[]) {
    this.#topics = [...topics]
    this.#topicIndex = new Map(topics.map((topic, index) => [topic, index]))
    this.#relay = new EventRelay('consumer', logger, settings.password)
    this.#relay.onLog = (log) => this.#noteOutOfRange(log)
    this.#handle = consumerHandle(fetcherConfig(settings), this.#relay)
  }

  assign(positions: Position[]): Promise<void> {
    return this.#exclusive(async () => {
      await this.#handle.open()
      this.#unpause([...this.#paused.values()])
      this.#attempt('Assigning partitions',
        () => this.#handle.native.assign(positions.map((position) => this.#checked(position))))
      this.#assigned.clear()
      this.#messages = []
      this.#next = 0
      this.#ends = []
      this.#outOfRange.clear()
      for (const { topic, partition } of positions) this.#assigned.set(keyOf(topic, partition), { topic, partition })
    })
  }

  seek(positions: Position[]): Promise<void> {
    return this.#exclusive(async () => {
      await this.#handle.open()
      const added = positions.filter((position) => !this.#assigned.has(keyOf(position.topic, position.partition)))
      const moved = positions.filter((position) => this.#assigned.has(keyOf(position.topic, position.partition)))
      if (added.length > 0) {
        this.#attempt('Assigning partitions',
          () => this.#handle.native.incrementalAssign(added.map((position) => this.#checked(position))))
        for (const { topic, partition } of added) this.#assigned.set(keyOf(topic, partition), { topic, partition })
      }
      for (const position of moved) await this.#move(position)
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
    if (this.#paused.has(keyOf(topic, partition))) this.#handle.native.pause([{ topic, partition }])
    return true
  }

  unassign(partitions: Place[]): Promise<void> {
    return this.#exclusive(async () => {
      const known = partitions.filter(({ topic, partition }) => this.#assigned.delete(keyOf(topic, partition)))
      this.#unpause(known)
      if (known.length > 0) {
        this.#attempt('Unassigning partitions',
          () => this.#handle.native.incrementalUnassign(known.map(({ topic, partition }) => ({ topic, partition }))))
      }
      this.#forget(partitions)
    })
  }

  /** Records that were taken before may still come out once. */
  pause(partitions: Place[]): void {
    for (const { topic, partition } of partitions) this.#paused.set(keyOf(topic, partition), { topic, partition })
    this.#handle.native.pause(partitions.map(({ topic, partition }) => ({ topic, partition })))
  }

  resume(partitions: Place[]): void {
    for (const { topic, partition } of partitions) this.#paused.delete(keyOf(topic, partition))
    this.#handle.native.resume(partitions.map(({ topic, partition }) => ({ topic, partition })))
  }

  /** A pause would outlive the assignment inside librdkafka, and hold the partition when it comes back. */
  #unpause(partitions: Place[]): void {
    const paused = partitions.filter(({ topic, partition }) => this.#paused.has(keyOf(topic, partition)))
    if (paused.length > 0) this.resume(paused)
  }

  async consume(into: RecordColumns, timeoutMs: number): Promise<ConsumeResult> {
    const deadlineMs = performance.now() + timeoutMs
    // A steady stream is served by the first call, which doesn't wait; only an idle one pays for a second.
    let waitMs = 0
    for (;;) {
      if (this.#next < this.#messages.length || this.#ends.length > 0) return this.#handOut(into)
      for (const [key, error] of this.#outOfRange) {
        this.#outOfRange.delete(key)
        throw error
      }
      if (waitMs < 0) {
        into.count = 0
        return { count: 0, ends: [] }
      }
      const slice = waitMs
      await this.#exclusive(() => this.#take(slice))
      const restMs = deadlineMs - performance.now()
      waitMs = restMs > 0 ? restMs : -1
    }
  }

  async #take(waitMs: number): Promise<void> {
    // What came in while this call waited for its turn is handed out first.
    if (this.#next < this.#messages.length) return
    try {
      const { messages, ends } = await take(this.#handle, waitMs)
      this.#messages = messages
      this.#next = 0
      for (const { topic, partition, offset } of ends) this.#ends.push({ topic: this.#topicIndex.get(topic)!, partition, offset })
    } catch (error) {
      await this.#onConsumeError(error)
    }
  }

  async #onConsumeError(error: unknown): Promise<void> {
    if (this.#handle.closing) throw new LogError('outside', 'The Kafka consumer is closed', undefined, { cause: error })
    const code = error instanceof NativeCallError ? error.code : ERR__FATAL
    if (code === ERR__AUTO_OFFSET_RESET) {
      // The error says no partition; the log line that does may still be on its way from librdkafka's thread.
      for (let turn = 0; turn < 50 && this.#outOfRange.size === 0; turn++) await new Promise((resolve) => setTimeout(resolve, 2))
      if (this.#outOfRange.size === 0) throw asLogError(error, `Reading ${this.#topics.join(', ')}`)
      return
    }
    const kind = kindOf(code, 'outside')
    if (code === ERR__FATAL || kind === 'missing' || kind === 'authorization') {
      throw asLogError(error, `Reading ${this.#topics.join(', ')}`)
    }
    // A broker that is away: librdkafka comes back by itself, and the relay has said so.
    this.#relay.onEvent('error', error)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }

  #handOut(into: RecordColumns): ConsumeResult {
    const from = this.#next
    this.#next = packRecords(this.#messages, from, this.#topicIndex, into)
    if (this.#next < this.#messages.length) {
      if (this.#next === from) throw new RangeError('A record batch that takes no record: its buffers are smaller than 64 KiB')
      // An end comes after the records before it.
      return { count: into.count, ends: [] }
    }
    this.#messages = []
    this.#next = 0
    const ends = this.#ends
    this.#ends = []
    return { count: into.count, ends }
  }

  #noteOutOfRange(log: NativeLog): boolean {
    const match = log.fac === 'OFFSET' ? OFFSET_RESET.exec(log.message) : null
    if (!match) return false
    const [, topic, partitionText, at] = match
    const partition = Number(partitionText)
    const key = keyOf(topic, partition)
    if (!this.#assigned.has(key)) return false
    this.#outOfRange.set(key, new LogError('out_of_range',
      `The records of ${topic} [${partition}] at ${at} are not there: deleted by retention, or the topic was made anew`,
      { topic, partition }))
    return false
  }

  #forget(partitions: Place[]): void {
    const gone = new Set(partitions.map(({ topic, partition }) => keyOf(topic, partition)))
    for (const key of gone) this.#outOfRange.delete(key)
    this.#messages = this.#messages.slice(this.#next).filter(({ topic, partition }) => !gone.has(keyOf(topic, partition)))
    this.#next = 0
    this.#ends = this.#ends.filter(({ topic, partition }) => !gone.has(keyOf(this.#topics[topic], partition)))
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

  close(): Promise<void> {
    return this.#handle.close()
  }
}

function keyOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
}
