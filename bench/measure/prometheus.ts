/** Reads Prometheus' text format: what a bench needs of the engine's own metrics. */

export type Samples = ReadonlyMap<string, number>

/** Series by name and labels as they stand in the text, e.g. `ta_epoch_seconds_sum{stage="commit"}`. */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue
    const at = line.lastIndexOf(' ')
    samples.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return samples
}

/** Sum of all series of a metric, those alone that have every one of `labels` (`name="value"`). */
export function sumOf(samples: Samples, name: string, ...labels: string[]): number {
  let sum = 0
  for (const [series, value] of samples) {
    const isOfMetric = series === name || series.startsWith(`${name}{`)
    if (isOfMetric && labels.every((label) => series.includes(label))) sum += value
  }
  return sum
}

/** A histogram between two looks at it: how often, the mean, and a percentile as the bound of its bucket; in the metric's unit. */
export function histogramBetween(before: Samples, after: Samples, name: string, label: string): { count: number; mean: number; p99AtMost: number } {
  const between = (suffix: string, ...labels: string[]): number =>
    sumOf(after, `${name}_${suffix}`, label, ...labels) - sumOf(before, `${name}_${suffix}`, label, ...labels)
  const count = between('count')
  const bounds = [...after.keys()].filter((series) => series.startsWith(`${name}_bucket{`) && series.includes(label))
    .map((series) => /le="([^"]+)"/.exec(series)?.[1] as string)
  const p99 = bounds.find((le) => between('bucket', `le="${le}"`) >= count * 0.99)
  return { count, mean: count === 0 ? Number.NaN : between('sum') / count, p99AtMost: p99 === undefined ? Number.NaN : Number(p99.replace('+Inf', 'Infinity')) }
}
