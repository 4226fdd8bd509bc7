/** One second of one symbol: its trades, and the bar they make. Contract, sections 2 and 3. */

import type { Eligibility } from './conditions.ts'
import type { ModelSettings } from './settings.ts'
import { sumOf } from './sum.ts'

type SaleConditions = ModelSettings['saleConditions']

export interface WindowTrade {
  timeNs: bigint
  /** Place among trades of one event time. */
  arrival: number
  price: number
  size: number
  eligible: Eligibility
  feed: string | null
}

export interface Bar {
  open: number
  high: number
  low: number
  close: number
  volume: number
  /** Σ price·size / Σ size over trades eligible in price and volume, null when Σ size is 0. */
  vwap: number | null
  count: number
  /** Feed of the closing trade. */
  feed: string | null
  /** What VWAPs over many bars are made of. */
  priceVolume: number
  vwapVolume: number
}

export class Window {
  readonly startSecond: number
  readonly trades = new Set<WindowTrade>()
  bar: Bar | null = null
  /** A start by `latest` cut it: never published, touches no indicator. */
  cut = false
  /** Changed since published. */
  barChanged = true
  signalChanged = true
  /** Last provisional publication; null before the first. */
  published: { clockMs: number; retracted: boolean } | null = null
  /** Feed of the last bar that it had. */
  lastFeed: string | null = null

  private readonly rules: SaleConditions

  constructor(startSecond: number, rules: SaleConditions) {
    this.startSecond = startSecond
    this.rules = rules
  }

  get endSecond(): number {
    return this.startSecond + 1
  }

  /** Makes the bar anew; true when it is another than before. */
  refresh(): boolean {
    const before = this.bar
    this.bar = barOf([...this.trades], this.rules)
    if (this.bar !== null) this.lastFeed = this.bar.feed
    return JSON.stringify(before) !== JSON.stringify(this.bar)
  }
}

/** The bar of one second's trades, or null where they make none. */
export function barOf(trades: WindowTrade[], rules: SaleConditions): Bar | null {
  const inOrder = trades.sort((a, b) => (a.timeNs === b.timeNs ? a.arrival - b.arrival : a.timeNs < b.timeNs ? -1 : 1))
  const priced = inOrder.filter(({ eligible }) => eligible.price)
  const counted = inOrder.filter(({ eligible }) => eligible.volume)
  const both = priced.filter(({ eligible }) => eligible.volume)
  if (priced.length === 0) return null
  const volume = sumOf(counted.map(({ size }) => size))
  // Alpaca makes no bar of which a field is 0
  if (rules === 'alpaca' && volume === 0) return null
  const prices = priced.map(({ price }) => price)
  const priceVolume = sumOf(both.map(({ price, size }) => price * size))
  const vwapVolume = sumOf(both.map(({ size }) => size))
  return {
    open: prices[0],
    high: Math.max(...prices),
    low: Math.min(...prices),
    close: prices[prices.length - 1],
    volume,
    vwap: vwapVolume === 0 ? null : priceVolume / vwapVolume,
    count: counted.length,
    feed: priced[priced.length - 1].feed,
    priceVolume,
    vwapVolume,
  }
}
