/**
 * The engine of one process: a group member that is dealt tasks, a reader that fills their queues, an owner for each task.
 *
 * In:  settings, ports. Out: runs until stopped; rejects with what a person has to put right, or a bug.
 * Imports: epoch, recovery, ingest, serve, ports; the log and the store are handed in.
 */
import { crc32 } from 'node:zlib'
import type { Bundle } from '../bundle/bundle.ts'
import { moduleOf } from '../bundle/kernel-module.ts'
import { UserError, invariant } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { KernelRunner } from '../dispatch/runner.ts'
import type { Surroundings } from '../epoch/live-task.ts'
import { PAUSED_MS } from '../epoch/degraded.ts'
import { RecentGrowth } from '../epoch/recent-growth.ts'
import type { Logger } from '../logging/logger.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, LogGroup, Position, RecordColumns } from '../ports/log.ts'
import { LogError } from '../ports/log.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { Positions } from '../recovery/recorded-inputs.ts'
import { SnapshotRetention } from '../recovery/snapshot-retention.ts'
import { storeSnapshot } from '../recovery/snapshots.ts'
import type { StateHead } from '../recovery/snapshots.ts'
import type { Serving } from '../serve/serving.ts'
import type { Settings } from '../settings/settings.ts'
import { describeWanted } from '../topics/topics.ts'
import { otherUser } from './contest.ts'
import { EngineMetrics } from './engine-metrics.ts'
import { FieldWatch } from './field-watch.ts'
import { MarketWatch } from './market-watch.ts'
import { Reader } from './reader.ts'
import { paceOf } from './reading-pace.ts'
import { SpareMemory } from './spare-memory.ts'
import { TaskOwner } from './task-owner.ts'
import type { OwnerContext } from './task-owner.ts'
import { EpochTrimmer } from './epoch-trimmer.ts'

export interface EngineOptions {
  settings: Settings
  log: Log
  store: SnapshotStore | null
  runner: KernelRunner
  clock: Clock
  logger: Logger
  serving: Serving
  bundle: Bundle
  /** Gives free memory of the C heaps back to the system. */
  trimMemory: () => void
  /** What records are read into; absent: of the usual size. */
  columns?: RecordColumns
}

const REPORT_MS = 1_000
const OFFSETS_MS = 5_000
const RETRY_MS = 2_000
const CONNECT_MS = 10_000
/** So long nobody may begin a transaction under an id before it counts as left, and up to twice that: a task restores in a few seconds. */
const ALONE_MS = 6_000
/** Longest time for clients to close when the engine ends: with a broker that hangs they never would. */
const CLOSE_MS = 2_000

export class Engine {
  readonly #options: EngineOptions
  readonly #owners = new Map<number, TaskOwner>()
  readonly #stopping = new Set<Promise<void>>()
  readonly #metrics: EngineMetrics
  readonly #inputs: readonly string[]
  #reader!: Reader
  #group!: LogGroup
  #fail!: (error: unknown) => void
  #backlog = 0
  readonly #market: MarketWatch
  readonly #fields: FieldWatch
  readonly #spare: SpareMemory
  /** Paused time up to now, and its share in the last while. */
  readonly #paused: RecentGrowth
  #pausedShare = 0
  #lastPausedMs = 0
  #isEnding = false
  readonly #ended = new AbortController()
  /** Tasks that the group has dealt to this process. */
  readonly #assigned = new Set<number>()
  /** Why it owns none of them for the moment. */
  #contested = ''

  constructor(options: EngineOptions) {
    this.#options = options
    const { settings } = options
    this.#market = new MarketWatch(settings, options.logger)
    this.#fields = new FieldWatch(options.log, options.logger, settings.fieldMap)
    this.#spare = new SpareMemory(settings)
    this.#paused = new RecentGrowth(PAUSED_MS, options.clock.monotonicMs(), [0])
    this.#inputs = [settings.tradesTopic, settings.quotesTopic, settings.bars1mTopic]
    this.#metrics = new EngineMetrics(options.serving, {
      bars: settings.microbarsTopic, signals: settings.signalsTopic, late: settings.lateTopic, dlq: settings.dlqTopic, status: settings.statusTopic,
    })
  }

  /** Runs until `stop`; then every task ends its epoch, commits, stores a snapshot. */
  async run(stop: AbortSignal): Promise<void> {
    const { log, clock, logger, settings, serving } = this.#options
    const failed = new Promise<never>((_, reject) => (this.#fail = reject))
    failed.catch(() => undefined)
    const stopped = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      else stop.addEventListener('abort', () => resolve(), { once: true })
    })
    const { context, partitions } = await this.#prepare()
    this.#fields.look(this.#inputs, partitions).catch(this.#fail)
    this.#reader = new Reader(log, clock, logger, this.#inputs, paceOf(settings), this.#options.columns)
    this.#reader.start(() => serving.turn(), this.#fail)
    this.#group = log.group(settings.tradesTopic)
    const ended = this.#ended
    this.#every(REPORT_MS, ended.signal, () => this.#report())
    this.#every(OFFSETS_MS, ended.signal, async () => {
      await this.#publishOffsets()
      await this.#giveBackMemory()
    })
    try {
      await this.#join(context, partitions)
      await Promise.race([stopped, failed])
    } finally {
      this.#isEnding = true
      serving.setReady(false, 'stopping')
      ended.abort()
      await this.#stopAll([...this.#owners.keys()])
      this.#report()
      await Promise.race([Promise.all([this.#reader.close(), this.#group.close(settings.leaveOnStop)]), clock.sleep(CLOSE_MS)])
    }
  }

  /** Does `act` again and again, `ms` after it was done, until `ended`. */
  #every(ms: number, ended: AbortSignal, act: () => void | Promise<void>): void {
    const { clock } = this.#options
    const loop = async (): Promise<void> => {
      for (;;) {
        await clock.sleep(ms, ended)
        if (ended.aborted) return
        await act()
      }
    }
    loop().catch(this.#fail)
  }

  async #join(context: OwnerContext, partitions: number): Promise<void> {
    const { logger } = this.#options
    const afresh = await this.#isAnyNew(partitions)
    await this.#group.join({
      onAssigned: (assigned) => {
        // dealt out before the group heard of the end: nobody would stop them
        if (this.#isEnding) return
        logger.info({ tasks: assigned, of: partitions }, 'tasks assigned')
        for (const partition of assigned) this.#assigned.add(partition)
        this.#startOwners(context)
        this.#report()
      },
      onRevoked: async (revoked) => {
        logger.info({ tasks: revoked }, 'tasks revoked')
        for (const partition of revoked) this.#assigned.delete(partition)
        await this.#stopAll(revoked)
      },
      onLost: (lost) => {
        logger.warn({ tasks: lost }, 'tasks lost: the group has given them to others')
        for (const partition of lost) this.#assigned.delete(partition)
        void this.#stopAll(lost, (owner) => owner.abandon())
      },
      onContested: (times) => this.#fail(new UserError(EXIT_SETTINGS, `The membership in the group ${this.#options.settings.groupId} was taken ${times} times in a minute by ` +
        `another process with the instance id ${this.#options.settings.instanceId}: give each process its own TA_INSTANCE_ID, and each job its own TA_GROUP_ID.`)),
    }, afresh)
  }

  /** Of every assigned task that has none: but for the time in which this process has let go of all of its ids. */
  #startOwners(context: OwnerContext): void {
    if (this.#contested !== '' || this.#isEnding) return
    for (const partition of this.#assigned) {
      if (this.#owners.has(partition)) continue
      const owner = new TaskOwner(context, partition)
      this.#owners.set(partition, owner)
      owner.start(this.#fail)
    }
  }

  /** Lets go of every task, and then ends where somebody else goes on with the transactional id of this one, or begins anew where nobody does. */
  async #standDown(context: OwnerContext, partition: number, times: number): Promise<void> {
    const { log, clock, logger, settings } = this.#options
    const { transactionalIdPrefix: prefix, groupId, instanceId } = settings
    invariant(this.#contested === '', 8, `task ${partition} is contested while every task has let go`)
    this.#contested = `it is to be known who else uses the transactional ids ${prefix}…`
    logger.warn({ task: partition }, `fenced ${times} times in a minute: all tasks let go, as ${this.#contested}`)
    await this.#stopAll([...this.#owners.keys()], (owner) => owner.abandon())
    // not the same time for each: two that let go at once would come back at once
    const patienceMs = ALONE_MS + crc32(`${groupId} ${instanceId}`) % ALONE_MS
    const other = await otherUser(log, clock, prefix + partition, patienceMs, this.#ended.signal)
    // what the group has given to another instance of this job meanwhile, that one may use
    // a broker that does not know of transactions' beginnings (before Kafka 3.0) answers other questions; one that is away answers none
    const isOther = other === 'somebody' || (other === 'unknown' && await log.connect(CONNECT_MS).then(() => true, () => false))
    if (isOther && this.#assigned.has(partition)) {
      throw new UserError(EXIT_SETTINGS, `Task ${partition} was fenced ${times} times in a minute by another job with the transactional ids ` +
        `${prefix}…: give each job its own TA_GROUP_ID or TA_TRANSACTIONAL_ID_PREFIX.`)
    }
    logger.warn({ task: partition }, `no other job goes on with ${prefix}${partition}: all tasks start over as new`)
    this.#contested = ''
    this.#startOwners(context)
  }

  /**
   * Whether the group has no offset of some task, which has one soon after it went live. Then the assignment that a quick restart would be
   * given again may be of fewer partitions: the group's leader looks for more only while it runs, and nobody would own them.
   */
  async #isAnyNew(partitions: number): Promise<boolean> {
    const { log, settings } = this.#options
    const places = Array.from({ length: partitions }, (_, partition) => ({ topic: settings.tradesTopic, partition }))
    try {
      return (await log.committed(settings.groupId, places)).some((offset) => offset < 0)
    } catch (error) {
      if (!(error instanceof LogError)) throw error
      return true // no more than a rebalance that was not needed
    }
  }

  async #stopAll(partitions: number[], stop = (owner: TaskOwner): Promise<void> => owner.stop()): Promise<void> {
    const owners = partitions.map((partition) => this.#owners.get(partition)).filter((owner) => owner !== undefined)
    for (const owner of owners) {
      this.#owners.delete(owner.partition)
      const stopping: Promise<void> = stop(owner).finally(() => this.#stopping.delete(stopping))
      this.#stopping.add(stopping)
    }
    // also those that were told before: whoever asks waits until all of them have let go
    await Promise.all(this.#stopping)
  }

  /** Everything that the tasks share, once the broker has said how many partitions there are. */
  async #prepare(): Promise<{ context: OwnerContext; partitions: number }> {
    const { settings, log, store, runner, clock, logger, bundle } = this.#options
    const infos = await this.#describe()
    const partitionsOf = (name: string): number => infos.find((info) => info.name === name)?.partitions ?? 0
    const partitions = partitionsOf(settings.tradesTopic)
    const job = {
      log, clock, store, runner, group: settings.groupId, tradesTopic: settings.tradesTopic, partitions, inputs: this.#inputs,
      epochsTopic: settings.epochsTopic, outputs: { bars: settings.microbarsTopic, signals: settings.signalsTopic }, instance: settings.instanceId, onDivergence: settings.onDivergence, bundle,
      moduleOf,
      info: (fields: object, text: string) => logger.info(fields, text),
      warn: (text: string) => logger.warn({}, text),
    }
    const context: OwnerContext = {
      job,
      clock,
      logger,
      live: this.#liveOptions(partitionsOf),
      observer: this.#metrics,
      transactionalIdPrefix: settings.transactionalIdPrefix,
      autoOffsetReset: settings.autoOffsetReset,
      snapshotIntervalMs: settings.snapshotIntervalMs,
      snapshotMinPauseMs: settings.snapshotMinPauseMs,
      snapshotCopies: { underWay: 0 },
      storeSnapshot: this.#snapshotStoring(partitions),
      startReading: (owner, positions) => this.#startReading(owner, positions),
      stopReading: (owner) => this.#reader.remove(owner),
      onDrained: (owner, channel) => this.#reader.drained(owner, channel),
      recovered: (seconds, epochs) => this.#metrics.recovered(seconds, epochs),
      contested: ({ partition }, times) => void this.#standDown(context, partition, times).catch(this.#fail),
    }
    return { context, partitions }
  }

  /** What the broker says of the topics; asked until it answers. */
  async #describe(): Promise<Awaited<ReturnType<typeof describeWanted>>> {
    const { log, settings, clock, logger } = this.#options
    for (;;) {
      try {
        return await describeWanted(log, settings)
      } catch (error) {
        if (!(error instanceof LogError)) throw error
        logger.warn({}, `${error.message}; trying again`)
        await clock.sleep(RETRY_MS)
        await log.connect(CONNECT_MS).catch(() => undefined)
      }
    }
  }

  #liveOptions(partitionsOf: (topic: string) => number): OwnerContext['live'] {
    const { settings } = this.#options
    return {
      epochMs: settings.epochMs,
      epochMaxMs: settings.epochMaxMs,
      provisionalDelayMs: settings.provisionalDelayMs,
      latenessMs: settings.latenessMs,
      idleTimeoutMs: settings.watermarkIdleTimeoutMs,
      statusIntervalMs: settings.statusIntervalMs,
      off: this.#inputs.map((topic) => topic === ''),
      topics: {
        microbarsTopic: settings.microbarsTopic, signalsTopic: settings.signalsTopic, statusTopic: settings.statusTopic,
        lateTopic: settings.lateTopic, dlqTopic: settings.dlqTopic, epochsTopic: settings.epochsTopic, dlqMaxBytes: settings.dlqMaxBytes,
        latePartitions: partitionsOf(settings.lateTopic), dlqPartitions: partitionsOf(settings.dlqTopic),
        inputs: { trades: settings.tradesTopic, quotes: settings.quotesTopic, bars: settings.bars1mTopic },
      },
      surroundings: (clockMs) => this.#surroundings(clockMs),
    }
  }

  #surroundings(clockMs: number): Surroundings {
    const { sourceLagMaxMs, snapshotIntervalMs, snapshotMinPauseMs, maxFutureMs } = this.#options.settings
    return {
      market: this.#market.session(clockMs),
      sourceLagMaxMs,
      maxFutureMs,
      snapshotIntervalMs: Math.max(snapshotIntervalMs, snapshotMinPauseMs),
      pausedShare: this.#pausedShare,
      wrongFields: this.#fields.blocking((channel) => [...this.#owners.values()].some(({ task }) => (task?.applied(channel) ?? 0) > 0)),
      calendar: this.#market.warning(clockMs),
    }
  }

  #snapshotStoring(partitions: number): OwnerContext['storeSnapshot'] {
    const { store, settings, clock, log, logger } = this.#options
    if (store === null) return null
    const warn = (text: string): void => logger.warn({}, text)
    const { groupId: group, epochsTopic, snapshotRetain: retain } = settings
    const trimmer = new EpochTrimmer(log, epochsTopic, warn)
    const retention = new SnapshotRetention({ log, store, group, epochsTopic, retain, warn })
    return async (state, record, head, files) => {
      await trimmer.note(state)
      const job = { group, tradesTopic: settings.tradesTopic, partitions }
      const bytes = await storeSnapshot(store, job, record, head as StateHead, files, state.bundle, Math.floor(clock.nowMs()))
      const kept = await retention.stored(state, record)
      // until as many are there as are kept, the recorded epochs from the beginning on are the one before the first
      if (kept !== null) await trimmer.trim(state, kept)
      return bytes
    }
  }

  async #startReading(owner: TaskOwner, positions: Positions): Promise<void> {
    const { log, settings } = this.#options
    const resolved = [...positions]
    for (const [channel, topic] of this.#inputs.entries()) {
      if (topic === '') resolved[channel] = -1
      else if (resolved[channel] === -1) {
        // an input that was added since: it starts by TA_AUTO_OFFSET_RESET, and the next epoch's record says where
        const { low, high } = await log.bounds(topic, owner.partition, 'read_committed')
        resolved[channel] = settings.autoOffsetReset === 'earliest' ? low : high
      }
    }
    await this.#reader.add(owner, resolved)
  }

  #report(): void {
    const { clock, serving } = this.#options
    const owners = [...this.#owners.values()]
    const waiting = owners.filter(({ phase }) => phase !== 'live').map(({ partition, phase, trouble }) => `task ${partition} is ${phase}${trouble && `: ${trouble}`}`)
    if (owners.length === 0) serving.setReady(false, this.#contested || 'no task is assigned to this instance yet')
    else serving.setReady(waiting.length === 0, waiting.join(', '))
    const { pausedMs } = this.#reader
    const backpressure = Math.min((pausedMs - this.#lastPausedMs) / REPORT_MS, 1)
    this.#lastPausedMs = pausedMs
    const { ms, by } = this.#paused.note(clock.monotonicMs(), [pausedMs])
    // a share of the whole window, also in its first seconds
    this.#pausedShare = by[0] / Math.max(ms, PAUSED_MS)
    this.#market.look(clock.nowMs())
    serving.report(this.#metrics.report(owners, clock.nowMs(), this.#backlog, backpressure))
  }

  /** For lag tools alone: where the tasks stand, plainly committed. The backlog is looked up on the way. */
  async #publishOffsets(): Promise<void> {
    const { log } = this.#options
    const positions: Position[] = []
    let backlog = 0
    for (const { partition, task } of this.#owners.values()) {
      if (task === null) continue
      for (const [channel, topic] of this.#inputs.entries()) {
        if (topic === '') continue
        const queue = task.state.queues[channel]
        positions.push({ topic, partition, offset: task.state.last.consumed[channel].to })
        if (queue.atEnd) backlog += queue.length
        else backlog += await log.bounds(topic, partition, 'read_committed').then(({ high }) => Math.max(high - queue.next, 0), () => queue.length)
      }
    }
    this.#backlog = backlog
    if (positions.length > 0) this.#group.commitOffsets(positions)
  }

  /** What a start or a backlog has taken, once that is over; of no use while no task is live. */
  async #giveBackMemory(): Promise<void> {
    const { clock, trimMemory } = this.#options
    const states = () => [...this.#owners.values()].flatMap(({ task }) => task?.state ?? [])
    if (states().length === 0) return
    const waitMs = this.#spare.look(this.#backlog, states().reduce((sum, { roomBytes }) => sum + roomBytes, 0), clock.nowMs())
    if (waitMs === null) return
    await clock.sleep(waitMs, this.#ended.signal)
    for (const state of states()) state.giveBack()
    trimMemory()
  }
}
