/**
 * Old data for a drain, put on the broker once and read by every run: so many records at an event rate, in event-time order, each
 * symbol in turn. How many bars come out of it is known beforehand.
 */
import { murmur2Partition } from '../src/contract/partition.ts'
import { OutputBatch } from '../src/feed/batch.ts'
import type { Appender } from '../src/ports/appender.ts'
import { integerBetween, seeded } from '../test/fixtures/random.ts'
import { envelope, symbolName } from './market.ts'

export interface DataSetPlan {
  records: number
  symbols: number
  /** Records a second of event time. */
  eventRate: number
  partitions: number
  quotesPerTrade: number
}

export interface DataSet extends DataSetPlan {
  trades: string
  quotes: string
  /** Bars that come out, by partition; without those of the records that end it. */
  bars: number[]
  tradeCount: number
}

const LEADS_MAX = 8
/** The last records lie this much behind the others: they push the watermark past every second before. */
const END_AFTER_MS = 30_000
/** Ends this much before now, so that no stamp is in the future and no window gets provisional records. */
const AGE_MS = 60_000
/** Symbols of the last records, which are not counted. */
export const END_PREFIX = 'END'

/** Puts the records into the topics, which exist. */
export async function putDataSet(appender: Appender, plan: DataSetPlan, topics: { trades: string; quotes: string }): Promise<DataSet> {
  const { records, partitions, eventRate, quotesPerTrade } = plan
  const symbols = Array.from({ length: plan.symbols }, (_, index) => {
    const name = symbolName(index)
    return { name, partition: murmur2Partition(name, partitions), cents: 2_000 + ((index * 7_919) % 30_000), seq: 0, lastSecond: -1 }
  })
  const startMs = Math.floor((Date.now() - AGE_MS - END_AFTER_MS - (records / eventRate) * 1000) / 1000) * 1000
  const bars = new Array<number>(partitions).fill(0)
  let tradeCount = 0
  const sender = new Sender(appender)
  const random = seeded(1)
  const draw = (below: number): number => integerBetween(random, 0, below)
  for (let i = 0; i < records; i++) {
    const atMs = startMs + Math.floor((i * 1000) / eventRate)
    const symbol = symbols[draw(symbols.length)]
    symbol.cents = Math.max(symbol.cents + draw(3) - 1, 100)
    symbol.seq++
    const isTrade = i % (quotesPerTrade + 1) === 0
    if (isTrade) {
      tradeCount++
      const second = Math.floor(atMs / 1000)
      if (symbol.lastSecond !== second) bars[symbol.partition]++
      symbol.lastSecond = second
    }
    await sender.add(isTrade ? topics.trades : topics.quotes, symbol.partition, symbol.name, envelope(symbol.name, symbol.seq, symbol.cents / 100, i, isTrade, atMs))
  }
  const endMs = startMs + Math.ceil((records * 1000) / eventRate) + END_AFTER_MS
  for (let partition = 0; partition < partitions; partition++) {
    const name = endSymbol(partition, partitions)
    await sender.add(topics.trades, partition, name, envelope(name, 1, 1, records + partition, true, endMs))
    await sender.add(topics.quotes, partition, name, envelope(name, 1, 1, records + partition, false, endMs))
  }
  await sender.flush()
  return { ...plan, ...topics, bars, tradeCount }
}

/** A name that lies in the partition. */
function endSymbol(partition: number, partitions: number): string {
  for (let i = 0; ; i++) {
    if (murmur2Partition(`${END_PREFIX}${i}`, partitions) === partition) return `${END_PREFIX}${i}`
  }
}

/** Batches with few under way, so that the producer's queue never fills. */
class Sender {
  readonly #appender: Appender
  readonly #underWay: Promise<void>[] = []
  #batch = new OutputBatch()

  constructor(appender: Appender) {
    this.#appender = appender
  }

  async add(topic: string, partition: number, key: string, value: string): Promise<void> {
    this.#batch.add(topic, partition, key, Buffer.from(value, 'latin1'))
    if (!this.#batch.isFull) return
    this.#underWay.push(this.#appender.append(this.#batch.take()))
    if (this.#underWay.length >= LEADS_MAX) await this.#underWay.shift()
  }

  async flush(): Promise<void> {
    if (this.#batch.records > 0) this.#underWay.push(this.#appender.append(this.#batch.take()))
    await Promise.all(this.#underWay.splice(0))
  }
}
