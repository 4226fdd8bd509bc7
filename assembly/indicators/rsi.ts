/**
 * RSI 14 after Wilder.
 *
 * Formula: U = max(change, 0), D = max(−change, 0); the first averages are the plain means of the first 14 changes, then
 * avg(k) = (13 avg(k−1) + x(k)) / 14; RSI = 100 avgU / (avgU + avgD), 50 where both are 0, null in the first 14 bars.
 * Source: Wilder, "New Concepts in Technical Trading Systems", 1978. State: rsiUp, rsiDown (sums, then averages). O(1).
 */
import { C_INDICATOR_BARS, C_INDICATOR_RSI_DOWN, C_INDICATOR_RSI_UP } from '../layout'
import { f64At, i32At, setF64 } from '../memory'

const PERIOD: i32 = 14

/** `bars` counts this bar already; `change` is its close minus the one before, unused at the first bar. */
export function stepRsi(row: i32, change: f64): void {
  const changes = i32At(C_INDICATOR_BARS, row) - 1
  if (changes == 0) return
  let up = f64At(C_INDICATOR_RSI_UP, row)
  let down = f64At(C_INDICATOR_RSI_DOWN, row)
  const gain = max<f64>(change, 0)
  const loss = max<f64>(-change, 0)
  if (changes <= PERIOD) {
    up += gain
    down += loss
    if (changes == PERIOD) {
      up /= PERIOD
      down /= PERIOD
    }
  } else {
    up = (up * (PERIOD - 1) + gain) / PERIOD
    down = (down * (PERIOD - 1) + loss) / PERIOD
  }
  setF64(C_INDICATOR_RSI_UP, row, up)
  setF64(C_INDICATOR_RSI_DOWN, row, down)
}

/** NaN where there is none yet. */
export function rsi(row: i32): f64 {
  if (i32At(C_INDICATOR_BARS, row) <= PERIOD) return NaN
  const up = f64At(C_INDICATOR_RSI_UP, row)
  const both = up + f64At(C_INDICATOR_RSI_DOWN, row)
  return both == 0 ? 50 : (100 * up) / both
}
