/** prom-client's registry, fed from reports. Lives on the serving thread. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, AggregatorRegistry, type MetricObject } from 'prom-client'
import { METRICS, type HistogramKey, type Metric, type MetricKey } from '../contract/metrics.ts'
import type { BuildInfo, EngineReport, Observations } from './engine-report.ts'

type Series = Map<string, number>

/** Metrics of the engine and of the process. */
export class MetricRegistry {
  readonly #registry = new Registry()
  readonly #metrics = new Map<MetricKey, Counter | Gauge | Histogram>()
  /** Last total of each counter series and the gauge series that are there. */
  readonly #seen = new Map<MetricKey, Series>()
  #mainThread: MetricObject[] = []

  constructor(build: BuildInfo) {
    for (const [key, metric] of Object.entries(METRICS)) this.#add(key as MetricKey, metric)
    this.#gauge('buildInfo').set({ version: build.version, node: build.node, kernel: build.kernel }, 1)
    // CPU, memory and files are the process's wherever they are asked for; what is a thread's own comes from the main thread.
    collectDefaultMetrics({ register: this.#registry })
    removeMetrics(this.#registry, (name) => name.startsWith('nodejs_') && name !== 'nodejs_version_info')
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** Prometheus' text format. */
  async text(): Promise<string> {
    const own = await this.#registry.metrics()
    if (this.#mainThread.length === 0) return own
    return `${own.trimEnd()}\n${await AggregatorRegistry.aggregate([this.#mainThread]).metrics()}`
  }

  /** Takes a report over: totals, gauges, and which of them are no more. */
  apply(report: EngineReport): void {
    for (const [key, labels, total] of report.counters) this.#count(key, labels, total)
    const current = new Map<MetricKey, Series>()
    for (const [key, labels, value] of report.gauges) {
      this.#gauge(key).set(this.#labels(key, labels), value)
      let series = current.get(key)
      if (!series) current.set(key, series = new Map())
      series.set(JSON.stringify(labels), value)
    }
    for (const [key, metric] of Object.entries(METRICS) as [MetricKey, Metric][]) {
      if (metric.kind === 'gauge' && key !== 'buildInfo') this.#forget(key, current.get(key) ?? new Map())
    }
  }

  observe(observations: readonly Observations[]): void {
    for (const [key, labels, values] of observations) {
      const series = (this.#metrics.get(key) as Histogram).labels(this.#labels<HistogramKey>(key, labels))
      for (const value of values) series.observe(value)
    }
  }

  /** Event loop, heap and garbage collection of the main thread, as its own registry gave them (JSON). */
  setMainThread(metrics: string): void {
    this.#mainThread = JSON.parse(metrics)
  }

  #add(key: MetricKey, { name, kind, help, labels, buckets, from = [] }: Metric): void {
    const config = { name, help, labelNames: [...labels], registers: [this.#registry] }
    const metric = kind === 'counter' ? new Counter(config)
      : kind === 'gauge' ? new Gauge(config)
        : new Histogram({ ...config, buckets: [...(buckets ?? [])] })
    this.#metrics.set(key, metric)
    this.#seen.set(key, new Map())
    for (const values of from) {
      if (metric instanceof Counter) metric.inc(this.#labels(key, values), 0)
      if (metric instanceof Histogram) metric.zero(this.#labels(key, values))
    }
    // prom-client starts a gauge without labels at 0, which would be a claim: no snapshot is not a new one.
    if (metric instanceof Gauge && labels.length === 0) metric.remove({})
  }

  #count(key: MetricKey, values: readonly string[], total: number): void {
    const counter = this.#metrics.get(key) as Counter
    const seen = this.#seen.get(key) as Series
    const id = JSON.stringify(values)
    const labels = this.#labels(key, values)
    const last = seen.get(id) ?? 0
    // Less than before: whoever counts has started anew, and Prometheus knows a reset when it sees one.
    if (total < last) counter.remove(labels)
    counter.inc(labels, total < last ? total : total - last)
    seen.set(id, total)
  }

  #forget(key: MetricKey, current: Series): void {
    for (const id of (this.#seen.get(key) as Series).keys()) {
      if (!current.has(id)) this.#gauge(key).remove(this.#labels(key, JSON.parse(id)))
    }
    this.#seen.set(key, current)
  }

  #gauge(key: MetricKey): Gauge {
    return this.#metrics.get(key) as Gauge
  }

  #labels<Key extends MetricKey>(key: Key, values: readonly string[]): Record<string, string> {
    const names: readonly string[] = METRICS[key].labels
    return Object.fromEntries(names.map((name, index) => [name, values[index]]))
  }
}

/** Takes metrics out of a registry by name. */
export function removeMetrics(registry: Registry, unwanted: (name: string) => boolean): void {
  for (const { name } of registry.getMetricsAsArray()) {
    if (unwanted(name)) registry.removeSingleMetric(name)
  }
}
