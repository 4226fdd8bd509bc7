/**
 * Starts a job anew at another place: for each task a new epoch 0 that says where it begins. State and `seq` begin anew, too.
 * Whoever runs the tasks is fenced and goes on from there.
 *
 * In:  the log, the store, a place. Out: the positions, a list a task. Imports: epoch, recovery, ports.
 */
import type { Bundle } from '../bundle/bundle.ts'
import { blankRecord } from '../epoch/task-state.ts'
import { epochZeroOutputs } from '../recovery/recover.ts'
import type { Log } from '../ports/log.ts'
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

/** Writes the new beginnings, then deletes what was before them. */
export async function resetJob(job: ResetJob, place: ResetPlace, positions: number[][]): Promise<void> {
  for (const [partition, offsets] of positions.entries()) {
    const producer = job.log.producer(job.transactionalIdPrefix + partition)
    try {
      await producer.init()
      const { high } = await job.log.bounds(job.epochsTopic, partition, 'read_committed')
      const identity = { group: job.group, tradesTopic: job.inputs[0], partitions: job.partitions }
      const record = blankRecord(identity, partition, job.instance, job.bundle.hash, offsets, place !== 'earliest', 0)
      await producer.transact(epochZeroOutputs(job.epochsTopic, job.bundle, record))
      await job.log.deleteRecordsBefore(job.epochsTopic, partition, high)
    } finally {
      await producer.close()
    }
    if (job.store !== null) await job.store.delete(await job.store.list(`${job.group}/task-${partition}/`))
  }
}
