/** How the message of a kernel's trap begins when it comes from a worker. */
export const TRAP = 'kernel trap: '

/** A step that did not end: its memory can't be trusted any more and the task has to be restored. */
export class StepFailed extends Error {
  /** The kernel trapped: the same records may do it again. Otherwise the worker died, which is nobody's fault among them. */
  readonly isTrap: boolean
  /** What was applied: set by who knows. */
  step: { channel: number; from: number; to: number; rows: number } | null = null
  constructor(what: string, options: { cause: unknown }) {
    const cause = options.cause instanceof Error ? options.cause.message : String(options.cause)
    super(`${what} did not end: ${cause}`, options)
    this.name = 'StepFailed'
    this.isTrap = cause.startsWith(TRAP) || options.cause instanceof WebAssembly.RuntimeError
  }
}
