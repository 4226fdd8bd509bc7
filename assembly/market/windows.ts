/**
 * Open windows of a symbol: a list in order of time, one row for each second that has a trade or a quote of its own.
 * The bar's columns follow the trades as they come; after a correction they are made again from the window's trades.
 */
import {
  CFG_LATENESS_NS, CFG_PROVISIONAL, CFG_PROVISIONAL_DELAY_MS, CFG_PROVISIONAL_MAX_AGE_MS, CFG_PROVISIONAL_REFRESH_MS, CFG_SALE_CONDITIONS,
  C_SYMBOL_WINDOW_HEAD, C_WINDOW_CLOSE, C_WINDOW_CLOSE_ARRIVAL, C_WINDOW_CLOSE_TIME, C_WINDOW_COUNT, C_WINDOW_BAR_FEED, C_WINDOW_FEED, C_WINDOW_FLAGS, C_WINDOW_HIGH,
  C_WINDOW_LOW, C_WINDOW_NEXT, C_WINDOW_OPEN, C_WINDOW_OPEN_ARRIVAL, C_WINDOW_OPEN_TIME, C_WINDOW_PUBLISHED_MS, C_WINDOW_PV, C_WINDOW_PV_VOLUME,
  C_WINDOW_QUOTE_ID_HEAD, C_WINDOW_QUOTE_SET, C_WINDOW_SECOND, C_WINDOW_SYMBOL, C_WINDOW_TRADES, C_WINDOW_TRADE_HEAD, C_WINDOW_VOLUME,
  H_FIRST_TRADE_NS, H_LATEST_START, H_NEXT_FINAL_NS, H_NEXT_PROVISIONAL_MS, H_WATERMARK_NS, SCRATCH_BASE, T_WINDOW_FREE, T_WINDOW_USED,
} from '../layout'
import { NONE, NS, cell, endOf, f64At, i32At, i64At, secondOf, setCell, setF64, setI32, setI64 } from '../memory'
import { take } from '../tables'
import { setOpen } from './symbols'

/** The window has a trade that may set open, high, low and close. */
export const HAS_PRICE: i32 = 1
/** The bar has changed since it was last published. */
export const BAR_DIRTY: i32 = 2
/** The signal has changed since it was last published. */
export const SIGNAL_DIRTY: i32 = 4
/** The bar was published provisionally, so it must get a final. */
export const PUBLISHED: i32 = 8

/** End of the window that starts at `second`, in ms. */
@inline function endMs(second: i64): i64 { return (second + 1) * 1_000 }

/** First second whose window is open for a record of a partition whose largest event time is `maxNs` (this record included). */
@inline export function firstOpenSecond(maxNs: i64): i64 {
  const watermark = cell(H_WATERMARK_NS)
  const running = maxNs - cell(CFG_LATENESS_NS)
  return secondOf(max(running, watermark))
}

/** The symbol's window of `second`, made new where there is none. A spare row is the caller's to see to. */
export function windowRow(symbol: i32, second: i64): i32 {
  let before = 0
  let row = i32At(C_SYMBOL_WINDOW_HEAD, symbol)
  while (row != 0 && i64At(C_WINDOW_SECOND, row) < second) {
    before = row
    row = i32At(C_WINDOW_NEXT, row)
  }
  if (row != 0 && i64At(C_WINDOW_SECOND, row) == second) return row
  const fresh = take(T_WINDOW_USED, T_WINDOW_FREE, C_WINDOW_SYMBOL)
  clearBar(fresh)
  setI32(C_WINDOW_SYMBOL, fresh, symbol)
  setI64(C_WINDOW_SECOND, fresh, second)
  setI32(C_WINDOW_NEXT, fresh, row)
  setI32(C_WINDOW_FLAGS, fresh, 0)
  setI32(C_WINDOW_TRADE_HEAD, fresh, 0)
  setI32(C_WINDOW_FEED, fresh, 0)
  setI32(C_WINDOW_BAR_FEED, fresh, 0)
  setI64(C_WINDOW_PUBLISHED_MS, fresh, NONE)
  setI32(C_WINDOW_QUOTE_SET, fresh, 0)
  setI32(C_WINDOW_QUOTE_ID_HEAD, fresh, 0)
  if (before == 0) setI32(C_SYMBOL_WINDOW_HEAD, symbol, fresh)
  else setI32(C_WINDOW_NEXT, before, fresh)
  setOpen(symbol, true)
  return fresh
}

function clearBar(row: i32): void {
  setF64(C_WINDOW_OPEN, row, 0)
  setF64(C_WINDOW_HIGH, row, 0)
  setF64(C_WINDOW_LOW, row, 0)
  setF64(C_WINDOW_CLOSE, row, 0)
  setI64(C_WINDOW_OPEN_TIME, row, 0)
  setI64(C_WINDOW_OPEN_ARRIVAL, row, 0)
  setI64(C_WINDOW_CLOSE_TIME, row, 0)
  setI64(C_WINDOW_CLOSE_ARRIVAL, row, 0)
  setF64(C_WINDOW_VOLUME, row, 0)
  setF64(C_WINDOW_PV, row, 0)
  setF64(C_WINDOW_PV_VOLUME, row, 0)
  setI32(C_WINDOW_COUNT, row, 0)
  setI32(C_WINDOW_TRADES, row, 0)
}

/** Empties a window's bar, keeping what was published, so that its trades can be added again. */
export function resetBar(row: i32): void {
  clearBar(row)
  setI32(C_WINDOW_FLAGS, row, i32At(C_WINDOW_FLAGS, row) & ~HAS_PRICE)
}

/** Adds one trade to its window's bar. Open and close are by (event time, arrival), so the order of calls doesn't matter. */
export function addToBar(row: i32, timeNs: i64, arrival: i64, price: f64, size: f64, priceCounts: bool, volumeCounts: bool, feed: i32): void {
  setI32(C_WINDOW_TRADES, row, i32At(C_WINDOW_TRADES, row) + 1)
  if (priceCounts) {
    const flags = i32At(C_WINDOW_FLAGS, row)
    const first = (flags & HAS_PRICE) == 0
    if (first || before(timeNs, arrival, i64At(C_WINDOW_OPEN_TIME, row), i64At(C_WINDOW_OPEN_ARRIVAL, row))) {
      setF64(C_WINDOW_OPEN, row, price)
      setI64(C_WINDOW_OPEN_TIME, row, timeNs)
      setI64(C_WINDOW_OPEN_ARRIVAL, row, arrival)
    }
    if (first || !before(timeNs, arrival, i64At(C_WINDOW_CLOSE_TIME, row), i64At(C_WINDOW_CLOSE_ARRIVAL, row))) {
      setF64(C_WINDOW_CLOSE, row, price)
      setI64(C_WINDOW_CLOSE_TIME, row, timeNs)
      setI64(C_WINDOW_CLOSE_ARRIVAL, row, arrival)
      setI32(C_WINDOW_FEED, row, feed)
    }
    setF64(C_WINDOW_HIGH, row, first ? price : max(price, f64At(C_WINDOW_HIGH, row)))
    setF64(C_WINDOW_LOW, row, first ? price : min(price, f64At(C_WINDOW_LOW, row)))
    setI32(C_WINDOW_FLAGS, row, flags | HAS_PRICE)
  }
  if (volumeCounts) {
    setF64(C_WINDOW_VOLUME, row, f64At(C_WINDOW_VOLUME, row) + size)
    setI32(C_WINDOW_COUNT, row, i32At(C_WINDOW_COUNT, row) + 1)
    if (priceCounts) {
      setF64(C_WINDOW_PV, row, f64At(C_WINDOW_PV, row) + price * size)
      setF64(C_WINDOW_PV_VOLUME, row, f64At(C_WINDOW_PV_VOLUME, row) + size)
    }
  }
}

@inline function before(timeNs: i64, arrival: i64, otherTimeNs: i64, otherArrival: i64): bool {
  return timeNs < otherTimeNs || (timeNs == otherTimeNs && arrival < otherArrival)
}

/** Whether the window has a bar: a trade; under Alpaca's rules an eligible price and a volume. */
export function hasBar(row: i32): bool {
  if ((i32At(C_WINDOW_FLAGS, row) & HAS_PRICE) == 0) return false
  return cell(CFG_SALE_CONDITIONS) == 0 || f64At(C_WINDOW_VOLUME, row) != 0
}

/** After a start by `latest`, windows that start at or before the first event time + lateness may be cut: they are never published. */
export function isCut(row: i32): bool {
  return cell(H_LATEST_START) != 0 && i64At(C_WINDOW_SECOND, row) * NS <= cell(H_FIRST_TRADE_NS) + cell(CFG_LATENESS_NS)
}

/** Where a bar's values are kept while trades are added or taken away, to find out whether they changed. */
const BEFORE: usize = SCRATCH_BASE + 2048

/** Keeps a window's bar as it is, for `touch` to compare with. */
export function keepBar(row: i32): void {
  store<i32>(BEFORE, hasBar(row) ? 1 : 0)
  store<i32>(BEFORE, i32At(C_WINDOW_COUNT, row), 4)
  store<f64>(BEFORE, f64At(C_WINDOW_OPEN, row), 8)
  store<f64>(BEFORE, f64At(C_WINDOW_HIGH, row), 16)
  store<f64>(BEFORE, f64At(C_WINDOW_LOW, row), 24)
  store<f64>(BEFORE, f64At(C_WINDOW_CLOSE, row), 32)
  store<f64>(BEFORE, f64At(C_WINDOW_VOLUME, row), 40)
  store<f64>(BEFORE, f64At(C_WINDOW_PV, row), 48)
  store<f64>(BEFORE, f64At(C_WINDOW_PV_VOLUME, row), 56)
}

/** Whether the bar is another than `keepBar` kept; seconds without a bar are all alike. */
function isChanged(row: i32): bool {
  const had = load<i32>(BEFORE) != 0
  const has = hasBar(row)
  if (!had && !has) return false
  return (
    had != has || load<i32>(BEFORE, 4) != i32At(C_WINDOW_COUNT, row) || load<f64>(BEFORE, 8) != f64At(C_WINDOW_OPEN, row) ||
    load<f64>(BEFORE, 16) != f64At(C_WINDOW_HIGH, row) || load<f64>(BEFORE, 24) != f64At(C_WINDOW_LOW, row) ||
    load<f64>(BEFORE, 32) != f64At(C_WINDOW_CLOSE, row) || load<f64>(BEFORE, 40) != f64At(C_WINDOW_VOLUME, row) ||
    load<f64>(BEFORE, 48) != f64At(C_WINDOW_PV, row) || load<f64>(BEFORE, 56) != f64At(C_WINDOW_PV_VOLUME, row)
  )
}

/**
 * Trades of the window were added or taken away since `keepBar`: where that changed the bar, the bar and the signals of it and
 * of every later window are due again.
 */
export function touch(row: i32): void {
  // a retraction carries the feed of the last bar that the window had
  if (hasBar(row)) setI32(C_WINDOW_BAR_FEED, row, i32At(C_WINDOW_FEED, row))
  setCell(H_NEXT_FINAL_NS, min(cell(H_NEXT_FINAL_NS), endOf(i64At(C_WINDOW_SECOND, row))))
  if (!isChanged(row) || isCut(row)) return
  setI32(C_WINDOW_FLAGS, row, i32At(C_WINDOW_FLAGS, row) | BAR_DIRTY | SIGNAL_DIRTY)
  noteDue(row)
  for (let later = i32At(C_WINDOW_NEXT, row); later != 0; later = i32At(C_WINDOW_NEXT, later)) {
    if (i32At(C_WINDOW_TRADES, later) == 0) continue
    setI32(C_WINDOW_FLAGS, later, i32At(C_WINDOW_FLAGS, later) | SIGNAL_DIRTY)
    noteDue(later)
  }
}

/** Clock, in ms, from which the window's provisional records are due. */
export function dueMs(row: i32): i64 {
  const end = endMs(i64At(C_WINDOW_SECOND, row)) + cell(CFG_PROVISIONAL_DELAY_MS)
  const published = i64At(C_WINDOW_PUBLISHED_MS, row)
  return published == NONE ? end : max(end, published + cell(CFG_PROVISIONAL_REFRESH_MS))
}

/** Clock, in ms, from which the window is too old for provisional records. */
@inline export function expiresMs(row: i32): i64 {
  return endMs(i64At(C_WINDOW_SECOND, row)) + cell(CFG_PROVISIONAL_MAX_AGE_MS)
}

/** Takes a window with something to publish into the next provisional publication's time. */
export function noteDue(row: i32): void {
  if (cell(CFG_PROVISIONAL) == 0) return
  if (!hasBar(row) && (i32At(C_WINDOW_FLAGS, row) & PUBLISHED) == 0) return
  const due = dueMs(row)
  if (due < expiresMs(row)) setCell(H_NEXT_PROVISIONAL_MS, min(cell(H_NEXT_PROVISIONAL_MS), due))
}
