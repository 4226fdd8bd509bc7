/** Whole snapshots of the same tasks that an earlier life of the job has left in the store: no epoch log bears them out. */
import { encodeEpochRecord } from '../../src/epoch/epoch-record.ts'
import { blankRecord } from '../../src/epoch/task-state.ts'
import { manifestBytes } from '../../src/recovery/manifest.ts'
import type { Manifest } from '../../src/recovery/manifest.ts'
import type { Random } from '../../src/simulation/random.ts'
import type { StoredObjects } from '../../src/simulation/simulated-store.ts'
import { LAYOUT_VERSION } from '../../src/state/layout.ts'

/** Epochs lie below, among and above those that a schedule comes to. */
const EPOCH_MOST = 60

export function leaveSnapshots(random: Random, { objects }: StoredObjects, partitions: number, bundle: string): void {
  for (let task = 0; task < partitions; task++) {
    for (let left = random.integer(1, 7); left > 0; left--) {
      const epoch = random.integer(1, EPOCH_MOST)
      const positions = [random.integer(0, 20), random.integer(0, 20), -1]
      const record = encodeEpochRecord({ ...blankRecord({ group: 'job', tradesTopic: 'trades', partitions, inputs: ['trades', 'quotes', 'bars1m'] }, task, 'before', bundle, positions, false, 0), epoch })
      const manifest: Omit<Manifest, 'sha256'> = {
        version: 1, group: 'job', tradesTopic: 'trades', partitions, task, epoch, record: record.toString('base64'),
        layoutVersion: LAYOUT_VERSION, cells: {}, tables: [], storedAtMs: 0,
      }
      objects.set(`job/task-${task}/${String(epoch).padStart(12, '0')}/manifest.json`, manifestBytes(manifest))
    }
  }
}
