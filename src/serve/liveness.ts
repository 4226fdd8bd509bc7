/** Whether the main loop turns, seen from the serving thread. */

/** How often the count is looked at, and how late that may come before the whole process must have been stopped. */
export const LOOK_MS = 500
const STOPPED_MS = 4 * LOOK_MS

/**
 * Watches a count that the main loop keeps raising. It is stale when it has not changed for `staleAfterMs`.
 * `look` is called every LOOK_MS; when it comes much later, the process as a whole was stopped (SIGSTOP, a laptop's lid),
 * for which the main loop is not to blame: its time runs anew.
 */
export class Liveness {
  readonly #turns: Int32Array
  readonly #staleAfterMs: number
  readonly #nowMs: () => number
  #count: number
  #changedMs: number
  #lookedMs: number

  constructor(turns: SharedArrayBuffer, staleAfterMs: number, nowMs: () => number = () => performance.now()) {
    this.#turns = new Int32Array(turns)
    this.#staleAfterMs = staleAfterMs
    this.#nowMs = nowMs
    this.#count = Atomics.load(this.#turns, 0)
    this.#changedMs = this.#lookedMs = nowMs()
  }

  /** Looks at the count; true while the loop turns. */
  look(): boolean {
    const now = this.#nowMs()
    const count = Atomics.load(this.#turns, 0)
    if (count !== this.#count || now - this.#lookedMs > STOPPED_MS) this.#changedMs = now
    this.#count = count
    this.#lookedMs = now
    return now - this.#changedMs < this.#staleAfterMs
  }

  /** Time since the last turn that was seen, ms. */
  get quietMs(): number {
    return this.#nowMs() - this.#changedMs
  }
}
