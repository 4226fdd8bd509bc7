/** Counts and observations of a running engine, handed to the serving thread about once a second. */
import { CHANNELS, OUTCOMES } from '../contract/outcomes.ts'
import { MINUTE_BAR_FIELDS, MINUTE_BAR_RESULTS } from '../contract/metrics.ts'
import type { EpochStage, TransactionResult } from '../contract/metrics.ts'
import type { Observer } from '../epoch/observer.ts'
import type { ClosedEpoch } from '../epoch/task-state.ts'
import type { CounterSample, EngineReport, GaugeSample } from '../serve/engine-report.ts'
import type { Serving } from '../serve/serving.ts'
import { OUTPUT_FINAL, OUTPUT_MINUTE } from '../state/kernel.ts'
import type { MinuteChecks } from '../state/kernel.ts'
import type { TaskOwner } from './task-owner.ts'

/** Outputs of one epoch that are observed one by one; of a larger epoch (old data is caught up) each window counts once. */
const OBSERVED_MAX = 4_096
const FINAL = ['true'] as const
const PROVISIONAL = ['false'] as const

export class EngineMetrics implements Observer {
  readonly #serving: Serving
  readonly #topics: { bars: string; signals: string; late: string; dlq: string; status: string }
  readonly #outcomes = new Array<number>(CHANNELS.length * OUTCOMES.length).fill(0)
  readonly #outputs = new Map<string, number>()
  readonly #transactions = new Map<TransactionResult, number>()
  readonly #snapshots = new Map<'stored' | 'failed', number>()
  #conflicts = 0
  readonly #minuteChecks: MinuteChecks = { equal: [0, 0, 0, 0], differs: [0, 0, 0, 0], skipped: [0, 0, 0, 0], difference: [0, 0, 0, 0] }
  #snapshotBytes: number | null = null
  #recovery: { seconds: number; epochs: number } | null = null

  constructor(serving: Serving, topics: { bars: string; signals: string; late: string; dlq: string; status: string }) {
    this.#serving = serving
    this.#topics = topics
  }

  stage(stage: EpochStage, ms: number): void {
    this.#serving.observe('epoch', [stage], ms / 1000)
  }

  transaction(result: TransactionResult): void {
    this.#transactions.set(result, (this.#transactions.get(result) ?? 0) + 1)
  }

  recovered(seconds: number, epochs: number): void {
    this.#recovery = { seconds, epochs }
  }

  committed(closed: ClosedEpoch, ms: number, clockMs: number): void {
    const { outputs, outcomes, record } = closed
    this.#serving.observe('transactionDuration', [], ms / 1000)
    outcomes.forEach((count, i) => (this.#outcomes[i] += count))
    this.#conflicts += closed.conflicts
    for (const what of ['equal', 'differs', 'skipped', 'difference'] as const) {
      closed.minuteChecks[what].forEach((count, field) => (this.#minuteChecks[what][field] += count))
    }
    this.#count(this.#topics.bars, true, outputs.finalBars)
    this.#count(this.#topics.bars, false, outputs.bars - outputs.finalBars)
    this.#count(this.#topics.signals, true, outputs.finalSignals)
    this.#count(this.#topics.signals, false, outputs.signals - outputs.finalSignals)
    this.#count(this.#topics.late, true, record.late)
    this.#count(this.#topics.dlq, true, record.rejected)
    this.#observeAges(closed, clockMs)
  }

  /**
   * Ages of seconds alone: a minute's signal is as late as the feed's bar. Outputs of one second mostly stand together, and are observed
   * in one call; an object an output would be work for the garbage collector just when a second's end has many of them.
   */
  #observeAges({ outputs: { seconds, flags } }: ClosedEpoch, clockMs: number): void {
    const each = seconds.length <= OBSERVED_MAX
    const seen = new Set<number>()
    for (let i = 0, next = 0; i < seconds.length; i = next) {
      while (next < seconds.length && seconds[next] === seconds[i] && flags[next] === flags[i]) next++
      if ((flags[i] & OUTPUT_MINUTE) !== 0) continue
      const isFinal = flags[i] & OUTPUT_FINAL
      if (!each) {
        const window = 2 * (seconds[i] - seconds[0]) + isFinal
        if (seen.has(window)) continue
        seen.add(window)
      }
      const age = Math.max(clockMs / 1000 - seconds[i] - 1, 0)
      this.#serving.observe('eventToCommit', isFinal === 0 ? PROVISIONAL : FINAL, age, each ? next - i : 1)
    }
  }

  #count(topic: string, final: boolean, count: number): void {
    if (topic === '' || count === 0) return
    const key = `${topic} ${final}`
    this.#outputs.set(key, (this.#outputs.get(key) ?? 0) + count)
  }

  snapshot(result: 'stored' | 'failed', ms: number, bytes: number): void {
    this.#snapshots.set(result, (this.#snapshots.get(result) ?? 0) + 1)
    if (result !== 'stored') return
    this.#snapshotBytes = bytes
    this.#serving.observe('snapshotDuration', [], ms / 1000)
  }

  /** The whole picture now. `backlog` and `backpressure` are the engine's. */
  report(owners: Iterable<TaskOwner>, nowMs: number, backlog: number, backpressure: number): EngineReport {
    const tasks = [...owners].map((owner) => owner.status(nowMs))
    const gauges: GaugeSample[] = [['inputBacklog', [], backlog], ['backpressure', [], backpressure]]
    for (const task of tasks) {
      const label = [String(task.task)] as const
      gauges.push(['taskAssigned', label, 1], ['symbols', label, task.symbols])
      if (task.watermarkLagMs !== null) gauges.push(['watermarkLag', label, task.watermarkLagMs / 1000])
      if (task.sourceLagMs !== null) gauges.push(['sourceLag', label, task.sourceLagMs / 1000])
    }
    const ages = tasks.map(({ snapshotAgeMs }) => snapshotAgeMs).filter((age) => age !== null)
    if (ages.length > 0) gauges.push(['snapshotAge', [], Math.max(...ages) / 1000])
    if (this.#snapshotBytes !== null) gauges.push(['snapshotSize', [], this.#snapshotBytes])
    if (this.#recovery !== null) gauges.push(['recoveryDuration', [], this.#recovery.seconds], ['recoveryEpochsReplayed', [], this.#recovery.epochs])
    return { counters: this.#counters(), gauges, tasks }
  }

  #counters(): CounterSample[] {
    const counters: CounterSample[] = [['conflictingDuplicates', [], this.#conflicts]]
    CHANNELS.forEach((channel, c) => OUTCOMES.forEach((outcome, o) => {
      counters.push(['inputRecords', [channel, outcome], this.#outcomes[c * OUTCOMES.length + o]])
    }))
    MINUTE_BAR_FIELDS.forEach((field, i) => {
      for (const result of MINUTE_BAR_RESULTS) counters.push(['minuteBarChecks', [field, result], this.#minuteChecks[result][i]])
      counters.push(['minuteBarDifference', [field], this.#minuteChecks.difference[i]])
    })
    for (const [key, total] of this.#outputs) {
      const [topic, final] = key.split(' ')
      counters.push(['outputRecords', [topic, final], total])
    }
    for (const [result, total] of this.#transactions) counters.push(['transactions', [result], total])
    for (const [result, total] of this.#snapshots) counters.push(['snapshots', [result], total])
    return counters
  }
}
