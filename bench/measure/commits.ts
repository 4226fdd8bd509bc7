/** Transactions as a recorder in the engine notes them: a line each. */
import type { Span } from './arrivals.ts'
import { Latencies } from './latencies.ts'

export interface Commit {
  /** When the epoch was ended, ms since 1970. */
  endedMs: number
  /** From there until its commit was known. */
  ms: number
}

export const commitLine = ({ endedMs, ms }: Commit): string => `${endedMs} ${ms}\n`

/** Adds the latencies of the commits whose epoch ended within the span; a last line that was not written to its end is left out. */
export function commitsWithin(lines: string, { fromMs, toMs }: Span, into = new Latencies()): Latencies {
  for (const line of lines.split('\n').slice(0, -1)) {
    const [endedMs, ms] = line.split(' ').map(Number)
    if (endedMs >= fromMs && endedMs < toMs) into.add(ms)
  }
  return into
}
