/**
 * When memory is given back that a start or catching up has taken and nobody needs any more: the queues' room, and what is free in the C heaps,
 * which keep it for good otherwise. Some times at some distance, as garbage is collected only then; and only where it is in no publication's way.
 *
 * In:  how many records wait, the clock. Out: how long to wait with it. Imports: epoch.
 */
import { EPOCH_RECORDS_MAX, isFarFromPublication } from '../epoch/decide.ts'

/** A backlog of more is being caught up. */
export const CATCHING_UP_RECORDS = EPOCH_RECORDS_MAX
const TIMES = 4
const SECOND_MS = 1_000
const STEP_MS = 20

export class SpareMemory {
  readonly #marks: { provisionalDelayMs: number; latenessMs: number }
  #left = TIMES

  constructor(marks: { provisionalDelayMs: number; latenessMs: number }) {
    this.#marks = marks
  }

  /** A look every few seconds, `backlog` records waiting at the broker and in the queues: after so many ms memory is to be given back; null: not now. */
  look(backlog: number, clockMs: number): number | null {
    if (backlog > CATCHING_UP_RECORDS) this.#left = TIMES
    if (backlog > CATCHING_UP_RECORDS || this.#left === 0) return null
    this.#left--
    let waitMs = 0
    while (waitMs < SECOND_MS && !isFarFromPublication(clockMs + waitMs, this.#marks)) waitMs += STEP_MS
    return waitMs
  }
}
