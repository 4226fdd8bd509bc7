/**
 * The bench's feed: so many records a second over so many symbols, quotes to trades 4:1, event time = now. Cheap to make, so
 * that the machine is left to what is measured: texts are put together, nothing is drawn but prices and symbols.
 */
import type { Appender } from '../src/ports/appender.ts'
import { murmur2Partition } from '../src/contract/partition.ts'
import { OutputBatch } from '../src/feed/batch.ts'
import { integerBetween, seeded } from '../test/fixtures/random.ts'

export interface BenchFeed {
  trades: string
  quotes: string
  partitions: number
  symbols: number
  recordsPerSecond: number
  /** 4 where it is not named. */
  quotesPerTrade?: number
  /** Told of each trade right before its batch is handed to the producer. */
  onTrade?(symbol: number, second: number, appendedMs: number): void
}

const TICK_MS = 2
const QUOTES_PER_TRADE = 4

/** Names of the bench's symbols: S00000, S00001, … */
export const symbolName = (index: number): string => `S${String(index).padStart(5, '0')}`

/** Feeds until the signal; resolves to the number of records sent. */
export async function feedMarket(appender: Appender, feed: BenchFeed, signal: AbortSignal): Promise<number> {
  const symbols = Array.from({ length: feed.symbols }, (_, index) => {
    const name = symbolName(index)
    return { name, partition: murmur2Partition(name, feed.partitions), cents: 2_000 + ((index * 7_919) % 30_000), seq: 0 }
  })
  const random = seeded(1)
  const draw = (below: number): number => integerBetween(random, 0, below)
  const { quotesPerTrade = QUOTES_PER_TRADE, onTrade } = feed
  const startedMs = performance.now()
  let sent = 0
  let batchTrades: number[] = []
  const pending = new Set<Promise<void>>()
  while (!signal.aborted) {
    const due = Math.floor(((performance.now() - startedMs) * feed.recordsPerSecond) / 1000)
    const batch = new OutputBatch()
    for (; sent < due && batch.records < 5_000; sent++) {
      const index = draw(symbols.length)
      const symbol = symbols[index]
      const stampMs = Date.now()
      symbol.cents = Math.max(symbol.cents + draw(3) - 1, 100)
      symbol.seq++
      const price = symbol.cents / 100
      const isTrade = sent % (quotesPerTrade + 1) === 0
      const topic = isTrade ? feed.trades : feed.quotes
      batch.add(topic, symbol.partition, symbol.name, Buffer.from(envelope(symbol.name, symbol.seq, price, sent, isTrade, stampMs)))
      if (isTrade && onTrade) batchTrades.push(index, Math.floor(stampMs / 1000))
    }
    if (batch.records > 0) {
      const appendedMs = performance.timeOrigin + performance.now()
      for (let i = 0; i < batchTrades.length; i += 2) onTrade?.(batchTrades[i], batchTrades[i + 1], appendedMs)
      batchTrades = []
      const append = appender.append(batch.take()).finally(() => pending.delete(append))
      pending.add(append)
    }
    await new Promise((resolve) => setTimeout(resolve, TICK_MS))
  }
  await Promise.all(pending)
  return sent
}

/** A trade or a quote as the feed sends it, about 300 bytes. */
export function envelope(symbol: string, seq: number, price: number, id: number, isTrade: boolean, nowMs: number): string {
  const stamp = new Date(nowMs).toISOString()
  const head = `{"ingest_ts":"${stamp}","event_ts":"${stamp}","feed":"sip","channel":"${isTrade ? 'trades' : 'quotes'}","symbol":"${symbol}","seq":${seq},"payload":`
  const payload = isTrade
    ? `{"T":"t","S":"${symbol}","i":${52_983_525_000_000 + id},"x":"D","p":${price},"s":${1 + (id % 500)},"c":["@"],"t":"${stamp}","z":"C"}`
    : `{"T":"q","S":"${symbol}","bx":"Q","bp":${(price - 0.01).toFixed(2)},"bs":${1 + (id % 50)},"ax":"P","ap":${(price + 0.01).toFixed(2)},"as":${1 + (id % 40)},"c":["R"],"t":"${stamp}","z":"C"}`
  return `${head}${payload},"is_final":true,"source":"ws","version":1}`
}
