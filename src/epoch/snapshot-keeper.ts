/**
 * When a task's snapshots are taken, and that they never stand in the way: the copy is made at a barrier, before the next
 * step; it is stored in the background once that barrier's epoch is known to be committed. A store that is slow, full or
 * gone shows in `problem` and `ageMs` and delays nothing (invariant 6).
 */
import type { Clock } from '../ports/clock.ts'
import type { SnapshotFile } from '../dispatch/request.ts'
import type { EpochRecord } from './epoch-record.ts'
import type { TaskState } from './task-state.ts'

/** Stores a copy; resolves to its size in bytes. */
export type StoreSnapshot = (state: TaskState, record: EpochRecord, head: unknown, files: SnapshotFile[]) => Promise<number>

export interface SnapshotKeeperOptions {
  clock: Clock
  intervalMs: number
  minPauseMs: number
  /** Copies under way in this process, of all tasks: one at a time, as the others' epochs need the workers. */
  copies: { underWay: number }
  /** Null: no store, so no snapshots. */
  store: StoreSnapshot | null
  /** Header cells and table sizes, taken with the copy. */
  head(state: TaskState): unknown
  observe(result: 'stored' | 'failed', ms: number, bytes: number): void
  warn(detail: string): void
}

/** A snapshot that is due waits so long for a barrier that is far from a second's publication. */
const PATIENCE_MS = 2_000

interface Copy {
  record: EpochRecord
  head: unknown
  files: Promise<SnapshotFile[]>
  state: TaskState
}

export class SnapshotKeeper {
  readonly #options: SnapshotKeeperOptions
  readonly #startedMs: number
  #lastTakenMs: number
  #lastEndedMs = Number.NEGATIVE_INFINITY
  #storedMs: number | null
  #copy: Copy | null = null
  #storing: Promise<void> | null = null
  /** Why the last attempt failed, in words; empty when it didn't. */
  problem = ''

  /** `storedMs`: monotonic time as of which the loaded snapshot is, null when there was none. */
  constructor(options: SnapshotKeeperOptions, storedMs: number | null) {
    this.#options = options
    this.#storedMs = storedMs
    this.#startedMs = options.clock.monotonicMs()
    this.#lastTakenMs = this.#startedMs
  }

  /** Age of the newest stored snapshot (or of the start, when there is none), ms; null when there is no store. */
  ageMs(): number | null {
    return this.#options.store === null ? null : Math.round(this.#options.clock.monotonicMs() - (this.#storedMs ?? this.#startedMs))
  }

  /**
   * At a barrier: makes a copy when one is due and none is under way. Resolves when the memory may change again. `isGoodTime`: no
   * output will be waited for soon.
   */
  async atBarrier(state: TaskState, record: EpochRecord, isGoodTime: boolean): Promise<void> {
    const nowMs = this.#options.clock.monotonicMs()
    const dueMs = Math.max(this.#lastTakenMs + this.#options.intervalMs, this.#lastEndedMs + this.#options.minPauseMs)
    const due = nowMs >= (isGoodTime ? dueMs : dueMs + PATIENCE_MS)
    if (this.#options.store === null || !due || this.#copy !== null || this.#storing !== null) return
    if (this.#options.copies.underWay > 0) return // at the next barrier
    await this.#take(state, record)
  }

  async #take(state: TaskState, record: EpochRecord): Promise<void> {
    this.#lastTakenMs = this.#options.clock.monotonicMs()
    const { copies } = this.#options
    copies.underWay++
    const { released, files } = state.snapshot()
    files.catch(() => undefined) // looked at when it is stored
    this.#copy = { record, head: this.#options.head(state), files, state }
    try {
      await released
    } finally {
      copies.underWay--
    }
  }

  /** The epoch is known to be committed: a copy of its barrier may be stored. */
  committed(record: EpochRecord): void {
    if (this.#copy === null || this.#copy.record.epoch !== record.epoch) return
    const copy = this.#copy
    this.#copy = null
    this.#storing = this.#store(copy).finally(() => {
      this.#storing = null
      this.#lastEndedMs = this.#options.clock.monotonicMs()
    })
  }

  async #store(copy: Copy): Promise<void> {
    const takenMs = this.#options.clock.monotonicMs()
    try {
      const bytes = await this.#options.store?.(copy.state, copy.record, copy.head, await copy.files)
      this.#storedMs = takenMs
      this.problem = ''
      this.#options.observe('stored', this.#options.clock.monotonicMs() - takenMs, bytes ?? 0)
    } catch (error) {
      this.problem = error instanceof Error ? error.message : String(error)
      this.#options.observe('failed', this.#options.clock.monotonicMs() - takenMs, 0)
      this.#options.warn(`snapshot of task ${copy.record.task} at epoch ${copy.record.epoch} was not stored: ${this.problem}`)
    }
  }

  /** The task is given up at a committed barrier: one more snapshot, in at most `timeoutMs`. */
  async atEnd(state: TaskState, timeoutMs: number): Promise<void> {
    if (this.#options.store === null) return
    const attempt = async (): Promise<void> => {
      await this.#storing
      await this.#take(state, state.last)
      this.committed(state.last)
      await this.#storing
    }
    await Promise.race([attempt(), this.#options.clock.sleep(timeoutMs)])
  }
}
