/** How records come out of librdkafka's queue into columns. The fetcher says when: calls of `take` and `forget` never overlap. */
import type { ConsumeResult, RecordColumns } from '../ports/log.ts'

export type Place = { topic: string; partition: number }

export interface RecordIntake {
  /**
   * Fills `into` with what is there, after waiting for something to come, `waitMs` at most. Rejects with NativeCallError,
   * and has taken nothing then.
   */
  take(into: RecordColumns, waitMs: number): Promise<ConsumeResult>
  /** Drops what was taken and is not handed out yet, of these partitions or of all. */
  forget(partitions?: Place[]): void
  /** Ends the wait of a `take` under way. */
  wake(): void
}
