/**
 * Two of the three kinds of error: a user's and a bug. The third, something outside, is the ports' own
 * (LogError, StoreError): retried and visible, never fatal to `ta run`.
 */
import { EXIT_BUG, type UserExitCode } from './exit-codes.ts'

/**
 * What a person has to put right: one sentence that says what, where, why and what to do. Printed without a stack.
 * Never holds a secret. `hint` is one more line, e.g. where to read on.
 */
export class UserError extends Error {
  readonly exitCode: UserExitCode
  readonly hint: string | undefined
  constructor(exitCode: UserExitCode, sentence: string, options?: { hint?: string; cause?: unknown }) {
    super(sentence, options)
    this.name = 'UserError'
    this.exitCode = exitCode
    this.hint = options?.hint
  }
}

/** Something that must be is not. `invariant` is its number in docs/architecture.md, 0 for one that has none. */
export class BugError extends Error {
  readonly exitCode = EXIT_BUG
  readonly invariant: number
  constructor(invariant: number, detail: string, options?: { cause?: unknown }) {
    super(detail, options)
    this.name = 'BugError'
    this.invariant = invariant
  }
}

/** Throws a BugError unless `condition` holds. */
export function invariant(condition: unknown, number: number, detail: string): asserts condition {
  if (!condition) throw new BugError(number, detail)
}
