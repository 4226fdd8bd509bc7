/**
 * Mean and population standard deviation over a ring of values, in two passes.
 *
 * A running sum of squares loses a price of 60,000 with moves of 0.01 to cancellation; two passes over 20 or 60 values
 * cost some tens of ns and lose nothing, however long the day.
 */

/** Mean of `count` f64 at `ptr`. */
export function meanOf(ptr: usize, count: i32): f64 {
  let sum: f64 = 0
  for (let i = 0; i < count; i++) sum += load<f64>(ptr + (<usize>i << 3))
  return sum / <f64>count
}

/** Population standard deviation (divisor n) of `count` f64 at `ptr` around their mean. */
export function deviationOf(ptr: usize, count: i32, mean: f64): f64 {
  let sum: f64 = 0
  for (let i = 0; i < count; i++) {
    const difference = load<f64>(ptr + (<usize>i << 3)) - mean
    sum += difference * difference
  }
  return Math.sqrt(sum / <f64>count)
}
