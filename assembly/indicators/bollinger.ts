/**
 * Bollinger bands: mean of the last 20 closes, ± 2 population standard deviations; null in the first 19 bars.
 * Source: Bollinger, "Bollinger on Bollinger Bands", 2001. State: ring of 20 closes. O(1): two passes over 20 values.
 */
import { BOLLINGER_BARS, C_INDICATOR_BARS, C_INDICATOR_CLOSES } from '../layout'
import { i32At } from '../memory'
import { deviationOf, meanOf } from './deviation'

@inline function ring(row: i32): usize { return <usize>load<i32>(C_INDICATOR_CLOSES) + <usize>(row * BOLLINGER_BARS * 8) }

/** `bars` counts this bar already. */
export function stepBollinger(row: i32, close: f64): void {
  store<f64>(ring(row) + <usize>(((i32At(C_INDICATOR_BARS, row) - 1) % BOLLINGER_BARS) << 3), close)
}

/** Middle band; NaN where there is none yet. */
export function bollingerMid(row: i32): f64 {
  return i32At(C_INDICATOR_BARS, row) < BOLLINGER_BARS ? NaN : meanOf(ring(row), BOLLINGER_BARS)
}

/** Half the width of the bands around `mid`. */
export function bollingerReach(row: i32, mid: f64): f64 { return 2 * deviationOf(ring(row), BOLLINGER_BARS, mid) }
