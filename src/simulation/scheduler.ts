/**
 * Virtual time: the only thing that anything in a simulation waits for. Events run one by one in order of time, then of
 * being scheduled; all that follows from one (every promise it settles) is done before the next begins. So a seed repeats
 * exactly.
 */

const EVENTS_MAX = 100_000
/** After so many events Node has a turn of its own: memories are freed then. */
const TURN_EVENTS = 200
/** Longer than any retry or time-out of what is awaited. */
const SETTLED_MS = 120_000

interface Event {
  atMs: number
  order: number
  run: () => void
}

export class Scheduler {
  /** Virtual ms since the simulation's begin. */
  nowMs = 0
  events = 0
  readonly #heap: Event[] = []
  #scheduled = 0

  /** Runs `run` after `delayMs` of virtual time. */
  after(delayMs: number, run: () => void): void {
    this.#push({ atMs: this.nowMs + Math.max(delayMs, 0), order: this.#scheduled++, run })
  }

  /** Runs events until `isDone` or until virtual time reaches `untilMs`. Resolves to whether it is done. */
  async run(isDone: () => boolean, untilMs: number): Promise<boolean> {
    for (;;) {
      if (isDone()) return true
      const event = this.#heap[0] as Event | undefined
      if (event === undefined || event.atMs > untilMs) return false
      this.#pop()
      this.nowMs = event.atMs
      this.events += 1
      if (this.events > EVENTS_MAX) throw new Error(`${EVENTS_MAX} events and no end: somebody tries again without waiting`)
      event.run()
      // Node runs ticks when no promise is left to be followed up; a turn of its event loop would cost 2 µs more
      await new Promise<void>((resolve) => {
        if (this.events % TURN_EVENTS === 0) setImmediate(resolve)
        else process.nextTick(resolve)
      })
    }
  }

  /** Runs events until the promise has settled: its value, or its error. Rejects when it has not within `withinMs` of virtual time. */
  async settled<T>(promise: Promise<T>, withinMs = SETTLED_MS): Promise<T> {
    let isSettled = false
    const outcome = promise.finally(() => (isSettled = true))
    outcome.catch(() => undefined)
    if (!(await this.run(() => isSettled, this.nowMs + withinMs))) throw new Error(`not settled within ${withinMs} ms of virtual time`)
    return await outcome
  }

  #push(event: Event): void {
    const heap = this.#heap
    let at = heap.push(event) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(event, heap[parent])) break
      heap[at] = heap[parent]
      at = parent
    }
    heap[at] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop() as Event
    if (heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child += 1
      if (!isBefore(heap[child], last)) break
      heap[at] = heap[child]
      at = child
    }
    heap[at] = last
  }
}

const isBefore = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
