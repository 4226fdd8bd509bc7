/**
 * Keeps the epoch topic as long as the oldest kept snapshot needs, and no longer. Each time a snapshot is stored the end of the
 * partition is noted, with the newest epoch closed by then: all records below that end are of this epoch or older ones,
 * as long as nobody else owns the task. A snapshot of a younger epoch that this very state has committed proves that.
 */
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

  /** A snapshot of `epoch` was stored; deletes what no kept one needs. `kept` are epochs, newest first. */
  async trim(state: TaskState, epoch: number, kept: number[]): Promise<void> {
    const notes = this.#notes.get(state) ?? []
    const needed = Math.min(epoch, kept.at(-1) ?? 0)
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
