/**
 * When memory is given back that a start or catching up has taken and nobody needs any more: the queues' room, and what is free in the C heaps,
 * which keep it for good otherwise. Some times at some distance, as garbage is collected only then; and only where it is in no publication's way.
 *
 * In:  how many records wait, how much room there is, the clock. Out: how long to wait with it. Imports: epoch.
 */
import { EPOCH_RECORDS_MAX, isFarFromPublication } from '../epoch/decide.ts'

/** A backlog of more is being caught up. */
export const CATCHING_UP_RECORDS = EPOCH_RECORDS_MAX
/** So much room comes of catching up, also of a backlog that came and went between two looks. */
export const GROWN_BYTES = 16 * 1_048_576
const TIMES = 4
const SECOND_MS = 1_000
const STEP_MS = 20

export class SpareMemory {
  readonly #marks: { provisionalDelayMs: number; latenessMs: number }
  #left = TIMES

  constructor(marks: { provisionalDelayMs: number; latenessMs: number }) {
    this.#marks = marks
  }

  /**
   * A look every few seconds, with `backlog` records waiting at the broker and in the queues, and room for `roomBytes` in queues and outputs: after
   * so many ms memory is to be given back; null: not now.
   */
  look(backlog: number, roomBytes: number, clockMs: number): number | null {
    const isCatchingUp = backlog > CATCHING_UP_RECORDS
    if (isCatchingUp || roomBytes > GROWN_BYTES) this.#left = TIMES
    if (isCatchingUp || this.#left === 0) return null
    this.#left--
    let waitMs = 0
    while (waitMs < SECOND_MS && !isFarFromPublication(clockMs + waitMs, this.#marks)) waitMs += STEP_MS
    return waitMs
  }
}
