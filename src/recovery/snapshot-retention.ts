/**
 * Which snapshots count: those that recovery would take, because the epoch log bears them out. An earlier life of the job (before a
 * reset without its store, or before the topics were made anew) may have left others with any epoch number, also higher ones: they
 * are not counted among the kept ones, or a new life's own would go for them, and with it the epochs that it needs (invariant 6).
 *
 * In:  the store, the epoch log. Out: epochs kept, as a bound for trimming the log. Imports: ports, epoch, recovery.
 */
import { encodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { UserError } from '../contract/errors.ts'
import { LogError } from '../ports/log.ts'
import type { Log } from '../ports/log.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { readEpochLog } from './epoch-log.ts'
import { deleteSnapshotsBefore, listSnapshots, readRecord } from './snapshots.ts'

export interface RetentionOptions {
  log: Log
  store: SnapshotStore
  group: string
  epochsTopic: string
  /** How many are kept. */
  retain: number
  warn(text: string): void
}

export class SnapshotRetention {
  readonly #options: RetentionOptions
  /** By restored state: epochs of the snapshots looked at, and whether the log bears them out. */
  readonly #judged = new WeakMap<object, Map<number, boolean>>()

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /**
   * `record`'s snapshot was stored by whoever holds `state`: deletes what is older than the newest `retain` that count. Resolves to the
   * epochs of these, newest first, or to null as long as there are fewer, or as it is not known: then nothing may be trimmed.
   */
  async stored(state: object, record: EpochRecord): Promise<number[] | null> {
    const { store, group, retain } = this.#options
    const judged = this.#judged.get(state) ?? new Map<number, boolean>()
    this.#judged.set(state, judged.set(record.epoch, true))
    const listed = await listSnapshots(store, group, record.task)
    if (!listed.every((epoch) => judged.has(epoch)) && !(await this.#judge(judged, record, listed))) return null
    const kept = listed.filter((epoch) => epoch <= record.epoch && judged.get(epoch) === true).slice(0, retain)
    if (kept.length < retain) return null
    await deleteSnapshotsBefore(store, group, record.task, kept[retain - 1])
    return kept
  }

  /**
   * Compares what is listed with the epoch log, as recovery does. Resolves to false when that can't be read, or when `record` is not on
   * it: somebody else has the task, or started it anew, and the snapshots are theirs to keep.
   */
  async #judge(judged: Map<number, boolean>, record: EpochRecord, listed: number[]): Promise<boolean> {
    const { log, store, group, epochsTopic, warn } = this.#options
    const records = await Promise.all(listed.map((epoch) => readRecord(store, group, record.task, epoch)))
    try {
      // after the listing: what a successor has stored meanwhile stands on it
      const { raw } = await readEpochLog(log, epochsTopic, record.task, record.job)
      if (raw.get(record.epoch)?.equals(encodeEpochRecord(record)) !== true) return false
      listed.forEach((epoch, i) => judged.set(epoch, records[i] !== null && raw.get(epoch)?.equals(records[i]) === true))
      const foreign = listed.filter((epoch) => judged.get(epoch) === false)
      if (foreign.length > 0) {
        warn(`snapshots of task ${record.task} that ${epochsTopic} does not bear out are not counted: epoch ${foreign.join(', ')}`)
      }
      return true
    } catch (error) {
      if (!(error instanceof LogError || error instanceof UserError)) throw error
      warn(`snapshots of task ${record.task} are not thinned out now: ${error.message}`)
      return false
    }
  }
}
