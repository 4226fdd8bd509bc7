/**
 * Indicators of minute bars. A row of the minute table holds them up to the bar before the newest final one; they are stepped on
 * the scratch row of the indicator table, by the same code as those of seconds, so a revision of the newest bar starts again
 * from the same state. Of the five-minute VWAP a row keeps the bars themselves, as five of them are all there can be.
 */
import {
  BOLLINGER_BARS, C_INDICATOR_BARS, C_INDICATOR_CLOSES, C_INDICATOR_EMA12, C_INDICATOR_EMA26, C_INDICATOR_LAST_CLOSE, C_INDICATOR_RETURNS,
  C_INDICATOR_RSI_DOWN, C_INDICATOR_RSI_UP, C_INDICATOR_SESSION, C_INDICATOR_SESSION_PV, C_INDICATOR_SESSION_PV_LOW, C_INDICATOR_SESSION_VOLUME,
  C_INDICATOR_SESSION_VOLUME_LOW, C_INDICATOR_SIGNAL9, C_INDICATOR_W5M_BACK_PV, C_INDICATOR_W5M_BACK_V, C_INDICATOR_W5M_HEAD,
  C_INDICATOR_W5M_SPLIT, C_INDICATOR_W5M_TAIL, C_MINUTE_BARS, C_MINUTE_CLOSES, C_MINUTE_EMA12, C_MINUTE_EMA26, C_MINUTE_LAST_CLOSE,
  C_MINUTE_RETURNS, C_MINUTE_RSI_DOWN, C_MINUTE_RSI_UP, C_MINUTE_SESSION, C_MINUTE_SESSION_PV, C_MINUTE_SESSION_PV_LOW, C_MINUTE_SESSION_VOLUME,
  C_MINUTE_SESSION_VOLUME_LOW, C_MINUTE_SIGNAL9, C_MINUTE_VWAP_BARS, C_MINUTE_VWAP_END, C_MINUTE_VWAP_PV, C_MINUTE_VWAP_V, MINUTE_VWAP_BARS,
  VOLATILITY_BARS,
} from '../layout'
import { f64At, i32At, i64At, setF64, setI32, setI64 } from '../memory'
import { SCRATCH_ROW, stepIndicators } from './row'
import { stepSlidingVwap } from './sliding-vwap'

export const MINUTE_SECONDS: i64 = 60

/** Start of the minute that a second lies in. */
@inline export function minuteOf(second: i64): i64 {
  const rest = second % MINUTE_SECONDS
  return second - (rest < 0 ? rest + MINUTE_SECONDS : rest)
}

/** What VWAPs take of a bar: one without a volume or a volume-weighted price (crypto's follow quotes, too) has no part in them. */
@inline export function vwapVolume(volume: f64, vwap: f64): f64 { return vwap > 0 ? volume : 0 }

/** Puts a minute row's state on the scratch row. */
export function loadMinute(row: i32): void {
  setI32(C_INDICATOR_BARS, SCRATCH_ROW, i32At(C_MINUTE_BARS, row))
  load8(C_MINUTE_LAST_CLOSE, C_INDICATOR_LAST_CLOSE, row)
  load8(C_MINUTE_EMA12, C_INDICATOR_EMA12, row)
  load8(C_MINUTE_EMA26, C_INDICATOR_EMA26, row)
  load8(C_MINUTE_SIGNAL9, C_INDICATOR_SIGNAL9, row)
  load8(C_MINUTE_RSI_UP, C_INDICATOR_RSI_UP, row)
  load8(C_MINUTE_RSI_DOWN, C_INDICATOR_RSI_DOWN, row)
  load8(C_MINUTE_SESSION, C_INDICATOR_SESSION, row)
  load8(C_MINUTE_SESSION_PV, C_INDICATOR_SESSION_PV, row)
  load8(C_MINUTE_SESSION_PV_LOW, C_INDICATOR_SESSION_PV_LOW, row)
  load8(C_MINUTE_SESSION_VOLUME, C_INDICATOR_SESSION_VOLUME, row)
  load8(C_MINUTE_SESSION_VOLUME_LOW, C_INDICATOR_SESSION_VOLUME_LOW, row)
  memory.copy(list(C_INDICATOR_CLOSES, SCRATCH_ROW, BOLLINGER_BARS), list(C_MINUTE_CLOSES, row, BOLLINGER_BARS), BOLLINGER_BARS * 8)
  memory.copy(list(C_INDICATOR_RETURNS, SCRATCH_ROW, VOLATILITY_BARS), list(C_MINUTE_RETURNS, row, VOLATILITY_BARS), VOLATILITY_BARS * 8)
  setI32(C_INDICATOR_W5M_HEAD, SCRATCH_ROW, 0)
  setI32(C_INDICATOR_W5M_SPLIT, SCRATCH_ROW, 0)
  setI32(C_INDICATOR_W5M_TAIL, SCRATCH_ROW, 0)
  setF64(C_INDICATOR_W5M_BACK_PV, SCRATCH_ROW, 0)
  setF64(C_INDICATOR_W5M_BACK_V, SCRATCH_ROW, 0)
  const first = row * MINUTE_VWAP_BARS
  for (let at = first; at < first + i32At(C_MINUTE_VWAP_BARS, row); at++) {
    stepSlidingVwap(SCRATCH_ROW, i64At(C_MINUTE_VWAP_END, at), f64At(C_MINUTE_VWAP_PV, at), f64At(C_MINUTE_VWAP_V, at))
  }
}

/** Steps the scratch row by a minute bar that starts at `second`. */
export function stepMinute(second: i64, close: f64, volume: f64, vwap: f64): void {
  const counted = vwapVolume(volume, vwap)
  stepIndicators(SCRATCH_ROW, second, second + MINUTE_SECONDS, close, vwap * counted, counted)
}

/** Takes the scratch row, which has just been stepped by this bar from what the row holds, as the minute row's new state. */
export function saveMinute(row: i32, second: i64, volume: f64, vwap: f64): void {
  setI32(C_MINUTE_BARS, row, i32At(C_INDICATOR_BARS, SCRATCH_ROW))
  save8(C_MINUTE_LAST_CLOSE, C_INDICATOR_LAST_CLOSE, row)
  save8(C_MINUTE_EMA12, C_INDICATOR_EMA12, row)
  save8(C_MINUTE_EMA26, C_INDICATOR_EMA26, row)
  save8(C_MINUTE_SIGNAL9, C_INDICATOR_SIGNAL9, row)
  save8(C_MINUTE_RSI_UP, C_INDICATOR_RSI_UP, row)
  save8(C_MINUTE_RSI_DOWN, C_INDICATOR_RSI_DOWN, row)
  save8(C_MINUTE_SESSION, C_INDICATOR_SESSION, row)
  save8(C_MINUTE_SESSION_PV, C_INDICATOR_SESSION_PV, row)
  save8(C_MINUTE_SESSION_PV_LOW, C_INDICATOR_SESSION_PV_LOW, row)
  save8(C_MINUTE_SESSION_VOLUME, C_INDICATOR_SESSION_VOLUME, row)
  save8(C_MINUTE_SESSION_VOLUME_LOW, C_INDICATOR_SESSION_VOLUME_LOW, row)
  memory.copy(list(C_MINUTE_CLOSES, row, BOLLINGER_BARS), list(C_INDICATOR_CLOSES, SCRATCH_ROW, BOLLINGER_BARS), BOLLINGER_BARS * 8)
  memory.copy(list(C_MINUTE_RETURNS, row, VOLATILITY_BARS), list(C_INDICATOR_RETURNS, SCRATCH_ROW, VOLATILITY_BARS), VOLATILITY_BARS * 8)
  const counted = vwapVolume(volume, vwap)
  keepVwapBar(row, second + MINUTE_SECONDS, vwap * counted, counted)
}

/** Empties the scratch row again. */
@inline export function clearScratch(): void { setI32(C_INDICATOR_BARS, SCRATCH_ROW, 0) }

function keepVwapBar(row: i32, end: i64, pv: f64, volume: f64): void {
  const first = row * MINUTE_VWAP_BARS
  let count = i32At(C_MINUTE_VWAP_BARS, row)
  if (count == MINUTE_VWAP_BARS) {
    count--
    for (let at = first; at < first + count; at++) move(at + 1, at)
  }
  setI64(C_MINUTE_VWAP_END, first + count, end)
  setF64(C_MINUTE_VWAP_PV, first + count, pv)
  setF64(C_MINUTE_VWAP_V, first + count, volume)
  setI32(C_MINUTE_VWAP_BARS, row, count + 1)
}

@inline function move(from: i32, to: i32): void {
  setI64(C_MINUTE_VWAP_END, to, i64At(C_MINUTE_VWAP_END, from))
  setF64(C_MINUTE_VWAP_PV, to, f64At(C_MINUTE_VWAP_PV, from))
  setF64(C_MINUTE_VWAP_V, to, f64At(C_MINUTE_VWAP_V, from))
}

@inline function list(column: i32, row: i32, length: i32): usize { return <usize>load<i32>(column) + <usize>(row * length * 8) }
@inline function load8(from: i32, to: i32, row: i32): void { setI64(to, SCRATCH_ROW, i64At(from, row)) }
@inline function save8(to: i32, from: i32, row: i32): void { setI64(to, row, i64At(from, SCRATCH_ROW)) }
