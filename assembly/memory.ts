/**
 * Access to a task's memory: header cells, config cells, and columns by row.
 * The base of a state column is read from the header at each access, as tables move when they grow.
 */

export const NONE: i64 = i64.MIN_VALUE
export const NS: i64 = 1_000_000_000

@inline export function cell(address: i32): i64 { return load<i64>(address) }
@inline export function setCell(address: i32, value: i64): void { store<i64>(address, value) }
@inline export function addCell(address: i32, value: i64): void { store<i64>(address, load<i64>(address) + value) }

@inline export function i32At(column: i32, row: i32): i32 { return load<i32>(<usize>load<i32>(column) + (<usize>row << 2)) }
@inline export function setI32(column: i32, row: i32, value: i32): void { store<i32>(<usize>load<i32>(column) + (<usize>row << 2), value) }
@inline export function i64At(column: i32, row: i32): i64 { return load<i64>(<usize>load<i32>(column) + (<usize>row << 3)) }
@inline export function setI64(column: i32, row: i32, value: i64): void { store<i64>(<usize>load<i32>(column) + (<usize>row << 3), value) }
@inline export function f64At(column: i32, row: i32): f64 { return load<f64>(<usize>load<i32>(column) + (<usize>row << 3)) }
@inline export function setF64(column: i32, row: i32, value: f64): void { store<f64>(<usize>load<i32>(column) + (<usize>row << 3), value) }

/** Whole seconds of a time, rounded down (times before 1970 too). */
@inline export function secondOf(timeNs: i64): i64 {
  return timeNs >= 0 ? timeNs / NS : (timeNs - (NS - 1)) / NS
}

/** End of the one-second window that starts at `second`, in ns. */
@inline export function endOf(second: i64): i64 { return (second + 1) * NS }

/** Whether two texts of `length` bytes are the same, 8 bytes at a time: up to 7 past their ends are read and decide nothing. */
@inline export function sameText(one: usize, other: usize, length: i32): bool {
  let at: usize = 0
  let left = length
  for (; left >= 8; left -= 8, at += 8) if (load<u64>(one + at) != load<u64>(other + at)) return false
  return left == 0 || (load<u64>(one + at) ^ load<u64>(other + at)) << <u64>((8 - left) << 3) == 0
}

/** Copies 32 bytes. */
@inline export function copy32(to: usize, from: usize): void {
  v128.store(to, v128.load(from))
  v128.store(to, v128.load(from, 16), 16)
}
