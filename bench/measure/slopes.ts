/** Cost as a·inputs + b·outputs, from two runs of different density. */
import { UserError } from '../../src/contract/errors.ts'
import { EXIT_USAGE } from '../../src/contract/exit-codes.ts'

export interface Cost {
  inputs: number
  outputs: number
  /** CPU, s. */
  seconds: number
}

/** µs an input and µs an output. Throws UserError 64 when the densities are too near each other to tell the two apart. */
export function solveCost(one: Cost, other: Cost): { perInputUs: number; perOutputUs: number } {
  const determinant = one.inputs * other.outputs - other.inputs * one.outputs
  if (Math.abs(determinant) < 0.1 * one.inputs * other.inputs * Math.max(one.outputs / one.inputs, other.outputs / other.inputs)) {
    throw new UserError(EXIT_USAGE, 'the two data sets have nearly as many inputs an output, so their costs can\'t be told apart: give more --records, or fewer --symbols')
  }
  return {
    perInputUs: ((one.seconds * other.outputs - other.seconds * one.outputs) / determinant) * 1e6,
    perOutputUs: ((one.inputs * other.seconds - other.inputs * one.seconds) / determinant) * 1e6,
  }
}
