import { describe, expect, it } from 'vitest'
import { stampNs } from '../contract/stamp.ts'
import { MarketSource } from './market-source.ts'
import { MARKET_SYMBOLS, marketArrivals, marketSecond, priceAt } from './market.ts'

const T0 = Date.parse('2025-12-03T18:32:10Z')
const SECONDS = 120

interface Envelope {
  event_ts: string
  seq: number
  symbol: string
  payload: { T: string; S: string; i: number; x: string; p: number; s: number; c: string[]; bp: number; ap: number; t: string }
}

const arrivals = Array.from({ length: SECONDS }, (_, i) => marketArrivals(7, T0 + i * 1000)).flat()
const envelopes = arrivals.map(({ text }) => JSON.parse(text) as Envelope)
const trades = envelopes.filter(({ payload }) => payload.T === 't')
const quotes = envelopes.filter(({ payload }) => payload.T === 'q')

describe('marketArrivals', () => {
  it('is the same for one seed and time, in any order, and another for another seed', () => {
    const later = marketArrivals(7, T0 + 30_000)
    expect(arrivals.filter(({ arrivalMs }) => Math.floor((arrivalMs - T0) / 1000) === 30)).toEqual(later)
    expect(marketArrivals(8, T0 + 30_000)).not.toEqual(later)
  })

  it('comes in order of arrival, within its second, and never before it happened', () => {
    for (let i = 1; i < arrivals.length; i++) expect(arrivals[i].arrivalMs).toBeGreaterThanOrEqual(arrivals[i - 1].arrivalMs)
    arrivals.forEach(({ arrivalMs }, i) =>
      expect(arrivalMs).toBeGreaterThanOrEqual(Number(stampNs(envelopes[i].event_ts)!) / 1e6),
    )
  })

  it('leaves nothing out and adds nothing', () => {
    const made = Array.from({ length: SECONDS + 4 }, (_, i) => marketSecond(7, T0 + (i - 2) * 1000)).flat()
    const due = made.filter(({ arrivalMs }) => arrivalMs >= T0 && arrivalMs < T0 + SECONDS * 1000)
    expect(arrivals.length).toBe(due.length)
  })

  it('is a market: every symbol trades, four quotes a trade, odd lots, late and repeated trades, cancels', () => {
    expect(new Set(trades.map(({ symbol }) => symbol)).size).toBe(MARKET_SYMBOLS.length)
    expect(quotes.length / trades.length).toBeGreaterThan(3.7)
    expect(quotes.length / trades.length).toBeLessThan(4.3)
    const share = (count: number) => count / trades.length
    expect(share(trades.filter(({ payload }) => payload.c.includes('I')).length)).toBeCloseTo(0.45, 1)
    for (const { payload } of trades) expect(payload.c.includes('I')).toBe(payload.s < 100)
    const lateMs = arrivals
      .filter((_, i) => envelopes[i].payload.T === 't')
      .map(({ arrivalMs }, i) => arrivalMs - Number(stampNs(trades[i].event_ts)!) / 1e6)
    expect(share(lateMs.filter((ms) => ms > 100).length)).toBeGreaterThan(0.005)
    expect(Math.max(...lateMs)).toBeLessThan(1_410)
    expect(envelopes.some(({ payload }) => payload.T === 'x')).toBe(true)
  })

  it('repeats some trades byte for byte, and gives each other one an id of its own', () => {
    const texts = new Map<string, Set<string>>()
    arrivals.forEach(({ text }, i) => {
      const { payload } = envelopes[i]
      if (payload.T === 't')
        texts.set(
          `${payload.S} ${payload.x} ${payload.i}`,
          (texts.get(`${payload.S} ${payload.x} ${payload.i}`) ?? new Set()).add(text),
        )
    })
    expect([...texts.values()].every((same) => same.size === 1)).toBe(true)
    expect(texts.size).toBeLessThan(trades.length)
  })

  it('trades at the bid or the ask, in cents, near the price', () => {
    for (const { payload } of quotes) {
      expect(payload.ap).toBeGreaterThan(payload.bp)
      expect(payload.bp).toBeGreaterThan(1)
    }
    for (const { payload, event_ts: at } of trades) {
      const price = priceAt(7, MARKET_SYMBOLS.indexOf(payload.S), Number(stampNs(at)!) / 1e6)
      expect(Math.abs(payload.p / price - 1)).toBeLessThan(0.002)
      expect(Math.round(payload.p * 100) / 100).toBe(payload.p)
    }
  })

  it('moves, but stays plausible over days', () => {
    const day = Array.from({ length: 3_000 }, (_, i) => priceAt(7, 0, T0 + i * 86_400))
    expect(Math.max(...day) / Math.min(...day)).toBeGreaterThan(1.005)
    expect(Math.max(...day) / Math.min(...day)).toBeLessThan(1.5)
    const minute = Array.from({ length: 60 }, (_, i) => priceAt(7, 0, T0 + i * 1000))
    expect(Math.max(...minute) / Math.min(...minute)).toBeGreaterThan(1.0001)
  })
})

describe('MarketSource', () => {
  it('gives from a time on what arrives, without end and without a gap between seconds', () => {
    const source = new MarketSource(7, T0 + 400)
    const due = arrivals.filter(({ arrivalMs }) => arrivalMs >= T0 + 400 && arrivalMs < T0 + 5_000)
    const got = due.map(() => {
      const { head } = source
      expect(source.advance()).toBeUndefined()
      return head!
    })
    expect(
      got.map(({ line, eventTimeMs, symbol, channel }) => ({ text: line.toString(), arrivalMs: eventTimeMs, symbol, channel })),
    ).toEqual(due)
  })
})
