/**
 * Owns one task from being assigned to being given up: fence, restore, live; and again from the start when a step failed or
 * another owner came between. Nothing here ends in a state that needs a person, but for a UserError or a bug (invariant 8).
 */
import { BugError, UserError } from '../contract/errors.ts'
import type { Logger } from '../logging/logger.ts'
import { StepFailed } from '../dispatch/step-failed.ts'
import { Committer } from '../epoch/commit.ts'
import { keyPrefix } from '../epoch/task-state.ts'
import { LiveTask } from '../epoch/live-task.ts'
import type { LiveOptions } from '../epoch/live-task.ts'
import type { Observer } from '../epoch/observer.ts'
import { SnapshotKeeper } from '../epoch/snapshot-keeper.ts'
import type { StoreSnapshot } from '../epoch/snapshot-keeper.ts'
import { Suspicion } from '../epoch/suspicion.ts'
import { Waker } from '../epoch/waker.ts'
import { RecordQueue } from '../ingest/record-queue.ts'
import type { Clock } from '../ports/clock.ts'
import { LogError } from '../ports/log.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import { readEpochLog } from '../recovery/epoch-log.ts'
import { headStart } from '../recovery/head-start.ts'
import { epochZeroOutputs, firstRecord, newTask, recoverTask } from '../recovery/recover.ts'
import type { Positions } from '../recovery/recorded-inputs.ts'
import type { Ahead, Feed, RecoveryJob } from '../recovery/recover.ts'
import { stateHead } from '../recovery/snapshots.ts'
import type { TaskState as State, TaskStatus } from '../serve/engine-report.ts'

export interface OwnerContext {
  job: RecoveryJob
  clock: Clock
  logger: Logger
  live: LiveOptions
  observer: Observer
  transactionalIdPrefix: string
  autoOffsetReset: 'earliest' | 'latest'
  snapshotIntervalMs: number
  snapshotMinPauseMs: number
  snapshotCopies: { underWay: number }
  storeSnapshot: StoreSnapshot | null
  /** Starts reading the task's partitions into these queues; −1 where a channel is off. */
  startReading(owner: TaskOwner, positions: Positions): Promise<void>
  stopReading(owner: TaskOwner): Promise<void>
  onDrained(owner: TaskOwner, channel: number): void
  recovered(seconds: number, epochsReplayed: number): void
  /** Somebody else has fenced the task so often in a minute: abandons every task, this one too, and finds out who it is. */
  contested(owner: TaskOwner, times: number): void
}

const BACKOFF_FIRST_MS = 100
const BACKOFF_MOST_MS = 5_000
/** Fenced this often in a minute by somebody else: two jobs may share the transactional ids. */
const FENCED_MOST = 3
const FENCED_WITHIN_MS = 60_000
/** Whoever was fenced lets the group speak first (a heartbeat a second): the task may be somebody else's now. */
const FENCED_PAUSE_MS = 2_500
const SNAPSHOT_AT_STOP_MS = 3_000
/** Longest time to end a task in order: a commit that can't get through is left to recovery. */
const STOP_MS = 5_000
/** Traps at the end of one epoch, one restore after another, that make it a bug. */
const CLOSE_TRAPS_MOST = 3
/** Restores without a longer pause for each that a search for the record that traps may take: a batch is halved 13 times at most. */
const SEARCH_MOST = 32

export class TaskOwner {
  readonly partition: number
  queues: RecordQueue[] = []
  task: LiveTask | null = null
  phase: State = 'assigned'
  /** What keeps it from being live, in words; '' when that takes no longer than it has to. */
  trouble = ''
  /** Partitions paused because their queue is full. */
  readonly paused = [false, false, false]
  readonly #context: OwnerContext
  readonly #stop = new AbortController()
  readonly #waker: Waker
  readonly #fencedAtMs: number[] = []
  readonly #suspicion = new Suspicion()
  /** Traps since the last commit. */
  #traps = 0
  #closeTraps = { epoch: -1, count: 0 }
  /** Last epoch that was closed while the task was live. */
  #lastEpoch = -1
  /** An epoch has been committed since the last start. */
  #hasCommitted = false
  #committer: Committer | null = null
  #done: Promise<void> = Promise.resolve()

  constructor(context: OwnerContext, partition: number) {
    this.#context = context
    this.#waker = new Waker(context.clock)
    this.partition = partition
  }

  /** Begins; `failed` is told what ends it for good (UserError, bug). */
  start(failed: (error: unknown) => void): void {
    this.#done = this.#run().catch(failed)
  }

  /** Ends the epoch, commits it, stores a last snapshot, lets go. */
  async stop(): Promise<void> {
    this.#beginStop()
    if (await this.#endsInTime()) return
    this.#context.logger.warn({ task: this.partition }, `the task did not end within ${STOP_MS} ms: what is not committed is left to recovery`)
    this.#giveUp()
  }

  /** The group has given the task to others already: what is not committed is theirs to decide. */
  async abandon(): Promise<void> {
    this.#beginStop()
    this.#giveUp()
    await this.#endsInTime()
  }

  #endsInTime(): Promise<boolean> {
    return Promise.race([this.#done.then(() => true), this.#context.clock.sleep(STOP_MS).then(() => false)])
  }

  #beginStop(): void {
    this.phase = 'revoking'
    this.#stop.abort()
    this.wake()
  }

  /** No commit is tried again: its InitProducerId would fence the task's next owner, which may be this process itself. */
  #giveUp(): void {
    void this.#committer?.close()
  }

  wake(): void {
    this.#waker.wake()
    this.task?.waker.wake()
  }

  /** The partition of `channel` was read up to its end at `offset`. */
  noteEnd(channel: number, offset: number): void {
    if (this.task !== null) this.task.noteEnd(channel, offset)
    else {
      this.queues[channel]?.reachedEnd(offset)
      this.#waker.wake()
    }
  }

  async #run(): Promise<void> {
    let backoffMs = BACKOFF_FIRST_MS
    while (!this.#stop.signal.aborted) {
      this.#hasCommitted = false
      try {
        await this.#live()
      } catch (error) {
        const pauseMs = this.#judge(error)
        // who gets on begins with the first pause again: by a commit, or by one step more in the search for the record that
        // traps, which takes a restore for each half of a batch
        if (this.#hasCommitted) this.#traps = 0
        const isSearch = error instanceof StepFailed && error.isTrap && ++this.#traps <= SEARCH_MOST
        if (isSearch || this.#hasCommitted) backoffMs = BACKOFF_FIRST_MS
        await Promise.race([this.#context.clock.sleep(Math.max(backoffMs, pauseMs)), this.#stopped()])
        backoffMs = Math.min(backoffMs * 2, BACKOFF_MOST_MS)
      }
    }
  }

  #stopped(): Promise<void> {
    const { signal } = this.#stop
    return signal.aborted ? Promise.resolve() : new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
  }

  /** Says what went wrong and gives the shortest time to wait, ms; throws what can't be tried again. */
  #judge(error: unknown): number {
    const { logger, clock } = this.#context
    // a task that was to stop does not start over: a successor came, or the commit was given up, and whoever tried it has said so
    if (this.#stop.signal.aborted && ((error as Error).name === 'AbortError' || error instanceof LogError)) return 0
    if (error instanceof LogError && error.kind === 'fenced') {
      const nowMs = clock.monotonicMs()
      this.#fencedAtMs.push(nowMs)
      const recent = this.#fencedAtMs.filter((atMs) => nowMs - atMs < FENCED_WITHIN_MS)
      logger.warn({ task: this.partition }, `${error.message}; starting over as new`)
      if (recent.length >= FENCED_MOST) this.#context.contested(this, recent.length)
      return FENCED_PAUSE_MS
    }
    if (error instanceof StepFailed) this.#noteFailedStep(error)
    if (error instanceof LogError || error instanceof StoreError || error instanceof StepFailed) {
      logger.warn({ task: this.partition }, `${error.message}; the task starts over`)
      this.trouble = error.message
      return 0
    }
    if (error instanceof UserError || error instanceof BugError) throw error
    throw new BugError(0, `task ${this.partition}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }

  /** A trap counts against the records of the step; a worker that died doesn't. */
  #noteFailedStep({ isTrap, step }: StepFailed): void {
    if (!isTrap) return
    if (step === null) {
      // no record to blame: an assertion at the epoch's end, or in recorded steps, which would fail again and again
      const count = this.#closeTraps.epoch === this.#lastEpoch ? this.#closeTraps.count + 1 : 1
      this.#closeTraps = { epoch: this.#lastEpoch, count }
      if (count >= CLOSE_TRAPS_MOST) throw new BugError(0, `task ${this.partition}: the kernel traps whenever an epoch ends or is run again`)
      return
    }
    const skipped = this.#suspicion.noteTrap(step.channel, step.from, step.to, step.rows)
    if (skipped === null) return
    const topic = this.#context.job.inputs[step.channel]
    this.#context.logger.error({ task: this.partition, topic, offset: skipped }, 'a record traps the kernel each time: it goes to the DLQ')
  }

  async #live(): Promise<void> {
    const { job, clock, logger } = this.#context
    const startedMs = clock.monotonicMs()
    const transactionalId = this.#context.transactionalIdPrefix + this.partition
    this.phase = 'fencing'
    this.task = null
    this.queues = [new RecordQueue(), new RecordQueue(), new RecordQueue()]
    const producer = job.log.producer(transactionalId)
    const committer = new Committer({
      log: job.log, clock, transactionalId, epochsTopic: job.epochsTopic, partition: this.partition,
      warn: (detail) => logger.warn({ task: this.partition }, detail),
      counted: (result) => {
        this.#hasCommitted ||= result === 'committed'
        this.#context.observer.transaction(result)
      },
    }, producer)
    this.#committer = committer
    const life = new AbortController()
    const { early, feed, settled } = this.#feeds(life.signal)
    const ahead = headStart(job, this.partition, early, this.#stop.signal)
    try {
      await Promise.race([producer.init(), this.#stopped()])
      if (this.#stop.signal.aborted) return
      const fencedMs = clock.monotonicMs()
      const task = await this.#restore(committer, feed, ahead, startedMs)
      this.task = task
      this.phase = 'live'
      this.trouble = ''
      const ms = Math.round(clock.monotonicMs() - startedMs)
      logger.info({ task: this.partition, epoch: task.state.last.epoch, ms, fenceMs: Math.round(fencedMs - startedMs) }, 'task is live')
      await task.run(this.#stop.signal)
      await task.snapshotAtEnd(SNAPSHOT_AT_STOP_MS)
    } finally {
      life.abort()
      this.#lastEpoch = this.task?.state.last.epoch ?? this.#lastEpoch
      await settled()
      this.task = null
      await this.#context.stopReading(this)
      await committer.close()
      job.runner.forget(keyPrefix(this.partition))
    }
  }

  /** How the queues are filled, until `over`: for a head start, and for the recovery that goes on from there if it can. */
  #feeds(over: AbortSignal): { early: Feed; feed: Feed; settled: () => Promise<unknown> } {
    let early: { from: string; begun: Promise<void> } | null = null
    let isTaken = false
    let settled: Promise<unknown> = Promise.resolve()
    /** One after the other: of two that overlap, the reader could keep the positions of either. */
    const begin = (positions: Positions): Promise<void> => {
      const begun = settled.then(() => {
        over.throwIfAborted()
        return this.#context.startReading(this, positions)
      })
      settled = begun.catch(() => undefined) // whoever began it is told
      return begun
    }
    const feed: Feed = {
      queues: this.queues,
      waker: this.#waker,
      start: async (positions) => {
        this.phase = 'replaying'
        // once: whoever starts a second time has taken records out
        const begun = early?.from === positions.join(' ') ? early.begun : null
        early = null
        isTaken = true
        await (begun ?? begin(positions))
      },
      drained: (channel) => this.#context.onDrained(this, channel),
    }
    const start = async (positions: Positions): Promise<void> => {
      if (isTaken) throw new Error('too late for a head start: the recovery reads by itself')
      early = { from: positions.join(' '), begun: begin(positions) }
      await early.begun
    }
    // reading that is still being begun must not outlive its end
    return { early: { ...feed, start }, feed, settled: () => settled }
  }

  async #restore(committer: Committer, feed: Feed, ahead: Promise<Ahead>, startedMs: number): Promise<LiveTask> {
    const { clock } = this.#context
    const warn = (text: string): void => {
      this.trouble = text
      this.#context.job.warn(text)
    }
    const job = { ...this.#context.job, warn }
    this.phase = 'loading'
    const epochLog = await readEpochLog(job.log, job.epochsTopic, this.partition, job)
    // epochs begin anew after a reset, whose producer has fenced this task: no stranger's. The last one closed may not have been committed
    if ((epochLog.records.at(-1)?.epoch ?? 0) < this.#lastEpoch - 1) this.#fencedAtMs.length = 0
    if (epochLog.records.length === 0) {
      const first = await firstRecord(job, this.partition, this.#context.autoOffsetReset)
      await committer.commit(first, epochZeroOutputs(job.epochsTopic, job.bundle, first), epochLog.end)
      const state = newTask(job, first, feed)
      await feed.start(first.consumed.map(({ to }) => to))
      this.#context.recovered((clock.monotonicMs() - startedMs) / 1000, 0)
      return this.#liveTask(state, committer, epochLog.end, true, null)
    }
    const { state, epochsReplayed, bundleWritten, storedAtMs } = await recoverTask(job, this.partition, epochLog, feed, await ahead, this.#stop.signal)
    this.#context.recovered((clock.monotonicMs() - startedMs) / 1000, epochsReplayed)
    return this.#liveTask(state, committer, epochLog.end, bundleWritten, storedAtMs)
  }

  #liveTask(state: LiveTask['state'], committer: Committer, searchFrom: number, bundleWritten: boolean, storedAtMs: number | null): LiveTask {
    const { clock, live, observer, logger } = this.#context
    const snapshots = new SnapshotKeeper({
      clock,
      intervalMs: this.#context.snapshotIntervalMs,
      minPauseMs: this.#context.snapshotMinPauseMs,
      copies: this.#context.snapshotCopies,
      store: this.#context.storeSnapshot,
      head: (of) => stateHead(of.memory),
      observe: (result, ms, bytes) => observer.snapshot(result, ms, bytes),
      warn: (detail) => logger.warn({ task: this.partition }, detail),
    }, storedAtMs === null ? null : clock.monotonicMs() - Math.max(clock.nowMs() - storedAtMs, 0))
    return new LiveTask({
      state, live, clock, committer, snapshots, observer, searchFrom, bundleWritten, onDrained: (channel) => this.#context.onDrained(this, channel),
      suspicion: this.#suspicion,
    })
  }

  #reason(): string {
    if (this.task === null) return ''
    const { reasons, warnings } = this.task.health()
    return [...reasons, ...warnings].join('; ')
  }

  /** One row of the status page. */
  status(nowMs: number): TaskStatus {
    const state = this.task?.state
    const lag = (ns: bigint | undefined): number | null => (ns === undefined || ns < 0n ? null : nowMs - Number(ns / 1_000_000n))
    const trades = state?.memory.cell('tradesMaxNs') ?? -1n
    const quotes = state?.memory.cell('quotesMaxNs') ?? -1n
    return {
      task: this.partition,
      state: this.phase,
      epoch: state?.last.epoch ?? 0,
      symbols: state?.memory.number('symbols') ?? 0,
      watermarkLagMs: lag(state?.memory.cell('watermarkNs')),
      sourceLagMs: lag(trades > quotes ? trades : quotes),
      snapshotAgeMs: this.task?.snapshotAgeMs ?? null,
      records: state?.last.counts.reduce((sum, count) => sum + count, 0) ?? 0,
      reason: this.#reason(),
    }
  }
}
