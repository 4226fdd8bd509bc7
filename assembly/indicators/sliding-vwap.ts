/**
 * Five-minute VWAP: Σ price·size / Σ size over the trades in [end − 300 s, end).
 *
 * A sliding sum without subtraction, so nothing is ever lost to cancellation: the ring of seconds is split in two; the
 * older part holds sums from each entry to the split, the newer part plain entries and their running sum. When the older
 * part is used up, the newer one becomes it. Source: the two-stack queue of Tangwongsan, Hirzel, Schneider, "Low-latency
 * sliding-window aggregation in worst-case constant time", DEBS 2017, there in its amortized form. At most 300 entries,
 * as a bar is a second. State: head ≤ split ≤ tail (running numbers, ring index by mod 300), back sums, ring. Amortized O(1).
 */
import {
  C_INDICATOR_W5M_BACK_PV, C_INDICATOR_W5M_BACK_V, C_INDICATOR_W5M_HEAD, C_INDICATOR_W5M_PV, C_INDICATOR_W5M_SECOND, C_INDICATOR_W5M_SPLIT,
  C_INDICATOR_W5M_TAIL, C_INDICATOR_W5M_V, VWAP_SECONDS,
} from '../layout'
import { f64At, i32At, i64At, setF64, setI32, setI64 } from '../memory'

@inline function slot(row: i32, index: i32): i32 { return row * VWAP_SECONDS + index % VWAP_SECONDS }

/** Adds the sums of a bar that ends at `endSecond` (whole seconds) and drops what is older than 300 s before that. */
export function stepSlidingVwap(row: i32, endSecond: i64, pv: f64, volume: f64): void {
  drop(row, endSecond - VWAP_SECONDS)
  const tail = i32At(C_INDICATOR_W5M_TAIL, row)
  assert(tail - i32At(C_INDICATOR_W5M_HEAD, row) < VWAP_SECONDS)
  const at = slot(row, tail)
  setI64(C_INDICATOR_W5M_SECOND, at, endSecond)
  setF64(C_INDICATOR_W5M_PV, at, pv)
  setF64(C_INDICATOR_W5M_V, at, volume)
  setI32(C_INDICATOR_W5M_TAIL, row, tail + 1)
  setF64(C_INDICATOR_W5M_BACK_PV, row, f64At(C_INDICATOR_W5M_BACK_PV, row) + pv)
  setF64(C_INDICATOR_W5M_BACK_V, row, f64At(C_INDICATOR_W5M_BACK_V, row) + volume)
}

/** Drops entries of bars that ended at or before `endSecond`. */
function drop(row: i32, endSecond: i64): void {
  let head = i32At(C_INDICATOR_W5M_HEAD, row)
  const tail = i32At(C_INDICATOR_W5M_TAIL, row)
  while (head < tail && i64At(C_INDICATOR_W5M_SECOND, slot(row, head)) <= endSecond) {
    if (head == i32At(C_INDICATOR_W5M_SPLIT, row)) turn(row, head, tail)
    head++
  }
  setI32(C_INDICATOR_W5M_HEAD, row, head)
  if (head >= VWAP_SECONDS) {
    // running numbers stay small: all three move down by one turn of the ring
    setI32(C_INDICATOR_W5M_HEAD, row, head - VWAP_SECONDS)
    setI32(C_INDICATOR_W5M_SPLIT, row, i32At(C_INDICATOR_W5M_SPLIT, row) - VWAP_SECONDS)
    setI32(C_INDICATOR_W5M_TAIL, row, tail - VWAP_SECONDS)
  }
}

/** The newer part becomes the older: each entry now holds the sum from itself to the tail. */
function turn(row: i32, head: i32, tail: i32): void {
  let pv: f64 = 0
  let volume: f64 = 0
  for (let index = tail - 1; index >= head; index--) {
    const at = slot(row, index)
    pv += f64At(C_INDICATOR_W5M_PV, at)
    volume += f64At(C_INDICATOR_W5M_V, at)
    setF64(C_INDICATOR_W5M_PV, at, pv)
    setF64(C_INDICATOR_W5M_V, at, volume)
  }
  setI32(C_INDICATOR_W5M_SPLIT, row, tail)
  setF64(C_INDICATOR_W5M_BACK_PV, row, 0)
  setF64(C_INDICATOR_W5M_BACK_V, row, 0)
}

/** NaN where the five minutes have no volume. */
export function slidingVwap(row: i32): f64 {
  const head = i32At(C_INDICATOR_W5M_HEAD, row)
  let pv = f64At(C_INDICATOR_W5M_BACK_PV, row)
  let volume = f64At(C_INDICATOR_W5M_BACK_V, row)
  if (head < i32At(C_INDICATOR_W5M_SPLIT, row)) {
    pv += f64At(C_INDICATOR_W5M_PV, slot(row, head))
    volume += f64At(C_INDICATOR_W5M_V, slot(row, head))
  }
  return volume == 0 ? NaN : pv / volume
}
