/** Reference encoder: a published record → the exact text of its envelope. Contract, section 3. */

import type { BarPayload, Out } from './publication.ts'
import type { SignalPayload } from './indicators.ts'

/** JSON text with the contract's keys in the contract's order; `ingestTs` is when it was made, RFC 3339. */
export function encode(out: Out, ingestTs: string): string {
  const { size, start, end } = out.window
  return JSON.stringify({
    ingest_ts: ingestTs,
    event_ts: end,
    feed: out.feed,
    channel: out.topic === 'bars' ? 'bars_1s' : 'signals',
    symbol: out.symbol,
    seq: out.seq,
    is_final: out.is_final,
    source: 'ta',
    window: { size, step: size, start, end },
    payload: out.topic === 'bars' ? bar(out.payload as BarPayload) : signal(out.payload as SignalPayload),
    version: 1,
  })
}

function bar({ o, h, l, c, v, vwap, count, t, retracted }: BarPayload) {
  return { o, h, l, c, v, vwap, count, t, ...(retracted ? { retracted } : {}) }
}

function signal(payload: SignalPayload) {
  const { macd, ema, rsi14, boll, vwap, imbalance, vol_realized: volRealized, bars } = payload
  return {
    macd: { macd: macd.macd, signal: macd.signal, hist: macd.hist },
    ema: { ema12: ema.ema12, ema26: ema.ema26 },
    rsi14,
    boll: { mid: boll.mid, upper: boll.upper, lower: boll.lower },
    vwap: { session: vwap.session, w5m: vwap.w5m },
    imbalance: imbalance === null ? null : {
      spread: imbalance.spread,
      bid_px: imbalance.bid_px,
      ask_px: imbalance.ask_px,
      bid_sz: imbalance.bid_sz,
      ask_sz: imbalance.ask_sz,
      ratio: imbalance.ratio,
    },
    vol_realized: { w60s: volRealized.w60s },
    bars,
    signal_quality_flag: payload.signal_quality_flag,
  }
}
