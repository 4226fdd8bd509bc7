/** Latencies as HDR histograms (Node's own, 3 significant digits), in ms outside and µs inside. */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks'

/** Percentiles that results show. */
export const PERCENTILES = [50, 90, 99, 99.9] as const
const LONGEST_US = 3_600_000_000

/** What a result file holds of one set of latencies; ms. Empty sets have a count of 0 and nulls. */
export interface LatencySummary {
  count: number
  min: number | null
  mean: number | null
  p50: number | null
  p90: number | null
  p99: number | null
  p999: number | null
  max: number | null
}

export class Latencies {
  readonly #histogram: RecordableHistogram = createHistogram({ lowest: 1, highest: LONGEST_US, figures: 3 })
  #negative = 0

  /** Adds one latency in ms. One below a µs counts as a µs; negative ones (clocks that don't agree) are counted apart, too. */
  add(ms: number): void {
    if (ms < 0) this.#negative++
    this.#histogram.record(Math.min(Math.max(Math.round(ms * 1000), 1), LONGEST_US))
  }

  get count(): number {
    return this.#histogram.count
  }

  get negative(): number {
    return this.#negative
  }

  /** ms at a percentile, 0 < percentile ≤ 100; NaN when there are none. */
  at(percentile: number): number {
    return this.count === 0 ? Number.NaN : this.#histogram.percentile(percentile) / 1000
  }

  summary(): LatencySummary {
    if (this.count === 0) return { count: 0, min: null, mean: null, p50: null, p90: null, p99: null, p999: null, max: null }
    const { min, mean, max } = this.#histogram
    const [p50, p90, p99, p999] = PERCENTILES.map((percentile) => this.at(percentile))
    return { count: this.count, min: min / 1000, mean: rounded(mean / 1000), p50, p90, p99, p999, max: max / 1000 }
  }
}

/** A figure to three digits after the point: what the clocks are good for. */
export const rounded = (value: number): number => Math.round(value * 1000) / 1000
