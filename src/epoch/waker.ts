/** Sleep until woken or until a time is over; a wake-up between two waits is not lost. */
import type { Clock } from '../ports/clock.ts'

/** No error: it need not be made anew, with its stack, at each wake-up. */
const WOKEN = 'woken'

export class Waker {
  readonly #clock: Clock
  #woken = false
  #waiting: AbortController | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  wake(): void {
    this.#woken = true
    this.#waiting?.abort(WOKEN)
  }

  async wait(ms: number): Promise<void> {
    if (!this.#woken && ms > 0) {
      this.#waiting = new AbortController()
      await this.#clock.sleep(ms, this.#waiting.signal)
      this.#waiting = null
    }
    this.#woken = false
  }
}
