/** A step that did not end: its memory can't be trusted any more and the task has to be restored. */
export class StepFailed extends Error {
  constructor(what: string, options: { cause: unknown }) {
    const cause = options.cause instanceof Error ? options.cause.message : String(options.cause)
    super(`${what} did not end: ${cause}`, options)
    this.name = 'StepFailed'
  }
}
