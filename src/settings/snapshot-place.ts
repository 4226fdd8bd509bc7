import { fileURLToPath } from 'node:url'
import { WrongValue } from './kinds.ts'

/** Where snapshots lie, taken apart. `prefix` has no slash at either end and may be empty. */
export type SnapshotPlace = { kind: 'file'; folder: string } | { kind: 's3'; bucket: string; prefix: string }

const RIGHT = 'give file:///absolute/folder or s3://bucket/prefix'

/** Takes a TA_SNAPSHOT_URI apart; throws WrongValue. */
export function snapshotPlace(uri: string): SnapshotPlace {
  if (uri.startsWith('file:')) return { kind: 'file', folder: folderOf(uri) }
  const s3 = /^s3:\/\/([^/]*)(?:\/(.*))?$/.exec(uri)
  if (!s3) throw new WrongValue('is neither a file:// nor an s3:// URI', RIGHT)
  const [, bucket, path = ''] = s3
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new WrongValue(`names the bucket "${bucket}", which no bucket can be called`,
      'bucket names have 3 to 63 of a-z, 0-9, . and -')
  }
  const prefix = path.replace(/^\/+|\/+$/g, '')
  if (/\/\/|[?#\\]/.test(prefix)) throw new WrongValue(`has the prefix "${prefix}", which holds //, ?, # or \\`, RIGHT)
  return { kind: 's3', bucket, prefix }
}

function folderOf(uri: string): string {
  if (!uri.startsWith('file:///')) throw new WrongValue('is a file URI without an absolute path', `${RIGHT} (three slashes)`)
  try {
    const folder = fileURLToPath(uri)
    if (folder === '/') throw new Error('the root folder')
    return folder
  } catch (error) {
    throw new WrongValue(`is no usable file URI (${error instanceof Error ? error.message : error})`, RIGHT)
  }
}
