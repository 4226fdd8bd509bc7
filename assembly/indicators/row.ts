/**
 * One symbol's indicators as a row: stepping it by a bar, and copying it to the scratch row for provisional values.
 * A provisional signal is the same step on a copy, so there is one code path for both.
 */
import {
  C_INDICATOR_BARS, C_INDICATOR_CLOSES, C_INDICATOR_EMA12, C_INDICATOR_LAST_CLOSE, C_INDICATOR_RETURNS, C_INDICATOR_SESSION, C_INDICATOR_SYMBOL,
  C_INDICATOR_W5M_BACK_PV, C_INDICATOR_W5M_BACK_V, C_INDICATOR_W5M_HEAD, C_INDICATOR_W5M_PV, C_INDICATOR_W5M_SECOND, C_INDICATOR_W5M_SPLIT,
  C_INDICATOR_W5M_TAIL, C_INDICATOR_W5M_V, BOLLINGER_BARS, VOLATILITY_BARS, VWAP_SECONDS, C_INDICATOR_EMA26, C_INDICATOR_SIGNAL9,
  C_INDICATOR_RSI_UP, C_INDICATOR_RSI_DOWN, C_INDICATOR_SESSION_PV, C_INDICATOR_SESSION_PV_LOW, C_INDICATOR_SESSION_VOLUME, C_INDICATOR_SESSION_VOLUME_LOW,
} from '../layout'
import { f64At, i32At, i64At, setF64, setI32, setI64 } from '../memory'
import { stepBollinger } from './bollinger'
import { stepEma } from './ema'
import { stepRsi } from './rsi'
import { sessionOf } from './session'
import { stepSessionVwap } from './session-vwap'
import { stepSlidingVwap } from './sliding-vwap'
import { stepVolatility } from './volatility'

/** The row that provisional signals are computed on; no symbol's. */
export const SCRATCH_ROW: i32 = 0

/** Steps every indicator by one bar: `startSecond` and `endSecond` in UTC seconds, pv = Σ price·size, volume = Σ size. */
export function stepIndicators(row: i32, startSecond: i64, endSecond: i64, close: f64, pv: f64, volume: f64): void {
  setI32(C_INDICATOR_BARS, row, i32At(C_INDICATOR_BARS, row) + 1)
  const lastClose = f64At(C_INDICATOR_LAST_CLOSE, row)
  stepEma(row, close)
  stepRsi(row, close - lastClose)
  stepBollinger(row, close)
  stepVolatility(row, lastClose, close)
  stepSessionVwap(row, sessionOf(startSecond), pv, volume)
  stepSlidingVwap(row, endSecond, pv, volume)
  setF64(C_INDICATOR_LAST_CLOSE, row, close)
}

/** Copies a row to the scratch row: all that a step reads. Of the five minutes' ring that is what lies between head and tail. */
export function copyToScratch(row: i32): void {
  copyI32(C_INDICATOR_SYMBOL, row)
  copyI32(C_INDICATOR_BARS, row)
  copyI64(C_INDICATOR_LAST_CLOSE, row)
  copyI64(C_INDICATOR_EMA12, row)
  copyI64(C_INDICATOR_EMA26, row)
  copyI64(C_INDICATOR_SIGNAL9, row)
  copyI64(C_INDICATOR_RSI_UP, row)
  copyI64(C_INDICATOR_RSI_DOWN, row)
  copyList(C_INDICATOR_CLOSES, row, BOLLINGER_BARS, 0, BOLLINGER_BARS)
  copyList(C_INDICATOR_RETURNS, row, VOLATILITY_BARS, 0, VOLATILITY_BARS)
  copyI64(C_INDICATOR_SESSION, row)
  copyI64(C_INDICATOR_SESSION_PV, row)
  copyI64(C_INDICATOR_SESSION_PV_LOW, row)
  copyI64(C_INDICATOR_SESSION_VOLUME, row)
  copyI64(C_INDICATOR_SESSION_VOLUME_LOW, row)
  copyI32(C_INDICATOR_W5M_HEAD, row)
  copyI32(C_INDICATOR_W5M_SPLIT, row)
  copyI32(C_INDICATOR_W5M_TAIL, row)
  copyI64(C_INDICATOR_W5M_BACK_PV, row)
  copyI64(C_INDICATOR_W5M_BACK_V, row)
  const head = i32At(C_INDICATOR_W5M_HEAD, row)
  const count = i32At(C_INDICATOR_W5M_TAIL, row) - head
  const first = head % VWAP_SECONDS
  copySeconds(row, first, min(count, VWAP_SECONDS - first))
  copySeconds(row, 0, count - (VWAP_SECONDS - first))
}

function copySeconds(row: i32, from: i32, count: i32): void {
  if (count <= 0) return
  copyList(C_INDICATOR_W5M_SECOND, row, VWAP_SECONDS, from, count)
  copyList(C_INDICATOR_W5M_PV, row, VWAP_SECONDS, from, count)
  copyList(C_INDICATOR_W5M_V, row, VWAP_SECONDS, from, count)
}

@inline function copyI32(column: i32, row: i32): void { setI32(column, SCRATCH_ROW, i32At(column, row)) }
/** Eight bytes, of whatever type. */
@inline function copyI64(column: i32, row: i32): void { setI64(column, SCRATCH_ROW, i64At(column, row)) }

/** Copies `count` values from `from` on of a row's list of `length` values, 8 bytes each. */
@inline function copyList(column: i32, row: i32, length: i32, from: i32, count: i32): void {
  const base = <usize>load<i32>(column) + <usize>(from << 3)
  memory.copy(base, base + <usize>(row * length * 8), <usize>(count << 3))
}
