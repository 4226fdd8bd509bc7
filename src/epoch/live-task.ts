/**
 * A live task: takes what is queued, runs steps, ends epochs, commits them, takes snapshots at barriers. `run` holds the
 * control flow. While epoch n commits, n+1 is gathered and computed; it is never sent before n is known to be committed.
 */
import { invariant } from '../contract/errors.ts'
import { CHANNELS, OUTCOMES } from '../contract/outcomes.ts'
import type { Clock } from '../ports/clock.ts'
import { QUOTES_IDLE, TRADES_IDLE } from '../state/kernel.ts'
import { NONE } from '../state/task-memory.ts'
import type { Committer } from './commit.ts'
import { EPOCH_RECORDS_MAX, SILENT_MS, decideEpochEnd, isFarFromPublication, nextChannel, publishesBy, stepRowsMax } from './decide.ts'
import type { ChannelView, EpochLimits, EpochReason, EpochView } from './decide.ts'
import { RECENT_MS, healthOf } from './degraded.ts'
import type { Health, HealthView } from './degraded.ts'
import { idleAtMs, isIdle, noteEnd, noteMover, noteStandstill, settleIdleness, startIdleness } from './idleness.ts'
import type { Idleness } from './idleness.ts'
import type { Observer } from './observer.ts'
import { placesOf, transactionOf } from './outputs.ts'
import type { OutputTopics } from './outputs.ts'
import { RecentGrowth } from './recent-growth.ts'
import { statusRecord } from './status.ts'
import type { ClosedEpoch, TaskState } from './task-state.ts'
import type { SnapshotKeeper } from './snapshot-keeper.ts'
import type { Suspicion } from './suspicion.ts'
import { Waker } from './waker.ts'

export interface LiveOptions extends EpochLimits {
  latenessMs: number
  idleTimeoutMs: number
  statusIntervalMs: number
  topics: OutputTopics
  /** Channels without a topic. */
  off: boolean[]
  /** What the engine knows of a task's health besides the task: the process, the market, the settings. */
  surroundings(clockMs: number): Surroundings
}

export type Surroundings = Pick<HealthView,
  'market' | 'sourceLagMaxMs' | 'snapshotIntervalMs' | 'maxFutureMs' | 'pausedShare' | 'wrongFields' | 'calendar'>

const IDLE_BITS = [TRADES_IDLE, QUOTES_IDLE]
const BARS = CHANNELS.indexOf('bars')
/** Cells of the newest event time, by channel. */
const NEWEST = ['tradesMaxNs', 'quotesMaxNs', 'barsEndNs'] as const
const MS = 1_000_000n
/** Longest time without a look, so that a clock that was set is noticed. */
const LOOK_MS = 1_000
/** Without a look for so long the process stood still. */
const STANDSTILL_MS = 1_500
/** A transaction is begun ahead of an epoch's end by no more than this: well within what the broker lets one last. */
const PREPARED_MAX_MS = 2_000

export class LiveTask {
  readonly state: TaskState
  readonly waker: Waker
  readonly #options: LiveOptions
  readonly #clock: Clock
  readonly #committer: Committer
  readonly #snapshots: SnapshotKeeper
  readonly #observer: Observer
  readonly #idleness: Idleness[]
  /** Own running time at which a record of each channel was last there, or it began to be read. */
  readonly #heardMs: number[]
  readonly #onDrained: (channel: number) => void
  readonly #suspicion: Suspicion
  #committing: Promise<void> | null = null
  #failure: unknown = null
  #lastEndMs = 0
  /** Own running time of the last look at who is idle. */
  #lookedMs: number
  /** Own running time at which the open epoch's first step began. */
  #openedMs = 0
  #statusDueMs: number
  #statusSeq: number
  /** Outcome counts when it went live, and what of them came of late. */
  readonly #countsAtStart: readonly number[]
  readonly #recent: RecentGrowth
  /** Records stamped too far past the clock, since it went live. */
  #future = 0
  /** The furthest that an event time was past the clock, and when (own running time). */
  #lead = { ms: 0, atMs: Number.NEGATIVE_INFINITY }
  #searchFrom: number
  /** The bundle goes out with the first epoch that names it. */
  #bundleWritten: boolean

  constructor(options: {
    state: TaskState; live: LiveOptions; clock: Clock; committer: Committer; snapshots: SnapshotKeeper; observer: Observer
    searchFrom: number; bundleWritten: boolean; onDrained: (channel: number) => void; suspicion: Suspicion
  }) {
    this.state = options.state
    this.#options = options.live
    this.#clock = options.clock
    this.waker = new Waker(options.clock)
    this.#lookedMs = options.clock.monotonicMs()
    this.#heardMs = CHANNELS.map(() => this.#lookedMs)
    this.#committer = options.committer
    this.#snapshots = options.snapshots
    this.#observer = options.observer
    this.#onDrained = options.onDrained
    this.#suspicion = options.suspicion
    this.#searchFrom = options.searchFrom
    this.#bundleWritten = options.bundleWritten
    this.#statusSeq = options.state.last.statusSeq
    this.#statusDueMs = this.now()
    this.#countsAtStart = options.state.last.counts
    this.#recent = new RecentGrowth(RECENT_MS, this.#lookedMs, this.#totals())
    const { idle } = options.state.last
    this.#idleness = IDLE_BITS.map((bit, channel) => startIdleness(options.live.off[channel], (idle & bit) !== 0))
  }

  /** The task's clock, whole ms: never goes back, over hosts and restarts. */
  now(): number {
    return Math.max(Math.floor(this.#clock.nowMs()), this.state.last.clockCloseMs, this.state.openedMs === Infinity ? 0 : this.state.openedMs)
  }

  get snapshotAgeMs(): number | null {
    return this.#snapshots.ageMs()
  }

  /** Records of a channel applied since the task went live, up to the last epoch's end. */
  applied(channel: number): number {
    const at = channel * OUTCOMES.length + OUTCOMES.indexOf('applied')
    return this.state.last.counts[at] - this.#countsAtStart[at]
  }

  /** What there is to say of it now. */
  health(clockMs = this.now()): Health {
    const lastEventNs = this.#lastEventNs()
    const nowMs = this.#clock.monotonicMs()
    const [records, rejected, future] = this.#recent.note(nowMs, this.#totals()).by
    return healthOf({
      ...this.#options.surroundings(clockMs),
      sourceLagMs: lastEventNs === null ? null : clockMs - Number(lastEventNs / MS),
      snapshotProblem: this.#snapshots.problem,
      snapshotAgeMs: this.snapshotAgeMs,
      recent: { records, rejected, future },
      leadMs: nowMs - this.#lead.atMs > RECENT_MS ? 0 : this.#lead.ms,
    })
  }

  /** Records consumed, those rejected, those stamped in the future; the first two over the task's life, up to the last epoch's end. */
  #totals(): number[] {
    const { counts } = this.state.last
    const rejected = CHANNELS.reduce((sum, _, channel) => sum + counts[channel * OUTCOMES.length + OUTCOMES.indexOf('rejected')], 0)
    return [counts.reduce((a, b) => a + b, 0), rejected, this.#future]
  }

  #lastEventNs(): bigint | null {
    const trades = this.state.memory.cell('tradesMaxNs')
    const quotes = this.state.memory.cell('quotesMaxNs')
    const newest = trades > quotes ? trades : quotes
    return newest === NONE ? null : newest
  }

  #noteLead(leadMs: number): void {
    const atMs = this.#clock.monotonicMs()
    if (leadMs > 0 && (leadMs >= this.#lead.ms || atMs - this.#lead.atMs > RECENT_MS)) this.#lead = { ms: leadMs, atMs }
  }

  /** The partition has nothing left to read below `offset`. */
  noteEnd(channel: number, offset: number): void {
    this.state.queues[channel].reachedEnd(offset)
    this.#noteEndIfThere(channel)
    this.waker.wake()
  }

  /** Runs until `stop`, then ends the epoch and commits it. Rejects with StepFailed, LogError `fenced`, or a bug. */
  async run(stop: AbortSignal): Promise<void> {
    stop.addEventListener('abort', () => this.waker.wake(), { once: true })
    // those told before: an end is told once, and until now not to this task
    IDLE_BITS.forEach((_, channel) => this.#noteEndIfThere(channel))
    // an input that was added or dropped since: an epoch of its own says where it begins, before its first step
    const { last, inputs } = this.state
    if (this.state.queues.some((queue, channel) => queue.next !== last.consumed[channel].to || inputs[channel] !== last.inputs[channel])) await this.#endEpoch('longest')
    while (!stop.aborted) {
      if (this.#failure !== null) throw this.#failure
      const channel = this.#nextChannel()
      if (channel >= 0) await this.#applyNext(channel)
      this.#prepare()
      const decision = decideEpochEnd(this.#view(), this.#options)
      // a commit may have failed while the step ran
      if (this.#failure !== null) continue
      if (decision.end && this.#committing === null) await this.#endEpoch(decision.reason)
      else if (channel < 0) await this.waker.wait(this.#committing !== null ? LOOK_MS : this.#waitMs(decision))
    }
    await this.#finish()
  }

  /** Has the open epoch's transaction registered while records gather, so that the publication does not wait for that. */
  #prepare(): void {
    const { topics, epochMaxMs } = this.#options
    if (this.#committing !== null || this.state.records === 0 || epochMaxMs > PREPARED_MAX_MS) return
    this.#committer.prepare(() => placesOf(this.state.partition, topics, publishesBy(this.#view(), this.state.openedMs + epochMaxMs)))
  }

  /** Ends the open epoch and waits for its commit: the barrier at which the task is given up. */
  async #finish(): Promise<void> {
    await this.#committed()
    if (this.state.records > 0) await this.#endEpoch('longest')
    await this.#committed()
  }

  async #committed(): Promise<void> {
    await this.#committing
    if (this.#failure !== null) throw this.#failure
  }

  #nextChannel(): number {
    if (this.state.records >= EPOCH_RECORDS_MAX) return -1
    const nowMs = this.#clock.monotonicMs()
    const views = this.state.queues.map((queue, channel): ChannelView => {
      if (queue.length > 0) this.#heardMs[channel] = nowMs
      const silent = nowMs - this.#heardMs[channel] >= SILENT_MS
      return { waiting: queue.length, maxMs: this.#maxMs(channel), exhausted: this.#isExhausted(channel), silent }
    })
    return nextChannel(views, this.now(), this.#options.latenessMs)
  }

  #isExhausted(channel: number): boolean {
    const queue = this.state.queues[channel]
    const idleness = this.#idleness[channel] as Idleness | undefined
    if (idleness === undefined) return this.#options.off[channel] || (queue.length === 0 && queue.atEnd)
    return isIdle(idleness) || (idleness.endReachedMs !== null && queue.length === 0)
  }

  /** Largest event time applied of a channel, ms; of minute bars the newest one's end. */
  #maxMs(channel: number): number {
    const ns = this.state.memory.cell(NEWEST[channel])
    return ns === NONE ? Number.NEGATIVE_INFINITY : Number(ns / MS)
  }

  async #applyNext(channel: number): Promise<void> {
    const queue = this.state.queues[channel]
    if (this.state.records === 0) this.#openedMs = this.#clock.monotonicMs()
    const clockMs = this.now()
    const most = stepRowsMax(channel, this.state.memory.number('symbols'), !this.#options.off[BARS])
    const step = await this.state.applyNext(channel, clockMs, this.#suspicion, undefined, most)
    if (step === null) return
    if (channel !== BARS) this.#noteLead(this.#maxMs(channel) - clockMs)
    const { movers, times } = step
    if (movers > 0 && channel < IDLE_BITS.length) noteMover(this.#idleness[channel])
    this.#noteEndIfThere(channel)
    if (queue.isLow) this.#onDrained(channel)
    this.#observer.stage('decode', times.decodeMs)
    this.#observer.stage('kernel', times.kernelMs)
  }

  /** The end counts once nothing waits before it. It is told once: perhaps while records still wait, or before the task is live. */
  #noteEndIfThere(channel: number): void {
    const queue = this.state.queues[channel]
    if (channel < IDLE_BITS.length && queue.length === 0 && queue.atEnd) noteEnd(this.#idleness[channel], this.#clock.monotonicMs())
  }

  #idleBits(): number {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#lookedMs > STANDSTILL_MS) for (const idleness of this.#idleness) noteStandstill(idleness, nowMs)
    this.#lookedMs = nowMs
    let bits = 0
    this.#idleness.forEach((idleness, channel) => {
      if (settleIdleness(idleness, nowMs, this.#options.idleTimeoutMs, this.state.queues[channel].length === 0)) bits |= IDLE_BITS[channel]
    })
    return bits
  }

  #view(): EpochView {
    const { memory } = this.state
    const clockMs = this.now()
    const nextFinalNs = memory.cell('nextFinalNs')
    return {
      clockMs,
      openedMs: this.state.openedMs,
      lastEndMs: this.#lastEndMs,
      records: this.state.records,
      nextProvisionalMs: memory.number('nextProvisionalMs'),
      minuteSignalsDue: memory.cell('minuteSignalsDue') > 0n,
      nextFinalMs: Number(nextFinalNs / MS),
      watermarkMs: this.#watermarkMs(clockMs),
      statusDueMs: this.#statusDueMs,
    }
  }

  /** Where the watermark would go if the epoch ended now. */
  #watermarkMs(clockMs: number): number {
    const bits = this.#idleBits()
    const running = [0, 1].filter((channel) => (bits & IDLE_BITS[channel]) === 0).map((channel) => this.#maxMs(channel))
    return (running.length === 0 ? clockMs : Math.min(...running)) - this.#options.latenessMs
  }

  #waitMs(decision: ReturnType<typeof decideEpochEnd>): number {
    const nowMs = this.#clock.monotonicMs()
    const idleAt = this.#idleness.map((idleness) => idleAtMs(idleness, this.#options.idleTimeoutMs)).filter((at) => at !== null)
    // never 0: a loop that only yields to promises would keep the whole thread from all else
    // what waits may wait for a channel that is about to be found silent
    const lookMs = this.state.queues.some(({ length }) => length > 0) ? SILENT_MS : LOOK_MS
    return Math.max(Math.min(lookMs, decision.end ? 0 : decision.waitMs, ...idleAt.map((at) => at - nowMs)), 1)
  }

  async #endEpoch(reason: EpochReason): Promise<void> {
    // the text of its outputs lies where this one's will
    invariant(this.#committing === null, 2, `task ${this.state.partition} epoch ${this.state.last.epoch + 1} would be sent before the one before it is known`)
    invariant(this.#failure === null, 2, `task ${this.state.partition} epoch ${this.state.last.epoch + 1} would be sent although the one before it has failed`)
    if (this.state.records > 0) this.#observer.stage('gather', this.#clock.monotonicMs() - this.#openedMs)
    const clockMs = this.now()
    const closed = await this.state.close(clockMs, this.#idleBits())
    this.#lastEndMs = clockMs
    this.#future += closed.specials.filter((special) => special.reason === 'future').length
    const status = this.#status(clockMs, closed, reason)
    const outputs = transactionOf(this.state.partition, closed, this.#options.topics, status, this.#bundleWritten ? null : this.state.bundle)
    this.#bundleWritten = true
    this.#observer.stage('encode', closed.closeMs)
    // begun before the commit and awaited after it has begun: no output waits for a copy
    const copied = this.#snapshots.atBarrier(this.state, closed.record, isFarFromPublication(clockMs, this.#options))
    copied.catch(() => undefined)
    this.#committing = this.#commit(closed, outputs).finally(() => {
      this.#committing = null
      this.waker.wake()
    })
    await copied // nothing is applied before the copy is made
  }

  async #commit(closed: ClosedEpoch, outputs: ReturnType<typeof transactionOf>): Promise<void> {
    const startedMs = this.#clock.monotonicMs()
    try {
      let producedMs = startedMs
      await this.#committer.commit(closed.record, outputs, this.#searchFrom, () => (producedMs = this.#clock.monotonicMs()))
      const ms = this.#clock.monotonicMs() - startedMs
      this.#observer.stage('produce', producedMs - startedMs)
      this.#observer.stage('commit', startedMs + ms - producedMs)
      this.#observer.committed(closed, ms, this.#clock.nowMs())
      this.#snapshots.committed(closed.record)
    } catch (error) {
      this.#failure = error // taken up by run(): the task can't go on
    }
  }

  #status(clockMs: number, closed: ClosedEpoch, reason: EpochReason): { key: string; value: string } | null {
    if (clockMs < this.#statusDueMs && reason !== 'status') return null
    this.#statusDueMs = clockMs + this.#options.statusIntervalMs
    if (this.#options.topics.statusTopic === '') return null // the heartbeat goes on without its record
    closed.record.statusSeq = ++this.#statusSeq
    const { watermarkAfterNs } = closed.record
    return statusRecord({
      task: this.state.partition,
      seq: this.#statusSeq,
      clockMs,
      watermarkNs: watermarkAfterNs === NONE ? null : watermarkAfterNs,
      lastEventNs: this.#lastEventNs(),
      counts: closed.record.counts,
      epoch: closed.record.epoch,
      snapshotAgeMs: this.snapshotAgeMs,
      marketSessionState: this.#options.surroundings(clockMs).market.state,
      health: this.health(clockMs),
    })
  }

  /** Stores a last snapshot at the barrier that `run` ended at; as best one can within `timeoutMs`. */
  async snapshotAtEnd(timeoutMs: number): Promise<void> {
    await this.#snapshots.atEnd(this.state, timeoutMs)
  }

  async close(): Promise<void> {
    await this.#committer.close()
  }
}
