/**
 * Symbols and feeds of a task. A symbol's row never changes or goes away, so rows are in order of first appearance.
 * The symbol of a record is its key (decode has compared them), so its bytes lie in the batch's keys.
 */
import { xxh64 } from '../hash'
import {
  CFG_MAX_SYMBOLS, C_FEED_NAME, C_FEED_NAME_LENGTH, C_INDICATOR_SYMBOL, C_OPEN_SYMBOLS_BITS, C_SYMBOL_HASH, C_SYMBOL_INDEX_ROW,
  C_SYMBOL_INDICATOR_ROW, C_SYMBOL_LAST_FINAL_SECOND, C_SYMBOL_NAME, C_SYMBOL_NAME_LENGTH, FEEDS_MAX, FEED_BYTES_MAX, H_SYMBOLS,
  T_FEED_USED, T_INDICATOR_USED, T_SYMBOL_INDEX_CAPACITY, T_SYMBOL_USED,
} from '../layout'
import { NONE, addCell, cell, i32At, sameText, setCell, setI32, setI64 } from '../memory'

const NAME_BYTES: usize = 32

@inline function nameAt(row: i32): usize { return <usize>load<i32>(C_SYMBOL_NAME) + <usize>row * NAME_BYTES }
@inline function hashOf(ptr: usize, length: i32): i32 { return <i32>xxh64(ptr, length, 0) }

/** Bucket of the symbol index that holds this name, or the empty one where it belongs. */
function bucketOf(ptr: usize, length: i32, hash: i32): i32 {
  const mask = <i32>cell(T_SYMBOL_INDEX_CAPACITY) - 1
  let bucket = hash & mask
  while (true) {
    const row = i32At(C_SYMBOL_INDEX_ROW, bucket)
    if (row == 0) return bucket
    if (i32At(C_SYMBOL_HASH, row) == hash && i32At(C_SYMBOL_NAME_LENGTH, row) == length && sameText(nameAt(row), ptr, length)) {
      return bucket
    }
    bucket = (bucket + 1) & mask
  }
}

/** Row of a symbol, made new where it is unknown; 0 when the task has TA_MAX_SYMBOLS already. A spare row is the caller's to see to. */
export function symbolRow(ptr: usize, length: i32): i32 {
  const hash = hashOf(ptr, length)
  const bucket = bucketOf(ptr, length, hash)
  const known = i32At(C_SYMBOL_INDEX_ROW, bucket)
  if (known != 0) return known
  if (cell(H_SYMBOLS) >= cell(CFG_MAX_SYMBOLS)) return 0
  const row = <i32>cell(T_SYMBOL_USED)
  setCell(T_SYMBOL_USED, row + 1)
  addCell(H_SYMBOLS, 1)
  memory.copy(nameAt(row), ptr, <usize>length)
  setI32(C_SYMBOL_NAME_LENGTH, row, length)
  setI32(C_SYMBOL_HASH, row, hash)
  setI64(C_SYMBOL_LAST_FINAL_SECOND, row, NONE)
  setI32(C_SYMBOL_INDICATOR_ROW, row, indicatorRow(row))
  setI32(C_SYMBOL_INDEX_ROW, bucket, row)
  return row
}

/** A fresh indicator row for a symbol; its columns are zero, which is how every indicator starts. */
export function indicatorRow(symbol: i32): i32 {
  const row = <i32>cell(T_INDICATOR_USED)
  setCell(T_INDICATOR_USED, row + 1)
  setI32(C_INDICATOR_SYMBOL, row, symbol)
  return row
}

/** Puts every symbol into an index that has just been emptied or has grown. */
export function rebuildSymbolIndex(): void {
  const capacity = <i32>cell(T_SYMBOL_INDEX_CAPACITY)
  memory.fill(<usize>load<i32>(C_SYMBOL_INDEX_ROW), 0, <usize>capacity << 2)
  const used = <i32>cell(T_SYMBOL_USED)
  for (let row = 1; row < used; row++) {
    let bucket = i32At(C_SYMBOL_HASH, row) & (capacity - 1)
    while (i32At(C_SYMBOL_INDEX_ROW, bucket) != 0) bucket = (bucket + 1) & (capacity - 1)
    setI32(C_SYMBOL_INDEX_ROW, bucket, row)
  }
}

/** Row of a feed's name; 0 where the record names none; −1 when there are FEEDS_MAX others. */
export function feedRow(ptr: usize, length: i32): i32 {
  if (length < 0) return 0
  const used = <i32>cell(T_FEED_USED)
  for (let row = 1; row < used; row++) {
    const name = <usize>load<i32>(C_FEED_NAME) + <usize>(row * FEED_BYTES_MAX)
    if (i32At(C_FEED_NAME_LENGTH, row) == length && sameText(name, ptr, length)) return row
  }
  if (used > FEEDS_MAX) return -1
  setCell(T_FEED_USED, used + 1)
  memory.copy(<usize>load<i32>(C_FEED_NAME) + <usize>(used * FEED_BYTES_MAX), ptr, <usize>length)
  setI32(C_FEED_NAME_LENGTH, used, length)
  return used
}

/** Marks a symbol as one with open windows, or no more. */
@inline export function setOpen(symbol: i32, open: bool): void {
  const at = <usize>load<i32>(C_OPEN_SYMBOLS_BITS) + (<usize>(symbol >> 6) << 3)
  const bit: u64 = <u64>1 << (symbol & 63)
  store<u64>(at, open ? load<u64>(at) | bit : load<u64>(at) & ~bit)
}

/** The first symbol at or after `from` that has open windows, or 0. */
export function nextOpen(from: i32): i32 {
  const words = (<i32>cell(T_SYMBOL_USED) + 63) >> 6
  const base = <usize>load<i32>(C_OPEN_SYMBOLS_BITS)
  let word = from >> 6
  if (word >= words) return 0
  let bits = load<u64>(base + (<usize>word << 3)) & (~(<u64>0) << (from & 63))
  while (bits == 0) {
    if (++word >= words) return 0
    bits = load<u64>(base + (<usize>word << 3))
  }
  return (word << 6) + <i32>ctz(bits)
}
