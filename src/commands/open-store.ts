/** Opens the place that TA_SNAPSHOT_URI names. */
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import type { Settings } from '../settings/settings.ts'
import { snapshotPlace } from '../settings/snapshot-place.ts'
import { FileStore } from '../store/file-store.ts'

/** Null when snapshots are off. Nothing is connected to, or made, before the first use. */
export async function openStore(settings: Settings): Promise<SnapshotStore | null> {
  if (settings.snapshotUri === '') return null
  const place = snapshotPlace(settings.snapshotUri)
  if (place.kind === 'file') return new FileStore(place.folder)
  // the S3 library takes 0.2 to 0.5 s to load: only those who use it wait for it
  const { S3Store } = await import('../store/s3-store.ts')
  return new S3Store({
    bucket: place.bucket, prefix: place.prefix, endpoint: settings.s3Endpoint, region: settings.s3Region,
    pathStyle: settings.s3PathStyle, accessKey: settings.s3AccessKey, secretKey: settings.s3SecretKey,
  })
}
