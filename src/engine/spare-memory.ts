/**
 * Gives memory back that a start or catching up has taken and nobody needs any more: the queues' room, and what is free in the C heaps, which
 * keep it for good otherwise. Some times at some distance, as garbage is collected only then; and only where it is in no publication's way.
 *
 * In:  how many records wait, the clock. Out: calls of `giveBack`. Imports: epoch.
 */
import { EPOCH_RECORDS_MAX, isFarFromPublication } from '../epoch/decide.ts'

/** A backlog of more is being caught up. */
export const CATCHING_UP_RECORDS = EPOCH_RECORDS_MAX
const TIMES = 4

export class SpareMemory {
  readonly #marks: { provisionalDelayMs: number; latenessMs: number }
  readonly #giveBack: () => void
  #left = TIMES

  constructor(marks: { provisionalDelayMs: number; latenessMs: number }, giveBack: () => void) {
    this.#marks = marks
    this.#giveBack = giveBack
  }

  /** A look every few seconds: `backlog` records wait at the broker and in the queues. */
  look(backlog: number, clockMs: number): void {
    if (backlog > CATCHING_UP_RECORDS) this.#left = TIMES
    else if (this.#left > 0 && isFarFromPublication(clockMs, this.#marks)) {
      this.#left--
      this.#giveBack()
    }
  }
}
