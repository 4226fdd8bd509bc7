/** What a key may be, so that the same ones work in a folder and in S3. In and out: texts. Imports: contract. */
import { invariant } from '../contract/errors.ts'

/** Files that are being written are called so: never a part of a key. */
export const TEMPORARY = '.tmp-'
/** S3's limit for a whole key, and file systems' for a name. */
const KEY_BYTES_MAX = 1_024
const SEGMENT_BYTES_MAX = 255

// XML, in which S3 lists keys, can't carry control characters
const UNFIT = /[\0-\x1f\x7f\ufffe\uffff]/

/** Whether `key` is relative, `/`-separated and free of what a file system or S3 reads as its own. */
export function isKey(key: string): boolean {
  return Buffer.byteLength(key) <= KEY_BYTES_MAX && key.isWellFormed() && !UNFIT.test(key) && key.split('/').every(isSegment)
}

function isSegment(segment: string): boolean {
  return !['', '.', '..'].includes(segment) && !segment.startsWith(TEMPORARY) && Buffer.byteLength(segment) <= SEGMENT_BYTES_MAX
}

/** Throws BugError unless `key` is one. */
export function assertKey(key: string): void {
  invariant(isKey(key), 0, `unfit for a key of a snapshot store: ${JSON.stringify(key)}`)
}

/** Throws BugError unless `prefix` begins a key: '' and one that ends with a slash do, too. */
export function assertPrefix(prefix: string): void {
  invariant(isKey(`${prefix}x`), 0, `unfit for a prefix of keys of a snapshot store: ${JSON.stringify(prefix)}`)
}

/** Sorts keys by their bytes in UTF-8 (JavaScript's own order differs past U+FFFF); in place. */
export function sortKeys(keys: string[]): string[] {
  return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
}
