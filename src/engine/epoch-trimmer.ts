/**
 * Keeps the epoch topic as long as the oldest kept snapshot needs, and no longer. Each time a snapshot is stored the end of the
 * partition is noted, with the newest epoch closed by then: all records below that end are of this epoch or older ones,
 * as long as nobody else owns the task. A snapshot of a younger epoch that this very state has committed proves that.
 */
import { invariant } from '../contract/errors.ts'
import type { TaskState } from '../epoch/task-state.ts'
import type { Log } from '../ports/log.ts'

interface Note {
  /** End of the partition. */
  end: number
  /** No record below it is of a younger epoch. */
  epoch: number
}

export class EpochTrimmer {
  readonly #log: Log
  readonly #topic: string
  readonly #warn: (text: string) => void
  /** Oldest first. A task that was restored has another state, and no notes. */
  readonly #notes = new WeakMap<TaskState, Note[]>()

  constructor(log: Log, topic: string, warn: (text: string) => void) {
    this.#log = log
    this.#topic = topic
    this.#warn = warn
  }

  /** Notes where the partition ends now. */
  async note(state: TaskState): Promise<void> {
    await this.#attempt(state.partition, async () => {
      const { high } = await this.#log.bounds(this.#topic, state.partition, 'read_committed')
      const notes = this.#notes.get(state) ?? []
      this.#notes.set(state, notes)
      notes.push({ end: high, epoch: state.last.epoch })
    })
  }

  /** Deletes what no kept snapshot needs. `kept` are epochs of snapshots of this very epoch log, newest first. */
  async trim(state: TaskState, kept: number[]): Promise<void> {
    const notes = this.#notes.get(state) ?? []
    const needed = kept.at(-1) ?? 0
    invariant(needed <= state.last.epoch, 6, `a snapshot of epoch ${needed} is kept, but the last epoch is ${state.last.epoch}`)
    const last = notes.findLastIndex((note) => note.epoch < needed)
    if (last < 0) return
    const { end } = notes[last]
    notes.splice(0, last)
    await this.#attempt(state.partition, () => this.#log.deleteRecordsBefore(this.#topic, state.partition, end))
  }

  async #attempt(partition: number, act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.#warn(`${this.#topic} [${partition}] is not trimmed now: ${(error as Error).message}`)
    }
  }
}
