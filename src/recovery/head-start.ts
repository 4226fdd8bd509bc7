/**
 * What needs no fence is begun before it holds: while InitProducerId waits for the broker, the newest snapshot is loaded and the
 * inputs are read from where it stands. All of it is a guess that nothing rests on: recovery asks the epoch log for the truth
 * afterwards, behind the fence, and takes the guess only where it is the very snapshot that it would have loaded itself.
 */
import { readBundle } from '../bundle/bundle.ts'
import type { Feed, HeadStart, RecoveryJob } from './recover.ts'
import { listSnapshots, loadBundle, loadSnapshot, manifestRecord, readManifest } from './snapshots.ts'

/** Null when there is nothing to begin with, or when anything is wrong: recovery comes across it again, and says so. */
export async function headStart(job: RecoveryJob, partition: number, feed: Feed): Promise<HeadStart | null> {
  try {
    const { store, group } = job
    if (store === null) return null
    const [epoch] = await listSnapshots(store, group, partition)
    if (epoch === undefined) return null
    const manifest = await readManifest(store, group, partition, epoch)
    if (manifest.tradesTopic !== job.tradesTopic || manifest.partitions !== job.partitions) return null // another job's
    const record = manifestRecord(manifest)
    const image = record.bundle === job.bundle.hash ? job.bundle.image : readBundle(await loadBundle(store, group, record.bundle)).image
    // both to their end, whatever becomes of one: reading that began later would be in the way of recovery's own
    const [loaded, reading] = await Promise.allSettled([
      loadSnapshot(store, manifest, image), readOn(job, partition, record.consumed.map(({ to }) => to), feed),
    ])
    return loaded.status === 'fulfilled' && reading.status === 'fulfilled' ? { manifest, memory: loaded.value } : null
  } catch {
    return null
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
