/**
 * Session VWAP: Σ price·size / Σ size over the trades since the session's start, this bar's included.
 *
 * Both sums are kept as two doubles (Knuth's TwoSum: Dekker 1971, "A floating-point technique for extending the available
 * precision"), so a day of ticks gives what a batch over the whole day gives. State: session, sums. O(1).
 */
import { C_INDICATOR_SESSION, C_INDICATOR_SESSION_PV, C_INDICATOR_SESSION_PV_LOW, C_INDICATOR_SESSION_VOLUME, C_INDICATOR_SESSION_VOLUME_LOW } from '../layout'
import { f64At, i64At, setF64, setI64 } from '../memory'

/** `session` is the number of the session that the bar's start lies in; a new one starts the sums again. */
export function stepSessionVwap(row: i32, session: i64, pv: f64, volume: f64): void {
  if (i64At(C_INDICATOR_SESSION, row) != session) {
    setI64(C_INDICATOR_SESSION, row, session)
    setF64(C_INDICATOR_SESSION_PV, row, 0)
    setF64(C_INDICATOR_SESSION_PV_LOW, row, 0)
    setF64(C_INDICATOR_SESSION_VOLUME, row, 0)
    setF64(C_INDICATOR_SESSION_VOLUME_LOW, row, 0)
  }
  add(C_INDICATOR_SESSION_PV, C_INDICATOR_SESSION_PV_LOW, row, pv)
  add(C_INDICATOR_SESSION_VOLUME, C_INDICATOR_SESSION_VOLUME_LOW, row, volume)
}

function add(high: i32, low: i32, row: i32, value: f64): void {
  const a = f64At(high, row)
  const sum = a + value
  const b = sum - a
  const error = a - (sum - b) + (value - b)
  setF64(high, row, sum)
  setF64(low, row, f64At(low, row) + error)
}

/** NaN where the session has no volume. */
export function sessionVwap(row: i32): f64 {
  const volume = f64At(C_INDICATOR_SESSION_VOLUME, row) + f64At(C_INDICATOR_SESSION_VOLUME_LOW, row)
  if (volume == 0) return NaN
  return (f64At(C_INDICATOR_SESSION_PV, row) + f64At(C_INDICATOR_SESSION_PV_LOW, row)) / volume
}
