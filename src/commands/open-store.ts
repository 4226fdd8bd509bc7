/** Opens the place that TA_SNAPSHOT_URI names. */
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { Settings } from '../settings/settings.ts'
import { snapshotPlace } from '../settings/snapshot-place.ts'
import { FileStore } from '../store/file-store.ts'

/** Null when snapshots are off. */
export async function openStore(settings: Settings): Promise<SnapshotStore | null> {
  if (settings.snapshotUri === '') return null
  const place = snapshotPlace(settings.snapshotUri)
  if (place.kind === 'file') return new FileStore(place.folder)
  throw new UserError(EXIT_SETTINGS, 'TA_SNAPSHOT_URI names an S3 bucket, and this version stores snapshots in folders alone: give a file:/// URI.')
}
