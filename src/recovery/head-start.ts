/**
 * What needs no fence is begun before it holds: while InitProducerId waits for the broker, the newest snapshot is loaded and the
 * inputs are read from where it stands. All of it is a guess that nothing rests on: recovery asks the epoch log for the truth
 * afterwards, behind the fence, and takes the guess only where it is the very snapshot that it would have loaded itself.
 */
import { StoreError } from '../ports/snapshot-store.ts'
import type { Ahead, Feed, RecoveryJob } from './recover.ts'
import { sameInputs } from './recorded-inputs.ts'
import { listSnapshots, loadSnapshot, manifestRecord, readManifest } from './snapshots.ts'
import { ANSWER_MS, LOAD_MS, answered } from './store-patience.ts'

const NOTHING: Ahead = { start: null, problem: null }

/** Nothing when there is nothing to begin with, or when anything is wrong: recovery comes across it again, and says so. */
export async function headStart(job: RecoveryJob, partition: number, feed: Feed, stop: AbortSignal): Promise<Ahead> {
  try {
    const { store, group } = job
    if (store === null) return NOTHING
    // whether it is needed can't be known yet: recovery is told of a store that is silent, and waits for it only if it must
    const within = <T>(limitMs: number, action: Promise<T>): Promise<T> => answered(job, store, limitMs, { isNeeded: false, stop }, action)
    const [epoch] = await within(ANSWER_MS, listSnapshots(store, group, partition))
    if (epoch === undefined) return NOTHING
    const manifest = await within(ANSWER_MS, readManifest(store, group, partition, epoch))
    if (manifest.tradesTopic !== job.tradesTopic || manifest.partitions !== job.partitions) return NOTHING // another job's
    const record = manifestRecord(manifest)
    const isSame = sameInputs(record.inputs, job.inputs)
    // both to their end, whatever becomes of one: reading that began later would be in the way of recovery's own
    const [loaded, reading] = await Promise.allSettled([
      within(LOAD_MS, loadSnapshot(store, manifest, job.bundle.image)), isSame ? readOn(job, partition, record.consumed.map(({ to }) => to), feed) : undefined,
    ])
    if (loaded.status === 'rejected') throw loaded.reason
    return reading.status === 'fulfilled' ? { start: { manifest, memory: loaded.value }, problem: null } : NOTHING
  } catch (error) {
    return { start: null, problem: error instanceof StoreError && error.kind === 'outside' ? error : null }
  }
}

/**
 * Reads the inputs on from a snapshot's positions, if every record from there on is still there. A position past the end is one of a
 * topic that was made anew, or of a job before a reset: reading there would end the process, and the epoch log may say better.
 */
async function readOn(job: RecoveryJob, partition: number, positions: number[], feed: Feed): Promise<void> {
  const there = await Promise.all(job.inputs.map(async (topic, channel) => {
    if (topic === '') return true
    const position = positions[channel]
    const { low, high } = await job.log.bounds(topic, partition, 'read_committed')
    return position >= 0 && low <= position && position <= high
  }))
  if (there.every((each) => each)) await feed.start(positions)
}
