/**
 * Realized volatility: population standard deviation of the last min(n, 60) log returns between consecutive bars; null
 * at the first bar. Bars, not seconds. Source: Andersen and others, Econometrica 71 (2003), for realized volatility as a
 * function of intraday log returns. State: ring of 60 returns. O(1): two passes over at most 60 values.
 */
import { C_INDICATOR_BARS, C_INDICATOR_RETURNS, VOLATILITY_BARS } from '../layout'
import { i32At } from '../memory'
import { deviationOf, meanOf } from './deviation'

@inline function ring(row: i32): usize { return <usize>load<i32>(C_INDICATOR_RETURNS) + <usize>(row * VOLATILITY_BARS * 8) }

/** `bars` counts this bar already; `lastClose` is the close of the bar before, unused at the first bar. */
export function stepVolatility(row: i32, lastClose: f64, close: f64): void {
  const returns = i32At(C_INDICATOR_BARS, row) - 1
  if (returns == 0) return
  // Math.log is AssemblyScript's own (musl's), so it gives the same bits on every machine
  store<f64>(ring(row) + <usize>(((returns - 1) % VOLATILITY_BARS) << 3), Math.log(close / lastClose))
}

/** NaN where there is none yet. */
export function volatility(row: i32): f64 {
  const count = min(i32At(C_INDICATOR_BARS, row) - 1, VOLATILITY_BARS)
  return count == 0 ? NaN : deviationOf(ring(row), count, meanOf(ring(row), count))
}
