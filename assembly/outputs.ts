/**
 * What an epoch publishes, packed behind the state, bars first, then signals: window starts (i64, UTC seconds), ends (i32,
 * from the bytes' start), symbol rows (i32), flags (u8), then the bytes. The only region that grows inside a call.
 */
import { fold, xxh64 } from './hash'
import {
  H_OUT_BARS, H_OUT_BARS_DIGEST, H_OUT_BASE, H_OUT_BYTES, H_OUT_CAPACITY, H_OUT_DIGEST, H_OUT_FINAL_BARS, H_OUT_FINAL_SIGNALS, H_OUT_SIGNALS,
  H_OUT_SIGNALS_DIGEST, H_SPECIALS_DIGEST, H_STATE_END, T_MINUTE_USED, T_PENDING_BAR_USED, T_WINDOW_USED,
} from './layout'
import { addCell, cell, setCell } from './memory'

/** Flags of an output. */
const FINAL: u8 = 1
/** Its window is a minute, not a second. */
const MINUTE: u8 = 2

/** More than any one record's text: a symbol of 32 escaped bytes, 25 numbers, 800 bytes of constant text. */
const RECORD_BYTES_MAX: i32 = 4096

@inline function capacity(): i32 { return <i32>cell(H_OUT_CAPACITY) }
@inline function secondsAt(): i32 { return <i32>cell(H_OUT_BASE) }
@inline function endsAt(): i32 { return secondsAt() + 8 * capacity() }
@inline function symbolsAt(): i32 { return endsAt() + 4 * capacity() }
@inline function flagsAt(): i32 { return symbolsAt() + 4 * capacity() }
@inline function bytesAt(): i32 { return (flagsAt() + capacity() + 63) & ~63 }

/** Nothing is published yet. A window gives a bar and a signal at most, a minute bar a final signal, a symbol one provisional more. */
export function openOutputs(): void {
  setCell(H_OUT_BASE, cell(H_STATE_END))
  setCell(H_OUT_CAPACITY, 2 * cell(T_WINDOW_USED) + cell(T_PENDING_BAR_USED) + cell(T_MINUTE_USED))
  setCell(H_OUT_BARS, 0)
  setCell(H_OUT_SIGNALS, 0)
  setCell(H_OUT_FINAL_BARS, 0)
  setCell(H_OUT_FINAL_SIGNALS, 0)
  setCell(H_OUT_BYTES, 0)
}

/** Where the next record goes, with room for it. */
export function nextRecord(): i32 {
  const at = bytesAt() + <i32>cell(H_OUT_BYTES)
  const short = at + RECORD_BYTES_MAX - (memory.size() << 16)
  if (short > 0) {
    const pages = max((short + 65_535) >> 16, 16)
    assert(memory.grow(pages) >= 0)
  }
  return at
}

/** The bar of a one-second window has been written up to `end`. */
export function addBar(end: i32, symbol: i32, second: i64, final: bool): void {
  assert(cell(H_OUT_SIGNALS) == 0) // bars come first
  add(end, symbol, second, final ? FINAL : 0)
  addCell(H_OUT_BARS, 1)
  if (final) addCell(H_OUT_FINAL_BARS, 1)
}

/** The signal of a window that starts at `second` has been written up to `end`. */
export function addSignal(end: i32, symbol: i32, second: i64, final: bool, minute: bool): void {
  add(end, symbol, second, (final ? FINAL : 0) | (minute ? MINUTE : 0))
  addCell(H_OUT_SIGNALS, 1)
  if (final) addCell(H_OUT_FINAL_SIGNALS, 1)
}

function add(end: i32, symbol: i32, second: i64, flags: u8): void {
  const index = <i32>(cell(H_OUT_BARS) + cell(H_OUT_SIGNALS))
  assert(index < capacity())
  const bytes = end - bytesAt()
  setCell(H_OUT_BYTES, bytes)
  store<i64>(<usize>(secondsAt() + index * 8), second)
  store<i32>(<usize>(endsAt() + index * 4), bytes)
  store<i32>(<usize>(symbolsAt() + index * 4), symbol)
  store<u8>(<usize>(flagsAt() + index), flags)
}

/**
 * Digest of what this epoch publishes: the outputs' bytes and the records that go to the DLQ or the late topic. Bars and signals have
 * one each beside it, so that of an epoch that does not come out as recorded it can be told in which topic.
 */
export function sealOutputs(): void {
  const bars = <i32>cell(H_OUT_BARS)
  const end = bars == 0 ? 0 : load<i32>(<usize>(endsAt() + (bars - 1) * 4))
  const barsDigest = fold(xxh64(<usize>bytesAt(), end, 0), cell(H_OUT_BARS))
  const signalsDigest = fold(xxh64(<usize>(bytesAt() + end), <i32>cell(H_OUT_BYTES) - end, 0), cell(H_OUT_SIGNALS))
  setCell(H_OUT_BARS_DIGEST, barsDigest)
  setCell(H_OUT_SIGNALS_DIGEST, signalsDigest)
  setCell(H_OUT_DIGEST, fold(fold(cell(H_SPECIALS_DIGEST), barsDigest), signalsDigest))
}
