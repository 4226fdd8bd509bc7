/**
 * The end of an epoch: the task's watermark moves, windows it has passed are published as final and forgotten, and those
 * that are due by the clock are published provisionally. What is published follows from the clock handed in and the state.
 * Bars come first, then signals, each by symbol (in order of first appearance) and window, seconds before minutes.
 */
import { writeBar } from './encode/bar'
import { openTexts } from './encode/envelope'
import { writeSignal } from './encode/signal'
import { SCRATCH_ROW, copyToScratch, stepIndicators } from './indicators/row'
import {
  CFG_LATENESS_NS, CFG_PROVISIONAL, C_INDICATOR_BARS, C_SYMBOL_INDICATOR_ROW, C_SYMBOL_LAST_FINAL_SECOND, C_SYMBOL_WINDOW_HEAD,
  C_WINDOW_CLOSE, C_WINDOW_FLAGS, C_WINDOW_NEXT, C_WINDOW_PUBLISHED_MS, C_WINDOW_PV, C_WINDOW_PV_VOLUME, C_WINDOW_QUOTE_SET, C_WINDOW_SECOND,
  C_WINDOW_SYMBOL, C_WINDOW_TRADES, H_BARS_END_NS, H_CLOCK_MS, H_NEXT_FINAL_NS, H_NEXT_PROVISIONAL_MS, H_QUOTES_MAX_NS, H_TRADES_MAX_NS,
  H_WATERMARK_BEFORE_NS, H_WATERMARK_NS, T_WINDOW_FREE,
} from './layout'
import { forgetPending } from './market/minute-bars'
import { isUnchecked, noteFinalSecond, openChecks, settleChecks } from './market/minute-check'
import { publishMinuteSignals } from './market/minute-signals'
import { settleQuote } from './market/quotes'
import { nextOpen, setOpen } from './market/symbols'
import { dropTrades } from './market/trades'
import { BAR_DIRTY, PUBLISHED, SIGNAL_DIRTY, dueMs, expiresMs, hasBar, isCut, noteDue } from './market/windows'
import { NONE, cell, endOf, f64At, i32At, i64At, setCell, setI32, setI64 } from './memory'
import { addBar, addSignal, nextRecord, openOutputs, sealOutputs } from './outputs'
import { give } from './tables'

/** Idle bits: the partition is not waited for (or its topic is off). */
const TRADES_IDLE: i32 = 1
const QUOTES_IDLE: i32 = 2
/** Close every window, whatever the watermark: the end of a replay over files. */
const ALL: i32 = 4

const MS: i64 = 1_000_000
const NEVER: i64 = i64.MAX_VALUE

/** Ends the epoch at `clockMs` (NONE: no clock, nothing provisional). `bits`: who is idle, and ALL. */
export function closeEpoch(clockMs: i64, bits: i32): void {
  assert(clockMs == NONE || clockMs >= cell(H_CLOCK_MS)) // invariant 1: the clock handed in never goes back
  // without a clock (replay over files) records are stamped with the newest event time, so that a replay is repeatable
  setCell(H_CLOCK_MS, clockMs != NONE ? clockMs : max(cell(H_CLOCK_MS), newestNs() / MS))
  setCell(H_WATERMARK_BEFORE_NS, cell(H_WATERMARK_NS))
  moveWatermark(clockMs, bits)
  openOutputs()
  openTexts()
  openChecks()
  publishBars(clockMs)
  publishSignals(clockMs)
  forgetPending()
  retire(clockMs)
  sealOutputs()
}

/** The newest event time, a minute bar's being its end. */
@inline function newestNs(): i64 { return max(max(cell(H_TRADES_MAX_NS), cell(H_QUOTES_MAX_NS)), cell(H_BARS_END_NS)) }

/** The minimum of the active partitions' running watermarks, never back. All idle: min(clock − lateness, end of the last open window). */
function moveWatermark(clockMs: i64, bits: i32): void {
  const lateness = cell(CFG_LATENESS_NS)
  const before = cell(H_WATERMARK_NS)
  let next: i64
  if ((bits & ALL) != 0) {
    next = max(before, lastOpenEnd())
  } else if ((bits & (TRADES_IDLE | QUOTES_IDLE)) == (TRADES_IDLE | QUOTES_IDLE)) {
    next = clockMs == NONE ? before : min(clockMs * MS - lateness, lastOpenEnd())
  } else {
    const trades = (bits & TRADES_IDLE) != 0 ? NEVER : running(H_TRADES_MAX_NS, lateness)
    const quotes = (bits & QUOTES_IDLE) != 0 ? NEVER : running(H_QUOTES_MAX_NS, lateness)
    next = min(trades, quotes)
  }
  if (next > before) setCell(H_WATERMARK_NS, next)
}

@inline function running(maxCell: i32, lateness: i64): i64 {
  const maxNs = cell(maxCell)
  return maxNs == NONE ? NONE : maxNs - lateness
}

/** End of the last window that has trades, or NONE. */
function lastOpenEnd(): i64 {
  let last = NONE
  for (let symbol = nextOpen(1); symbol != 0; symbol = nextOpen(symbol + 1)) {
    for (let window = i32At(C_SYMBOL_WINDOW_HEAD, symbol); window != 0; window = i32At(C_WINDOW_NEXT, window)) {
      if (isOfTrades(window)) last = max(last, endOf(i64At(C_WINDOW_SECOND, window)))
    }
  }
  return last
}

/** The window has trades, or was published and must get a final. */
@inline function isOfTrades(window: i32): bool {
  return i32At(C_WINDOW_TRADES, window) != 0 || (i32At(C_WINDOW_FLAGS, window) & PUBLISHED) != 0
}

@inline function isFinal(window: i32): bool { return endOf(i64At(C_WINDOW_SECOND, window)) <= cell(H_WATERMARK_NS) }

/** Whether a window that isn't final has provisional records to publish at this clock. */
function isDue(window: i32, clockMs: i64): bool {
  if (clockMs == NONE || cell(CFG_PROVISIONAL) == 0) return false
  if ((i32At(C_WINDOW_FLAGS, window) & (BAR_DIRTY | SIGNAL_DIRTY)) == 0 || isCut(window)) return false
  if (!hasBar(window) && (i32At(C_WINDOW_FLAGS, window) & PUBLISHED) == 0) return false
  return clockMs >= dueMs(window) && clockMs < expiresMs(window)
}

function publishBars(clockMs: i64): void {
  for (let symbol = nextOpen(1); symbol != 0; symbol = nextOpen(symbol + 1)) {
    for (let window = i32At(C_SYMBOL_WINDOW_HEAD, symbol); window != 0; window = i32At(C_WINDOW_NEXT, window)) {
      if (isFinal(window)) {
        noteFinalSecond(symbol, window)
        finalBar(symbol, window)
      } else if ((i32At(C_WINDOW_FLAGS, window) & BAR_DIRTY) != 0 && isDue(window, clockMs)) {
        addBar(writeBar(nextRecord(), window, false, !hasBar(window)), symbol, i64At(C_WINDOW_SECOND, window), false)
      }
    }
  }
}

function finalBar(symbol: i32, window: i32): void {
  const published = (i32At(C_WINDOW_FLAGS, window) & PUBLISHED) != 0
  if (isCut(window) || (!hasBar(window) && !published)) return
  const second = i64At(C_WINDOW_SECOND, window)
  assert(second > i64At(C_SYMBOL_LAST_FINAL_SECOND, symbol)) // invariant 5: one final a window, in order
  setI64(C_SYMBOL_LAST_FINAL_SECOND, symbol, second)
  addBar(writeBar(nextRecord(), window, true, !hasBar(window)), symbol, second, true)
}

function publishSignals(clockMs: i64): void {
  for (let symbol = nextOpen(1); symbol != 0; symbol = nextOpen(symbol + 1)) {
    let quoteWindow = 0
    let window = i32At(C_SYMBOL_WINDOW_HEAD, symbol)
    const row = i32At(C_SYMBOL_INDICATOR_ROW, symbol)
    for (; window != 0 && isFinal(window); window = i32At(C_WINDOW_NEXT, window)) {
      if (i32At(C_WINDOW_QUOTE_SET, window) != 0) quoteWindow = window
      if (!hasBar(window) || isCut(window)) continue
      step(row, window)
      addSignal(writeSignal(nextRecord(), window, row, quoteWindow, true), symbol, i64At(C_WINDOW_SECOND, window), true, false)
    }
    provisionalSignals(symbol, window, quoteWindow, clockMs)
    publishMinuteSignals(symbol, clockMs)
    settleChecks(symbol)
  }
}

@inline function step(row: i32, window: i32): void {
  const second = i64At(C_WINDOW_SECOND, window)
  stepIndicators(row, second, second + 1, f64At(C_WINDOW_CLOSE, window), f64At(C_WINDOW_PV, window), f64At(C_WINDOW_PV_VOLUME, window))
}

/** Signals of the windows that aren't final: each continues from the provisional values of those before it. */
function provisionalSignals(symbol: i32, first: i32, settledQuote: i32, clockMs: i64): void {
  let last = 0
  for (let window = first; window != 0; window = i32At(C_WINDOW_NEXT, window)) {
    if ((i32At(C_WINDOW_FLAGS, window) & SIGNAL_DIRTY) != 0 && hasBar(window) && isDue(window, clockMs)) last = window
  }
  if (last == 0) return
  let quoteWindow = settledQuote
  copyToScratch(i32At(C_SYMBOL_INDICATOR_ROW, symbol))
  for (let window = first; window != 0; window = i32At(C_WINDOW_NEXT, window)) {
    if (i32At(C_WINDOW_QUOTE_SET, window) != 0) quoteWindow = window
    if (hasBar(window) && !isCut(window)) {
      step(SCRATCH_ROW, window)
      if ((i32At(C_WINDOW_FLAGS, window) & SIGNAL_DIRTY) != 0 && isDue(window, clockMs)) {
        addSignal(writeSignal(nextRecord(), window, SCRATCH_ROW, quoteWindow, false), symbol, i64At(C_WINDOW_SECOND, window), false, false)
      }
    }
    if (window == last) break
  }
  setI32(C_INDICATOR_BARS, SCRATCH_ROW, 0)
}

/** Forgets final windows, marks what was published, and finds out when something is due next. */
function retire(clockMs: i64): void {
  setCell(H_NEXT_FINAL_NS, NEVER)
  setCell(H_NEXT_PROVISIONAL_MS, NEVER)
  for (let symbol = nextOpen(1); symbol != 0; symbol = nextOpen(symbol + 1)) {
    let window = i32At(C_SYMBOL_WINDOW_HEAD, symbol)
    while (window != 0 && isFinal(window)) {
      const next = i32At(C_WINDOW_NEXT, window)
      settleQuote(symbol, window)
      dropTrades(window)
      give(window, T_WINDOW_FREE, C_WINDOW_SYMBOL)
      window = next
    }
    setI32(C_SYMBOL_WINDOW_HEAD, symbol, window)
    // one whose bars still wait to be compared stays among the open ones: the next epoch looks again
    if (window == 0 && !isUnchecked(symbol)) setOpen(symbol, false)
    for (; window != 0; window = i32At(C_WINDOW_NEXT, window)) settleWindow(window, clockMs)
  }
}

function settleWindow(window: i32, clockMs: i64): void {
  if (!isOfTrades(window)) return
  if (isDue(window, clockMs)) {
    setI32(C_WINDOW_FLAGS, window, (i32At(C_WINDOW_FLAGS, window) & ~(BAR_DIRTY | SIGNAL_DIRTY)) | PUBLISHED)
    setI64(C_WINDOW_PUBLISHED_MS, window, clockMs)
  }
  setCell(H_NEXT_FINAL_NS, min(cell(H_NEXT_FINAL_NS), endOf(i64At(C_WINDOW_SECOND, window))))
  if (isCut(window)) return
  if ((i32At(C_WINDOW_FLAGS, window) & (BAR_DIRTY | SIGNAL_DIRTY)) != 0 && (clockMs == NONE || clockMs < expiresMs(window))) noteDue(window)
}
