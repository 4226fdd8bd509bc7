/**
 * A lively made-up market of 20 symbols, as Alpaca's stream would carry it: a pure function of (seed, second), so two runs
 * with one seed make the same records, and a run can begin at any time. Prices are fractal noise (octaves from 4 s to a day) with
 * bursts of drift; every number is invented, only the tickers are real.
 */
import { curveOf, poisson, randomOf } from './noise.ts'

/** One record on its way into an input topic. */
export interface MarketRecord {
  channel: 'trades' | 'quotes'
  symbol: string
  /** When it comes out of the wire, ms since the epoch with a fraction. Never before its event time. */
  arrivalMs: number
  /** The envelope, JSON. */
  text: string
}

interface Stock {
  symbol: string
  price: number
  /** Trades a second when the symbol is at its usual pace. */
  tradesPerSecond: number
  tape: 'A' | 'B' | 'C'
}

const STOCKS: readonly Stock[] = (
  [
    ['NVDA', 181, 14, 'C'],
    ['TSLA', 447, 12, 'C'],
    ['AAPL', 284, 9, 'C'],
    ['SPY', 683, 10, 'B'],
    ['QQQ', 623, 8, 'C'],
    ['AMD', 217, 8, 'C'],
    ['AMZN', 232, 7, 'C'],
    ['MSFT', 477, 6, 'C'],
    ['META', 640, 5, 'C'],
    ['GOOGL', 320, 6, 'C'],
    ['PLTR', 176, 7, 'C'],
    ['INTC', 43, 5, 'C'],
    ['JPM', 312, 3, 'A'],
    ['XOM', 117, 3, 'A'],
    ['DIS', 105, 2, 'A'],
    ['KO', 71, 1.5, 'A'],
    ['BA', 203, 2, 'A'],
    ['WMT', 114, 2, 'A'],
    ['CAT', 596, 0.8, 'A'],
    ['BRK.B', 506, 0.5, 'A'],
  ] as const
).map(([symbol, price, tradesPerSecond, tape]) => ({ symbol, price, tradesPerSecond, tape }))

/** Tickers of the market, in the order of the table. */
export const MARKET_SYMBOLS: readonly string[] = STOCKS.map(({ symbol }) => symbol)

const QUOTES_PER_TRADE = 4
const EXCHANGES = { A: 'NPKZDVT', B: 'PKZDVN', C: 'QKZDVPU' } as const
/** Share of trades below 100 shares, which the tape marks I. */
const ODD_LOT_SHARE = 0.45
/** Share of trades that come late, by up to LATE_MS_MAX. A second's first trade never does: the table times the engine. */
const LATE_SHARE = 0.02
const LATE_MS_MAX = 1_000
const REPEAT_SHARE = 0.004
const CANCEL_SHARE = 0.001
/** The wire's own delay, ms: one for a symbol's whole second, so that its quotes keep their order, as they do on a real wire. */
const WIRE_MS = [0.5, 6] as const
const REPEAT_MS_MAX = 400
/** Nothing of a second arrives later than this after its end: late, and then repeated. */
const ARRIVAL_MS_MAX = LATE_MS_MAX + REPEAT_MS_MAX + WIRE_MS[1]

/** Price of a stock at a time, before the bounce between bid and ask. */
export function priceAt(seed: number, stockIndex: number, timeMs: number): number {
  const seconds = timeMs / 1000
  let drift = 0
  // Twice the period, 1.55 times the swing: rougher than a sine, smoother than pure noise.
  for (let octave = 0, period = 4, swing = 0.00012; period < 90_000; octave++, period *= 2, swing *= 1.55) {
    drift += swing * curveOf(seconds / period, seed, stockIndex, octave)
  }
  const burst = curveOf(seconds / 25, seed, stockIndex, 101)
  drift += 0.0015 * burst * burst * burst
  return STOCKS[stockIndex].price * Math.exp(drift)
}

/** A second's records arrive within it and so many seconds after it. */
export const SECONDS_BEFORE = Math.ceil(ARRIVAL_MS_MAX / 1000)

/** What arrives within [secondMs, secondMs + 1000), in order of arrival. `secondMs` is a whole second. */
export function marketArrivals(seed: number, secondMs: number): MarketRecord[] {
  const seconds = Array.from({ length: SECONDS_BEFORE + 1 }, (_, i) => marketSecond(seed, secondMs - (SECONDS_BEFORE - i) * 1000))
  return arrivalsWithin(seconds, secondMs)
}

/** Of these seconds' records those that arrive within [secondMs, secondMs + 1000), in order of arrival. */
export function arrivalsWithin(seconds: MarketRecord[][], secondMs: number): MarketRecord[] {
  return seconds
    .flat()
    .filter(({ arrivalMs }) => arrivalMs >= secondMs && arrivalMs < secondMs + 1000)
    .sort((a, b) => a.arrivalMs - b.arrivalMs)
}

/** All records with an event time in [secondMs, secondMs + 1000), whenever they arrive. */
export function marketSecond(seed: number, secondMs: number): MarketRecord[] {
  const records: MarketRecord[] = []
  for (let index = 0; index < STOCKS.length; index++) new StockSecond(seed, index, secondMs, records).fill()
  return records
}

/** Makes one symbol's second. */
class StockSecond {
  readonly #stock: Stock
  readonly #seed: number
  readonly #index: number
  readonly #secondMs: number
  readonly #records: MarketRecord[]
  readonly #random: () => number
  readonly #wireMs: number
  /** Serial number within the second; ids and seq are made from it. */
  #serial = 0

  constructor(seed: number, index: number, secondMs: number, records: MarketRecord[]) {
    this.#stock = STOCKS[index]
    this.#seed = seed
    this.#index = index
    this.#secondMs = secondMs
    this.#records = records
    this.#random = randomOf(seed, index, secondMs / 1000)
    this.#wireMs = WIRE_MS[0] + this.#random() * (WIRE_MS[1] - WIRE_MS[0])
  }

  fill(): void {
    const seconds = this.#secondMs / 1000
    // Each symbol falls asleep now and then, and wakes up in a hurry.
    const pace = Math.exp(
      1.2 * curveOf(seconds / 20, this.#seed, this.#index, 102) + 0.6 * curveOf(seconds / 3, this.#seed, this.#index, 103),
    )
    const isAsleep = curveOf(seconds / 40, this.#seed, this.#index, 104) < -0.72
    const mean = isAsleep ? 0.03 : this.#stock.tradesPerSecond * pace
    const quotes = poisson(Math.min(mean, 60) * QUOTES_PER_TRADE, this.#random)
    const trades = poisson(Math.min(mean, 60), this.#random)
    const times = Array.from({ length: quotes + trades }, () => this.#random() * 1000).sort((a, b) => a - b)
    let tradesLeft = trades
    let isFirstTrade = true
    for (let i = 0; i < times.length; i++) {
      const isTrade = this.#random() < tradesLeft / (times.length - i)
      if (isTrade) {
        this.#trade(times[i], isFirstTrade)
        isFirstTrade = false
        tradesLeft--
      } else this.#quote(times[i])
    }
  }

  #trade(afterMs: number, isFirst: boolean): void {
    const { bid, ask } = this.#book(afterMs)
    const price = this.#random() < 0.5 ? bid : ask
    const size = this.#random() < ODD_LOT_SHARE ? 1 + Math.floor(this.#random() * 99) : 100 * Math.ceil(6 * this.#random() ** 3)
    const exchange = this.#pick(EXCHANGES[this.#stock.tape])
    const isSweep = this.#random() < 0.2
    const conditions = [this.#stock.tape === 'C' ? '@' : ' ', ...(isSweep ? ['F'] : []), ...(size < 100 ? ['I'] : [])]
    const lateMs = !isFirst && this.#random() < LATE_SHARE ? this.#random() * LATE_MS_MAX : 0
    const id = this.#nextId()
    const head = { S: this.#stock.symbol, i: id, x: exchange, p: price, s: size }
    const arrivalMs = this.#add('trades', afterMs, lateMs, { T: 't', ...head, c: conditions }, { z: this.#stock.tape })
    if (this.#random() < REPEAT_SHARE) this.#repeat(arrivalMs)
    else if (!isFirst && this.#random() < CANCEL_SHARE / (1 - REPEAT_SHARE)) {
      this.#add('trades', afterMs, lateMs + 20 + this.#random() * 300, { T: 'x', ...head, a: 'C' }, { z: this.#stock.tape })
    }
  }

  #quote(afterMs: number): void {
    const { bid, ask } = this.#book(afterMs)
    const exchanges = EXCHANGES[this.#stock.tape]
    const lots = () => 1 + Math.floor(12 * this.#random() ** 2)
    const bidSide = { bx: this.#pick(exchanges), bp: bid, bs: lots() }
    const askSide = { ax: this.#pick(exchanges), ap: ask, as: lots() }
    this.#add('quotes', afterMs, 0, { T: 'q', S: this.#stock.symbol, ...bidSide, ...askSide, c: ['R'] }, { z: this.#stock.tape })
  }

  #book(afterMs: number): { bid: number; ask: number } {
    const mid = priceAt(this.#seed, this.#index, this.#secondMs + afterMs)
    const halfSpread = Math.max(0.005, mid * 0.00002 * (0.5 + this.#random()))
    const bid = Math.floor((mid - halfSpread) * 100) / 100
    return { bid, ask: Math.max(bid + 0.01, Math.ceil((mid + halfSpread) * 100) / 100) }
  }

  /** Writes the envelope and returns when it arrives. */
  #add(channel: 'trades' | 'quotes', afterMs: number, delayMs: number, payload: object, tail: object): number {
    // Whole ns of the second, trailing zeros trimmed as Alpaca does.
    const ns = Math.min(999_999_999, Math.floor(afterMs * 1e6))
    const eventTs = `${new Date(this.#secondMs).toISOString().slice(0, 19)}${fractionText(ns)}Z`
    const arrivalMs = this.#secondMs + afterMs + this.#wireMs + delayMs
    const envelope = {
      ingest_ts: new Date(arrivalMs).toISOString(),
      event_ts: eventTs,
      feed: 'sip',
      channel,
      symbol: this.#stock.symbol,
      seq: this.#nextId(),
      payload: { ...payload, t: eventTs, ...tail },
      is_final: true,
      source: 'ws',
      version: 1,
    }
    this.#records.push({ channel, symbol: this.#stock.symbol, arrivalMs, text: JSON.stringify(envelope, roundPrices) })
    return arrivalMs
  }

  #repeat(arrivalMs: number): void {
    const last = this.#records[this.#records.length - 1]
    this.#records.push({ ...last, arrivalMs: arrivalMs + this.#random() * REPEAT_MS_MAX })
  }

  /** Rises with time, unique for the symbol and day. */
  #nextId(): number {
    return ((this.#secondMs / 1000) % 86_400) * 10_000 + this.#serial++
  }

  #pick(letters: string): string {
    return letters[Math.floor(this.#random() * letters.length)]
  }
}

function fractionText(ns: number): string {
  const digits = String(ns).padStart(9, '0').replace(/0+$/, '')
  return digits === '' ? '' : `.${digits}`
}

/** Cents have no third digit in text. */
function roundPrices(key: string, value: unknown): unknown {
  return (key === 'p' || key === 'bp' || key === 'ap') && typeof value === 'number' ? Math.round(value * 100) / 100 : value
}
