/**
 * feed: envelope files → input topics. In: a source of records. Out: the same in order through an Appender, key = symbol, on the
 * partition that Kafka's default partitioner gives, at their due times. Imports ports and contract only.
 */
import type { Channel } from '../contract/outcomes.ts'
import { murmur2Partition } from '../contract/partition.ts'
import type { Appender } from '../ports/appender.ts'
import type { Clock } from '../ports/clock.ts'
import { OutputBatch } from './batch.ts'
import { shiftStamps } from './shift.ts'
import type { FeedRecord, RecordSource } from './source.ts'

/** Batches under way at once: enough that the broker always has one to work on, few enough to bound the memory (8 MB). */
const BATCHES_UNDER_WAY_MAX = 8

/** Long waits are slept in pieces, so that no timer outlives a stop by much or passes what timers can count. */
const SLEEP_MS_MAX = 1_000

const LONG_WAIT_MS = 60_000

/** An input topic: its name and how many partitions it has. Undefined where the setting turns the channel off. */
export type FeedTopics = Record<Channel, { name: string; partitions: number } | undefined>

export interface FeedOptions {
  topics: FeedTopics
  /** Event seconds a second of the clock; Infinity is as fast as it goes. */
  speed: number
  shiftToNow: boolean
  /** Each record is due when the clock shows its time, not by its distance from the first one. */
  dueByClock?: boolean
  /** Paths of the stamps that a shift moves (see stampPaths). */
  stampPaths: string[]
  signal?: AbortSignal
  /** Called before a wait of more than a minute: a pause in the file, or one wrong stamp. */
  onLongWait?: (waitMs: number) => void
}

export interface FeedSummary {
  /** Records acknowledged, by topic. */
  records: Record<string, number>
  /** Lines that were sent as they are. */
  rawBad: number
  /** Records whose channel is turned off. */
  skipped: number
  /** Seconds by which the stamps were moved, 0 without a shift. */
  shiftSeconds: number
}

/** Feeds until the source ends or the signal says stop, and resolves when all that was sent is acknowledged. */
export async function feedRecords(
  source: RecordSource,
  appender: Appender,
  clock: Clock,
  options: FeedOptions,
): Promise<FeedSummary> {
  const sender = new Sender(appender, options)
  const pace = new Pace(clock, options)
  const stop = whenAborted(options.signal)
  for (let record = source.head; record !== undefined && options.signal?.aborted !== true; record = source.head) {
    const waitMs = pace.waitMs(record)
    if (waitMs > 0) {
      await sender.send()
      if (pace.isLongWait(record, waitMs)) options.onLongWait?.(waitMs)
      await Promise.race([clock.sleep(Math.min(waitMs, SLEEP_MS_MAX)), stop])
      continue
    }
    sender.add(record, pace.shiftSeconds)
    if (sender.isFull) await sender.send()
    const reading = source.advance()
    if (reading !== undefined) {
      // The source may be a pipe that says nothing for long: what is here goes out first.
      if (Number.isFinite(options.speed)) await sender.send()
      await Promise.race([reading, stop])
    }
  }
  await sender.finish()
  return { ...sender.counts, shiftSeconds: pace.shiftSeconds }
}

/** Says when a record is due: by its event time, from the first record with a time on. */
class Pace {
  shiftSeconds = 0
  readonly #clock: Clock
  readonly #options: FeedOptions
  #firstMs = Number.NaN
  #baseMs = 0
  #nowMs = 0
  #saidLongWait: FeedRecord | undefined

  constructor(clock: Clock, options: FeedOptions) {
    this.#clock = clock
    this.#options = options
  }

  /** ms until the record is due; 0 or less is now. */
  waitMs(record: FeedRecord): number {
    if (Number.isNaN(record.eventTimeMs)) return 0
    if (Number.isNaN(this.#firstMs)) this.#begin(record.eventTimeMs)
    if (!Number.isFinite(this.#options.speed)) return 0
    const dueMs = this.#baseMs + (record.eventTimeMs - this.#firstMs) / this.#options.speed
    // The clock is read only when the last reading doesn't answer.
    if (dueMs > this.#nowMs) this.#nowMs = this.#clock.nowMs()
    return dueMs - this.#nowMs
  }

  /** True once for a record that is due in more than a minute. */
  isLongWait(record: FeedRecord, waitMs: number): boolean {
    if (waitMs <= LONG_WAIT_MS || this.#saidLongWait === record) return false
    this.#saidLongWait = record
    return true
  }

  #begin(eventTimeMs: number): void {
    const nowMs = this.#clock.nowMs()
    this.#firstMs = eventTimeMs
    this.#baseMs = this.#options.dueByClock === true ? eventTimeMs : nowMs
    if (!this.#options.shiftToNow) return
    // Down to whole seconds: windows keep their content, and the first event is not in the future.
    this.shiftSeconds = Math.floor((nowMs - eventTimeMs) / 1000)
    this.#baseMs = eventTimeMs + this.shiftSeconds * 1000
  }
}

/** Gathers and sends, with a bounded number of batches under way. */
class Sender {
  readonly counts = { records: {} as Record<string, number>, rawBad: 0, skipped: 0 }
  readonly #appender: Appender
  readonly #topics: FeedTopics
  readonly #stampPaths: Set<string>
  readonly #batch = new OutputBatch()
  readonly #underWay = new Set<Promise<void>>()
  readonly #partitionOf = new Map<string, number>()
  #failure: unknown

  constructor(appender: Appender, options: FeedOptions) {
    this.#appender = appender
    this.#topics = options.topics
    this.#stampPaths = new Set(options.stampPaths)
  }

  get isFull(): boolean {
    return this.#batch.isFull
  }

  add(record: FeedRecord, shiftSeconds: number): void {
    const topic = this.#topics[record.channel]
    if (topic === undefined) {
      this.counts.skipped++
      return
    }
    const { symbol } = record
    const partition = symbol === undefined ? 0 : this.#partition(symbol, topic.partitions)
    this.#batch.add(topic.name, partition, symbol ?? null, this.#valueOf(record, shiftSeconds))
    this.counts.records[topic.name] = (this.counts.records[topic.name] ?? 0) + 1
    if (record.rawBad) this.counts.rawBad++
  }

  /** Sends what was gathered; waits only when too much is under way. Throws the LogError of any earlier batch. */
  async send(): Promise<void> {
    this.#check()
    if (this.#batch.records > 0) {
      const sending: Promise<void> = this.#appender.append(this.#batch.take()).then(
        () => void this.#underWay.delete(sending),
        (error: unknown) => {
          this.#underWay.delete(sending)
          this.#failure ??= error
        },
      )
      this.#underWay.add(sending)
    }
    while (this.#underWay.size >= BATCHES_UNDER_WAY_MAX) await Promise.race(this.#underWay)
    this.#check()
  }

  async finish(): Promise<void> {
    await this.send()
    await Promise.all(this.#underWay)
    this.#check()
  }

  #valueOf(record: FeedRecord, shiftSeconds: number): Buffer {
    if (shiftSeconds === 0 || record.rawBad) return record.line
    // A minute bar's stamp is its minute's start and has to stay one.
    const seconds = record.channel === 'bars' ? Math.floor(shiftSeconds / 60) * 60 : shiftSeconds
    return shiftStamps(record.line, seconds, this.#stampPaths)
  }

  #partition(symbol: string, partitions: number): number {
    const key = `${partitions} ${symbol}`
    let partition = this.#partitionOf.get(key)
    if (partition === undefined) {
      partition = murmur2Partition(symbol, partitions)
      // Symbols are few (20,000 a task at the most); a file of noise must not fill the memory with them.
      if (this.#partitionOf.size < 200_000) this.#partitionOf.set(key, partition)
    }
    return partition
  }

  #check(): void {
    if (this.#failure !== undefined) throw this.#failure
  }
}

/** Resolves when the signal says stop, never without one. */
function whenAborted(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) resolve()
    signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}
