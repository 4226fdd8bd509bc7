/** A job that is fed and read by processes of their own while engines come and go; what came out is checked before a figure counts. */
import { UserError } from '../src/contract/errors.ts'
import { EXIT_BUG, EXIT_OUTSIDE, EXIT_USAGE } from '../src/contract/exit-codes.ts'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { openJob, type Job } from './engine.ts'
import { findMistakes, longestGapMs, type Span, type TradeLog } from './measure/arrivals.ts'
import { startChild } from './processes/child.ts'
import type { FeedConfig, FeedResult } from './processes/feed.ts'
import type { ReaderConfig, ReaderResult } from './processes/reader.ts'

/** Finals come within the lateness and this. */
const GRACE_MS = 1_500
export const LATENESS_MS = 2_000
/** After a window's end its final bar has been received. */
export const SETTLED_MS = LATENESS_MS + GRACE_MS
const QUOTES_PER_TRADE = 4
/** A feed that sent less than this share of what was asked for was held up by the machine. */
const RATE_SHARE_MIN = 0.98
/** A feed that stood still for longer was held up, and what it sent then came in a burst: several times what a quiet feed leaves between two trades. */
const GAP_MS = 1_000
const GAP_TRADES = 20
const MISTAKES_SHOWN = 10

export interface FedJob {
  job: Job
  /** Topic for null transactions, '' without one. */
  nullTopic: string
  /**
   * Stops feed and reader and ends the job. Resolves to what was fed and received. Throws when the feed could not keep its rate, when
   * the windows that ended within the spans are not there once each, with all of their trades, or when `seq` has a gap.
   */
  finish(spans: readonly Span[]): Promise<{ trades: TradeLog } & ReaderResult>
}

export interface Fed {
  partitions: number
  symbols: number
  recordsPerSecond: number
  /** 4 where it is not named. */
  quotesPerTrade?: number
  /** With a topic for null transactions, which is read as well. */
  nulls?: boolean
}

export async function startFedJob(broker: LocalBroker, name: string, fed: Fed, settings: Record<string, string> = {}): Promise<FedJob> {
  const { partitions, symbols, recordsPerSecond, quotesPerTrade = QUOTES_PER_TRADE, nulls = false } = fed
  const job = await openJob(broker, name, settings, partitions)
  const { maxSymbols } = job.settings
  if (symbols > maxSymbols) throw new UserError(EXIT_USAGE, `${symbols} symbols are more than a task takes (${maxSymbols}, TA_MAX_SYMBOLS)`)
  const nullTopic = nulls ? `${job.settings.groupId}.null` : ''
  if (nulls) await job.log.createTopics([{ name: nullTopic, partitions, replicationFactor: 1, config: {} }])
  const reader = await startChild<ReaderConfig, ReaderResult>('reader.ts', { env: job.env, partitions, nullTopic })
  const feed = await startChild<FeedConfig, FeedResult>('feed.ts', { env: job.env, partitions, symbols, recordsPerSecond, quotesPerTrade })
  return {
    job,
    nullTopic,
    finish: async (spans) => {
      const { trades, records, seconds } = await feed.stop()
      const received = await reader.stop()
      await job.end()
      if (records < RATE_SHARE_MIN * recordsPerSecond * seconds) {
        throw new UserError(EXIT_OUTSIDE, `${Math.round(records / seconds)} records/s were fed instead of ${recordsPerSecond}, so no figure counts: the machine is too busy, or too slow for them`)
      }
      const gapMs = longestGapMs(trades, spans)
      if (gapMs > Math.max(GAP_MS, (GAP_TRADES * 1000 * (quotesPerTrade + 1)) / recordsPerSecond)) {
        throw new UserError(EXIT_OUTSIDE, `nothing was fed for ${Math.round(gapMs)} ms of what was measured, so no figure counts: the machine is too busy`)
      }
      const mistakes = findMistakes(trades, received, spans)
      if (mistakes.length > 0) throw new UserError(EXIT_BUG, `what was received is not what was fed, so no figure counts:\n  ${mistakes.slice(0, MISTAKES_SHOWN).join('\n  ')}`)
      return { trades, ...received }
    },
  }
}
