/**
 * Keeps the epoch topic as long as the oldest kept snapshot needs, and no longer. An offset is noted when a snapshot is
 * stored: the end of the partition as it was at the snapshot before. Every record from that end on is younger than the
 * earlier snapshot's epoch, so the later snapshot's own record lies at or after it.
 */
import type { Log } from '../ports/log.ts'

export class EpochTrimmer {
  readonly #log: Log
  readonly #topic: string
  readonly #warn: (text: string) => void
  /** By partition: epoch of a snapshot → an offset at or before its record. */
  readonly #offsets = new Map<number, Map<number, number>>()
  readonly #ends = new Map<number, number>()

  constructor(log: Log, topic: string, warn: (text: string) => void) {
    this.#log = log
    this.#topic = topic
    this.#warn = warn
  }

  /** A snapshot of `epoch` is about to be stored. Resolves to false when the broker did not tell the end. */
  async reached(partition: number, epoch: number): Promise<boolean> {
    try {
      const { low, high } = await this.#log.bounds(this.#topic, partition, 'read_committed')
      const offsets = this.#offsets.get(partition) ?? new Map<number, number>()
      this.#offsets.set(partition, offsets)
      offsets.set(epoch, this.#ends.get(partition) ?? low)
      this.#ends.set(partition, high)
      return true
    } catch (error) {
      this.#warn(`${this.#topic} [${partition}] is not trimmed now: ${(error as Error).message}`)
      return false
    }
  }

  /** Deletes what no kept snapshot needs. `kept` are epochs, newest first. */
  async trim(partition: number, kept: number[]): Promise<void> {
    const offsets = this.#offsets.get(partition)
    const oldest = kept.at(-1)
    if (offsets === undefined || oldest === undefined) return
    for (const epoch of offsets.keys()) if (epoch < oldest) offsets.delete(epoch)
    const offset = offsets.get(oldest)
    if (offset === undefined || offset === 0) return
    try {
      await this.#log.deleteRecordsBefore(this.#topic, partition, offset)
    } catch (error) {
      this.#warn(`${this.#topic} [${partition}] is not trimmed now: ${(error as Error).message}`)
    }
  }
}
