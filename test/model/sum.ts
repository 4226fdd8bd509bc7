/** Compensated sums (Neumaier 1974): the error does not grow with the number of terms. */

export interface Sum {
  readonly total: number
  readonly lost: number
}

export const ZERO: Sum = { total: 0, lost: 0 }

/** Adds one term; returns a new sum. */
export function add(sum: Sum, term: number): Sum {
  const total = sum.total + term
  const big = Math.abs(sum.total) >= Math.abs(term)
  return { total, lost: sum.lost + (big ? sum.total - total + term : term - total + sum.total) }
}

export function valueOf(sum: Sum): number {
  return sum.total + sum.lost
}

/** Sum of a list. */
export function sumOf(terms: number[]): number {
  return valueOf(terms.reduce(add, ZERO))
}
