/**
 * Trades, corrections and cancels of open windows. Ids are compared as text together with the exchange; they are known
 * while their window is open for the partition that the record came from, so a verdict follows from that partition's
 * content alone. Lateness is looked at before repetition.
 */
import { sha256, xxh64 } from '../hash'
import {
  CFG_SALE_CONDITIONS, C_TRADE_ARRIVAL, C_TRADE_FEED, C_TRADE_FLAGS, C_TRADE_HASH, C_TRADE_HASH_NEXT, C_TRADE_INDEX_ROW, C_TRADE_KEY, C_TRADE_KEY_LENGTH,
  C_TRADE_NEXT, C_TRADE_PRICE, C_TRADE_SIZE, C_TRADE_SYMBOL, C_TRADE_TIME, C_TRADE_WINDOW, C_WINDOW_SECOND, C_WINDOW_TRADE_HEAD, D_CONDITIONS_HIGH,
  D_CONDITIONS_LOW, D_EXCHANGE_LENGTH, D_EXCHANGE_PTR, D_ID_LENGTH, D_ID_PTR, D_N0, D_N1, D_NEW_ID_LENGTH, D_NEW_ID_PTR, D_SYMBOL, D_TAPE, D_TIME_NS,
  H_CONFLICTS, H_FIRST_TRADE_NS, H_TRADES_MAX_NS, IN_OFFSET, SCRATCH_BASE, TRADE_KEY_BYTES, T_TRADE_FREE, T_TRADE_INDEX_CAPACITY, T_TRADE_USED,
} from '../layout'
import { NONE, addCell, cell, copy32, f64At, i32At, i64At, sameText, secondOf, setCell, setF64, setI32, setI64 } from '../memory'
import { give, take } from '../tables'
import { priceCounts, volumeCounts } from './conditions'
import { addToBar, firstOpenSecond, keepBar, resetBar, touch, windowRow } from './windows'

const APPLIED: u8 = 0
const DUPLICATE: u8 = 1
const LATE: u8 = 2

/** Trade flags. A removed trade stays known, so that it, or its fix, is a duplicate when it comes again. */
const REMOVED: i32 = 1
const PRICE_COUNTS: i32 = 2
const VOLUME_COUNTS: i32 = 4
const CORRECTED: i32 = 8

/** Where a record's dedupe key is put together: length, then 32 bytes; up to 32 more are written to. */
const KEY: usize = SCRATCH_BASE + 1024
const KEY_TEXT: usize = KEY + 8

/** What tells one fix from another: both keys, values, flags and event time of the record; its SHA-256 is kept as the key of a trade that never was. */
const FIX: usize = SCRATCH_BASE + 1536
const FIX_BYTES: i32 = 112
const FIX_NEW_KEY: usize = FIX + 8 + TRADE_KEY_BYTES
const FIX_VALUES: usize = FIX_NEW_KEY + 8 + TRADE_KEY_BYTES
/** Length of a fix's key: none that a trade's key can have, as a record has at most 1 MiB. */
const FIX_KEY_LENGTH: i32 = 1 << 30

/** Moves the trades partition's running watermark. Every record that isn't rejected or filtered does, before it is judged. */
@inline export function noteTradeTime(timeNs: i64): void {
  if (cell(H_FIRST_TRADE_NS) == NONE) setCell(H_FIRST_TRADE_NS, timeNs)
  setCell(H_TRADES_MAX_NS, max(cell(H_TRADES_MAX_NS), timeNs))
}

/** Puts (exchange, id) of a record at KEY: as text up to 32 bytes, else its SHA-256. Returns its hash with the symbol. */
function makeKey(row: i32, idPtr: i32, idLength: i32): i32 {
  const exchangeLength = load<i32>(D_EXCHANGE_LENGTH + (row << 2))
  const exchange = <usize>load<i32>(D_EXCHANGE_PTR + (row << 2))
  const head = max(exchangeLength, 0)
  const total = 1 + head + idLength
  store<i64>(KEY, total) // all 8 bytes: they are hashed, and decode has used the scratch area before
  if (total <= TRADE_KEY_BYTES) {
    // one byte for the exchange's length (0: absent), so that no two pairs have one text
    store<u8>(KEY_TEXT, <u8>(exchangeLength + 1))
    // 32 bytes each, what is too much overwritten by the next: a call for a few bytes costs more than all of them
    copy32(KEY_TEXT + 1, exchange)
    copy32(KEY_TEXT + 1 + <usize>head, <usize>idPtr)
    v128.store(KEY_TEXT + <usize>total, i64x2.splat(0))
    v128.store(KEY_TEXT + <usize>total, i64x2.splat(0), 16)
  } else {
    const prefix: usize = KEY + 64
    sha256(exchange, head, 0, 0, prefix)
    sha256(<usize>idPtr, idLength, prefix, 32, KEY_TEXT)
    if (exchangeLength < 0) store<i32>(KEY, -total)
  }
  return <i32>xxh64(KEY, 8 + TRADE_KEY_BYTES, <u64>load<i32>(D_SYMBOL + (row << 2)))
}

@inline function keyAt(trade: i32): usize { return <usize>load<i32>(C_TRADE_KEY) + <usize>(trade * TRADE_KEY_BYTES) }

/**
 * The trade with the key at KEY whose window starts at or after `openSecond`, or 0. A correction to an id that was itself
 * corrected away leaves two of one key: the one that was not removed counts.
 */
function find(symbol: i32, hash: i32, openSecond: i64): i32 {
  const length = load<i32>(KEY)
  let removed = 0
  let trade = i32At(C_TRADE_INDEX_ROW, hash & (<i32>cell(T_TRADE_INDEX_CAPACITY) - 1))
  while (trade != 0) {
    if (
      i32At(C_TRADE_HASH, trade) == hash && i32At(C_TRADE_SYMBOL, trade) == symbol && i32At(C_TRADE_KEY_LENGTH, trade) == length &&
      sameText(keyAt(trade), KEY_TEXT, TRADE_KEY_BYTES) && i64At(C_WINDOW_SECOND, i32At(C_TRADE_WINDOW, trade)) >= openSecond
    ) {
      if ((i32At(C_TRADE_FLAGS, trade) & REMOVED) == 0) return trade
      removed = trade
    }
    trade = i32At(C_TRADE_HASH_NEXT, trade)
  }
  return removed
}

/** Whether some version of the trade with the key at KEY, in an open window, has these values: a repeat of any of them is no conflict. */
function hasVersion(symbol: i32, hash: i32, openSecond: i64, timeNs: i64, price: f64, size: f64): bool {
  const length = load<i32>(KEY)
  let trade = i32At(C_TRADE_INDEX_ROW, hash & (<i32>cell(T_TRADE_INDEX_CAPACITY) - 1))
  for (; trade != 0; trade = i32At(C_TRADE_HASH_NEXT, trade)) {
    if (
      i32At(C_TRADE_HASH, trade) == hash && i32At(C_TRADE_SYMBOL, trade) == symbol && i32At(C_TRADE_KEY_LENGTH, trade) == length &&
      f64At(C_TRADE_PRICE, trade) == price && f64At(C_TRADE_SIZE, trade) == size &&
      // a corrected trade has its original's time here, and its own where it comes by itself
      (i64At(C_TRADE_TIME, trade) == timeNs || (i32At(C_TRADE_FLAGS, trade) & CORRECTED) != 0) &&
      sameText(keyAt(trade), KEY_TEXT, TRADE_KEY_BYTES) && i64At(C_WINDOW_SECOND, i32At(C_TRADE_WINDOW, trade)) >= openSecond
    ) return true
  }
  return false
}

/** A new trade row with the key at KEY in `window`; it is linked and known, but not in the bar yet. */
function insert(symbol: i32, window: i32, hash: i32, timeNs: i64, arrival: i64, price: f64, size: f64, flags: i32, feed: i32): i32 {
  const trade = take(T_TRADE_USED, T_TRADE_FREE, C_TRADE_NEXT)
  setI32(C_TRADE_SYMBOL, trade, symbol)
  setI32(C_TRADE_WINDOW, trade, window)
  setI32(C_TRADE_HASH, trade, hash)
  setI64(C_TRADE_TIME, trade, timeNs)
  setI64(C_TRADE_ARRIVAL, trade, arrival)
  setF64(C_TRADE_PRICE, trade, price)
  setF64(C_TRADE_SIZE, trade, size)
  setI32(C_TRADE_FLAGS, trade, flags)
  setI32(C_TRADE_FEED, trade, feed)
  setI32(C_TRADE_KEY_LENGTH, trade, load<i32>(KEY))
  copy32(keyAt(trade), KEY_TEXT)
  setI32(C_TRADE_NEXT, trade, i32At(C_WINDOW_TRADE_HEAD, window))
  setI32(C_WINDOW_TRADE_HEAD, window, trade)
  link(trade)
  return trade
}

@inline function link(trade: i32): void {
  const bucket = i32At(C_TRADE_HASH, trade) & (<i32>cell(T_TRADE_INDEX_CAPACITY) - 1)
  setI32(C_TRADE_HASH_NEXT, trade, i32At(C_TRADE_INDEX_ROW, bucket))
  setI32(C_TRADE_INDEX_ROW, bucket, trade)
}

function unlink(trade: i32): void {
  const bucket = i32At(C_TRADE_HASH, trade) & (<i32>cell(T_TRADE_INDEX_CAPACITY) - 1)
  let at = i32At(C_TRADE_INDEX_ROW, bucket)
  if (at == trade) {
    setI32(C_TRADE_INDEX_ROW, bucket, i32At(C_TRADE_HASH_NEXT, trade))
    return
  }
  while (i32At(C_TRADE_HASH_NEXT, at) != trade) at = i32At(C_TRADE_HASH_NEXT, at)
  setI32(C_TRADE_HASH_NEXT, at, i32At(C_TRADE_HASH_NEXT, trade))
}

@inline function flagsOf(row: i32): i32 {
  if (cell(CFG_SALE_CONDITIONS) == 0) return PRICE_COUNTS | VOLUME_COUNTS
  const low = load<u64>(D_CONDITIONS_LOW + (row << 3))
  const high = load<u64>(D_CONDITIONS_HIGH + (row << 3))
  const tape = load<u8>(D_TAPE + row)
  return (priceCounts(low, high, tape) ? PRICE_COUNTS : 0) | (volumeCounts(low, high, tape) ? VOLUME_COUNTS : 0)
}

@inline function addTrade(window: i32, trade: i32): void {
  const flags = i32At(C_TRADE_FLAGS, trade)
  addToBar(
    window, i64At(C_TRADE_TIME, trade), i64At(C_TRADE_ARRIVAL, trade), f64At(C_TRADE_PRICE, trade), f64At(C_TRADE_SIZE, trade),
    (flags & PRICE_COUNTS) != 0, (flags & VOLUME_COUNTS) != 0, i32At(C_TRADE_FEED, trade),
  )
}

/** Judges and applies one decoded trade. Returns its outcome. */
export function applyTrade(row: i32, feed: i32): u8 {
  const timeNs = load<i64>(D_TIME_NS + (row << 3))
  noteTradeTime(timeNs)
  const second = secondOf(timeNs)
  const openSecond = firstOpenSecond(cell(H_TRADES_MAX_NS))
  if (second < openSecond) return LATE
  const symbol = load<i32>(D_SYMBOL + (row << 2))
  const price = load<f64>(D_N0 + (row << 3))
  const size = load<f64>(D_N1 + (row << 3))
  const hash = makeKey(row, load<i32>(D_ID_PTR + (row << 2)), load<i32>(D_ID_LENGTH + (row << 2)))
  const known = find(symbol, hash, openSecond)
  if (known != 0) {
    if (!hasVersion(symbol, hash, openSecond, timeNs, price, size)) addCell(H_CONFLICTS, 1)
    return DUPLICATE
  }
  const window = windowRow(symbol, second)
  const flags = flagsOf(row)
  const trade = insert(symbol, window, hash, timeNs, load<i64>(IN_OFFSET + (row << 3)), price, size, flags, feed)
  keepBar(window)
  addTrade(window, trade)
  touch(window)
  return APPLIED
}

/** Makes a window's bar again from the trades that are left of it. */
function rebuild(window: i32): void {
  keepBar(window)
  resetBar(window)
  for (let trade = i32At(C_WINDOW_TRADE_HEAD, window); trade != 0; trade = i32At(C_TRADE_NEXT, trade)) {
    if ((i32At(C_TRADE_FLAGS, trade) & REMOVED) == 0) addTrade(window, trade)
  }
  touch(window)
}

/** Begins a fix's identity with the key at KEY, that of the trade it speaks of. */
function openFix(timeNs: i64): void {
  memory.copy(FIX, KEY, 8 + TRADE_KEY_BYTES)
  memory.fill(FIX_NEW_KEY, 0, <usize>FIX_BYTES - 8 - TRADE_KEY_BYTES)
  store<i64>(FIX_VALUES, timeNs)
}

/** Puts the fix's key at KEY. Returns its hash with the symbol. */
function makeFixKey(symbol: i32): i32 {
  sha256(FIX, FIX_BYTES, 0, 0, KEY_TEXT)
  store<i64>(KEY, FIX_KEY_LENGTH)
  return <i32>xxh64(KEY, 8 + TRADE_KEY_BYTES, <u64>symbol)
}

/** Remembers the fix while `window` is open: a trade that never was, with the fix's key. */
function noteFix(symbol: i32, window: i32): void {
  insert(symbol, window, makeFixKey(symbol), load<i64>(FIX_VALUES), 0, 0, 0, REMOVED, 0)
}

/** Judges and applies a cancel: its trade is taken out of its open window. */
export function applyCancel(row: i32): u8 {
  const timeNs = load<i64>(D_TIME_NS + (row << 3))
  noteTradeTime(timeNs)
  const symbol = load<i32>(D_SYMBOL + (row << 2))
  const openSecond = firstOpenSecond(cell(H_TRADES_MAX_NS))
  const hash = makeKey(row, load<i32>(D_ID_PTR + (row << 2)), load<i32>(D_ID_LENGTH + (row << 2)))
  const old = find(symbol, hash, openSecond)
  if (old == 0) return LATE
  const flags = i32At(C_TRADE_FLAGS, old)
  if ((flags & REMOVED) != 0) return DUPLICATE
  openFix(timeNs)
  if (find(symbol, makeFixKey(symbol), openSecond) != 0) return DUPLICATE
  const window = i32At(C_TRADE_WINDOW, old)
  setI32(C_TRADE_FLAGS, old, flags | REMOVED)
  noteFix(symbol, window)
  rebuild(window)
  return APPLIED
}

/**
 * Judges and applies a correction: the corrected trade takes the original's event time and place. One that was applied before is a
 * duplicate, also when the trade has been corrected again since.
 */
export function applyCorrection(row: i32): u8 {
  const timeNs = load<i64>(D_TIME_NS + (row << 3))
  noteTradeTime(timeNs)
  const symbol = load<i32>(D_SYMBOL + (row << 2))
  const openSecond = firstOpenSecond(cell(H_TRADES_MAX_NS))
  const oldHash = makeKey(row, load<i32>(D_ID_PTR + (row << 2)), load<i32>(D_ID_LENGTH + (row << 2)))
  const old = find(symbol, oldHash, openSecond)
  if (old == 0) return LATE
  if ((i32At(C_TRADE_FLAGS, old) & REMOVED) != 0) return DUPLICATE
  openFix(timeNs)
  makeKey(row, load<i32>(D_NEW_ID_PTR + (row << 2)), load<i32>(D_NEW_ID_LENGTH + (row << 2)))
  memory.copy(FIX_NEW_KEY, KEY, 8 + TRADE_KEY_BYTES)
  const flags = flagsOf(row) | CORRECTED
  store<f64>(FIX_VALUES, load<f64>(D_N0 + (row << 3)), 8)
  store<f64>(FIX_VALUES, load<f64>(D_N1 + (row << 3)), 16)
  store<i64>(FIX_VALUES, flags, 24)
  if (find(symbol, makeFixKey(symbol), openSecond) != 0) return DUPLICATE
  const window = i32At(C_TRADE_WINDOW, old)
  if (!replaceTrade(row, old, flags, openSecond)) return DUPLICATE
  noteFix(symbol, window)
  rebuild(window)
  return APPLIED
}

/** Puts the correction's trade in the place of `old`. False, and nothing done, when it says what was corrected before. */
function replaceTrade(row: i32, old: i32, flags: i32, openSecond: i64): bool {
  const symbol = i32At(C_TRADE_SYMBOL, old)
  const window = i32At(C_TRADE_WINDOW, old)
  const oldFlags = i32At(C_TRADE_FLAGS, old)
  const price = load<f64>(D_N0 + (row << 3))
  const size = load<f64>(D_N1 + (row << 3))
  const hash = makeKey(row, load<i32>(D_NEW_ID_PTR + (row << 2)), load<i32>(D_NEW_ID_LENGTH + (row << 2)))
  const same = find(symbol, hash, openSecond)
  if (same == old && oldFlags == flags && f64At(C_TRADE_PRICE, old) == price && f64At(C_TRADE_SIZE, old) == size) return false
  setI32(C_TRADE_FLAGS, old, oldFlags | REMOVED)
  if (same != 0 && same != old && (i32At(C_TRADE_FLAGS, same) & REMOVED) == 0) {
    setI32(C_TRADE_FLAGS, same, i32At(C_TRADE_FLAGS, same) | REMOVED)
    if (i32At(C_TRADE_WINDOW, same) != window) rebuild(i32At(C_TRADE_WINDOW, same))
  }
  insert(symbol, window, hash, i64At(C_TRADE_TIME, old), i64At(C_TRADE_ARRIVAL, old), price, size, flags, i32At(C_TRADE_FEED, old))
  return true
}

/** Forgets a closed window's trades. */
export function dropTrades(window: i32): void {
  let trade = i32At(C_WINDOW_TRADE_HEAD, window)
  while (trade != 0) {
    const next = i32At(C_TRADE_NEXT, trade)
    unlink(trade)
    setI32(C_TRADE_WINDOW, trade, 0)
    give(trade, T_TRADE_FREE, C_TRADE_NEXT)
    trade = next
  }
  setI32(C_WINDOW_TRADE_HEAD, window, 0)
}

/** Puts every known trade into an index that has just grown. */
export function rebuildTradeIndex(): void {
  memory.fill(<usize>load<i32>(C_TRADE_INDEX_ROW), 0, <usize>cell(T_TRADE_INDEX_CAPACITY) << 2)
  const used = <i32>cell(T_TRADE_USED)
  for (let trade = 1; trade < used; trade++) if (i32At(C_TRADE_WINDOW, trade) != 0) link(trade)
}
