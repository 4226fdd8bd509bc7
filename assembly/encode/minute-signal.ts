/** The record of a minute bar's signal: the indicators on the scratch row; there is no quote to it. */
import { C_INDICATOR_BARS, C_SYMBOL_SEQ_MINUTE_SIGNALS } from '../layout'
import { volatility } from '../indicators/volatility'
import { i32At, i64At, setI64 } from '../memory'
import { put, putHead, putNumber } from './envelope'
import {
  L_BARS, L_CHANNEL_SIGNALS, L_FLAG, L_FLAG_OK, L_FLAG_WARMING_UP, L_NO_IMBALANCE, L_SIGNAL_END, N_BARS, N_CHANNEL_SIGNALS, N_FLAG, N_FLAG_OK,
  N_FLAG_WARMING_UP, N_NO_IMBALANCE, N_SIGNAL_END,
} from './literals'
import { writeI64 } from './number'
import { WARM_UP_BARS, putIndicators } from './signal'

/** Writes the signal of the minute [second, end) from indicator row `row`, with the symbol's next seq of its minutes. */
export function writeMinuteSignal(start: i32, symbol: i32, row: i32, feed: i32, second: i64, end: i64, isFinal: bool): i32 {
  const seq = i64At(C_SYMBOL_SEQ_MINUTE_SIGNALS, symbol) + 1
  setI64(C_SYMBOL_SEQ_MINUTE_SIGNALS, symbol, seq)
  let at = putHead(start, L_CHANNEL_SIGNALS, N_CHANNEL_SIGNALS, symbol, feed, seq, isFinal, second, end, true)
  at = putIndicators(at, row)
  at = putNumber(at, L_NO_IMBALANCE, N_NO_IMBALANCE, volatility(row))
  const bars = i32At(C_INDICATOR_BARS, row)
  at = writeI64(put(at, L_BARS, N_BARS), bars)
  at = put(at, L_FLAG, N_FLAG)
  at = bars < WARM_UP_BARS ? put(at, L_FLAG_WARMING_UP, N_FLAG_WARMING_UP) : put(at, L_FLAG_OK, N_FLAG_OK)
  return put(at, L_SIGNAL_END, N_SIGNAL_END)
}
