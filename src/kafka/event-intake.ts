/** Records as the binding's message objects, packed here: the way without patches/, about 5 µs a record. */
import type { ConsumeResult, PartitionEnd, RecordColumns } from '../ports/log.ts'
import type { NativeConsumer, NativeMessage } from './binding.ts'
import type { NativeHandle } from './native-handle.ts'
import type { Place, RecordIntake } from './record-intake.ts'
import { packRecords } from './record-packing.ts'
import { take } from './taking.ts'

export class EventIntake implements RecordIntake {
  readonly #handle: NativeHandle<NativeConsumer>
  readonly #topics: readonly string[]
  readonly #topicIndex: ReadonlyMap<string, number>
  /** Messages taken and not handed out yet, from `#next` on. */
  #messages: NativeMessage[] = []
  #next = 0
  #ends: PartitionEnd[] = []
  /** What comes in a stream needs no waiting first. */
  #isStream = true

  constructor(handle: NativeHandle<NativeConsumer>, topics: readonly string[]) {
    this.#handle = handle
    this.#topics = topics
    this.#topicIndex = new Map(topics.map((topic, index) => [topic, index]))
  }

  async take(into: RecordColumns, waitMs: number): Promise<ConsumeResult> {
    if (this.#next === this.#messages.length) {
      const { messages, ends } = await take(this.#handle, this.#isStream ? 0 : waitMs)
      this.#isStream = messages.length > 0
      this.#messages = messages
      this.#next = 0
      for (const { topic, partition, offset } of ends) this.#ends.push({ topic: this.#topicIndex.get(topic)!, partition, offset })
    }
    this.#next = packRecords(this.#messages, this.#next, this.#topicIndex, into)
    // An end comes after the records before it.
    if (this.#next < this.#messages.length) return { count: into.count, ends: [] }
    this.#messages = []
    this.#next = 0
    return { count: into.count, ends: this.#ends.splice(0) }
  }

  forget(partitions?: Place[]): void {
    const gone = (topic: string, partition: number) =>
      !partitions || partitions.some((place) => place.topic === topic && place.partition === partition)
    this.#messages = this.#messages.slice(this.#next).filter(({ topic, partition }) => !gone(topic, partition))
    this.#next = 0
    this.#ends = this.#ends.filter(({ topic, partition }) => !gone(this.#topics[topic], partition))
  }

  /** A wait is 20 ms at most, and can't be ended. */
  wake(): void {}
}
