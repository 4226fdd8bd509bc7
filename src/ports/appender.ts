import type { OutputColumns } from './log.ts'

/**
 * Appends records outside of any transaction: what feeds the input topics, never what the engine publishes.
 * Idempotent, acks=all, so what was resolved is there once and in order.
 */
export interface Appender {
  /**
   * Sends each record to its partition. Several calls may be under way; the order of the calls is the order in each partition.
   * Resolves once every record is acknowledged. Rejects with LogError; the appender is spent then.
   * The columns belong to the appender until the promise settles.
   */
  append(outputs: OutputColumns[]): Promise<void>
  close(): Promise<void>
}
