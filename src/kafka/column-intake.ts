/** Records as packed columns, by the calls that patches/ adds to the binding: no object a record (invariant 9). */
import type { ConsumeResult, RecordColumns } from '../ports/log.ts'
import { NativeCallError, type NativeConsumer, type NativeTaken } from './binding.ts'
import type { NativeHandle } from './native-handle.ts'
import type { Place, RecordIntake } from './record-intake.ts'
import { KEY_MAX_BYTES, packRecords, VALUE_MAX_BYTES } from './record-packing.ts'

export class ColumnIntake implements RecordIntake {
  readonly #handle: NativeHandle<NativeConsumer>
  readonly #topics: readonly string[]
  readonly #topicIndex: ReadonlyMap<string, number>
  /** Woken before the native call had begun: it must not wait then. */
  #isWoken = false

  constructor(handle: NativeHandle<NativeConsumer>, topics: readonly string[]) {
    this.#handle = handle
    this.#topics = topics
    this.#topicIndex = new Map(topics.map((topic, index) => [topic, index]))
  }

  async take(into: RecordColumns, waitMs: number): Promise<ConsumeResult> {
    into.count = 0
    const { count, ends, large, error } = await this.#handle.call<NativeTaken>((done) =>
      this.#handle.native.consumeColumns!(
        this.#isWoken ? 0 : Math.ceil(waitMs), into, this.#topics, KEY_MAX_BYTES, VALUE_MAX_BYTES, done))
    this.#isWoken = false
    if (error) throw new NativeCallError(error)
    // Few are as large, and their digests are made here: the binding hands such a one over alone, as an object.
    if (large) packRecords([large], 0, this.#topicIndex, into)
    else into.count = count
    return { count: into.count, ends }
  }

  forget(partitions?: Place[]): void {
    this.#handle.native.forgetColumns!(partitions?.map(({ topic, partition }) => ({ topic, partition })))
  }

  wake(): void {
    this.#isWoken = true
    this.#handle.native.wakeColumns!()
  }
}
