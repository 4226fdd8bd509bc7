/** The record of a one-second bar, and of a retraction: a bar that was published provisionally and has no trade left. */
import {
  C_SYMBOL_SEQ_BARS, C_WINDOW_CLOSE, C_WINDOW_COUNT, C_WINDOW_BAR_FEED, C_WINDOW_HIGH, C_WINDOW_LOW, C_WINDOW_OPEN, C_WINDOW_PV, C_WINDOW_PV_VOLUME,
  C_WINDOW_SECOND, C_WINDOW_SYMBOL, C_WINDOW_VOLUME,
} from '../layout'
import { f64At, i32At, i64At, setI64 } from '../memory'
import { put, putHead, putNumber, putSecond } from './envelope'
import {
  L_BAR_END, L_CHANNEL_BARS, L_CLOSE, L_COUNT, L_HIGH, L_LOW, L_PAYLOAD_BAR, L_RETRACTED_BAR, L_RETRACTED_END, L_TIME, L_VOLUME, L_VWAP,
  N_BAR_END, N_CHANNEL_BARS, N_CLOSE, N_COUNT, N_HIGH, N_LOW, N_PAYLOAD_BAR, N_RETRACTED_BAR, N_RETRACTED_END, N_TIME, N_VOLUME, N_VWAP,
} from './literals'
import { writeI64 } from './number'

/** Writes the window's bar with the symbol's next seq. */
export function writeBar(start: i32, window: i32, isFinal: bool, retracted: bool): i32 {
  const symbol = i32At(C_WINDOW_SYMBOL, window)
  const second = i64At(C_WINDOW_SECOND, window)
  const seq = i64At(C_SYMBOL_SEQ_BARS, symbol) + 1
  setI64(C_SYMBOL_SEQ_BARS, symbol, seq)
  let at = putHead(start, L_CHANNEL_BARS, N_CHANNEL_BARS, symbol, i32At(C_WINDOW_BAR_FEED, window), seq, isFinal, second, second + 1, false)
  if (retracted) {
    at = putSecond(put(at, L_RETRACTED_BAR, N_RETRACTED_BAR), second + 1)
    return put(at, L_RETRACTED_END, N_RETRACTED_END)
  }
  const volume = f64At(C_WINDOW_PV_VOLUME, window)
  at = putNumber(at, L_PAYLOAD_BAR, N_PAYLOAD_BAR, f64At(C_WINDOW_OPEN, window))
  at = putNumber(at, L_HIGH, N_HIGH, f64At(C_WINDOW_HIGH, window))
  at = putNumber(at, L_LOW, N_LOW, f64At(C_WINDOW_LOW, window))
  at = putNumber(at, L_CLOSE, N_CLOSE, f64At(C_WINDOW_CLOSE, window))
  at = putNumber(at, L_VOLUME, N_VOLUME, f64At(C_WINDOW_VOLUME, window))
  at = putNumber(at, L_VWAP, N_VWAP, volume == 0 ? NaN : f64At(C_WINDOW_PV, window) / volume)
  at = writeI64(put(at, L_COUNT, N_COUNT), i32At(C_WINDOW_COUNT, window))
  at = putSecond(put(at, L_TIME, N_TIME), second + 1)
  return put(at, L_BAR_END, N_BAR_END)
}
