/** Sleep until woken or until a time is over; a wake-up between two waits is not lost. */
export class Waker {
  #woken = false
  #resolve: (() => void) | null = null

  wake(): void {
    this.#woken = true
    this.#resolve?.()
  }

  async wait(ms: number): Promise<void> {
    if (!this.#woken && ms > 0) {
      let timer: NodeJS.Timeout | undefined
      await new Promise<void>((resolve) => {
        this.#resolve = resolve
        timer = setTimeout(resolve, ms)
      })
      clearTimeout(timer)
      this.#resolve = null
    }
    this.#woken = false
  }
}
