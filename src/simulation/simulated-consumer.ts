/** LogConsumer of a simulated process: fetches ahead of its caller, so what it hands out may be older than the log is by then. */
import { FLAG_KEY_NULL, FLAG_VALUE_NULL, LogError } from '../ports/log.ts'
import type { ConsumeResult, LogConsumer, PartitionEnd, Position, RecordColumns } from '../ports/log.ts'
import type { PartitionLog } from './partition-log.ts'
import type { SimulatedProcess } from './process.ts'
import type { SimulatedBroker } from './simulated-broker.ts'

type Place = { topic: string; partition: number }

interface Assigned {
  topic: number
  log: PartitionLog
  position: number
  paused: boolean
  /** End that was told last. */
  endTold: number
}

interface Fetched {
  of: Assigned
  offsets: number[]
  next: number
  end: number | null
}

const keyOf = ({ topic, partition }: Place): string => `${topic}/${partition}`

export class SimulatedConsumer implements LogConsumer {
  readonly #process: SimulatedProcess
  readonly #broker: SimulatedBroker
  readonly #topics: string[]
  readonly #assigned = new Map<string, Assigned>()
  #wake: (() => void) | null = null

  constructor(process: SimulatedProcess, broker: SimulatedBroker, topics: string[]) {
    this.#process = process
    this.#broker = broker
    this.#topics = topics
  }

  /** When a record is fetched is chance here anyway. */
  letGather(): void {}

  async assign(positions: Position[]): Promise<void> {
    this.#assigned.clear()
    await this.seek(positions)
  }

  async seek(positions: Position[]): Promise<void> {
    await this.#process.clock.sleep(this.#process.latencyMs())
    for (const position of positions) {
      const paused = this.#assigned.get(keyOf(position))?.paused ?? false
      // a new object: what was fetched for the old one is thrown away
      this.#assigned.set(keyOf(position), {
        topic: this.#topics.indexOf(position.topic), log: this.#broker.partition(position.topic, position.partition),
        position: position.offset, paused, endTold: -1,
      })
    }
    this.#wake?.()
  }

  async unassign(partitions: Place[]): Promise<void> {
    await this.#process.clock.sleep(this.#process.latencyMs())
    for (const place of partitions) this.#assigned.delete(keyOf(place))
  }

  pause(partitions: Place[]): void {
    for (const place of partitions) this.#setPaused(place, true)
  }

  resume(partitions: Place[]): void {
    for (const place of partitions) this.#setPaused(place, false)
    this.#wake?.()
  }

  #setPaused(place: Place, paused: boolean): void {
    const assigned = this.#assigned.get(keyOf(place))
    if (assigned !== undefined) assigned.paused = paused
  }

  async consume(into: RecordColumns, timeoutMs: number): Promise<ConsumeResult> {
    into.count = 0
    const fate = this.#process.fate()
    fate.lost = this.#process.random.chance(this.#process.faults.consumeFails) ? 'request' : null
    const lost = (): LogError => new LogError('outside', 'Reading failed: no broker answers')
    const fetched = await this.#process.call<Fetched[]>('Fetch', '', fate, timeoutMs, lost, (answer, refuse) => {
      this.#fetch(timeoutMs, answer, refuse)
    })
    return this.#handOut(into, fetched)
  }

  /** Answers with what is there; else waits until something is, or the time is over. */
  #fetch(timeoutMs: number, answer: (fetched: Fetched[]) => void, refuse: (error: unknown) => void): void {
    let over = false
    const callOff: (() => void)[] = []
    const look = (last: boolean): void => {
      if (over) return
      for (const stop of callOff.splice(0)) stop()
      let fetched: Fetched[]
      try {
        fetched = this.#there()
      } catch (error) {
        over = true
        return refuse(error)
      }
      if (fetched.length > 0 || last) {
        over = true
        return answer(fetched)
      }
      const again = (): void => look(false)
      this.#wake = again
      for (const { log, paused } of this.#assigned.values()) if (!paused) callOff.push(log.onceChanged(again))
    }
    look(false)
    if (!over) this.#process.scheduler.after(timeoutMs, () => look(true))
  }

  #there(): Fetched[] {
    const { random } = this.#process
    const fetched: Fetched[] = []
    for (const of of this.#assigned.values()) {
      const { log, position } = of
      if (of.paused) continue
      if (position < log.low) {
        const { topic, partition } = log
        throw new LogError('out_of_range', `${topic} [${partition}] has nothing at offset ${position} any more`, { topic, partition })
      }
      const stable = log.stable
      // sometimes one partition's answer comes alone, or a part of it
      if (random.chance(0.15)) continue
      const to = Math.min(stable, position + random.integer(1, 60))
      const offsets: number[] = []
      for (let offset = position; offset < to; offset++) if (log.isReadable(offset)) offsets.push(offset)
      const end = to === stable && of.endTold !== stable ? stable : null
      if (to > position || end !== null) fetched.push({ of, offsets, next: to, end })
    }
    return fetched
  }

  #handOut(into: RecordColumns, fetched: Fetched[]): ConsumeResult {
    const ends: PartitionEnd[] = []
    for (const { of, offsets, next, end } of fetched) {
      if (!this.#isCurrent(of)) continue
      const left = offsets.findIndex((offset) => !put(into, of, offset))
      of.position = left < 0 ? next : offsets[left]
      if (end === null || left >= 0) continue
      of.endTold = end
      ends.push({ topic: of.topic, partition: of.log.partition, offset: end })
    }
    return { count: into.count, ends }
  }

  #isCurrent(of: Assigned): boolean {
    return this.#assigned.get(keyOf(of.log)) === of
  }

  async close(): Promise<void> {
    await this.#process.clock.sleep(this.#process.latencyMs())
  }
}

/** Adds a record; false when the columns have no room for it. */
function put(into: RecordColumns, { topic, log }: Assigned, offset: number): boolean {
  const { key, value, timestampMs } = log.entries[offset]
  const at = into.count
  const keyStart = at === 0 ? 0 : into.keyEnds[at - 1]
  const valueStart = at === 0 ? 0 : into.valueEnds[at - 1]
  const fits = keyStart + (key?.length ?? 0) <= into.keys.length && valueStart + (value?.length ?? 0) <= into.values.length
  if (at === into.offsets.length || !fits) return false
  into.count += 1
  into.topics[at] = topic
  into.partitions[at] = log.partition
  into.offsets[at] = offset
  into.timestampsMs[at] = timestampMs
  into.flags[at] = (key === null ? FLAG_KEY_NULL : 0) | (value === null ? FLAG_VALUE_NULL : 0)
  if (key !== null) into.keys.set(key, keyStart)
  if (value !== null) into.values.set(value, valueStart)
  into.keyEnds[at] = keyStart + (key?.length ?? 0)
  into.valueEnds[at] = valueStart + (value?.length ?? 0)
  into.sizes[at] = value?.length ?? 0
  return true
}
