/**
 * What the engine says of itself: plain messages from the main thread to the serving one, a few a second.
 * A report is the whole picture: a gauge series that it lacks is no more (a task that was given away). Counters are totals
 * since the start, so that a lost or repeated report changes nothing.
 */
import type { CounterKey, GaugeKey, HistogramKey, LabelValues } from '../contract/metrics.ts'

export type CounterSample = { [Key in CounterKey]: readonly [key: Key, labels: LabelValues<Key>, total: number] }[CounterKey]
export type GaugeSample = { [Key in GaugeKey]: readonly [key: Key, labels: LabelValues<Key>, value: number] }[GaugeKey]

export type TaskState = 'assigned' | 'fencing' | 'loading' | 'replaying' | 'live' | 'revoking'

/** One row of the status page. */
export interface TaskStatus {
  task: number
  state: TaskState
  epoch: number
  symbols: number
  /** null: nothing read yet. */
  watermarkLagMs: number | null
  sourceLagMs: number | null
  /** null: no snapshot stored yet. */
  snapshotAgeMs: number | null
  /** Records consumed since the start. */
  records: number
  /** Why it is not as it should be, in words; empty when it is. */
  reason: string
}

export interface EngineReport {
  counters: CounterSample[]
  gauges: GaugeSample[]
  tasks: TaskStatus[]
}

/** Observations of one histogram series since the last message, in the metric's unit. */
export type Observations = { [Key in HistogramKey]: readonly [key: Key, labels: LabelValues<Key>,
  values: Float64Array] }[HistogramKey]

/** What is running, for `ta_build_info` and the status page. */
export interface BuildInfo {
  version: string
  /** Version of Node. */
  node: string
  /** Hash of the kernel or bundle, or empty where it is not known. */
  kernel: string
}

/** To the serving thread. */
export type ServingMessage =
  | { type: 'report'; report: EngineReport | null; observations: Observations[]; mainThread: string | null }
  | { type: 'ready'; ready: boolean; reason: string }

/** From the serving thread. */
export type ServingAnswer = { type: 'listening'; port: number } | { type: 'failed'; code: string; detail: string }

/** What the serving thread starts with. */
export interface ServingStart {
  host: string
  port: number
  token: string
  build: BuildInfo
  /** One Int32 that the main loop counts up at each turn. */
  turns: SharedArrayBuffer
  turnStaleAfterMs: number
  ready: boolean
  reason: string
}
