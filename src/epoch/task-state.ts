/**
 * One task's state and its open epoch: the only place that runs steps. Live loop and recovery drive it alike; what is
 * decided comes from outside (which records, which clock, who is idle), what comes out follows from that alone.
 *
 * In:  queued records, clocks, idle bits. Out: outputs and the epoch's record. Imports: dispatch, ingest, state, contract.
 */
import { CHANNELS, OUTCOMES, REASONS } from '../contract/outcomes.ts'
import type { Channel, Reason } from '../contract/outcomes.ts'
import { invariant } from '../contract/errors.ts'
import type { Bundle } from '../bundle/bundle.ts'
import type { KernelRunner } from '../dispatch/runner.ts'
import type { ApplyRequest, Envelope, ReplayStep, Request, StepTimes } from '../dispatch/request.ts'
import { StepFailed } from '../dispatch/step-failed.ts'
import { RecordQueue } from '../ingest/record-queue.ts'
import { OutputRoom, copyOutputs, loadBatch, minuteChecksOf, specialsOf } from '../state/kernel.ts'
import type { MinuteChecks, Outputs } from '../state/kernel.ts'
import { BATCH_ROWS } from '../state/layout.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { CHANNEL_COUNT, inputsAfter } from './epoch-record.ts'
import type { EpochRecord, JobIdentity, Step } from './epoch-record.ts'
import type { Suspicion } from './suspicion.ts'

/** A record on its way to the DLQ or the late topic, with all that its headers say. */
export interface SpecialRecord {
  late: boolean
  reason: Reason
  channel: Channel
  offset: number
  flags: number
  /** True length of the value; `value` holds less of it when it was cut. */
  size: number
  key: Buffer
  value: Buffer
}

/** What an epoch came to: its record, and what it publishes; the text of its outputs is there until the next one is closed. */
export interface ClosedEpoch {
  record: EpochRecord
  outputs: Outputs
  specials: SpecialRecord[]
  /** Outcomes of this epoch alone, channel by channel, in the order of OUTCOMES. */
  outcomes: number[]
  conflicts: number
  /** Minute bars of the feed compared with own seconds, by field in the order of MINUTE_BAR_FIELDS. */
  minuteChecks: MinuteChecks
  /** Time that indicators and output text took, ms. */
  closeMs: number
}

/** A step's records that move the watermark, and its times. */
interface Applied {
  movers: number
  times: StepTimes
}

interface OpenEpoch {
  steps: Step[]
  records: number
  /** Clock of the first step, +Infinity before it. */
  openedMs: number
  specials: SpecialRecord[]
  /** Those of replayed steps, which go nowhere. */
  replayed: { late: number; rejected: number }
  skip: EpochRecord['skip']
}

const fresh = (): OpenEpoch => ({ steps: [], records: 0, openedMs: Number.POSITIVE_INFINITY, specials: [], replayed: { late: 0, rejected: 0 }, skip: [] })

/** The record of a task that has not begun: what epoch 0 follows from. */
export function blankRecord(
  { group, tradesTopic, partitions, inputs }: JobIdentity & { inputs: readonly string[] }, task: number, instance: string, bundle: string, positions: number[], latestStart: boolean, idle: number,
): EpochRecord {
  return {
    job: { group, tradesTopic, partitions }, inputs, left: [], task, epoch: 0, instance, bundle, steps: [], consumed: positions.map((to) => ({ to, count: 0, hash: 0n })), clockCloseMs: 0, idle,
    watermarkBeforeNs: 0n, watermarkAfterNs: 0n, counts: new Array<number>(CHANNEL_COUNT * OUTCOMES.length).fill(0),
    bars: 0, signals: 0, late: 0, rejected: 0, digest: 0n, barsDigest: 0n, signalsDigest: 0n, statusSeq: 0, latestStart, skip: [],
  }
}

/** How the keys of all of a task's memories begin, by which workers know them. */
export const keyPrefix = (partition: number): string => `task ${partition}, `

export class TaskState {
  readonly partition: number
  readonly instance: string
  readonly bundle: Bundle
  readonly memory: TaskMemory
  readonly queues: RecordQueue[]
  /** Input topics by channel, as its epochs' records name them. */
  readonly inputs: readonly string[]
  /** The last closed epoch. */
  last: EpochRecord
  readonly #module: WebAssembly.Module
  readonly #runner: KernelRunner
  readonly #key: string
  #open = fresh()
  /** An epoch's text stays until the next one is closed: its commit is known by then. */
  readonly #room = new OutputRoom()
  #conflicts: number
  static #made = 0

  /** `inputs`: those of `last` where they are not given. `last` tells where the task stands: epoch number, positions, counts, clock, statusSeq, who is idle. */
  constructor(options: {
    partition: number; instance: string; bundle: Bundle; module: WebAssembly.Module; memory: TaskMemory; runner: KernelRunner; last: EpochRecord
    queues?: RecordQueue[]; inputs?: readonly string[]
  }) {
    this.partition = options.partition
    this.instance = options.instance
    this.bundle = options.bundle
    this.memory = options.memory
    this.last = options.last
    this.inputs = options.inputs ?? options.last.inputs
    this.#conflicts = options.memory.number('conflicts')
    this.#module = options.module
    this.#runner = options.runner
    this.#key = `${keyPrefix(options.partition)}memory ${++TaskState.#made}`
    this.queues = options.queues ?? Array.from({ length: CHANNEL_COUNT }, () => new RecordQueue())
    if (options.queues === undefined) options.last.consumed.forEach(({ to }, channel) => this.queues[channel].start(to))
  }

  get records(): number {
    return this.#open.records
  }

  get openedMs(): number {
    return this.#open.openedMs
  }

  #envelope<T extends Request>(request: T): Envelope<T> {
    return { key: this.#key, memory: this.memory.memory, module: this.#module, request }
  }

  /**
   * The next records of a channel: as many as fit a batch and the suspicion allows, none at or past `to`; null when none below it
   * waits, and only then, so a loop over this never spins. A record that traps the kernel is taken by itself, without the kernel.
   */
  async applyNext(channel: number, clockMs: number, suspicion: Suspicion, to = Number.MAX_SAFE_INTEGER, most = BATCH_ROWS): Promise<Applied | null> {
    const queue = this.queues[channel]
    if (queue.length > 0 && queue.firstOffset < to && suspicion.isSkipped(channel, queue.firstOffset)) return await this.#skip(channel, clockMs)
    // asked from the first record that waits, not from where the queue stands: offsets between may hold none
    const limit = Math.min(to, suspicion.boundary(channel, queue.firstOffset))
    const rows = queue.segmentRows(limit, Math.min(most, suspicion.rowsMax(channel, queue.firstOffset)))
    const nothingWaits = queue.length === 0 || queue.firstOffset >= to
    invariant(rows > 0 || nothingWaits, 7, `task ${this.partition}: the record at offset ${queue.firstOffset} of ${CHANNELS[channel]} waits and is not taken`)
    return rows === 0 ? null : await this.apply(channel, rows, clockMs)
  }

  /** Bytes that queues and outputs have room for. */
  get roomBytes(): number {
    return this.queues.reduce((sum, { roomBytes }) => sum + roomBytes, this.#room.bytes)
  }

  /** Gives back the room that catching up took, in the queues and for outputs. */
  giveBack(): void {
    for (const queue of this.queues) queue.giveBack()
    this.#room.giveBack()
  }

  /** Takes the next record out without handing it to the kernel: rejected, `kernel_trap`. */
  async #skip(channel: number, clockMs: number): Promise<Applied> {
    const queue = this.queues[channel]
    const special = queue.recordAt(0)
    const name = CHANNELS[channel]
    const opensEpoch = this.#open.steps.length === 0
    const times = await this.#runner.run(this.#envelope({ op: 'apply', topic: channel, rows: 0, clockNs: null, opensEpoch }))
    for (const cell of [`counts.${name}.rejected`, `inputCount.${name}`] as const) this.memory.setCell(cell, this.memory.cell(cell) + 1n)
    this.#open.specials.push({ ...special, late: false, reason: 'kernel_trap', channel: name })
    this.#open.skip.push({ topic: channel, offset: special.offset })
    queue.drop(1)
    this.#noteStep(channel, 1, clockMs)
    return { movers: 0, times }
  }

  /**
   * One step: the next `rows` records of a channel, judged by `clockMs` (whole ms). Resolves to how many of them move the watermark:
   * those that are neither filtered nor rejected. Throws StepFailed; the memory is torn then.
   */
  async apply(channel: number, rows: number, clockMs: number): Promise<Applied> {
    const queue = this.queues[channel]
    const before = this.#movers(channel)
    queue.peek(rows, (columns, from, to) => loadBatch(this.memory, columns, from, to))
    const opensEpoch = this.#open.steps.length === 0
    const times = await this.#run({ op: 'apply', topic: channel, rows, clockNs: BigInt(clockMs) * 1_000_000n, opensEpoch }, queue)
    for (const { row, outcome, reason } of specialsOf(this.memory, rows)) {
      const late = OUTCOMES[outcome] === 'late'
      this.#open.specials.push({ ...queue.recordAt(row), late, reason: REASONS[reason], channel: CHANNELS[channel] })
    }
    queue.drop(rows)
    this.#noteStep(channel, rows, clockMs)
    return { movers: this.#movers(channel) - before, times }
  }

  async #run(request: ApplyRequest, queue: RecordQueue): Promise<StepTimes> {
    try {
      return await this.#runner.run(this.#envelope(request))
    } catch (error) {
      const { topic: channel, rows } = request
      const to = queue.recordAt(rows - 1).offset + 1
      if (error instanceof StepFailed) error.step = { channel, from: queue.firstOffset, to, rows }
      throw error
    }
  }

  /**
   * Recorded steps again, from number `first` on: as many as have all their records waiting, each by its own clock, in one dispatch. A
   * live loop has made thousands of them in ten seconds, and a dispatch costs more than a step of a few records. Resolves to how many.
   * Throws StepFailed; the memory is torn then.
   */
  async replaySteps(recorded: readonly Step[], first: number): Promise<number> {
    const rows = this.queues.map(() => 0)
    const steps: ReplayStep[] = []
    for (const { topic, to, clockMs } of recorded.slice(first)) {
      const queue = this.queues[topic]
      const more = queue.end < to ? 0 : queue.rowsBelow(to, rows[topic])
      if (more === 0 || more > BATCH_ROWS) break
      steps.push({ topic, rows: more, clockNs: BigInt(clockMs) * 1_000_000n })
      rows[topic] += more
    }
    if (steps.length === 0) return 0
    const columns = this.queues.map((queue, topic) => (rows[topic] === 0 ? null : queue.takeOut(rows[topic])))
    const opensEpoch = this.#open.steps.length === 0
    const { late, rejected } = await this.#runner.replay(this.#envelope({ op: 'replay', steps, columns, opensEpoch }))
    this.#open.replayed.late += late
    this.#open.replayed.rejected += rejected
    this.#open.steps.push(...recorded.slice(first, first + steps.length))
    this.#open.records += rows.reduce((sum, count) => sum + count, 0)
    this.#open.openedMs = Math.min(this.#open.openedMs, recorded[first].clockMs)
    return steps.length
  }

  #noteStep(channel: number, rows: number, clockMs: number): void {
    this.#open.records += rows
    this.#open.openedMs = Math.min(this.#open.openedMs, clockMs)
    this.#open.steps.push({ topic: channel, to: this.queues[channel].next, clockMs })
  }

  #movers(channel: number): number {
    const name = CHANNELS[channel]
    return ['applied', 'duplicate', 'late'].reduce((sum, outcome) => sum + this.memory.number(`counts.${name}.${outcome}` as 'counts.trades.late'), 0)
  }

  /** Ends the epoch at `clockMs` with these idle bits. Throws StepFailed; the memory is torn then. */
  async close(clockMs: number, idle: number): Promise<ClosedEpoch> {
    const opensEpoch = this.#open.steps.length === 0
    const { kernelMs } = await this.#runner.run(this.#envelope({ op: 'close', clockMs, bits: idle, opensEpoch }))
    const outputs = copyOutputs(this.memory, this.#room)
    const { specials, records } = this.#open
    const record = this.#record(clockMs, idle, outputs)
    this.#assertCounts(record, records)
    const outcomes = record.counts.map((count, i) => count - this.last.counts[i])
    const conflicts = this.memory.number('conflicts')
    const closed = { record, outputs, specials, outcomes, conflicts: conflicts - this.#conflicts, minuteChecks: minuteChecksOf(this.memory), closeMs: kernelMs }
    this.#conflicts = conflicts
    this.last = record
    this.#open = fresh()
    return closed
  }

  #record(clockMs: number, idle: number, outputs: Outputs): EpochRecord {
    const { memory } = this
    const { steps, specials, replayed, skip } = this.#open
    return {
      ...this.last,
      ...inputsAfter(this.last, this.inputs),
      epoch: this.last.epoch + 1,
      instance: this.instance,
      bundle: this.bundle.hash,
      steps,
      consumed: CHANNELS.map((name, channel) => ({
        to: this.queues[channel].next, count: memory.number(`inputCount.${name}`), hash: memory.cell(`inputHash.${name}`),
      })),
      clockCloseMs: clockMs,
      idle,
      watermarkBeforeNs: memory.cell('watermarkBeforeNs'),
      watermarkAfterNs: memory.cell('watermarkNs'),
      counts: CHANNELS.flatMap((channel) => OUTCOMES.map((outcome) => memory.number(`counts.${channel}.${outcome}`))),
      bars: outputs.bars,
      signals: outputs.signals,
      late: specials.filter(({ late }) => late).length + replayed.late,
      rejected: specials.filter(({ late }) => !late).length + replayed.rejected,
      digest: outputs.digest,
      barsDigest: outputs.barsDigest,
      signalsDigest: outputs.signalsDigest,
      skip,
    }
  }

  /** Invariant 4: consumed = applied + duplicate + late + filtered + rejected, in this epoch and for each channel. */
  #assertCounts(record: EpochRecord, records: number): void {
    let consumed = 0
    record.consumed.forEach(({ count }, channel) => {
      const from = channel * OUTCOMES.length
      const sum = (counts: number[]): number => counts.slice(from, from + OUTCOMES.length).reduce((a, b) => a + b, 0)
      invariant(sum(record.counts) - sum(this.last.counts) === count, 4, `task ${record.task} epoch ${record.epoch}: outcomes of ${CHANNELS[channel]} don't add up to ${count}`)
      consumed += count
    })
    invariant(consumed === records, 4, `task ${record.task} epoch ${record.epoch}: ${consumed} records counted, ${records} handed in`)
    invariant(record.watermarkAfterNs >= record.watermarkBeforeNs, 1, `task ${record.task} epoch ${record.epoch}: the watermark went back`)
  }

  /** Copies the state as it is at the barrier just passed; `released` tells when the memory may change again. */
  snapshot(): ReturnType<KernelRunner['snapshot']> {
    const { key, memory, module } = this.#envelope({ op: 'copy' })
    return this.#runner.snapshot({ key, memory, module })
  }
}
