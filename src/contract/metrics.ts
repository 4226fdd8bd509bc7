/** Every metric that `/metrics` shows besides prom-client's own of the process: names, types, labels, buckets. */
import { CHANNELS, OUTCOMES } from './outcomes.ts'

export type MetricKind = 'counter' | 'gauge' | 'histogram'

export interface Metric {
  readonly name: `ta_${string}`
  readonly kind: MetricKind
  readonly help: string
  readonly labels: readonly string[]
  /** Histograms alone: upper bounds in the metric's unit, ascending. */
  readonly buckets?: readonly number[]
  /** Label values that are there from the start, at 0, so that a rate over them works before the first event. */
  readonly from?: readonly (readonly string[])[]
}

/** Parts of an epoch that `ta_epoch_seconds` tells apart. */
export const EPOCH_STAGES = ['gather', 'decode', 'kernel', 'encode', 'produce', 'commit'] as const
export type EpochStage = (typeof EPOCH_STAGES)[number]

/** How a transaction can end. */
export const TRANSACTION_RESULTS = ['committed', 'aborted', 'unknown', 'fenced'] as const
export type TransactionResult = (typeof TRANSACTION_RESULTS)[number]

export const SNAPSHOT_RESULTS = ['stored', 'failed'] as const
export type SnapshotResult = (typeof SNAPSHOT_RESULTS)[number]

/** What of a feed's minute bar is compared with this engine's own seconds, in the order of the kernel's cells. */
export const MINUTE_BAR_FIELDS = ['volume', 'high', 'low', 'close'] as const
export const MINUTE_BAR_RESULTS = ['equal', 'differs', 'skipped'] as const

const each = (values: readonly string[]): string[][] => values.map((value) => [value])

/** From 0.1 ms (a kernel's step) to the longest epoch. */
const STAGE_SECONDS = [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5]
/** Close around 30 ms and 500 ms, and around the same above the lateness of 2 s that finals wait for. */
const EVENT_TO_COMMIT_SECONDS = [
  0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 2.02, 2.05, 2.1, 2.2, 2.5, 3, 5, 10, 30,
]
/** A short one takes 7 ms; the broker gives up after 10 s. */
const TRANSACTION_SECONDS = [0.002, 0.005, 0.0075, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10]
const SNAPSHOT_SECONDS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30]

export const METRICS = {
  inputRecords: {
    name: 'ta_input_records_total', kind: 'counter', labels: ['channel', 'outcome'],
    help: 'Records consumed, by channel and what became of them; the outcomes add up to all',
    from: CHANNELS.flatMap((channel) => OUTCOMES.map((outcome) => [channel, outcome])),
  },
  conflictingDuplicates: {
    name: 'ta_conflicting_duplicates_total', kind: 'counter', labels: [],
    help: 'Duplicates whose price, size or time was another',
  },
  minuteBarChecks: {
    name: 'ta_minute_bar_checks_total', kind: 'counter', labels: ['field', 'result'],
    help: "Final minute bars of the feed compared with this engine's own sixty one-second bars; skipped: there was nothing whole to compare with",
    from: MINUTE_BAR_FIELDS.flatMap((field) => MINUTE_BAR_RESULTS.map((result) => [field, result])),
  },
  minuteBarDifference: {
    name: 'ta_minute_bar_difference_total', kind: 'counter', labels: ['field'],
    help: 'Sum of the relative differences found by these comparisons, each 0 to 1: over those that differ it is their mean',
    from: each(MINUTE_BAR_FIELDS),
  },
  outputRecords: {
    name: 'ta_output_records_total', kind: 'counter', labels: ['topic', 'final'],
    help: 'Records committed, by topic and whether they are final',
  },
  watermarkLag: {
    name: 'ta_watermark_lag_seconds', kind: 'gauge', labels: ['task'], help: "Clock minus the task's watermark",
  },
  sourceLag: {
    name: 'ta_source_lag_seconds', kind: 'gauge', labels: ['task'], help: 'Clock minus the newest event time read',
  },
  eventToCommit: {
    name: 'ta_event_to_commit_seconds', kind: 'histogram', labels: ['final'], buckets: EVENT_TO_COMMIT_SECONDS,
    help: "From a window's end to the commit of its records", from: each(['true', 'false']),
  },
  epoch: {
    name: 'ta_epoch_seconds', kind: 'histogram', labels: ['stage'], buckets: STAGE_SECONDS,
    help: 'Time an epoch spends in each stage', from: each(EPOCH_STAGES),
  },
  transactions: {
    name: 'ta_transactions_total', kind: 'counter', labels: ['result'], help: 'Transactions, by how they ended',
    from: each(TRANSACTION_RESULTS),
  },
  transactionDuration: {
    name: 'ta_transaction_seconds', kind: 'histogram', labels: [], buckets: TRANSACTION_SECONDS,
    help: 'From begin to committed',
  },
  snapshotAge: {
    name: 'ta_snapshot_age_seconds', kind: 'gauge', labels: [],
    help: 'Age of the newest stored snapshot of the task that has waited longest',
  },
  snapshotDuration: {
    name: 'ta_snapshot_seconds', kind: 'histogram', labels: [], buckets: SNAPSHOT_SECONDS,
    help: 'From the copy at the barrier to the stored manifest',
  },
  snapshotSize: { name: 'ta_snapshot_bytes', kind: 'gauge', labels: [], help: 'Size of the newest stored snapshot' },
  snapshots: {
    name: 'ta_snapshots_total', kind: 'counter', labels: ['result'], help: 'Snapshots, by how they ended',
    from: each(SNAPSHOT_RESULTS),
  },
  recoveryDuration: {
    name: 'ta_recovery_seconds', kind: 'gauge', labels: [], help: 'Length of the last recovery, from assigned to live',
  },
  recoveryEpochsReplayed: {
    name: 'ta_recovery_epochs_replayed', kind: 'gauge', labels: [], help: 'Recorded epochs that the last recovery ran again',
  },
  backpressure: {
    name: 'ta_backpressure_ratio', kind: 'gauge', labels: [], help: 'Share of the time in which partitions were paused, 0 to 1',
  },
  inputBacklog: {
    name: 'ta_input_backlog_records', kind: 'gauge', labels: [], help: 'Records in the inputs that have not been read',
  },
  symbols: { name: 'ta_symbols', kind: 'gauge', labels: ['task'], help: 'Symbols that the task knows' },
  taskAssigned: { name: 'ta_task_assigned', kind: 'gauge', labels: ['task'], help: '1 for each task of this instance' },
  buildInfo: {
    name: 'ta_build_info', kind: 'gauge', labels: ['version', 'node', 'kernel'], help: 'Always 1; what is running',
  },
} as const satisfies Record<string, Metric>

type Table = typeof METRICS

export type MetricKey = keyof Table
type KeyOfKind<K extends MetricKind> = { [Key in MetricKey]: Table[Key]['kind'] extends K ? Key : never }[MetricKey]
export type CounterKey = KeyOfKind<'counter'>
export type GaugeKey = KeyOfKind<'gauge'>
export type HistogramKey = KeyOfKind<'histogram'>

/** Values for a metric's labels, in the order of its `labels`: a tuple as long as they are. */
export type LabelValues<Key extends MetricKey> = Texts<Table[Key]['labels']>
type Texts<Names extends readonly string[]> = { readonly [Index in keyof Names]: string }
