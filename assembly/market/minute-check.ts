/**
 * A live check of this engine's own seconds against the feed's minute bars: volume, high, low and close of the sixty seconds as
 * they became final, each final minute bar (a revision again). Volume is that of all trades that count in it, also in seconds that make
 * no bar for want of an eligible price, as the feed's has them, too; prices are those of one-second bars.
 *
 * Compared once both are there: the bar, and the watermark past the minute's end. Whichever comes first waits: bars in a list of their
 * symbol (old data: all bars may come before any trade), own seconds of a symbol's last few minutes in a ring, noted from its first trade on,
 * whether it has had a minute bar yet or not. What can't be compared is counted as skipped: a minute that the task has not seen from its
 * beginning, one that the ring has lost, a bar that found its list full, a price where there is no own one.
 *
 * What comes out lies in header cells for the epoch; it is for metrics, no output hangs on it. Decimals are summed in another order
 * than the feed's, hence the tolerance.
 */
import {
  CFG_LATENESS_NS, C_MINUTE_UNCHECKED_COUNT, C_MINUTE_UNCHECKED_HEAD, C_MINUTE_UNCHECKED_SKIPPED, C_MINUTE_UNCHECKED_TAIL, C_PENDING_BAR_CLOSE,
  C_PENDING_BAR_HIGH, C_PENDING_BAR_LOW, C_PENDING_BAR_SECOND, C_PENDING_BAR_VOLUME, C_SYMBOL_MINUTE_ROW, C_SYMBOL_OWN_CLOSE, C_SYMBOL_OWN_HIGH,
  C_SYMBOL_OWN_LOW, C_SYMBOL_OWN_PRICED, C_SYMBOL_OWN_SECOND, C_SYMBOL_OWN_VOLUME, C_UNCHECKED_BAR_CLOSE, C_UNCHECKED_BAR_HIGH, C_UNCHECKED_BAR_LOW,
  C_UNCHECKED_BAR_NEXT, C_UNCHECKED_BAR_SECOND, C_UNCHECKED_BAR_VOLUME, C_WINDOW_CLOSE, C_WINDOW_HIGH, C_WINDOW_LOW, C_WINDOW_SECOND, C_WINDOW_TRADES,
  C_WINDOW_VOLUME, H_FIRST_TRADE_NS, H_MINUTE_DIFFERENCE_VOLUME, H_MINUTE_DIFFERS_VOLUME, H_MINUTE_EQUAL_VOLUME, H_MINUTE_SKIPPED_VOLUME, H_WATERMARK_NS,
  MINUTE_CHECKS, T_UNCHECKED_BAR_FREE, T_UNCHECKED_BAR_USED, UNCHECKED_BARS_MAX,
} from '../layout'
import { MINUTE_SECONDS, minuteOf } from '../indicators/minute'
import { NONE, NS, addCell, cell, f64At, i32At, i64At, secondOf, setCell, setF64, setI32, setI64 } from '../memory'
import { give, take } from '../tables'
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
  for (let each = 0; each < FIELDS; each++) {
    setCell(H_MINUTE_EQUAL_VOLUME + 8 * each, 0)
    setCell(H_MINUTE_DIFFERS_VOLUME + 8 * each, 0)
    setCell(H_MINUTE_SKIPPED_VOLUME + 8 * each, 0)
    store<f64>(H_MINUTE_DIFFERENCE_VOLUME + 8 * each, 0)
  }
}

@inline function slotOf(symbol: i32, second: i64): i32 {
  const turn = <i32>((second / MINUTE_SECONDS) % MINUTE_CHECKS)
  return symbol * MINUTE_CHECKS + (turn < 0 ? turn + MINUTE_CHECKS : turn)
}

/** Notes a one-second window that has just become final. They come in order, all of a minute before the next. */
export function noteFinalSecond(symbol: i32, window: i32): void {
  if (i32At(C_WINDOW_TRADES, window) == 0) return
  const start = minuteOf(i64At(C_WINDOW_SECOND, window))
  const slot = slotOf(symbol, start)
  if (i64At(C_SYMBOL_OWN_SECOND, slot) != start) {
    // minutes before this one are whole: they are compared before it takes the place of one of them
    settleBefore(symbol, start)
    setI64(C_SYMBOL_OWN_SECOND, slot, start)
    setI32(C_SYMBOL_OWN_PRICED, slot, 0)
    setF64(C_SYMBOL_OWN_VOLUME, slot, 0)
  }
  setF64(C_SYMBOL_OWN_VOLUME, slot, f64At(C_SYMBOL_OWN_VOLUME, slot) + f64At(C_WINDOW_VOLUME, window))
  if (!hasBar(window)) return
  const priced = i32At(C_SYMBOL_OWN_PRICED, slot) != 0
  const high = f64At(C_WINDOW_HIGH, window)
  const low = f64At(C_WINDOW_LOW, window)
  setF64(C_SYMBOL_OWN_HIGH, slot, priced ? max(high, f64At(C_SYMBOL_OWN_HIGH, slot)) : high)
  setF64(C_SYMBOL_OWN_LOW, slot, priced ? min(low, f64At(C_SYMBOL_OWN_LOW, slot)) : low)
  setF64(C_SYMBOL_OWN_CLOSE, slot, f64At(C_WINDOW_CLOSE, window))
  setI32(C_SYMBOL_OWN_PRICED, slot, 1)
}

/** A final bar that has just been put into its list of the epoch waits here as well. A spare row is the caller's to see to. */
export function awaitCheck(minute: i32, pending: i32): void {
  if (i32At(C_MINUTE_UNCHECKED_COUNT, minute) >= UNCHECKED_BARS_MAX) {
    setI32(C_MINUTE_UNCHECKED_SKIPPED, minute, i32At(C_MINUTE_UNCHECKED_SKIPPED, minute) + 1)
    return
  }
  const bar = take(T_UNCHECKED_BAR_USED, T_UNCHECKED_BAR_FREE, C_UNCHECKED_BAR_NEXT)
  setI32(C_UNCHECKED_BAR_NEXT, bar, 0)
  setI64(C_UNCHECKED_BAR_SECOND, bar, i64At(C_PENDING_BAR_SECOND, pending))
  setF64(C_UNCHECKED_BAR_HIGH, bar, f64At(C_PENDING_BAR_HIGH, pending))
  setF64(C_UNCHECKED_BAR_LOW, bar, f64At(C_PENDING_BAR_LOW, pending))
  setF64(C_UNCHECKED_BAR_CLOSE, bar, f64At(C_PENDING_BAR_CLOSE, pending))
  setF64(C_UNCHECKED_BAR_VOLUME, bar, f64At(C_PENDING_BAR_VOLUME, pending))
  const tail = i32At(C_MINUTE_UNCHECKED_TAIL, minute)
  if (tail == 0) setI32(C_MINUTE_UNCHECKED_HEAD, minute, bar)
  else setI32(C_UNCHECKED_BAR_NEXT, tail, bar)
  setI32(C_MINUTE_UNCHECKED_TAIL, minute, bar)
  setI32(C_MINUTE_UNCHECKED_COUNT, minute, i32At(C_MINUTE_UNCHECKED_COUNT, minute) + 1)
}

/** Whether bars of the symbol wait to be compared. */
export function isUnchecked(symbol: i32): bool {
  const minute = i32At(C_SYMBOL_MINUTE_ROW, symbol)
  return minute != 0 && i32At(C_MINUTE_UNCHECKED_HEAD, minute) != 0
}

/** Compares the symbol's bars whose minute is over by the watermark. Its final windows have been noted. */
export function settleChecks(symbol: i32): void {
  const minute = i32At(C_SYMBOL_MINUTE_ROW, symbol)
  if (minute == 0) return
  for (let each = 0; each < FIELDS; each++) addCell(H_MINUTE_SKIPPED_VOLUME + 8 * each, i32At(C_MINUTE_UNCHECKED_SKIPPED, minute))
  setI32(C_MINUTE_UNCHECKED_SKIPPED, minute, 0)
  const watermark = cell(H_WATERMARK_NS)
  if (watermark != NONE) settleBefore(symbol, minuteOf(secondOf(watermark)))
}

/** Compares the bars of minutes before the one that starts at `start`: they came in order of time. */
function settleBefore(symbol: i32, start: i64): void {
  const minute = i32At(C_SYMBOL_MINUTE_ROW, symbol)
  if (minute == 0) return
  let bar = i32At(C_MINUTE_UNCHECKED_HEAD, minute)
  while (bar != 0 && i64At(C_UNCHECKED_BAR_SECOND, bar) < start) {
    const next = i32At(C_UNCHECKED_BAR_NEXT, bar)
    compare(symbol, bar)
    give(bar, T_UNCHECKED_BAR_FREE, C_UNCHECKED_BAR_NEXT)
    setI32(C_MINUTE_UNCHECKED_COUNT, minute, i32At(C_MINUTE_UNCHECKED_COUNT, minute) - 1)
    bar = next
  }
  setI32(C_MINUTE_UNCHECKED_HEAD, minute, bar)
  if (bar == 0) setI32(C_MINUTE_UNCHECKED_TAIL, minute, 0)
  assert((bar == 0) == (i32At(C_MINUTE_UNCHECKED_COUNT, minute) == 0)) // invariant 7: what waits is counted, so it is bounded
}

/** Whether the task has seen the minute from its beginning. */
function isWhole(start: i64): bool {
  const first = cell(H_FIRST_TRADE_NS)
  return first != NONE && start * NS > first + cell(CFG_LATENESS_NS)
}

function compare(symbol: i32, bar: i32): void {
  const start = i64At(C_UNCHECKED_BAR_SECOND, bar)
  const slot = slotOf(symbol, start)
  const there = i64At(C_SYMBOL_OWN_SECOND, slot)
  const lost = there > start // a later minute lies there
  if (lost || !isWhole(start)) {
    for (let each = 0; each < FIELDS; each++) addCell(H_MINUTE_SKIPPED_VOLUME + 8 * each, 1)
    return
  }
  const has = there == start
  field(VOLUME, has ? f64At(C_SYMBOL_OWN_VOLUME, slot) : 0, f64At(C_UNCHECKED_BAR_VOLUME, bar))
  if (!has || i32At(C_SYMBOL_OWN_PRICED, slot) == 0) {
    for (let each = HIGH; each < FIELDS; each++) addCell(H_MINUTE_SKIPPED_VOLUME + 8 * each, 1)
    return
  }
  field(HIGH, f64At(C_SYMBOL_OWN_HIGH, slot), f64At(C_UNCHECKED_BAR_HIGH, bar))
  field(LOW, f64At(C_SYMBOL_OWN_LOW, slot), f64At(C_UNCHECKED_BAR_LOW, bar))
  field(CLOSE, f64At(C_SYMBOL_OWN_CLOSE, slot), f64At(C_UNCHECKED_BAR_CLOSE, bar))
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
