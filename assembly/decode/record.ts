/**
 * Records of a batch → decoded columns, one row a record.
 *
 * In:  IN_* rows (Arrow offsets: value i is [IN_VALUE_ENDS[i], IN_VALUE_ENDS[i + 1]) of IN_VALUES), topic, clock.
 * Out: D_* rows, all cells of them written; D_SYMBOL is 0 and filled later. A rejected or filtered row has its outcome and
 *      reason, and every other cell as in a row of nothing.
 * Imports: layout, leaves of this room.
 *
 * When several things are wrong, the first of this order counts:
 *   size (too_large) · empty or null value, JSON (not_json) · not_object · kind of `type`, or of `channel` where there is no
 *   type (wrong_kind) · filtered · symbol (missing_field, wrong_kind, bad_symbol, key_mismatch) · event time (missing_field,
 *   wrong_kind, bad_time, future) · seq, feed (wrong_kind) · then the type's own fields one by one, each
 *   missing_field, wrong_kind, bad_price or bad_size:
 *     trade i p s x c z · quote bp bs ap as bx ax c z · bar o h l c v vw n, bad_bar, is_final · correction oi ci cp cs x cc z ·
 *     cancel i x p s
 */
import {
  BATCH_ROWS, CFG_MAX_FUTURE_NS, D_CONDITIONS_HIGH, D_CONDITIONS_LOW, D_CONTENT_HASH,
  D_EXCHANGE_LENGTH, D_EXCHANGE_PTR, D_FEED_LENGTH, D_FEED_PTR, D_ID_LENGTH, D_ID_PTR, D_IS_FINAL, D_KIND, D_N0, D_N1, D_N2, D_N3,
  D_N4, D_N5, D_N6, D_NEW_ID_LENGTH, D_NEW_ID_PTR, D_OUTCOME, D_REASON, D_SEQ, D_SEQ_KIND, D_SYMBOL, D_TAPE, D_TIME_NS,
  H_TEXT_CURSOR, IN_FLAGS, IN_KEY_ENDS, IN_KEYS, IN_SIZE, IN_VALUE_ENDS, IN_VALUES, TEXT_BASE,
} from '../layout'
import { HASH_SEED, hashEnd, hashWord } from './content-hash'
import {
  hashField, hasLoneSurrogate, isText, readConditions, readExchange, readFeed, readId, readIsFinal, readNeededAmount,
  readOptionalAmount, readSeq, readTape, valueEnd, valueKind, valueStart,
} from './field'
import {
  FIELD_ASK_EXCHANGE, FIELD_ASK_PRICE, FIELD_ASK_SIZE, FIELD_BID_EXCHANGE, FIELD_BID_PRICE, FIELD_BID_SIZE, FIELD_CLOSE,
  FIELD_CONDITIONS, FIELD_CORRECTED_CONDITIONS, FIELD_CORRECTED_ID, FIELD_CORRECTED_PRICE, FIELD_CORRECTED_SIZE, FIELD_COUNT,
  FIELD_EVENT_TS, FIELD_HIGH, FIELD_ID, FIELD_LOW, FIELD_OPEN, FIELD_ORIGINAL_ID, FIELD_PRICE, FIELD_SIZE, FIELD_SYMBOL,
  FIELD_TAPE, FIELD_VOLUME, FIELD_VWAP, fieldTrie, fieldValue,
} from './field-trie'
import {
  FILTERED, KIND_CANCEL, KIND_CORRECTION, KIND_NONE, KIND_QUOTE, KIND_TRADE, NONE, OUTCOME_FILTERED,
  OUTCOME_REJECTED, OUTCOME_UNDECIDED, REASON_BAD_BAR, REASON_BAD_PRICE, REASON_BAD_SIZE, REASON_BAD_SYMBOL, REASON_BAD_TIME,
  REASON_FUTURE, REASON_KEY_MISMATCH, REASON_MISSING_FIELD, REASON_NOT_JSON, REASON_NOT_OBJECT, REASON_TOO_LARGE,
  REASON_WRONG_KIND,
} from './reasons'
import { recordKind } from './record-kind'
import { IS_OBJECT, JSON_NUMBER, NOT_JSON, scan } from './scan'
import { CONDITIONS_HASH } from './scratch'
import { forgetShapes, learnShape, scanByShape } from './shape'
import { BAD_TIME, forgetStamp, parseEpochNumber, parseRfc3339 } from './time'

const FLAG_KEY_NULL: u32 = 1
const FLAG_VALUE_NULL: u32 = 2
const FLAG_VALUE_CUT: u32 = 4
const RECORD_BYTES_MAX: i32 = 1_048_576
const SYMBOL_BYTES_MAX: i32 = 32

/**
 * Decodes `rows` records of a topic (0 trades, 1 quotes, 2 bars). `clockNs` judges stamps in the future; i64.MIN_VALUE: none
 * is. H_TEXT_CURSOR starts at TEXT_BASE: texts of the batch before are gone.
 */
export function decodeBatch(topic: i32, rows: i32, clockNs: i64): void {
  store<i64>(H_TEXT_CURSOR, TEXT_BASE)
  forgetShapes()
  forgetStamp()
  const future = load<i64>(CFG_MAX_FUTURE_NS)
  const latestNs = clockNs == i64.MIN_VALUE || clockNs > i64.MAX_VALUE - future ? i64.MAX_VALUE : clockNs + future
  const count = min(rows, BATCH_ROWS)
  for (let row = 0; row < count; row++) {
    clearRow(row)
    const reason = decodeRow(topic, row, latestNs)
    if (reason == NONE) continue
    if (load<u8>(D_KIND + row) != 0) clearRow(row)
    store<u8>(D_OUTCOME + row, reason == FILTERED ? OUTCOME_FILTERED : OUTCOME_REJECTED)
    store<u8>(D_REASON + row, reason == FILTERED ? 0 : <u8>reason)
  }
}

function clearRow(row: i32): void {
  const four = row << 2
  const eight = row << 3
  store<u8>(D_KIND + row, KIND_NONE)
  store<u8>(D_OUTCOME + row, OUTCOME_UNDECIDED)
  store<u8>(D_REASON + row, 0)
  store<u8>(D_IS_FINAL + row, 2)
  store<u8>(D_TAPE + row, 0)
  store<u8>(D_SEQ_KIND + row, 0)
  store<i64>(D_TIME_NS + eight, 0)
  store<i64>(D_SEQ + eight, 0)
  store<i64>(D_CONTENT_HASH + eight, 0)
  store<i64>(D_CONDITIONS_LOW + eight, 0)
  store<i64>(D_CONDITIONS_HIGH + eight, 0)
  store<i32>(D_SYMBOL + four, 0)
  store<i32>(D_FEED_PTR + four, 0)
  store<i32>(D_FEED_LENGTH + four, -1)
  store<i32>(D_EXCHANGE_PTR + four, 0)
  store<i32>(D_EXCHANGE_LENGTH + four, -1)
  store<i32>(D_ID_PTR + four, 0)
  store<i32>(D_ID_LENGTH + four, 0)
  store<i32>(D_NEW_ID_PTR + four, 0)
  store<i32>(D_NEW_ID_LENGTH + four, 0)
  store<f64>(D_N0 + eight, 0)
  store<f64>(D_N1 + eight, 0)
  store<f64>(D_N2 + eight, 0)
  store<f64>(D_N3 + eight, 0)
  store<f64>(D_N4 + eight, 0)
  store<f64>(D_N5 + eight, 0)
  store<f64>(D_N6 + eight, 0)
}

/** NONE, FILTERED, or the reason to reject. */
function decodeRow(topic: i32, row: i32, latestNs: i64): i32 {
  const flags = <u32>load<u8>(IN_FLAGS + row)
  const start = IN_VALUES + load<i32>(IN_VALUE_ENDS + (row << 2))
  const end = IN_VALUES + load<i32>(IN_VALUE_ENDS + (row << 2), 4)
  if ((flags & FLAG_VALUE_CUT) != 0 || load<i32>(IN_SIZE + (row << 2)) > RECORD_BYTES_MAX) return REASON_TOO_LARGE
  if ((flags & FLAG_VALUE_NULL) != 0) return REASON_NOT_JSON
  if (!scanByShape(start, end)) {
    const scanned = scan(start, end)
    if (scanned != IS_OBJECT) return scanned == NOT_JSON ? REASON_NOT_JSON : REASON_NOT_OBJECT
    learnShape(start, end)
  }
  const trie = fieldTrie()
  const kind = recordKind(trie, topic)
  if (kind < 0) return REASON_WRONG_KIND
  if (kind == KIND_NONE) return FILTERED
  store<u8>(D_KIND + row, <u8>kind)
  let reason = checkSymbol(trie, row, (flags & FLAG_KEY_NULL) != 0)
  if (reason == NONE) reason = readTime(trie, row, latestNs)
  if (reason == NONE) reason = readSeq(trie, row)
  if (reason == NONE) reason = readFeed(trie, row)
  if (reason != NONE) return reason
  if (kind == KIND_TRADE) return readTrade(trie, row)
  if (kind == KIND_QUOTE) return readQuote(trie, row)
  if (kind == KIND_CORRECTION) return readCorrection(trie, row)
  return kind == KIND_CANCEL ? readCancel(trie, row) : readBar(trie, row)
}

/** The symbol must be the record's key: so it is read from the key from here on. */
function checkSymbol(trie: i32, row: i32, keyNull: bool): i32 {
  const value = fieldValue(trie, FIELD_SYMBOL)
  if (value == 0) return REASON_MISSING_FIELD
  if (!isText(value)) return REASON_WRONG_KIND
  const start = valueStart(value)
  const length = valueEnd(value) - start
  if (length < 1 || length > SYMBOL_BYTES_MAX) return REASON_BAD_SYMBOL
  const keyStart = load<i32>(IN_KEY_ENDS + (row << 2))
  const keyLength = load<i32>(IN_KEY_ENDS + (row << 2), 4) - keyStart
  if (keyNull || keyLength != length) return REASON_KEY_MISMATCH
  const key = IN_KEYS + keyStart
  for (let i = 0; i < length; i++) if (load<u8>(key + i) != load<u8>(start + i)) return REASON_KEY_MISMATCH
  return hasLoneSurrogate(start, start + length) ? REASON_KEY_MISMATCH : NONE
}

function readTime(trie: i32, row: i32, latestNs: i64): i32 {
  const value = fieldValue(trie, FIELD_EVENT_TS)
  if (value == 0) return REASON_MISSING_FIELD
  let timeNs: i64
  if (isText(value)) timeNs = parseRfc3339(valueStart(value), valueEnd(value))
  else if (valueKind(value) == JSON_NUMBER) timeNs = parseEpochNumber(valueStart(value), valueEnd(value))
  else return REASON_WRONG_KIND
  if (timeNs == BAD_TIME) return REASON_BAD_TIME
  if (timeNs > latestNs) return REASON_FUTURE
  store<i64>(D_TIME_NS + (row << 3), timeNs)
  return NONE
}

function readTrade(trie: i32, row: i32): i32 {
  const four = row << 2
  let reason = readId(trie, FIELD_ID, D_ID_PTR + four, D_ID_LENGTH + four)
  if (reason == NONE) reason = readTradePrice(trie, FIELD_PRICE, row)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_SIZE, D_N1 + (row << 3), REASON_BAD_SIZE)
  if (reason == NONE) reason = readExchange(trie, row)
  if (reason == NONE) reason = readConditions(trie, FIELD_CONDITIONS, row, false)
  return reason == NONE ? readTape(trie, row) : reason
}

/** A trade's price, to column n0: unlike a quote's it can't be 0. */
function readTradePrice(trie: i32, field: i32, row: i32): i32 {
  const at = D_N0 + (row << 3)
  const reason = readNeededAmount(trie, field, at, REASON_BAD_PRICE)
  return reason == NONE && load<f64>(at) == 0 ? REASON_BAD_PRICE : reason
}

function readQuote(trie: i32, row: i32): i32 {
  const eight = row << 3
  let reason = readNeededAmount(trie, FIELD_BID_PRICE, D_N0 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_BID_SIZE, D_N1 + eight, REASON_BAD_SIZE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_ASK_PRICE, D_N2 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_ASK_SIZE, D_N3 + eight, REASON_BAD_SIZE)
  if (reason != NONE) return reason
  const bidExchange = fieldValue(trie, FIELD_BID_EXCHANGE)
  const askExchange = fieldValue(trie, FIELD_ASK_EXCHANGE)
  if (bidExchange != 0 && !isText(bidExchange)) return REASON_WRONG_KIND
  if (askExchange != 0 && !isText(askExchange)) return REASON_WRONG_KIND
  reason = readConditions(trie, FIELD_CONDITIONS, row, true)
  if (reason == NONE) reason = readTape(trie, row)
  if (reason != NONE) return reason
  let hash = hashWord(HASH_SEED, load<u64>(D_N0 + eight))
  hash = hashWord(hash, load<u64>(D_N1 + eight))
  hash = hashWord(hash, load<u64>(D_N2 + eight))
  hash = hashWord(hash, load<u64>(D_N3 + eight))
  hash = hashField(hash, bidExchange)
  hash = hashField(hash, askExchange)
  hash = hashWord(hash, load<u64>(CONDITIONS_HASH))
  hash = hashField(hash, fieldValue(trie, FIELD_TAPE))
  store<u64>(D_CONTENT_HASH + eight, hashEnd(hash))
  return NONE
}

/** o h l c v vw n in columns n0 to n6; vw and n may be absent (0). */
function readBar(trie: i32, row: i32): i32 {
  const eight = row << 3
  let reason = readNeededAmount(trie, FIELD_OPEN, D_N0 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_HIGH, D_N1 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_LOW, D_N2 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_CLOSE, D_N3 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_VOLUME, D_N4 + eight, REASON_BAD_SIZE)
  if (reason == NONE) reason = readOptionalAmount(trie, FIELD_VWAP, D_N5 + eight, REASON_BAD_PRICE)
  if (reason == NONE) reason = readOptionalAmount(trie, FIELD_COUNT, D_N6 + eight, REASON_BAD_SIZE)
  if (reason != NONE) return reason
  if (load<f64>(D_N1 + eight) < load<f64>(D_N2 + eight)) return REASON_BAD_BAR
  return readIsFinal(trie, row)
}

function readCorrection(trie: i32, row: i32): i32 {
  const four = row << 2
  let reason = readId(trie, FIELD_ORIGINAL_ID, D_ID_PTR + four, D_ID_LENGTH + four)
  if (reason == NONE) reason = readId(trie, FIELD_CORRECTED_ID, D_NEW_ID_PTR + four, D_NEW_ID_LENGTH + four)
  if (reason == NONE) reason = readTradePrice(trie, FIELD_CORRECTED_PRICE, row)
  if (reason == NONE) reason = readNeededAmount(trie, FIELD_CORRECTED_SIZE, D_N1 + (row << 3), REASON_BAD_SIZE)
  if (reason == NONE) reason = readExchange(trie, row)
  if (reason == NONE) reason = readConditions(trie, FIELD_CORRECTED_CONDITIONS, row, false)
  return reason == NONE ? readTape(trie, row) : reason
}

/** A cancel names its trade by exchange and id; price and size may be absent (0). */
function readCancel(trie: i32, row: i32): i32 {
  const four = row << 2
  let reason = readId(trie, FIELD_ID, D_ID_PTR + four, D_ID_LENGTH + four)
  if (reason == NONE) reason = readExchange(trie, row)
  if (reason == NONE) reason = readOptionalAmount(trie, FIELD_PRICE, D_N0 + (row << 3), REASON_BAD_PRICE)
  return reason == NONE ? readOptionalAmount(trie, FIELD_SIZE, D_N1 + (row << 3), REASON_BAD_SIZE) : reason
}
