/** The record of a signal: an indicator row after its bar, and the quote at the window's end. */
import {
  CFG_QUOTE_STALE_AFTER_NS, C_INDICATOR_BARS, C_SYMBOL_ASK_PRICE, C_SYMBOL_ASK_SIZE, C_SYMBOL_BID_PRICE, C_SYMBOL_BID_SIZE, C_SYMBOL_QUOTE_SET,
  C_SYMBOL_QUOTE_TIME, C_SYMBOL_SEQ_SIGNALS, C_WINDOW_ASK_PRICE, C_WINDOW_ASK_SIZE, C_WINDOW_BID_PRICE, C_WINDOW_BID_SIZE, C_WINDOW_FEED,
  C_WINDOW_QUOTE_TIME, C_WINDOW_SECOND, C_WINDOW_SYMBOL,
} from '../layout'
import { bollingerMid, bollingerReach } from '../indicators/bollinger'
import { ema12, ema26, macd, macdSignal } from '../indicators/ema'
import { rsi } from '../indicators/rsi'
import { sessionVwap } from '../indicators/session-vwap'
import { slidingVwap } from '../indicators/sliding-vwap'
import { volatility } from '../indicators/volatility'
import { cell, endOf, f64At, i32At, i64At, setI64 } from '../memory'
import { put, putHead, putNumber } from './envelope'
import {
  L_ASK_PX, L_ASK_SZ, L_BARS, L_BID_PX, L_BID_SZ, L_BOLL_LOWER, L_BOLL_MID, L_BOLL_UPPER, L_CHANNEL_SIGNALS, L_EMA12, L_EMA26, L_FLAG,
  L_FLAG_NO_QUOTE, L_FLAG_OK, L_FLAG_QUOTE_STALE, L_FLAG_WARMING_UP, L_HIST, L_PAYLOAD_SIGNAL, L_RATIO, L_RSI, L_SIGNAL, L_SIGNAL_END, L_SPREAD,
  L_VOL, L_VWAP_SESSION, L_VWAP_W5M, N_ASK_PX, N_ASK_SZ, N_BARS, N_BID_PX, N_BID_SZ, N_BOLL_LOWER, N_BOLL_MID, N_BOLL_UPPER, N_CHANNEL_SIGNALS,
  N_EMA12, N_EMA26, N_FLAG, N_FLAG_NO_QUOTE, N_FLAG_OK, N_FLAG_QUOTE_STALE, N_FLAG_WARMING_UP, N_HIST, N_PAYLOAD_SIGNAL, N_RATIO, N_RSI, N_SIGNAL,
  N_SIGNAL_END, N_SPREAD, N_VOL, N_VWAP_SESSION, N_VWAP_W5M,
} from './literals'
import { writeI64 } from './number'

export const WARM_UP_BARS: i32 = 35

/**
 * Writes the signal of `window` from indicator row `row`, with the symbol's next seq. `quoteWindow` is the newest window
 * at or before it that has a quote of its own, 0 for the symbol's settled quote.
 */
export function writeSignal(start: i32, window: i32, row: i32, quoteWindow: i32, isFinal: bool): i32 {
  const symbol = i32At(C_WINDOW_SYMBOL, window)
  const second = i64At(C_WINDOW_SECOND, window)
  const seq = i64At(C_SYMBOL_SEQ_SIGNALS, symbol) + 1
  setI64(C_SYMBOL_SEQ_SIGNALS, symbol, seq)
  let at = putHead(start, L_CHANNEL_SIGNALS, N_CHANNEL_SIGNALS, symbol, i32At(C_WINDOW_FEED, window), seq, isFinal, second, second + 1, false)
  at = putIndicators(at, row)
  const hasQuote = quoteWindow != 0 || i32At(C_SYMBOL_QUOTE_SET, symbol) != 0
  at = putQuote(at, symbol, quoteWindow, hasQuote)
  at = putNumber(at, L_VOL, N_VOL, volatility(row))
  at = writeI64(put(at, L_BARS, N_BARS), i32At(C_INDICATOR_BARS, row))
  at = put(at, L_FLAG, N_FLAG)
  if (i32At(C_INDICATOR_BARS, row) < WARM_UP_BARS) at = put(at, L_FLAG_WARMING_UP, N_FLAG_WARMING_UP)
  else if (!hasQuote) at = put(at, L_FLAG_NO_QUOTE, N_FLAG_NO_QUOTE)
  else if (isStale(symbol, quoteWindow, endOf(second))) at = put(at, L_FLAG_QUOTE_STALE, N_FLAG_QUOTE_STALE)
  else at = put(at, L_FLAG_OK, N_FLAG_OK)
  return put(at, L_SIGNAL_END, N_SIGNAL_END)
}

/** From `payload` to the VWAPs. */
export function putIndicators(start: i32, row: i32): i32 {
  const line = macd(row)
  const signal = macdSignal(row)
  let at = putNumber(start, L_PAYLOAD_SIGNAL, N_PAYLOAD_SIGNAL, line)
  at = putNumber(at, L_SIGNAL, N_SIGNAL, signal)
  at = putNumber(at, L_HIST, N_HIST, line - signal)
  at = putNumber(at, L_EMA12, N_EMA12, ema12(row))
  at = putNumber(at, L_EMA26, N_EMA26, ema26(row))
  at = putNumber(at, L_RSI, N_RSI, rsi(row))
  const mid = bollingerMid(row)
  const reach = isNaN(mid) ? NaN : bollingerReach(row, mid)
  at = putNumber(at, L_BOLL_MID, N_BOLL_MID, mid)
  at = putNumber(at, L_BOLL_UPPER, N_BOLL_UPPER, mid + reach)
  at = putNumber(at, L_BOLL_LOWER, N_BOLL_LOWER, mid - reach)
  at = putNumber(at, L_VWAP_SESSION, N_VWAP_SESSION, sessionVwap(row))
  return putNumber(at, L_VWAP_W5M, N_VWAP_W5M, slidingVwap(row))
}

function putQuote(start: i32, symbol: i32, quoteWindow: i32, hasQuote: bool): i32 {
  const own = quoteWindow != 0
  const bid = !hasQuote ? NaN : own ? f64At(C_WINDOW_BID_PRICE, quoteWindow) : f64At(C_SYMBOL_BID_PRICE, symbol)
  const ask = !hasQuote ? NaN : own ? f64At(C_WINDOW_ASK_PRICE, quoteWindow) : f64At(C_SYMBOL_ASK_PRICE, symbol)
  const bidSize = !hasQuote ? NaN : own ? f64At(C_WINDOW_BID_SIZE, quoteWindow) : f64At(C_SYMBOL_BID_SIZE, symbol)
  const askSize = !hasQuote ? NaN : own ? f64At(C_WINDOW_ASK_SIZE, quoteWindow) : f64At(C_SYMBOL_ASK_SIZE, symbol)
  const total = bidSize + askSize
  let at = putNumber(start, L_SPREAD, N_SPREAD, bid > 0 && ask > 0 ? ask - bid : NaN)
  at = putNumber(at, L_BID_PX, N_BID_PX, bid)
  at = putNumber(at, L_ASK_PX, N_ASK_PX, ask)
  at = putNumber(at, L_BID_SZ, N_BID_SZ, bidSize)
  at = putNumber(at, L_ASK_SZ, N_ASK_SZ, askSize)
  return putNumber(at, L_RATIO, N_RATIO, total > 0 ? (bidSize - askSize) / total : NaN)
}

@inline function isStale(symbol: i32, quoteWindow: i32, endNs: i64): bool {
  const after = cell(CFG_QUOTE_STALE_AFTER_NS)
  const timeNs = quoteWindow != 0 ? i64At(C_WINDOW_QUOTE_TIME, quoteWindow) : i64At(C_SYMBOL_QUOTE_TIME, symbol)
  return after > 0 && endNs - timeNs > after
}
