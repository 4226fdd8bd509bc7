/**
 * Minute bars of the feed: judged as they come, without a part in windows and watermark. A final one waits in a list of its symbol
 * for the epoch's end (market/minute-signals.ts), where each gives one final signal, so what is final does not hang on
 * where epochs end; of provisional ones the newest is kept.
 *
 * A minute is known by its start, whatever second of it the stamp names. Older than the newest final one: late. The newest again
 * with values that were seen of it: a duplicate; with others: a revision. Provisional: late where its minute is final or is
 * not the newest, a duplicate where the last one said the same.
 */
import { xxh64 } from '../hash'
import {
  CFG_PROVISIONAL, C_MINUTE_JUDGED_SECOND, C_MINUTE_PENDING_HEAD, C_MINUTE_PENDING_TAIL, C_MINUTE_PROVISIONAL,
  C_MINUTE_PROVISIONAL_CLOSE, C_MINUTE_PROVISIONAL_FEED, C_MINUTE_PROVISIONAL_HASH, C_MINUTE_PROVISIONAL_SECOND, C_MINUTE_PROVISIONAL_VOLUME,
  C_MINUTE_PROVISIONAL_VWAP, C_MINUTE_SEEN, C_MINUTE_SEEN_COUNT, C_MINUTE_SYMBOL, C_PENDING_BAR_CLOSE, C_PENDING_BAR_FEED, C_PENDING_BAR_HIGH,
  C_PENDING_BAR_LOW, C_PENDING_BAR_NEXT, C_PENDING_BAR_SECOND, C_PENDING_BAR_VOLUME, C_PENDING_BAR_VWAP, C_SYMBOL_MINUTE_ROW, D_IS_FINAL, D_KIND,
  D_N0, D_N1, D_N2, D_N3, D_N4, D_N5, D_N6, D_SYMBOL, D_TIME_NS, H_BARS_END_NS, H_MINUTE_SIGNALS_DUE, MINUTE_SEEN, SCRATCH_BASE,
  T_MINUTE_USED, T_PENDING_BAR_USED,
} from '../layout'
import { MINUTE_SECONDS, minuteOf } from '../indicators/minute'
import { NS, addCell, cell, i32At, i64At, secondOf, setCell, setF64, setI32, setI64 } from '../memory'
import { awaitCheck } from './minute-check'
import { setOpen } from './symbols'

const APPLIED: u8 = 0
const DUPLICATE: u8 = 1
const LATE: u8 = 2

const UPDATED_BAR: u8 = 4

/** State of a row's provisional bar. */
const SEEN: i32 = 1
export const DUE: i32 = 2

/** Where a bar's seven values are put together to be hashed. */
const VALUES: usize = SCRATCH_BASE + 1024

/** Judges and applies one decoded minute bar. Returns its outcome. A spare row of both tables is the caller's to see to. */
export function applyMinuteBar(row: i32, feed: i32): u8 {
  const symbol = load<i32>(D_SYMBOL + (row << 2))
  const minute = minuteRow(symbol)
  const second = minuteOf(secondOf(load<i64>(D_TIME_NS + (row << 3))))
  // an updated bar revises a minute that is over: the usual forwarder marks it is_final:false and means that more may come
  const isFinal = load<u8>(D_KIND + row) == UPDATED_BAR || load<u8>(D_IS_FINAL + row) != 0
  const hash = hashOf(row)
  const outcome = isFinal ? judgeFinal(minute, second, hash) : judgeProvisional(minute, second, hash)
  if (outcome != APPLIED) return outcome
  if (isFinal) keepFinal(row, minute, second, feed)
  else keepProvisional(row, minute, second, feed, hash)
  setOpen(symbol, true)
  return APPLIED
}

/** The symbol's row, made new with its first minute bar. */
function minuteRow(symbol: i32): i32 {
  const known = i32At(C_SYMBOL_MINUTE_ROW, symbol)
  if (known != 0) return known
  const row = <i32>cell(T_MINUTE_USED)
  setCell(T_MINUTE_USED, row + 1)
  setI32(C_MINUTE_SYMBOL, row, symbol)
  setI32(C_SYMBOL_MINUTE_ROW, symbol, row)
  return row
}

/** Hash of o h l c v vw n. */
function hashOf(row: i32): i64 {
  const eight = row << 3
  storeValue(0, D_N0 + eight)
  storeValue(8, D_N1 + eight)
  storeValue(16, D_N2 + eight)
  storeValue(24, D_N3 + eight)
  storeValue(32, D_N4 + eight)
  storeValue(40, D_N5 + eight)
  storeValue(48, D_N6 + eight)
  return xxh64(VALUES, 56, 0)
}

/** −0 is 0. */
@inline function storeValue(at: usize, column: usize): void {
  const value = load<f64>(column)
  store<f64>(VALUES + at, value == 0 ? 0 : value)
}

function judgeFinal(minute: i32, second: i64, hash: i64): u8 {
  let count = i32At(C_MINUTE_SEEN_COUNT, minute)
  const newest = i64At(C_MINUTE_JUDGED_SECOND, minute)
  if (count != 0 && second < newest) return LATE
  if (count != 0 && second > newest) count = 0
  const first = minute * MINUTE_SEEN
  for (let i = 0; i < min(count, MINUTE_SEEN); i++) if (i64At(C_MINUTE_SEEN, first + i) == hash) return DUPLICATE
  setI64(C_MINUTE_SEEN, first + count % MINUTE_SEEN, hash)
  setI32(C_MINUTE_SEEN_COUNT, minute, count + 1)
  setI64(C_MINUTE_JUDGED_SECOND, minute, second)
  return APPLIED
}

function judgeProvisional(minute: i32, second: i64, hash: i64): u8 {
  if (i32At(C_MINUTE_SEEN_COUNT, minute) != 0 && second <= i64At(C_MINUTE_JUDGED_SECOND, minute)) return LATE
  if (i32At(C_MINUTE_PROVISIONAL, minute) == 0) return APPLIED
  const newest = i64At(C_MINUTE_PROVISIONAL_SECOND, minute)
  if (second < newest) return LATE
  return second == newest && hash == i64At(C_MINUTE_PROVISIONAL_HASH, minute) ? DUPLICATE : APPLIED
}

function keepFinal(row: i32, minute: i32, second: i64, feed: i32): void {
  const eight = row << 3
  const bar = <i32>cell(T_PENDING_BAR_USED)
  setCell(T_PENDING_BAR_USED, bar + 1)
  setI32(C_PENDING_BAR_NEXT, bar, 0)
  setI64(C_PENDING_BAR_SECOND, bar, second)
  setF64(C_PENDING_BAR_HIGH, bar, load<f64>(D_N1 + eight))
  setF64(C_PENDING_BAR_LOW, bar, load<f64>(D_N2 + eight))
  setF64(C_PENDING_BAR_CLOSE, bar, load<f64>(D_N3 + eight))
  setF64(C_PENDING_BAR_VOLUME, bar, load<f64>(D_N4 + eight))
  setF64(C_PENDING_BAR_VWAP, bar, load<f64>(D_N5 + eight))
  setI32(C_PENDING_BAR_FEED, bar, feed)
  const tail = i32At(C_MINUTE_PENDING_TAIL, minute)
  if (tail == 0) setI32(C_MINUTE_PENDING_HEAD, minute, bar)
  else setI32(C_PENDING_BAR_NEXT, tail, bar)
  setI32(C_MINUTE_PENDING_TAIL, minute, bar)
  awaitCheck(minute, bar)
  setCell(H_BARS_END_NS, max(cell(H_BARS_END_NS), (second + MINUTE_SECONDS) * NS))
  addCell(H_MINUTE_SIGNALS_DUE, 1)
}

function keepProvisional(row: i32, minute: i32, second: i64, feed: i32, hash: i64): void {
  const eight = row << 3
  const wasDue = i32At(C_MINUTE_PROVISIONAL, minute) == DUE
  setI32(C_MINUTE_PROVISIONAL, minute, DUE)
  setI64(C_MINUTE_PROVISIONAL_SECOND, minute, second)
  setI64(C_MINUTE_PROVISIONAL_HASH, minute, hash)
  setF64(C_MINUTE_PROVISIONAL_CLOSE, minute, load<f64>(D_N3 + eight))
  setF64(C_MINUTE_PROVISIONAL_VOLUME, minute, load<f64>(D_N4 + eight))
  setF64(C_MINUTE_PROVISIONAL_VWAP, minute, load<f64>(D_N5 + eight))
  setI32(C_MINUTE_PROVISIONAL_FEED, minute, feed)
  if (!wasDue && cell(CFG_PROVISIONAL) != 0) addCell(H_MINUTE_SIGNALS_DUE, 1)
}

/** Whether the row's provisional bar awaits publication; it does so once. */
export function takeProvisional(minute: i32): bool {
  if (i32At(C_MINUTE_PROVISIONAL, minute) != DUE) return false
  setI32(C_MINUTE_PROVISIONAL, minute, SEEN)
  return true
}

/** Every list has been published. Rows are emptied, so the state is the same as after a restart. */
export function forgetPending(): void {
  const rows = <i32>cell(T_PENDING_BAR_USED) - 1
  if (rows > 0) {
    clear(C_PENDING_BAR_NEXT, rows, 4)
    clear(C_PENDING_BAR_SECOND, rows, 8)
    clear(C_PENDING_BAR_HIGH, rows, 8)
    clear(C_PENDING_BAR_LOW, rows, 8)
    clear(C_PENDING_BAR_CLOSE, rows, 8)
    clear(C_PENDING_BAR_VOLUME, rows, 8)
    clear(C_PENDING_BAR_VWAP, rows, 8)
    clear(C_PENDING_BAR_FEED, rows, 4)
  }
  setCell(T_PENDING_BAR_USED, 1)
  setCell(H_MINUTE_SIGNALS_DUE, 0)
}

@inline function clear(column: i32, rows: i32, bytes: i32): void {
  memory.fill(<usize>load<i32>(column) + <usize>bytes, 0, <usize>(rows * bytes))
}
