/**
 * EMA 12 and 26 of the close, and MACD.
 *
 * Formula: EMA_N(1) = close(1); EMA_N(k) = EMA_N(k−1) + α (close(k) − EMA_N(k−1)), α = 2/(N+1). MACD = EMA12 − EMA26; its
 * signal line is EMA9 of MACD, seeded with the first MACD (0). Source: Appel, "Technical Analysis: Power Tools", 2005;
 * seed by the first value as in TA-Lib's Metastock mode. State: ema12, ema26, signal9. One step is O(1).
 */
import { C_INDICATOR_BARS, C_INDICATOR_EMA12, C_INDICATOR_EMA26, C_INDICATOR_SIGNAL9 } from '../layout'
import { f64At, i32At, setF64 } from '../memory'

const ALPHA_12: f64 = 2.0 / 13.0
const ALPHA_26: f64 = 2.0 / 27.0
const ALPHA_9: f64 = 2.0 / 10.0

/** `bars` counts this bar already. */
export function stepEma(row: i32, close: f64): void {
  if (i32At(C_INDICATOR_BARS, row) == 1) {
    setF64(C_INDICATOR_EMA12, row, close)
    setF64(C_INDICATOR_EMA26, row, close)
    setF64(C_INDICATOR_SIGNAL9, row, 0)
    return
  }
  const fast = f64At(C_INDICATOR_EMA12, row)
  const slow = f64At(C_INDICATOR_EMA26, row)
  const signal = f64At(C_INDICATOR_SIGNAL9, row)
  const nextFast = fast + ALPHA_12 * (close - fast)
  const nextSlow = slow + ALPHA_26 * (close - slow)
  setF64(C_INDICATOR_EMA12, row, nextFast)
  setF64(C_INDICATOR_EMA26, row, nextSlow)
  setF64(C_INDICATOR_SIGNAL9, row, signal + ALPHA_9 * (nextFast - nextSlow - signal))
}

@inline export function ema12(row: i32): f64 { return f64At(C_INDICATOR_EMA12, row) }
@inline export function ema26(row: i32): f64 { return f64At(C_INDICATOR_EMA26, row) }
@inline export function macd(row: i32): f64 { return ema12(row) - ema26(row) }
@inline export function macdSignal(row: i32): f64 { return f64At(C_INDICATOR_SIGNAL9, row) }
