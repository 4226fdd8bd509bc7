/**
 * The order of work in an epoch; the rest are leaves. A segment is a run of records of one topic: it is decoded into
 * columns as a whole, then judged and applied record by record in offset order. Reads no clock: the one handed in judges
 * stamps in the future, and is on the epoch record.
 */
import { decodeBatch } from './decode/record'
import { fold, xxh64 } from './hash'
import {
  D_FEED_LENGTH, D_FEED_PTR, D_KIND, D_OUTCOME, D_REASON, D_SYMBOL, H_BATCH_TOPIC, H_COUNTS_TRADES_APPLIED, H_INPUT_COUNT_TRADES,
  H_INPUT_HASH_TRADES, H_NEED, H_SPECIALS, H_SPECIALS_DIGEST, H_TEXT_CURSOR, IN_KEYS, IN_KEY_ENDS, IN_OFFSET, IN_SIZE, IN_VALUES, IN_VALUE_ENDS,
  T_INDICATOR, T_INDICATOR_CAPACITY, T_INDICATOR_USED, T_QUOTE_ID, T_QUOTE_ID_CAPACITY, T_QUOTE_ID_FREE, T_QUOTE_ID_USED, T_SYMBOL, T_SYMBOL_CAPACITY,
  T_SYMBOL_USED, T_TRADE, T_TRADE_CAPACITY, T_TRADE_FREE, T_TRADE_USED, T_WINDOW, T_WINDOW_CAPACITY, T_WINDOW_FREE, T_WINDOW_USED, TEXT_BASE,
  T_FEED, T_FEED_CAPACITY, T_FEED_USED, T_MINUTE, T_MINUTE_CAPACITY, T_MINUTE_USED, T_PENDING_BAR, T_PENDING_BAR_CAPACITY, T_PENDING_BAR_USED,
  T_UNCHECKED_BAR, T_UNCHECKED_BAR_CAPACITY, T_UNCHECKED_BAR_FREE, T_UNCHECKED_BAR_USED,
} from './layout'
import { applyMinuteBar } from './market/minute-bars'
import { applyQuote } from './market/quotes'
import { feedRow, symbolRow } from './market/symbols'
import { applyCancel, applyCorrection, applyTrade } from './market/trades'
import { addCell, cell, setCell } from './memory'
import { spare } from './tables'

const TRADE: u8 = 1
const QUOTE: u8 = 2
const BAR: u8 = 3
const UPDATED_BAR: u8 = 4
const CORRECTION: u8 = 5
const CANCEL: u8 = 6

const LATE: u8 = 2
const FILTERED: u8 = 3
const REJECTED: u8 = 4
const UNDECIDED: u8 = 255

const REASON_TOO_MANY_SYMBOLS: u8 = 13
const REASON_LATE: u8 = 15
const REASON_TOO_MANY_FEEDS: u8 = 16
const OUTCOMES: i32 = 5
const BARS_TOPIC: i32 = 2

/** Decodes the batch's first `rows` records as `topic`'s (0 trades, 1 quotes, 2 bars), judged by `clockNs` (NONE: no clock). */
export function decode(topic: i32, rows: i32, clockNs: i64): void {
  setCell(H_BATCH_TOPIC, topic)
  setCell(H_TEXT_CURSOR, TEXT_BASE)
  setCell(H_SPECIALS, 0)
  decodeBatch(topic, rows, clockNs)
}

/**
 * Applies decoded records from `from` on. Returns the row it stopped at: `rows` when all are done, an earlier one when a
 * table must grow first; then `need` holds its number + 1, and the call is repeated from that row.
 */
export function apply(from: i32, rows: i32): i32 {
  const topic = <i32>cell(H_BATCH_TOPIC)
  setCell(H_NEED, 0)
  for (let row = from; row < rows; row++) {
    const need = missing(topic)
    if (need != 0) {
      setCell(H_NEED, need)
      return row
    }
    let outcome = load<u8>(D_OUTCOME + row)
    if (outcome == UNDECIDED) {
      outcome = applyRecord(row)
      store<u8>(D_OUTCOME + row, outcome)
    }
    count(topic, row, outcome)
  }
  return rows
}

/** The table (number + 1) that one more record may find full, or 0. */
function missing(topic: i32): i64 {
  if (cell(T_SYMBOL_CAPACITY) == cell(T_SYMBOL_USED)) return T_SYMBOL + 1
  if (cell(T_INDICATOR_CAPACITY) == cell(T_INDICATOR_USED)) return T_INDICATOR + 1
  if (cell(T_FEED_CAPACITY) == cell(T_FEED_USED)) return T_FEED + 1
  if (spare(T_WINDOW_CAPACITY, T_WINDOW_USED, T_WINDOW_FREE) < 1) return T_WINDOW + 1
  // a correction takes two rows: its trade and itself; a free list may hold one
  if (spare(T_TRADE_CAPACITY, T_TRADE_USED, T_TRADE_FREE) < 2 || cell(T_TRADE_CAPACITY) == cell(T_TRADE_USED)) return T_TRADE + 1
  if (spare(T_QUOTE_ID_CAPACITY, T_QUOTE_ID_USED, T_QUOTE_ID_FREE) < 1) return T_QUOTE_ID + 1
  return topic == BARS_TOPIC ? missingOfBars() : 0
}

function missingOfBars(): i64 {
  if (cell(T_MINUTE_CAPACITY) == cell(T_MINUTE_USED)) return T_MINUTE + 1
  if (spare(T_UNCHECKED_BAR_CAPACITY, T_UNCHECKED_BAR_USED, T_UNCHECKED_BAR_FREE) < 1) return T_UNCHECKED_BAR + 1
  return cell(T_PENDING_BAR_CAPACITY) == cell(T_PENDING_BAR_USED) ? T_PENDING_BAR + 1 : 0
}

function applyRecord(row: i32): u8 {
  const keyStart = load<i32>(IN_KEY_ENDS + (row << 2))
  const symbol = symbolRow(IN_KEYS + keyStart, load<i32>(IN_KEY_ENDS + (row << 2), 4) - keyStart)
  if (symbol == 0) return reject(row, REASON_TOO_MANY_SYMBOLS)
  store<i32>(D_SYMBOL + (row << 2), symbol)
  const kind = load<u8>(D_KIND + row)
  if (kind == QUOTE) return applyQuote(row)
  if (kind == TRADE) {
    const feed = feedRow(load<i32>(D_FEED_PTR + (row << 2)), load<i32>(D_FEED_LENGTH + (row << 2)))
    return feed < 0 ? reject(row, REASON_TOO_MANY_FEEDS) : applyTrade(row, feed)
  }
  if (kind == CORRECTION) return applyCorrection(row)
  if (kind == CANCEL) return applyCancel(row)
  if (kind == BAR || kind == UPDATED_BAR) {
    const feed = feedRow(load<i32>(D_FEED_PTR + (row << 2)), load<i32>(D_FEED_LENGTH + (row << 2)))
    return feed < 0 ? reject(row, REASON_TOO_MANY_FEEDS) : applyMinuteBar(row, feed)
  }
  return FILTERED
}

@inline function reject(row: i32, reason: u8): u8 {
  store<u8>(D_REASON + row, reason)
  return REJECTED
}

/** Books a record: its outcome, its bytes into the epoch's input hash, and what leaves for the DLQ or the late topic. */
function count(topic: i32, row: i32, outcome: u8): void {
  assert(outcome <= REJECTED) // invariant 4: each record has exactly one outcome
  addCell(H_COUNTS_TRADES_APPLIED + 8 * (topic * OUTCOMES + <i32>outcome), 1)
  addCell(H_INPUT_COUNT_TRADES + 8 * topic, 1)
  const keyStart = load<i32>(IN_KEY_ENDS + (row << 2))
  const valueStart = load<i32>(IN_VALUE_ENDS + (row << 2))
  const hashCell = H_INPUT_HASH_TRADES + 8 * topic
  const key = xxh64(IN_KEYS + keyStart, load<i32>(IN_KEY_ENDS + (row << 2), 4) - keyStart, cell(hashCell))
  setCell(hashCell, xxh64(IN_VALUES + valueStart, load<i32>(IN_VALUE_ENDS + (row << 2), 4) - valueStart, key + <u64>load<i32>(IN_SIZE + (row << 2))))
  if (outcome != LATE && outcome != REJECTED) return
  if (outcome == LATE) store<u8>(D_REASON + row, REASON_LATE)
  addCell(H_SPECIALS, 1)
  const what = <u64>outcome << 8 | <u64>load<u8>(D_REASON + row) | <u64>topic << 16
  setCell(H_SPECIALS_DIGEST, fold(fold(cell(H_SPECIALS_DIGEST), load<i64>(IN_OFFSET + (row << 3))), what))
}

/** Forgets the last epoch's input hashes, counts and digests. Called before the first step of each epoch. */
export function openEpoch(): void {
  for (let topic = 0; topic < 3; topic++) {
    setCell(H_INPUT_HASH_TRADES + 8 * topic, 0)
    setCell(H_INPUT_COUNT_TRADES + 8 * topic, 0)
  }
  setCell(H_SPECIALS_DIGEST, 0)
}
