/** Time as the loop sees it. The only place in the engine where it may be read; the kernels never do. */
export interface Clock {
  /** Wall clock, ms since the Unix epoch, with a fraction where the platform gives one. */
  nowMs(): number
  /** Monotonic, ms from an arbitrary start: for waiting and measuring. */
  monotonicMs(): number
  /** Resolves after `ms`, or as soon as `signal` is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}
