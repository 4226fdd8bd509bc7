/** Message objects of the binding → packed columns (Arrow's layout, see RecordColumns). */
import { createHash } from 'node:crypto'
import { FLAG_KEY_CUT, FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL, type RecordColumns } from '../ports/log.ts'
import type { NativeMessage } from './binding.ts'

/** A longer value is no input record (contract, 1): only its head is kept. */
export const VALUE_MAX_BYTES = 1_048_576
/** What is kept of a value that is cut. */
export const VALUE_HEAD_BYTES = 65_536
const DIGEST_BYTES = 32
/** A longer key is no symbol: its first KiB, the SHA-256 of the whole and its length are kept. */
export const KEY_MAX_BYTES = 65_536
export const KEY_HEAD_BYTES = 1_024

/**
 * Writes messages from index `from` on while they fit; sets `into.count`. Returns the index of the first that did not fit.
 * A value that is over 1 MiB, or larger than all of `into.values`, is cut to its first 64 KiB, followed by the SHA-256 of
 * the whole, and flagged.
 */
export function packRecords(messages: readonly NativeMessage[], from: number, topicIndex: ReadonlyMap<string, number>,
  into: RecordColumns): number {
  const limit = Math.min(messages.length, from + into.offsets.length)
  let keyAt = 0
  let valueAt = 0
  let row = 0
  for (let index = from; index < limit; index++, row++) {
    const { value, topic, partition, offset, timestamp } = messages[index]
    let { key } = messages[index]
    let flags = 0
    if (key !== null && key.length > Math.min(KEY_MAX_BYTES, into.keys.length)) {
      key = cutKey(key)
      flags |= FLAG_KEY_CUT
    }
    const keyBytes = key?.length ?? 0
    let valueBytes = 0
    if (value !== null) {
      valueBytes = value.length
      if (valueBytes > VALUE_MAX_BYTES || valueBytes > into.values.length) {
        valueBytes = Math.min(VALUE_HEAD_BYTES, into.values.length - DIGEST_BYTES) + DIGEST_BYTES
        flags |= FLAG_VALUE_CUT
      }
    }
    if (valueAt + valueBytes > into.values.length || keyAt + keyBytes > into.keys.length) break
    if (key === null) flags |= FLAG_KEY_NULL
    else into.keys.set(key, keyAt)
    if (value === null) flags |= FLAG_VALUE_NULL
    else if ((flags & FLAG_VALUE_CUT) === 0) into.values.set(value, valueAt)
    else into.values.set(cutValue(value, valueBytes), valueAt)
    keyAt += keyBytes
    valueAt += valueBytes
    into.topics[row] = topicIndex.get(topic)!
    into.partitions[row] = partition
    into.offsets[row] = offset
    into.timestampsMs[row] = timestamp
    into.flags[row] = flags
    into.keyEnds[row] = keyAt
    into.valueEnds[row] = valueAt
    into.sizes[row] = value === null ? 0 : value.length
  }
  into.count = row
  return from + row
}

function cutValue(value: Buffer, bytes: number): Buffer {
  return Buffer.concat([value.subarray(0, bytes - DIGEST_BYTES), createHash('sha256').update(value).digest()])
}

function cutKey(key: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(key.length)
  return Buffer.concat([key.subarray(0, KEY_HEAD_BYTES), createHash('sha256').update(key).digest(), length])
}
