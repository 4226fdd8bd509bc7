/**
 * Signals of minute bars at an epoch's end. The newest final bar's values lie beside the state before it: a newer bar settles it,
 * a revision takes its place. A provisional signal is reckoned from final bars alone, and goes out while its minute is young.
 */
import { writeMinuteSignal } from '../encode/minute-signal'
import { MINUTE_SECONDS, clearScratch, loadMinute, saveMinute, stepMinute } from '../indicators/minute'
import { SCRATCH_ROW } from '../indicators/row'
import {
  CFG_PROVISIONAL, CFG_PROVISIONAL_MAX_AGE_MS, C_MINUTE_JUDGED_SECOND, C_MINUTE_NEWEST_CLOSE,
  C_MINUTE_NEWEST_SECOND, C_MINUTE_NEWEST_SET, C_MINUTE_NEWEST_VOLUME, C_MINUTE_NEWEST_VWAP, C_MINUTE_PENDING_HEAD, C_MINUTE_PENDING_TAIL,
  C_MINUTE_PROVISIONAL_CLOSE, C_MINUTE_PROVISIONAL_FEED, C_MINUTE_PROVISIONAL_SECOND, C_MINUTE_PROVISIONAL_VOLUME, C_MINUTE_PROVISIONAL_VWAP,
  C_PENDING_BAR_CLOSE, C_PENDING_BAR_FEED, C_PENDING_BAR_NEXT, C_PENDING_BAR_SECOND, C_PENDING_BAR_VOLUME,
  C_PENDING_BAR_VWAP, C_SYMBOL_MINUTE_ROW,
} from '../layout'
import { NONE, cell, f64At, i32At, i64At, setF64, setI32, setI64 } from '../memory'
import { addSignal, nextRecord } from '../outputs'
import { takeProvisional } from './minute-bars'

/** Publishes what came of a symbol's minute bars since the last epoch: finals in the order in which they came, then the provisional one. */
export function publishMinuteSignals(symbol: i32, clockMs: i64): void {
  const minute = i32At(C_SYMBOL_MINUTE_ROW, symbol)
  if (minute == 0) return
  for (let bar = i32At(C_MINUTE_PENDING_HEAD, minute); bar != 0; bar = i32At(C_PENDING_BAR_NEXT, bar)) finalSignal(symbol, minute, bar)
  setI32(C_MINUTE_PENDING_HEAD, minute, 0)
  setI32(C_MINUTE_PENDING_TAIL, minute, 0)
  if (takeProvisional(minute)) provisionalSignal(symbol, minute, clockMs)
}

@inline function stepNewest(minute: i32): void {
  const second = i64At(C_MINUTE_NEWEST_SECOND, minute)
  stepMinute(second, f64At(C_MINUTE_NEWEST_CLOSE, minute), f64At(C_MINUTE_NEWEST_VOLUME, minute), f64At(C_MINUTE_NEWEST_VWAP, minute))
}

function finalSignal(symbol: i32, minute: i32, bar: i32): void {
  const second = i64At(C_PENDING_BAR_SECOND, bar)
  const hasNewest = i32At(C_MINUTE_NEWEST_SET, minute) != 0
  const newest = i64At(C_MINUTE_NEWEST_SECOND, minute)
  assert(!hasNewest || second >= newest) // invariant 5: in order; the newest alone is revised
  loadMinute(minute)
  if (hasNewest && second != newest) {
    stepNewest(minute)
    saveMinute(minute, newest, f64At(C_MINUTE_NEWEST_VOLUME, minute), f64At(C_MINUTE_NEWEST_VWAP, minute))
  }
  setI32(C_MINUTE_NEWEST_SET, minute, 1)
  setI64(C_MINUTE_NEWEST_SECOND, minute, second)
  setF64(C_MINUTE_NEWEST_CLOSE, minute, f64At(C_PENDING_BAR_CLOSE, bar))
  setF64(C_MINUTE_NEWEST_VOLUME, minute, f64At(C_PENDING_BAR_VOLUME, bar))
  setF64(C_MINUTE_NEWEST_VWAP, minute, f64At(C_PENDING_BAR_VWAP, bar))
  stepNewest(minute)
  publish(symbol, second, i32At(C_PENDING_BAR_FEED, bar), true)
}

function provisionalSignal(symbol: i32, minute: i32, clockMs: i64): void {
  const second = i64At(C_MINUTE_PROVISIONAL_SECOND, minute)
  const hasNewest = i32At(C_MINUTE_NEWEST_SET, minute) != 0
  // its minute became final meanwhile
  if (hasNewest && second <= i64At(C_MINUTE_JUDGED_SECOND, minute)) return
  if (clockMs == NONE || cell(CFG_PROVISIONAL) == 0) return
  if (clockMs >= (second + MINUTE_SECONDS) * 1000 + cell(CFG_PROVISIONAL_MAX_AGE_MS)) return
  loadMinute(minute)
  if (hasNewest) stepNewest(minute)
  const volume = f64At(C_MINUTE_PROVISIONAL_VOLUME, minute)
  stepMinute(second, f64At(C_MINUTE_PROVISIONAL_CLOSE, minute), volume, f64At(C_MINUTE_PROVISIONAL_VWAP, minute))
  publish(symbol, second, i32At(C_MINUTE_PROVISIONAL_FEED, minute), false)
}

/** Writes the signal of the scratch row, and empties that. */
function publish(symbol: i32, second: i64, feed: i32, isFinal: bool): void {
  const end = writeMinuteSignal(nextRecord(), symbol, SCRATCH_ROW, feed, second, second + MINUTE_SECONDS, isFinal)
  addSignal(end, symbol, second, isFinal, true)
  clearScratch()
}
