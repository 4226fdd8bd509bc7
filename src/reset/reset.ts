/**
 * Starts a job anew at another place: for each task a new epoch 0 that says where it begins. State and `seq` begin anew, too.
 * Whoever runs the tasks is fenced and goes on from there.
 *
 * In:  the log, the store, a place. Out: the positions, a list a task. Imports: epoch, recovery, ports.
 */
import type { Bundle } from '../bundle/bundle.ts'
import { blankRecord } from '../epoch/task-state.ts'
import { epochZeroOutputs } from '../recovery/recover.ts'
import { LogError } from '../ports/log.ts'
import type { Log } from '../ports/log.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'

export interface ResetJob {
  log: Log
  store: SnapshotStore | null
  group: string
  transactionalIdPrefix: string
  instance: string
  epochsTopic: string
  /** Input topics by channel; '' is off. */
  inputs: readonly string[]
  partitions: number
  bundle: Bundle
}

export type ResetPlace = 'earliest' | 'latest' | { timeMs: number }

/** Where each task would begin: offsets by channel, −1 where it is off. */
export async function resetPositions(job: Pick<ResetJob, 'log' | 'inputs' | 'partitions'>, place: ResetPlace): Promise<number[][]> {
  const tasks: number[][] = []
  for (let partition = 0; partition < job.partitions; partition++) {
    const positions: number[] = []
    for (const topic of job.inputs) positions.push(topic === '' ? -1 : await offsetOf(job.log, topic, partition, place))
    tasks.push(positions)
  }
  return tasks
}

async function offsetOf(log: Log, topic: string, partition: number, place: ResetPlace): Promise<number> {
  if (typeof place === 'object') return await log.offsetAtTime(topic, partition, place.timeMs)
  const { low, high } = await log.bounds(topic, partition, 'read_committed')
  return place === 'earliest' ? low : high
}

/**
 * Writes the new beginnings, then deletes what was before them. The store is asked for before the first write. An error of the log or the
 * store says which tasks begin anew and which don't; the same reset may then be done again, of those that are done, too.
 */
export async function resetJob(job: ResetJob, place: ResetPlace, positions: number[][]): Promise<void> {
  try {
    for (const partition of positions.keys()) await job.store?.list(snapshotPrefix(job, partition))
  } catch (error) {
    throw retold(error, (detail) => `nothing was reset: ${detail}`)
  }
  for (const [partition, offsets] of positions.entries()) {
    let isBegun = false
    try {
      await resetTask(job, place, partition, offsets, () => (isBegun = true))
    } catch (error) {
      throw retold(error, (detail) => `the reset broke off: ${detail}. ${progress(partition, positions.length, isBegun)}`)
    }
  }
}

const snapshotPrefix = ({ group }: ResetJob, partition: number): string => `${group}/task-${partition}/`

/** `begun` is called before the first write. */
async function resetTask(job: ResetJob, place: ResetPlace, partition: number, offsets: number[], begun: () => void): Promise<void> {
  const producer = job.log.producer(job.transactionalIdPrefix + partition)
  try {
    await producer.init()
    const { high } = await job.log.bounds(job.epochsTopic, partition, 'read_committed')
    const identity = { group: job.group, tradesTopic: job.inputs[0], partitions: job.partitions, inputs: job.inputs }
    const record = blankRecord(identity, partition, job.instance, job.bundle.hash, offsets, place !== 'earliest', 0)
    begun()
    await producer.transact(epochZeroOutputs(job.epochsTopic, job.bundle, record))
    await job.log.deleteRecordsBefore(job.epochsTopic, partition, high)
  } finally {
    await producer.close()
  }
  if (job.store !== null) await job.store.delete(await job.store.list(snapshotPrefix(job, partition)))
}

/** What a reset that broke off at `partition` has come to, and what to do. */
function progress(partition: number, partitions: number, isBegun: boolean): string {
  const tasks = (from: number, to: number): string => (to - from === 1 ? `task ${from}` : `tasks ${from} to ${to - 1}`)
  const untouched = isBegun ? partition + 1 : partition
  const parts = [
    ...(partition > 0 ? [`reset: ${tasks(0, partition)}`] : []),
    ...(isBegun ? [`reset in part or not at all: task ${partition}`] : []),
    ...(untouched < partitions ? [`not reset: ${tasks(untouched, partitions)}`] : []),
  ]
  return `${parts.join('; ')}. Run the same command again: it may be run over tasks that are reset already`
}

/** The same error of the outside in other words; whatever else it is stays as it is. */
function retold(error: unknown, words: (detail: string) => string): unknown {
  if (error instanceof StoreError) return new StoreError(error.kind, words(error.message), { cause: error, isRefusal: error.isRefusal })
  if (error instanceof LogError) return new LogError(error.kind, words(error.message), { topic: error.topic, partition: error.partition }, { cause: error })
  return error
}
