/**
 * Rows of the state tables: taken from the free list or the end, given back to the free list. Column 0 of a table with
 * a free list is an i32 that links its free rows. A table never grows in here: `missing` says before a record what it
 * may lack, the host grows it, and the record is tried again.
 */
import { cell, i32At, setCell, setI32 } from './memory'

/** Rows of `table` (a T_… number) that can still be taken. */
@inline export function spare(capacity: i32, used: i32, free: i32): i64 {
  return cell(free) != 0 ? i64.MAX_VALUE : cell(capacity) - cell(used)
}

/** Takes a row: the head of the free list, else the next one never used. `link` is the column that links free rows. */
@inline export function take(used: i32, free: i32, link: i32): i32 {
  const head = <i32>cell(free)
  if (head != 0) {
    setCell(free, i32At(link, head))
    return head
  }
  const row = <i32>cell(used)
  setCell(used, row + 1)
  return row
}

@inline export function give(row: i32, free: i32, link: i32): void {
  setI32(link, row, <i32>cell(free))
  setCell(free, row)
}
