/**
 * From nothing to live: newest good snapshot + the recorded epochs after it, run again with their outputs held back, each
 * compared with its record. The epoch log, not the group's offsets, says where a task stands (invariants 3, 6, 8).
 *
 * In:  the task's epoch log, the store, queues that fill. Out: a TaskState at the last recorded barrier.
 */
import type { Bundle } from '../bundle/bundle.ts'
import { readBundle } from '../bundle/bundle.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_BUG, EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { KernelRunner } from '../dispatch/runner.ts'
import { BUNDLE_KEY, EPOCH_KEY } from '../epoch/outputs.ts'
import { encodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { TaskState, blankRecord } from '../epoch/task-state.ts'
import { Suspicion } from '../epoch/suspicion.ts'
import type { Waker } from '../epoch/waker.ts'
import type { RecordQueue } from '../ingest/record-queue.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, OutputColumns } from '../ports/log.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { strangePart } from '../state/layout-parts.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { differenceOf, withColumns } from './divergence.ts'
import type { LookUp } from './divergence.ts'
import type { EpochLog } from './epoch-log.ts'
import { ANSWER_MS, LOAD_MS, answered } from './store-patience.ts'
import type { Patience } from './store-patience.ts'
import { fill, positionsNow, readable, sameInputs, stretchesOf } from './recorded-inputs.ts'
import type { Positions, Stretch } from './recorded-inputs.ts'
import { listSnapshots, loadBundle, loadSnapshot, manifestRecord, readManifest } from './snapshots.ts'
import type { Manifest } from './snapshots.ts'

export interface RecoveryJob {
  log: Log
  clock: Clock
  store: SnapshotStore | null
  runner: KernelRunner
  group: string
  tradesTopic: string
  partitions: number
  /** Input topics by channel; '' is off. */
  inputs: readonly string[]
  epochsTopic: string
  /** Output topics, where what a recorded epoch published is looked up. */
  outputs: LookUp['outputs']
  instance: string
  onDivergence: 'stop' | 'continue'
  /** What this program would run: bundle of its kernel and settings. */
  bundle: Bundle
  moduleOf(bundle: Bundle): WebAssembly.Module
  info(fields: object, text: string): void
  warn(text: string): void
}

/** Queues of a task and how they are filled from given positions on. */
export interface Feed {
  queues: RecordQueue[]
  waker: Waker
  /** Starts reading each channel at its position; −1 where it is off, or to begin where the settings say; NOT_READ for one that is not read. */
  start(positions: Positions): Promise<void>
  /** A queue has room again: a partition that was paused for it may go on. */
  drained(channel: number): void
}

export interface Recovered {
  state: TaskState
  epochsReplayed: number
  /** Whether the present bundle is on the epoch topic already. */
  bundleWritten: boolean
  /** When the snapshot that it went on from was stored, ms since the epoch; null: from the beginning. */
  storedAtMs: number | null
}

/** The newest snapshot, loaded before the fence held: a guess. */
export interface HeadStart {
  manifest: Manifest
  memory: TaskMemory
}

/** What a head start came to: a snapshot, or why the store did not give one. */
export interface Ahead {
  start: HeadStart | null
  problem: StoreError | null
}

/** Epochs of one replay whose columns are looked up: those after a first divergence mostly follow from it, and each takes a read of the topics. */
const LOOKED_MOST = 3

interface Basis {
  memory: TaskMemory
  record: EpochRecord
  what: string
  storedAtMs: number | null
}

/** What the search for something to start from has come to. */
interface Search {
  /** Epochs of the snapshots that were looked at, newest first, with why one was passed over; '' where it was not. */
  tried: Map<number, string>
  /** In words, the newest snapshot's first. */
  divergences: string[]
  /** Why the store was passed over, its snapshots not being needed: nothing that goes wrong afterwards is final while it lasts. */
  passedOver: StoreError | null
}

/** Brings a task that has epoch records back to the last of them. `ahead`: the newest snapshot as it was before the fence. */
export async function recoverTask(
  job: RecoveryJob, partition: number, epochLog: EpochLog, feed: Feed, ahead: Ahead, stop: AbortSignal,
): Promise<Recovered> {
  const last = epochLog.records.at(-1) as EpochRecord
  const search: Search = { tried: new Map(), divergences: [], passedOver: null }
  const { divergences } = search
  try {
    for await (const basis of bases(job, partition, epochLog, search, ahead, stop)) {
      const recovered = await recoverFrom(basis, job, partition, epochLog, feed, stop)
      if (typeof recovered !== 'string') return recovered
      divergences.push(recovered)
      job.warn(`${recovered} (from ${basis.what}); trying the snapshot before`)
    }
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    if (search.passedOver !== null) throw new StoreError('outside', `${search.passedOver.message}, and without it: ${error.message}`, { cause: error })
    if (divergences.length === 0) throw error
    // what an older snapshot needs is gone, and what one before that needs, too: the divergence is what has to be told
    job.warn(`No older snapshot of task ${partition} can be tried: ${error.message}`)
  }
  if (search.passedOver !== null) throw search.passedOver
  if (divergences.length > 0) {
    throw new UserError(EXIT_BUG, `${divergences[0]}. Nothing was published after it. TA_ON_DIVERGENCE=continue goes on all the same; ta reset starts anew.`)
  }
  await assertNothingNew(job, partition, search.tried, stop)
  const [newest] = search.tried
  const why = newest === undefined ? '' : ` (that of epoch ${newest[0]}: ${newest[1]})`
  throw new UserError(EXIT_SETTINGS, `Task ${partition} has recorded epochs up to ${last.epoch}, but no snapshot to start from in ` +
    `${job.store?.place ?? 'TA_SNAPSHOT_URI (not set)'}${why}, and the epochs from its beginning on are gone: bring the snapshots back, or start anew with ta reset.`)
}

/** Runs the epochs after `basis` again. Resolves to what differs, in words, if something does. */
async function recoverFrom(
  basis: Basis, job: RecoveryJob, partition: number, epochLog: EpochLog, feed: Feed, stop: AbortSignal,
): Promise<Recovered | string> {
  const after = epochLog.records.filter(({ epoch }) => epoch > basis.record.epoch)
  const tell = (): void => job.info({ task: partition, from: basis.what, epochs: after.length, to: epochLog.records.at(-1)?.epoch }, 'restoring a task')
  let state: TaskState | null = null
  const stretches = stretchesOf(basis.record, after)
  for (const stretch of stretches) {
    await assertRetained(job, partition, stretch)
    const isNow = sameInputs(stretch.inputs, job.inputs)
    if (!isNow && stretch.records.length === 0) continue
    await feed.start(readable(stretch, job.inputs))
    if (state === null) tell()
    if (!isNow) await fill(job.log, partition, stretch, job.inputs, feed.queues)
    // by the present bundle, until an epoch names another: the one that made a snapshot is not asked for where nothing is run again
    state = stateOn(job, partition, basis.memory, state?.bundle ?? job.bundle, state?.last ?? basis.record, feed.queues, stretch.inputs)
    const divergence = await replay(job, epochLog, stretch.records, feed, stop, () => state as TaskState, (next) => (state = next))
    if (divergence !== null) return divergence
  }
  if (!sameInputs(stretches.at(-1)!.inputs, job.inputs)) await changeInputs(job, partition, state?.last ?? basis.record, feed)
  if (state === null) tell()
  state ??= stateOn(job, partition, basis.memory, job.bundle, basis.record, feed.queues, job.inputs)
  return { ...settled(job, epochLog, partition, state, after.length, feed), storedAtMs: basis.storedAtMs }
}

/** The present inputs take over; the next epoch's record says where they begin. */
async function changeInputs(job: RecoveryJob, partition: number, last: EpochRecord, feed: Feed): Promise<void> {
  const positions = positionsNow(last, job.inputs)
  for (const [channel, topic] of job.inputs.entries()) {
    if (topic === '' || topic === last.inputs[channel] || positions[channel] < 0) continue
    const { low } = await job.log.bounds(topic, partition, 'read_committed')
    if (low <= positions[channel]) continue
    job.warn(`task ${partition} goes on with ${topic} from offset ${low}: it had been consumed up to ${positions[channel]}, and the records between were deleted by retention`)
    positions[channel] = low
  }
  await feed.start(positions)
}

/** The present bundle takes over at this barrier. */
function settled(job: RecoveryJob, epochLog: EpochLog, partition: number, state: TaskState, epochsReplayed: number, feed: Feed): Omit<Recovered, 'storedAtMs'> {
  const { last } = state
  if (last.bundle !== job.bundle.hash) {
    const [before, now] = [last.bundle, job.bundle.hash].map((hash) => hash.slice(0, 12))
    job.info({ task: partition, epoch: last.epoch, before, now }, 'another bundle takes over: the kernel or a result setting has changed')
  }
  state.memory.setImage(job.bundle.image)
  return {
    state: stateOn(job, partition, state.memory, job.bundle, last, feed.queues, job.inputs),
    epochsReplayed,
    bundleWritten: epochLog.bundles.has(job.bundle.hash),
  }
}

function stateOn(
  job: RecoveryJob, partition: number, memory: TaskMemory, bundle: Bundle, last: EpochRecord, queues: RecordQueue[], inputs: readonly string[],
): TaskState {
  return new TaskState({ partition, instance: job.instance, bundle, module: job.moduleOf(bundle), memory, runner: job.runner, last, queues, inputs })
}

/** What a replay can start from: good snapshots, newest first, then the very beginning while its record is still there. */
async function* bases(
  job: RecoveryJob, partition: number, epochLog: EpochLog, search: Search, ahead: Ahead, stop: AbortSignal,
): AsyncGenerator<Basis> {
  const first = epochLog.records[0]
  const isNeeded = first.epoch !== 0
  try {
    if (job.store !== null) yield* snapshots(job, job.store, partition, epochLog, search.tried, ahead, { isNeeded, stop })
  } catch (error) {
    if (isNeeded || !(error instanceof StoreError)) throw error
    job.warn(`${error.message}; task ${partition} starts from its beginning, as every epoch since then is on ${job.epochsTopic}`)
    search.passedOver = error
  }
  if (isNeeded) return
  const memory = TaskMemory.create(job.bundle.image)
  memory.setCell('latestStart', first.latestStart ? 1n : 0n)
  yield { memory, record: first, what: 'the beginning', storedAtMs: null }
}

/** Good snapshots, newest first. Throws StoreError when the store fails, or is too slow and not needed. */
async function* snapshots(
  job: RecoveryJob, store: SnapshotStore, partition: number, epochLog: EpochLog, tried: Map<number, string>, ahead: Ahead, patience: Patience,
): AsyncGenerator<Basis> {
  // it has kept the head start waiting already
  if (ahead.problem !== null && !patience.isNeeded) throw ahead.problem
  const epochs = await answered(job, store, ANSWER_MS, patience, listSnapshots(store, job.group, partition))
  for (const epoch of epochs) {
    const basis = await basisOf(job, store, partition, epoch, epochLog, ahead.start?.manifest.epoch === epoch ? ahead.start : null, patience)
    tried.set(epoch, typeof basis === 'string' ? basis : '')
    if (typeof basis !== 'string') yield basis
    else job.warn(`snapshot of epoch ${epoch} of task ${partition} is passed over: ${basis}`)
  }
}

/** A last owner may store one more snapshot, and delete older ones, while this one restores: then it has to look again. */
async function assertNothingNew(job: RecoveryJob, partition: number, tried: Map<number, string>, stop: AbortSignal): Promise<void> {
  if (job.store === null) return
  const found = await answered(job, job.store, ANSWER_MS, { isNeeded: true, stop }, listSnapshots(job.store, job.group, partition))
  if (found.every((epoch) => tried.has(epoch))) return
  throw new StoreError('outside', `${job.store.place} has got another snapshot of task ${partition} meanwhile`)
}

/** A snapshot, if its epoch's record is on the topic and everything about it holds; else why it is passed over, in words. */
async function basisOf(
  job: RecoveryJob, store: SnapshotStore, partition: number, epoch: number, epochLog: EpochLog, ahead: HeadStart | null,
  patience: Patience,
): Promise<Basis | string> {
  try {
    const manifest = ahead?.manifest ?? (await answered(job, store, ANSWER_MS, patience, readManifest(store, job.group, partition, epoch)))
    assertOurs(job, manifest, store.place)
    const record = manifestRecord(manifest)
    if (epochLog.raw.get(epoch)?.equals(Buffer.from(manifest.record, 'base64')) !== true) return `its epoch is not on ${job.epochsTopic} as it says`
    const memory = ahead?.memory ?? (await answered(job, store, LOAD_MS, patience, loadSnapshot(store, manifest, job.bundle.image)))
    return { memory, record, what: `snapshot of epoch ${epoch}`, storedAtMs: manifest.storedAtMs }
  } catch (error) {
    if (patience.stop.aborted || error instanceof UserError || (error instanceof StoreError && error.kind === 'outside')) throw error
    return error instanceof Error ? error.message : String(error)
  }
}

function assertOurs(job: RecoveryJob, manifest: { group: string; tradesTopic: string; partitions: number }, place: string): void {
  for (const key of ['group', 'tradesTopic', 'partitions'] as const) {
    if (manifest[key] === job[key]) continue
    const advice = key === 'partitions' ? 'symbols belong to other tasks now, so start anew with ta reset.'
      : 'give this job a TA_SNAPSHOT_URI of its own, or start anew with ta reset.'
    throw new UserError(EXIT_SETTINGS, `The snapshots in ${place} are of another job (${key} ${manifest[key]}, here ${job[key]}): ${advice}`)
  }
}

/** The bundle of this hash: ours, from the epoch topic, or from beside the snapshots. */
async function bundleOf(job: RecoveryJob, epochLog: EpochLog, hash: string, stop: AbortSignal): Promise<Bundle> {
  if (hash === job.bundle.hash) return job.bundle
  const bytes = epochLog.bundles.get(hash)
  if (bytes !== undefined) return readBundle(bytes)
  let fault = ''
  try {
    const { store, group } = job
    if (store !== null) return readBundle(await answered(job, store, ANSWER_MS, { isNeeded: true, stop }, loadBundle(store, group, hash)))
  } catch (error) {
    if (error instanceof RangeError) fault = ` (${error.message})`
    else if (!(error instanceof StoreError) || error.kind !== 'missing') throw error
  }
  throw new UserError(EXIT_SETTINGS, `The bundle ${hash} that recorded epochs were computed with is neither on ${job.epochsTopic} nor in ` +
    `${job.store?.place ?? 'TA_SNAPSHOT_URI (not set)'}${fault}: bring it back, or start anew with ta reset.`)
}

/** A kernel knows by addresses what lies where: on a memory that is laid out otherwise it would not know what it does. */
function assertRuns({ store }: RecoveryJob, { hash, layout }: Bundle, { task, epoch }: EpochRecord): void {
  const strange = strangePart(layout)
  if (strange === null) return
  const where = store === null ? 'with TA_SNAPSHOT_URI set' : `so that a snapshot of its last epoch lies in ${store.place}`
  throw new UserError(EXIT_SETTINGS, `The recorded epochs of task ${task} from ${epoch} on have to be run again by their own kernel (bundle ${hash.slice(0, 12)}), ` +
    `whose memory is laid out otherwise than this program's (${strange}): start the program that wrote them, stop it with SIGTERM, ${where}, ` +
    'and then start this one; or start anew with ta reset.')
}

/** Every record that the stretch needs, and what comes after it, is still there; else one sentence with the offsets. */
async function assertRetained(job: RecoveryJob, partition: number, { inputs, from, records }: Stretch): Promise<void> {
  // of one that is no input any more, what was not consumed is not needed
  const isNeeded = (topic: string, channel: number): boolean => topic !== '' && from[channel] >= 0 &&
    (topic === job.inputs[channel] || (records.at(-1)?.consumed[channel].to ?? from[channel]) > from[channel])
  // side by side: each is a round trip to a broker that has only just been met
  const lows = await Promise.all(inputs.map(async (topic, channel) =>
    (isNeeded(topic, channel) ? (await job.log.bounds(topic, partition, 'read_committed')).low : -1)))
  for (const [channel, topic] of inputs.entries()) {
    const [position, low] = [from[channel], lows[channel]]
    if (low <= position) continue
    throw new UserError(EXIT_SETTINGS, `${topic} [${partition}] begins at offset ${low}, but task ${partition} has to go on from offset ${position} ` +
      `(${records.length} recorded epochs to run again): the records between were deleted by retention. Start anew with ta reset --from earliest.`)
  }
}

/** Runs recorded epochs again. Resolves to what differs, in words, or null. */
async function replay(
  job: RecoveryJob, epochLog: EpochLog, records: EpochRecord[], feed: Feed, stop: AbortSignal, get: () => TaskState, set: (state: TaskState) => void,
): Promise<string | null> {
  let looked = 0
  for (const record of records) {
    if (record.bundle !== get().bundle.hash) {
      const bundle = await bundleOf(job, epochLog, record.bundle, stop)
      assertRuns(job, bundle, record)
      const { memory, last, partition } = get()
      memory.setImage(bundle.image)
      set(stateOn(job, partition, memory, bundle, last, feed.queues, record.inputs))
    }
    const state = get()
    const skipped = Suspicion.of(record.skip)
    await replaySteps(state, feed, record, skipped, stop)
    const { record: again, outputs } = await state.close(record.clockCloseMs, record.idle)
    const difference = differenceOf(record, again)
    if (difference !== null) {
      const what = looked++ < LOOKED_MOST ? await withColumns(job, record, difference, outputs, stop) : difference.text
      const divergence = `Task ${record.task} epoch ${record.epoch} does not come out as recorded: ${what}`
      if (job.onDivergence === 'stop') return divergence
      // the epochs after it have been published, too: they have to be run, so that nobody publishes them again
      job.warn(`${divergence}; going on because TA_ON_DIVERGENCE=continue`)
    }
    state.last = difference === null ? record : { ...record, counts: again.counts }
  }
  return null
}

/** All steps of a recorded epoch: as many at once as have their records waiting, one by one where a record is skipped. */
async function replaySteps(state: TaskState, feed: Feed, { steps, skip }: EpochRecord, skipped: Suspicion, stop: AbortSignal): Promise<void> {
  for (let next = 0; next < steps.length;) {
    const ran = skip.length > 0 ? 0 : await state.replaySteps(steps, next)
    if (ran === 0) await replayStep(state, feed, steps[next], skipped, stop)
    else for (const [channel, queue] of state.queues.entries()) if (queue.isLow) feed.drained(channel)
    next += Math.max(ran, 1)
  }
}

/** One recorded step: every record below `to`, which may lack offsets (markers, aborted and deleted records). */
async function replayStep(state: TaskState, feed: Feed, step: EpochRecord['steps'][number], skipped: Suspicion, stop: AbortSignal): Promise<void> {
  const queue = state.queues[step.topic]
  for (;;) {
    if ((await state.applyNext(step.topic, step.clockMs, skipped, step.to)) !== null) {
      if (queue.isLow) feed.drained(step.topic)
      continue
    }
    if (queue.end >= step.to) return
    await feed.waker.wait(1_000)
    stop.throwIfAborted()
  }
}

/** Epoch 0 of a task that is owned for the first time: where it starts, so that a crash can't resolve `latest` anew. */
export async function firstRecord(job: RecoveryJob, partition: number, reset: 'earliest' | 'latest'): Promise<EpochRecord> {
  const [committed] = await job.log.committed(job.group, [{ topic: job.tradesTopic, partition }])
  if (committed >= 0) {
    throw new UserError(EXIT_SETTINGS, `${job.epochsTopic} [${partition}] holds no epoch, although the group ${job.group} has offsets on ` +
      `${job.tradesTopic}: TA_EPOCHS_TOPIC names a wrong or a recreated topic. Name the right one, or start anew with ta reset.`)
  }
  const positions: number[] = []
  for (const topic of job.inputs) {
    if (topic === '') {
      positions.push(-1)
      continue
    }
    const { low, high } = await job.log.bounds(topic, partition, 'read_committed')
    positions.push(reset === 'earliest' ? low : high)
  }
  return blankRecord(job, partition, job.instance, job.bundle.hash, positions, reset === 'latest', 0)
}

/** The outputs of epoch 0: the bundle and its record, nothing else. */
export function epochZeroOutputs(epochsTopic: string, bundle: Bundle, record: EpochRecord): OutputColumns[] {
  const keys = Buffer.from(BUNDLE_KEY + EPOCH_KEY)
  const bytes = encodeEpochRecord(record)
  return [{
    topic: epochsTopic, partition: record.task, count: 2, keys, keyEnds: Int32Array.of(BUNDLE_KEY.length, keys.length),
    values: Buffer.concat([bundle.bytes, bytes]), valueEnds: Int32Array.of(bundle.bytes.length, bundle.bytes.length + bytes.length),
  }]
}

/** A new task at epoch 0. */
export function newTask(job: RecoveryJob, record: EpochRecord, feed: Feed): TaskState {
  const memory = TaskMemory.create(job.bundle.image)
  memory.setCell('latestStart', record.latestStart ? 1n : 0n)
  return stateOn(job, record.task, memory, job.bundle, record, feed.queues, job.inputs)
}

