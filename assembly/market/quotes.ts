/**
 * Quotes. A window's quote is the last by event time before its end. Each second that got a quote has it in its window
 * row, what is older lies with the symbol, so the quote of any open window is the newest at or before it.
 *
 * A quote can only be a repeat of one with its own event time that is the last of the window it would change: an older
 * one is late. So only the ids at each second's last event time are kept, and the state is bounded.
 */
import {
  CFG_QUOTE_DEDUPE, C_QUOTE_ID_HASH_NEXT, C_QUOTE_ID_INDEX_ROW, C_QUOTE_ID_KEY, C_QUOTE_ID_KIND, C_QUOTE_ID_NEXT, C_QUOTE_ID_SYMBOL, C_QUOTE_ID_TIME,
  C_SYMBOL_ASK_PRICE, C_SYMBOL_ASK_SIZE, C_SYMBOL_BID_PRICE, C_SYMBOL_BID_SIZE, C_SYMBOL_QUOTE_ID_HEAD, C_SYMBOL_QUOTE_SET, C_SYMBOL_QUOTE_TIME,
  C_SYMBOL_WINDOW_HEAD, C_WINDOW_ASK_PRICE, C_WINDOW_ASK_SIZE, C_WINDOW_BID_PRICE, C_WINDOW_BID_SIZE, C_WINDOW_NEXT, C_WINDOW_QUOTE_ID_HEAD,
  C_WINDOW_QUOTE_SET, C_WINDOW_QUOTE_TIME, C_WINDOW_SECOND, D_CONTENT_HASH, D_N0, D_N1, D_N2, D_N3, D_SEQ, D_SEQ_KIND, D_SYMBOL, D_TIME_NS,
  H_QUOTES_MAX_NS, T_QUOTE_ID_FREE, T_QUOTE_ID_INDEX_CAPACITY, T_QUOTE_ID_USED,
} from '../layout'
import { avalanche } from '../hash'
import { NONE, cell, f64At, i32At, i64At, secondOf, setCell, setF64, setI32, setI64 } from '../memory'
import { give, take } from '../tables'
import { firstOpenSecond, windowRow } from './windows'

const APPLIED: u8 = 0
const DUPLICATE: u8 = 1
const LATE: u8 = 2
/** TA_QUOTE_DEDUPE=event_ts: one quote an event time. */
const BY_TIME: i64 = 1

/** Judges and applies one decoded quote. Returns its outcome. */
export function applyQuote(row: i32): u8 {
  const timeNs = load<i64>(D_TIME_NS + (row << 3))
  setCell(H_QUOTES_MAX_NS, max(cell(H_QUOTES_MAX_NS), timeNs))
  const symbol = load<i32>(D_SYMBOL + (row << 2))
  const second = max(firstOpenSecond(cell(H_QUOTES_MAX_NS)), secondOf(timeNs))
  const last = lastTimeBefore(symbol, second + 1)
  if (timeNs < last) return LATE
  const kind = load<u8>(D_SEQ_KIND + row)
  const key = kind != 0 ? load<i64>(D_SEQ + (row << 3)) : load<i64>(D_CONTENT_HASH + (row << 3))
  if (timeNs == last && (cell(CFG_QUOTE_DEDUPE) == BY_TIME || isKnown(symbol, timeNs, kind, key))) return DUPLICATE
  const window = windowRow(symbol, second)
  if (i32At(C_WINDOW_QUOTE_SET, window) != 0 && i64At(C_WINDOW_QUOTE_TIME, window) < timeNs) dropIds(C_WINDOW_QUOTE_ID_HEAD, window)
  setI32(C_WINDOW_QUOTE_SET, window, 1)
  setI64(C_WINDOW_QUOTE_TIME, window, timeNs)
  setF64(C_WINDOW_BID_PRICE, window, load<f64>(D_N0 + (row << 3)))
  setF64(C_WINDOW_BID_SIZE, window, load<f64>(D_N1 + (row << 3)))
  setF64(C_WINDOW_ASK_PRICE, window, load<f64>(D_N2 + (row << 3)))
  setF64(C_WINDOW_ASK_SIZE, window, load<f64>(D_N3 + (row << 3)))
  if (cell(CFG_QUOTE_DEDUPE) != BY_TIME) addId(symbol, window, timeNs, kind, key)
  return APPLIED
}

/** Event time of the last quote of the windows before `second`, or NONE. */
function lastTimeBefore(symbol: i32, second: i64): i64 {
  let last = i32At(C_SYMBOL_QUOTE_SET, symbol) != 0 ? i64At(C_SYMBOL_QUOTE_TIME, symbol) : NONE
  let window = i32At(C_SYMBOL_WINDOW_HEAD, symbol)
  while (window != 0 && i64At(C_WINDOW_SECOND, window) < second) {
    if (i32At(C_WINDOW_QUOTE_SET, window) != 0) last = i64At(C_WINDOW_QUOTE_TIME, window)
    window = i32At(C_WINDOW_NEXT, window)
  }
  return last
}

@inline function bucketOf(symbol: i32, timeNs: i64, key: i64): i32 {
  return <i32>avalanche(<u64>key ^ avalanche(<u64>timeNs + <u64>symbol)) & (<i32>cell(T_QUOTE_ID_INDEX_CAPACITY) - 1)
}

function isKnown(symbol: i32, timeNs: i64, kind: u8, key: i64): bool {
  let id = i32At(C_QUOTE_ID_INDEX_ROW, bucketOf(symbol, timeNs, key))
  while (id != 0) {
    if (
      i64At(C_QUOTE_ID_KEY, id) == key && i64At(C_QUOTE_ID_TIME, id) == timeNs && i32At(C_QUOTE_ID_SYMBOL, id) == symbol &&
      i32At(C_QUOTE_ID_KIND, id) == <i32>kind + 1
    ) return true
    id = i32At(C_QUOTE_ID_HASH_NEXT, id)
  }
  return false
}

function addId(symbol: i32, window: i32, timeNs: i64, kind: u8, key: i64): void {
  const id = take(T_QUOTE_ID_USED, T_QUOTE_ID_FREE, C_QUOTE_ID_NEXT)
  setI32(C_QUOTE_ID_SYMBOL, id, symbol)
  setI32(C_QUOTE_ID_KIND, id, <i32>kind + 1)
  setI64(C_QUOTE_ID_TIME, id, timeNs)
  setI64(C_QUOTE_ID_KEY, id, key)
  setI32(C_QUOTE_ID_NEXT, id, i32At(C_WINDOW_QUOTE_ID_HEAD, window))
  setI32(C_WINDOW_QUOTE_ID_HEAD, window, id)
  link(id)
}

@inline function link(id: i32): void {
  const bucket = bucketOf(i32At(C_QUOTE_ID_SYMBOL, id), i64At(C_QUOTE_ID_TIME, id), i64At(C_QUOTE_ID_KEY, id))
  setI32(C_QUOTE_ID_HASH_NEXT, id, i32At(C_QUOTE_ID_INDEX_ROW, bucket))
  setI32(C_QUOTE_ID_INDEX_ROW, bucket, id)
}

function unlink(id: i32): void {
  const bucket = bucketOf(i32At(C_QUOTE_ID_SYMBOL, id), i64At(C_QUOTE_ID_TIME, id), i64At(C_QUOTE_ID_KEY, id))
  let at = i32At(C_QUOTE_ID_INDEX_ROW, bucket)
  if (at == id) {
    setI32(C_QUOTE_ID_INDEX_ROW, bucket, i32At(C_QUOTE_ID_HASH_NEXT, id))
    return
  }
  while (i32At(C_QUOTE_ID_HASH_NEXT, at) != id) at = i32At(C_QUOTE_ID_HASH_NEXT, at)
  setI32(C_QUOTE_ID_HASH_NEXT, at, i32At(C_QUOTE_ID_HASH_NEXT, id))
}

/** Forgets the ids of the list whose head is in `column` at `row`. */
function dropIds(column: i32, row: i32): void {
  let id = i32At(column, row)
  while (id != 0) {
    const next = i32At(C_QUOTE_ID_NEXT, id)
    unlink(id)
    setI32(C_QUOTE_ID_KIND, id, 0)
    give(id, T_QUOTE_ID_FREE, C_QUOTE_ID_NEXT)
    id = next
  }
  setI32(column, row, 0)
}

/** A closed window's quote becomes the symbol's. Ids stay known while their event time is the last one. */
export function settleQuote(symbol: i32, window: i32): void {
  if (i32At(C_WINDOW_QUOTE_SET, window) == 0) return
  const timeNs = i64At(C_WINDOW_QUOTE_TIME, window)
  let head = i32At(C_WINDOW_QUOTE_ID_HEAD, window)
  if (i32At(C_SYMBOL_QUOTE_SET, symbol) != 0 && i64At(C_SYMBOL_QUOTE_TIME, symbol) == timeNs) {
    let id = i32At(C_SYMBOL_QUOTE_ID_HEAD, symbol)
    while (id != 0) {
      const next = i32At(C_QUOTE_ID_NEXT, id)
      setI32(C_QUOTE_ID_NEXT, id, head)
      head = id
      id = next
    }
  } else {
    dropIds(C_SYMBOL_QUOTE_ID_HEAD, symbol)
  }
  setI32(C_SYMBOL_QUOTE_ID_HEAD, symbol, head)
  setI32(C_WINDOW_QUOTE_ID_HEAD, window, 0)
  setI32(C_SYMBOL_QUOTE_SET, symbol, 1)
  setI64(C_SYMBOL_QUOTE_TIME, symbol, timeNs)
  setF64(C_SYMBOL_BID_PRICE, symbol, f64At(C_WINDOW_BID_PRICE, window))
  setF64(C_SYMBOL_BID_SIZE, symbol, f64At(C_WINDOW_BID_SIZE, window))
  setF64(C_SYMBOL_ASK_PRICE, symbol, f64At(C_WINDOW_ASK_PRICE, window))
  setF64(C_SYMBOL_ASK_SIZE, symbol, f64At(C_WINDOW_ASK_SIZE, window))
}

/** Puts every known quote id into an index that has just grown. */
export function rebuildQuoteIdIndex(): void {
  memory.fill(<usize>load<i32>(C_QUOTE_ID_INDEX_ROW), 0, <usize>cell(T_QUOTE_ID_INDEX_CAPACITY) << 2)
  const used = <i32>cell(T_QUOTE_ID_USED)
  for (let id = 1; id < used; id++) if (i32At(C_QUOTE_ID_KIND, id) != 0) link(id)
}
