/**
 * Entry of the bench's own build (bench/kernels.ts): single parts of the kernel, which the kernel proper does not export.
 * Every indicator is stepped by a call a bar, so that the call's boundary is in its figure.
 */
import { writeF64 } from './encode/number'
import { bollingerMid, bollingerReach, stepBollinger } from './indicators/bollinger'
import { ema12, ema26, macd, macdSignal, stepEma } from './indicators/ema'
import { stepIndicators } from './indicators/row'
import { rsi, stepRsi } from './indicators/rsi'
import { sessionOf } from './indicators/session'
import { sessionVwap, stepSessionVwap } from './indicators/session-vwap'
import { slidingVwap, stepSlidingVwap } from './indicators/sliding-vwap'
import { stepVolatility, volatility } from './indicators/volatility'
import { C_INDICATOR_BARS, C_INDICATOR_LAST_CLOSE } from './layout'
import { f64At, i32At, setF64, setI32 } from './memory'

export { xxh64 } from './hash'

/** Writes `count` f64 at `from` as text at `at`, one over the other's end; returns the bytes written. */
export function writeNumbers(from: i32, count: i32, at: i32): i32 {
  let end = at
  for (let i = 0; i < count; i++) end = writeF64(end, load<f64>(from + (i << 3)))
  return end - at
}

@inline function countBar(row: i32): void { setI32(C_INDICATOR_BARS, row, i32At(C_INDICATOR_BARS, row) + 1) }

/** EMA 12, EMA 26 and MACD are one step. The sum keeps every value alive. */
export function nextEma(row: i32, close: f64): f64 {
  countBar(row)
  stepEma(row, close)
  return ema12(row) + ema26(row) + macd(row) + macdSignal(row)
}

export function nextRsi(row: i32, close: f64): f64 {
  countBar(row)
  stepRsi(row, close - f64At(C_INDICATOR_LAST_CLOSE, row))
  setF64(C_INDICATOR_LAST_CLOSE, row, close)
  return rsi(row)
}

export function nextBollinger(row: i32, close: f64): f64 {
  countBar(row)
  stepBollinger(row, close)
  const mid = bollingerMid(row)
  return mid + bollingerReach(row, mid)
}

export function nextVolatility(row: i32, close: f64): f64 {
  countBar(row)
  stepVolatility(row, f64At(C_INDICATOR_LAST_CLOSE, row), close)
  setF64(C_INDICATOR_LAST_CLOSE, row, close)
  return volatility(row)
}

export function nextSessionVwap(row: i32, second: i32, pv: f64, volume: f64): f64 {
  stepSessionVwap(row, sessionOf(<i64>second), pv, volume)
  return sessionVwap(row)
}

export function nextSlidingVwap(row: i32, second: i32, pv: f64, volume: f64): f64 {
  stepSlidingVwap(row, <i64>second + 1, pv, volume)
  return slidingVwap(row)
}

/** A bar's whole signal set: every indicator stepped, every value read; bars a second apart. Seconds are i32: a BigInt a call would be JavaScript's cost. */
export function nextSet(row: i32, second: i32, close: f64, pv: f64, volume: f64): f64 {
  stepIndicators(row, <i64>second, <i64>second + 1, close, pv, volume)
  const mid = bollingerMid(row)
  return (
    ema12(row) + ema26(row) + macd(row) + macdSignal(row) + rsi(row) + mid + bollingerReach(row, mid) + volatility(row) + sessionVwap(row) + slidingVwap(row)
  )
}
