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
import { f64At, i32At, setF64, setI32 } from '../memory'
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

/** Copies a row to the scratch row, whole. */
export function copyToScratch(row: i32): void {
  copy(C_INDICATOR_SYMBOL, row, 4)
  copy(C_INDICATOR_BARS, row, 4)
  copy(C_INDICATOR_LAST_CLOSE, row, 8)
  copy(C_INDICATOR_EMA12, row, 8)
  copy(C_INDICATOR_EMA26, row, 8)
  copy(C_INDICATOR_SIGNAL9, row, 8)
  copy(C_INDICATOR_RSI_UP, row, 8)
  copy(C_INDICATOR_RSI_DOWN, row, 8)
  copy(C_INDICATOR_CLOSES, row, BOLLINGER_BARS * 8)
  copy(C_INDICATOR_RETURNS, row, VOLATILITY_BARS * 8)
  copy(C_INDICATOR_SESSION, row, 8)
  copy(C_INDICATOR_SESSION_PV, row, 8)
  copy(C_INDICATOR_SESSION_PV_LOW, row, 8)
  copy(C_INDICATOR_SESSION_VOLUME, row, 8)
  copy(C_INDICATOR_SESSION_VOLUME_LOW, row, 8)
  copy(C_INDICATOR_W5M_HEAD, row, 4)
  copy(C_INDICATOR_W5M_SPLIT, row, 4)
  copy(C_INDICATOR_W5M_TAIL, row, 4)
  copy(C_INDICATOR_W5M_BACK_PV, row, 8)
  copy(C_INDICATOR_W5M_BACK_V, row, 8)
  copy(C_INDICATOR_W5M_SECOND, row, VWAP_SECONDS * 8)
  copy(C_INDICATOR_W5M_PV, row, VWAP_SECONDS * 8)
  copy(C_INDICATOR_W5M_V, row, VWAP_SECONDS * 8)
}

@inline function copy(column: i32, row: i32, bytes: i32): void {
  const base = <usize>load<i32>(column)
  memory.copy(base, base + <usize>(row * bytes), <usize>bytes)
}
