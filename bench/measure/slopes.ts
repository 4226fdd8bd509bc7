/** Cost as a·inputs + b·outputs, from two runs of different density. */

export interface Cost {
  inputs: number
  outputs: number
  /** CPU, s. */
  seconds: number
}

/** µs an input and µs an output. Throws RangeError when the densities are too near each other to tell the two apart. */
export function solveCost(one: Cost, other: Cost): { perInputUs: number; perOutputUs: number } {
  const determinant = one.inputs * other.outputs - other.inputs * one.outputs
  if (Math.abs(determinant) < 0.1 * one.inputs * other.inputs * Math.max(one.outputs / one.inputs, other.outputs / other.inputs)) {
    throw new RangeError('the two runs have nearly as many inputs an output: their costs can\'t be told apart')
  }
  return {
    perInputUs: ((one.seconds * other.outputs - other.seconds * one.outputs) / determinant) * 1e6,
    perOutputUs: ((one.inputs * other.seconds - other.inputs * one.seconds) / determinant) * 1e6,
  }
}
