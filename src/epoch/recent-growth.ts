/** How much running totals have grown of late: rates for status, without a timer and within a bound. */

interface Sample {
  atMs: number
  totals: readonly number[]
}

/** Samples closer than this part of the window count as one: so many are kept at most, and two more. */
const SAMPLES = 60

export class RecentGrowth {
  readonly #windowMs: number
  readonly #samples: Sample[]

  /** `totals` as they are at `atMs`, own running time; the window reaches no further back. */
  constructor(windowMs: number, atMs: number, totals: readonly number[]) {
    this.#windowMs = windowMs
    this.#samples = [{ atMs, totals }]
  }

  /** Notes the totals now, and tells their growth over the window: `ms` is its true length, from the last sample before it or in it. */
  note(atMs: number, totals: readonly number[]): { ms: number; by: number[] } {
    const samples = this.#samples
    const isClose = samples.length > 1 && atMs - samples[samples.length - 2].atMs < this.#windowMs / SAMPLES
    if (isClose) samples.pop()
    samples.push({ atMs, totals })
    // the base is the newest sample that is as old as the window is long
    while (samples.length > 2 && samples[1].atMs <= atMs - this.#windowMs) samples.shift()
    const base = samples[0]
    return { ms: atMs - base.atMs, by: totals.map((total, i) => total - base.totals[i]) }
  }
}
