/** Transactions as a recorder in the engine notes them: a line each. */
import type { Span } from './arrivals.ts'
import { Latencies } from './latencies.ts'

export interface Commit {
  /** When the epoch was ended, ms since 1970. */
  endedMs: number
  /** From there until its commit was known: closing it on a worker, then the transaction. */
  ms: number
  /** Of the transaction alone: the engine's stages produce and commit. */
  transactionMs: number
}

/** Latencies of commits, and of their transactions alone. */
export interface CommitLatencies {
  commit: Latencies
  transaction: Latencies
}

export const commitLine = ({ endedMs, ms, transactionMs }: Commit): string => `${endedMs} ${ms} ${transactionMs}\n`

/** Adds those whose epoch ended within the span; a last line that was not written to its end is left out. */
export function commitsWithin(
  lines: string, { fromMs, toMs }: Span, into: CommitLatencies = { commit: new Latencies(), transaction: new Latencies() },
): CommitLatencies {
  for (const line of lines.split('\n').slice(0, -1)) {
    const [endedMs, ms, transactionMs] = line.split(' ').map(Number)
    if (endedMs < fromMs || endedMs >= toMs) continue
    into.commit.add(ms)
    into.transaction.add(transactionMs)
  }
  return into
}
