/** Feeds at a given rate until it is told to stop; its result is which trade was appended when. */
import { openAppender } from '../../src/commands/open-log.ts'
import { openLogger } from '../../src/logging/logger.ts'
import { readSettings } from '../../src/settings/settings.ts'
import { feedMarket } from '../market.ts'
import type { TradeLog } from '../measure/arrivals.ts'
import { runChild } from './child.ts'

export interface FeedConfig {
  /** The engine's settings: broker and topics. */
  env: Record<string, string>
  partitions: number
  symbols: number
  recordsPerSecond: number
  quotesPerTrade: number
}

export interface FeedResult {
  records: number
  seconds: number
  trades: TradeLog
}

runChild<FeedConfig, FeedResult>(async ({ env, ...feed }, stop, ready) => {
  const settings = readSettings(env, { command: 'run' })
  const appender = await openAppender(settings, openLogger({ level: 'error' }))
  const symbols: number[] = []
  const seconds: number[] = []
  const appendedMs: number[] = []
  ready()
  const startedMs = performance.now()
  const records = await feedMarket(appender, {
    ...feed, trades: settings.tradesTopic, quotes: settings.quotesTopic,
    onTrade: (symbol, second, atMs) => {
      symbols.push(symbol)
      seconds.push(second)
      appendedMs.push(atMs)
    },
  }, stop)
  const feedSeconds = (performance.now() - startedMs) / 1000
  await appender.close()
  return { records, seconds: feedSeconds, trades: { symbols: Uint32Array.from(symbols), seconds: Float64Array.from(seconds), appendedMs: Float64Array.from(appendedMs) } }
})
