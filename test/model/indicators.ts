/**
 * The price rule for signals (contract, section 3) as straight formulas over the last bars of one symbol. A state is
 * never changed: `advance` makes a new one, so provisional values and revisions start again from an older state.
 */

import { add, sumOf, valueOf, ZERO } from './sum.ts'
import type { Sum } from './sum.ts'
import type { Quote } from './decode.ts'
import { NS_PER_MS, NS_PER_SECOND } from './event-time.ts'

const VWAP_LOOKBACK_SECONDS = 300
const RSI_CHANGES = 14
const BOLLINGER_BARS = 20
const VOLATILITY_RETURNS = 60
const WARM_BARS = 35

/** What indicators need of a bar. */
export interface IndicatorInput {
  startSecond: number
  close: number
  priceVolume: number
  vwapVolume: number
  session: string
}

export interface IndicatorState {
  bars: number
  /** The last 61 closes, newest last. */
  closes: number[]
  ema12: number
  ema26: number
  /** EMA9 of MACD. */
  signal: number
  /** Wilder's averages, from the 14th change on. */
  averageGain: number
  averageLoss: number
  session: { name: string; priceVolume: Sum; volume: Sum }
  /** Bars whose start is within the five minutes. */
  recent: { startSecond: number; priceVolume: number; volume: number }[]
}

/** State after one more bar of `sizeSeconds`. */
export function advance(before: IndicatorState | null, bar: IndicatorInput, sizeSeconds: number): IndicatorState {
  const closes = [...(before?.closes ?? []), bar.close].slice(-(VOLATILITY_RETURNS + 1))
  const bars = (before?.bars ?? 0) + 1
  const ema12 = ema(before?.ema12, bar.close, 12)
  const ema26 = ema(before?.ema26, bar.close, 26)
  const same = before !== null && before.session.name === bar.session
  const newest = { startSecond: bar.startSecond, priceVolume: bar.priceVolume, volume: bar.vwapVolume }
  const recent = [...(before?.recent ?? []), newest]
  const from = bar.startSecond + sizeSeconds - VWAP_LOOKBACK_SECONDS
  return {
    bars,
    closes,
    ema12,
    ema26,
    signal: ema(before?.signal, ema12 - ema26, 9),
    ...wilder(before, bars, closes),
    session: {
      name: bar.session,
      priceVolume: add(same ? before.session.priceVolume : ZERO, bar.priceVolume),
      volume: add(same ? before.session.volume : ZERO, bar.vwapVolume),
    },
    recent: recent.filter(({ startSecond }) => startSecond >= from),
  }
}

/** EMA with α = 2 / (N + 1), seeded with the first value. */
function ema(before: number | undefined, value: number, n: number): number {
  return before === undefined ? value : before + (2 / (n + 1)) * (value - before)
}

/** Wilder's averages: the first is the mean of the first 14 changes, then (13·average + new) / 14. */
function wilder(before: IndicatorState | null, bars: number, closes: number[]): { averageGain: number; averageLoss: number } {
  if (before === null || bars <= RSI_CHANGES) return { averageGain: 0, averageLoss: 0 }
  const changes = closes.slice(1).map((close, i) => close - closes[i])
  const gains = changes.map((change) => Math.max(change, 0))
  const losses = changes.map((change) => Math.max(-change, 0))
  if (bars === RSI_CHANGES + 1) return { averageGain: sumOf(gains) / RSI_CHANGES, averageLoss: sumOf(losses) / RSI_CHANGES }
  return {
    averageGain: (before.averageGain * (RSI_CHANGES - 1) + gains[gains.length - 1]) / RSI_CHANGES,
    averageLoss: (before.averageLoss * (RSI_CHANGES - 1) + losses[losses.length - 1]) / RSI_CHANGES,
  }
}

export type Flag = 'warming_up' | 'no_quote' | 'quote_stale' | 'ok'

export interface Imbalance {
  spread: number | null
  bid_px: number | null
  ask_px: number | null
  bid_sz: number | null
  ask_sz: number | null
  ratio: number | null
}

export interface SignalPayload {
  macd: { macd: number | null; signal: number | null; hist: number | null }
  ema: { ema12: number | null; ema26: number | null }
  rsi14: number | null
  boll: { mid: number | null; upper: number | null; lower: number | null }
  vwap: { session: number | null; w5m: number | null }
  imbalance: Imbalance | null
  vol_realized: { w60s: number | null }
  bars: number
  signal_quality_flag: Flag
}

/** Signal of a one-second window that ends at `endSecond`, with its quote. */
export function secondSignal(
  state: IndicatorState,
  quote: Quote | undefined,
  endSecond: number,
  staleAfterMs: number,
): SignalPayload {
  const ageNs = quote === undefined ? 0n : BigInt(endSecond) * NS_PER_SECOND - quote.timeNs
  const stale = staleAfterMs > 0 && ageNs > BigInt(staleAfterMs) * NS_PER_MS
  const flag = quote === undefined ? 'no_quote' : stale ? 'quote_stale' : 'ok'
  return payload(state, imbalance(quote), flag)
}

/** Signal of a minute bar: no quotes. */
export function minuteSignal(state: IndicatorState): SignalPayload {
  return payload(state, null, 'ok')
}

function payload(state: IndicatorState, imbalanceOrNull: Imbalance | null, flag: Flag): SignalPayload {
  const macd = state.ema12 - state.ema26
  const { averageGain, averageLoss } = state
  const rsi = averageGain + averageLoss === 0 ? 50 : (100 * averageGain) / (averageGain + averageLoss)
  const recentVolume = sumOf(state.recent.map(({ volume }) => volume))
  const recentPriceVolume = sumOf(state.recent.map(({ priceVolume }) => priceVolume))
  return {
    macd: { macd: finite(macd), signal: finite(state.signal), hist: finite(macd - state.signal) },
    ema: { ema12: finite(state.ema12), ema26: finite(state.ema26) },
    rsi14: state.bars > RSI_CHANGES ? finite(rsi) : null,
    boll: bollinger(state.closes.slice(-BOLLINGER_BARS)),
    vwap: {
      session: ratio(valueOf(state.session.priceVolume), valueOf(state.session.volume)),
      w5m: ratio(recentPriceVolume, recentVolume),
    },
    imbalance: imbalanceOrNull,
    vol_realized: { w60s: volatility(state.closes) },
    bars: state.bars,
    signal_quality_flag: state.bars < WARM_BARS ? 'warming_up' : flag,
  }
}

/** Mean of 20 closes ± 2 population standard deviations. */
function bollinger(closes: number[]): SignalPayload['boll'] {
  if (closes.length < BOLLINGER_BARS) return { mid: null, upper: null, lower: null }
  const { mean, deviation } = population(closes)
  return { mid: finite(mean), upper: finite(mean + 2 * deviation), lower: finite(mean - 2 * deviation) }
}

/** Population standard deviation of the last min(n, 60) log returns; null at the first bar. */
function volatility(closes: number[]): number | null {
  const returns = closes.slice(1).map((close, i) => Math.log(close / closes[i]))
  return returns.length === 0 ? null : finite(population(returns).deviation)
}

/** Mean and standard deviation (÷ n) in two passes: a running sum of squares would lose them to cancellation. */
function population(values: number[]): { mean: number; deviation: number } {
  const mean = sumOf(values) / values.length
  return { mean, deviation: Math.sqrt(sumOf(values.map((value) => (value - mean) ** 2)) / values.length) }
}

function imbalance(quote: Quote | undefined): Imbalance {
  if (quote === undefined) return { spread: null, bid_px: null, ask_px: null, bid_sz: null, ask_sz: null, ratio: null }
  const { bidPrice, bidSize, askPrice, askSize } = quote
  return {
    spread: bidPrice > 0 && askPrice > 0 ? askPrice - bidPrice : null,
    bid_px: bidPrice,
    ask_px: askPrice,
    bid_sz: bidSize,
    ask_sz: askSize,
    ratio: ratio(bidSize - askSize, bidSize + askSize),
  }
}

/** null where the divisor is 0. */
function ratio(dividend: number, divisor: number): number | null {
  return divisor === 0 ? null : finite(dividend / divisor)
}

/** JSON has no infinity and no NaN. */
function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
