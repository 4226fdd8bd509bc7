/**
 * A live check of this engine's own seconds against the feed's minute bars: volume, high, low and close of the sixty seconds as
 * they became final, each final minute bar (a revision again). Volume is that of all trades that count in it, also in seconds that make
 * no bar for want of an eligible price, as the feed's has them, too; prices are those of one-second bars.
 *
 * Compared once both are there: the bar, and the watermark past the minute's end. Own seconds of the last few minutes are kept,
 * a bar that comes later than that is not compared, nor is a minute that the task has not seen from its beginning. What comes out lies in
 * header cells for the epoch; it is for metrics, no output hangs on it. Decimals are summed in another order than the feed's, hence
 * the tolerance.
 */
import {
  CFG_LATENESS_NS, C_MINUTE_CHECK_CLOSE, C_MINUTE_CHECK_FROM, C_MINUTE_CHECK_HIGH, C_MINUTE_CHECK_LOW, C_MINUTE_CHECK_PRICED,
  C_MINUTE_CHECK_SECOND, C_MINUTE_CHECK_VOLUME, C_MINUTE_NEWEST_CLOSE, C_MINUTE_NEWEST_HIGH, C_MINUTE_NEWEST_LOW, C_MINUTE_NEWEST_SECOND,
  C_MINUTE_NEWEST_VOLUME, C_MINUTE_UNCHECKED, C_SYMBOL_MINUTE_ROW, C_WINDOW_CLOSE, C_WINDOW_HIGH, C_WINDOW_LOW, C_WINDOW_SECOND, C_WINDOW_TRADES,
  C_WINDOW_VOLUME, H_FIRST_TRADE_NS, H_MINUTE_DIFFERENCE_VOLUME, H_MINUTE_DIFFERS_VOLUME, H_MINUTE_EQUAL_VOLUME, H_WATERMARK_NS, MINUTE_CHECKS,
} from '../layout'
import { MINUTE_SECONDS } from '../indicators/minute'
import { NONE, NS, addCell, cell, f64At, i32At, i64At, setCell, setF64, setI32, setI64 } from '../memory'
import { minuteOf } from './minute-bars'
import { hasBar } from './windows'

/** Cells of a field, from that of the volume on. */
const VOLUME: i32 = 0
const HIGH: i32 = 1
const LOW: i32 = 2
const CLOSE: i32 = 3
const FIELDS: i32 = 4

const TOLERANCE: f64 = 1e-9

/** Nothing has been compared in this epoch yet. */
export function openChecks(): void {
  for (let field = 0; field < FIELDS; field++) {
    setCell(H_MINUTE_EQUAL_VOLUME + 8 * field, 0)
    setCell(H_MINUTE_DIFFERS_VOLUME + 8 * field, 0)
    store<f64>(H_MINUTE_DIFFERENCE_VOLUME + 8 * field, 0)
  }
}

@inline function slotOf(minute: i32, second: i64): i32 {
  const turn = <i32>((second / MINUTE_SECONDS) % MINUTE_CHECKS)
  return minute * MINUTE_CHECKS + (turn < 0 ? turn + MINUTE_CHECKS : turn)
}

/** Notes a one-second window that has just become final. They come in order, all of a minute before the next. */
export function noteFinalSecond(symbol: i32, window: i32): void {
  const minute = i32At(C_SYMBOL_MINUTE_ROW, symbol)
  if (minute == 0 || i32At(C_WINDOW_TRADES, window) == 0) return
  const start = minuteOf(i64At(C_WINDOW_SECOND, window))
  // the seconds of the newest bar's minute are whole before those of a later one take their place
  if (start > i64At(C_MINUTE_NEWEST_SECOND, minute)) settleCheck(minute)
  const slot = slotOf(minute, start)
  if (i64At(C_MINUTE_CHECK_SECOND, slot) != start) {
    setI64(C_MINUTE_CHECK_SECOND, slot, start)
    setI32(C_MINUTE_CHECK_PRICED, slot, 0)
    setF64(C_MINUTE_CHECK_VOLUME, slot, 0)
  }
  setF64(C_MINUTE_CHECK_VOLUME, slot, f64At(C_MINUTE_CHECK_VOLUME, slot) + f64At(C_WINDOW_VOLUME, window))
  if (!hasBar(window)) return
  const priced = i32At(C_MINUTE_CHECK_PRICED, slot) != 0
  const high = f64At(C_WINDOW_HIGH, window)
  const low = f64At(C_WINDOW_LOW, window)
  setF64(C_MINUTE_CHECK_HIGH, slot, priced ? max(high, f64At(C_MINUTE_CHECK_HIGH, slot)) : high)
  setF64(C_MINUTE_CHECK_LOW, slot, priced ? min(low, f64At(C_MINUTE_CHECK_LOW, slot)) : low)
  setF64(C_MINUTE_CHECK_CLOSE, slot, f64At(C_WINDOW_CLOSE, window))
  setI32(C_MINUTE_CHECK_PRICED, slot, 1)
}

/** The newest final bar is another now: it is compared at once where its seconds are final, else when they are. */
export function checkNewest(minute: i32): void {
  setI32(C_MINUTE_UNCHECKED, minute, 1)
  settleCheck(minute)
}

/** Compares the newest bar where that is still to be done and its minute is over by the watermark. */
export function settleCheck(minute: i32): void {
  if (i32At(C_MINUTE_UNCHECKED, minute) == 0) return
  const start = i64At(C_MINUTE_NEWEST_SECOND, minute)
  if ((start + MINUTE_SECONDS) * NS > cell(H_WATERMARK_NS)) return
  setI32(C_MINUTE_UNCHECKED, minute, 0)
  if (isWhole(minute, start)) compare(minute, start)
}

/** Whether the task has seen the minute from its beginning. */
function isWhole(minute: i32, start: i64): bool {
  const first = cell(H_FIRST_TRADE_NS)
  return first != NONE && start * NS > first + cell(CFG_LATENESS_NS) && start >= i64At(C_MINUTE_CHECK_FROM, minute)
}

function compare(minute: i32, start: i64): void {
  const slot = slotOf(minute, start)
  const there = i64At(C_MINUTE_CHECK_SECOND, slot)
  if (there > start) return // too late: a later minute lies there
  const has = there == start
  field(VOLUME, has ? f64At(C_MINUTE_CHECK_VOLUME, slot) : 0, f64At(C_MINUTE_NEWEST_VOLUME, minute))
  if (!has || i32At(C_MINUTE_CHECK_PRICED, slot) == 0) return
  field(HIGH, f64At(C_MINUTE_CHECK_HIGH, slot), f64At(C_MINUTE_NEWEST_HIGH, minute))
  field(LOW, f64At(C_MINUTE_CHECK_LOW, slot), f64At(C_MINUTE_NEWEST_LOW, minute))
  field(CLOSE, f64At(C_MINUTE_CHECK_CLOSE, slot), f64At(C_MINUTE_NEWEST_CLOSE, minute))
}

/** Books one comparison; the difference is a share of the larger value, 0 to 1. */
function field(number: i32, own: f64, feed: f64): void {
  const larger = max(own, feed)
  const difference = larger == 0 ? 0 : abs(own - feed) / larger
  if (difference <= TOLERANCE) {
    addCell(H_MINUTE_EQUAL_VOLUME + 8 * number, 1)
    return
  }
  addCell(H_MINUTE_DIFFERS_VOLUME + 8 * number, 1)
  const sum = H_MINUTE_DIFFERENCE_VOLUME + 8 * number
  store<f64>(sum, load<f64>(sum) + difference)
}
