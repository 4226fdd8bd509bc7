/** A job that is fed and read by processes of their own while engines come and go; what came out is checked before a figure counts. */
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { openJob, type Job } from './engine.ts'
import { findMistakes, type OutputLog, type Span, type TradeLog } from './measure/arrivals.ts'
import { startChild } from './processes/child.ts'
import type { FeedConfig, FeedResult } from './processes/feed.ts'
import type { ReaderConfig, ReaderResult } from './processes/reader.ts'

/** Finals come within the lateness and this. */
const GRACE_MS = 1_500
export const LATENESS_MS = 2_000
/** After a window's end its final bar has been received. */
export const SETTLED_MS = LATENESS_MS + GRACE_MS
const QUOTES_PER_TRADE = 4
const MISTAKES_SHOWN = 10

export interface FedJob {
  job: Job
  /**
   * Stops feed and reader and ends the job. Resolves to what was fed and received. Throws when the windows that ended within the spans
   * are not there once each, with all of their trades, or `seq` has a gap.
   */
  finish(spans: readonly Span[]): Promise<{ trades: TradeLog; bars: OutputLog }>
}

export async function startFedJob(
  broker: LocalBroker, name: string, { partitions, symbols, recordsPerSecond }: { partitions: number; symbols: number; recordsPerSecond: number },
  settings: Record<string, string> = {},
): Promise<FedJob> {
  const job = await openJob(broker, name, settings, partitions)
  const reader = await startChild<ReaderConfig, ReaderResult>('reader.ts', { env: job.env, partitions, nullTopic: '' })
  const feed = await startChild<FeedConfig, FeedResult>('feed.ts', { env: job.env, partitions, symbols, recordsPerSecond, quotesPerTrade: QUOTES_PER_TRADE })
  return {
    job,
    finish: async (spans) => {
      const { trades } = await feed.stop()
      const { bars } = await reader.stop()
      await job.end()
      const mistakes = findMistakes(trades, bars, spans)
      if (mistakes.length > 0) throw new Error(`what was received is not what was fed, so no figure counts:\n  ${mistakes.slice(0, MISTAKES_SHOWN).join('\n  ')}`)
      return { trades, bars }
    },
  }
}
