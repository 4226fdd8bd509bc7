/** Packs single records into columns: what the replay over files uses. */
import { createHash } from 'node:crypto'
import { FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL } from '../ports/log.ts'
import type { RecordColumns } from '../ports/log.ts'
import { RECORD_BYTES_MAX } from '../contract/outcomes.ts'

/** What is kept of a value that is longer than a record may be; the SHA-256 of the whole follows it. */
export const CUT_BYTES = 65_536

/** Empties columns for the next batch. */
export function clearColumns(columns: RecordColumns): void {
  columns.count = 0
}

/** Appends one record; returns false, and changes nothing, when it does not fit any more. */
export function appendRecord(
  columns: RecordColumns,
  record: { topic: number; partition: number; offset: number; timestampMs: number; key: Uint8Array | null; value: Uint8Array | null },
): boolean {
  const at = columns.count
  const { key, value } = record
  const cut = value !== null && value.length > RECORD_BYTES_MAX
  const kept = value === null ? new Uint8Array(0) : cut ? Buffer.concat([value.subarray(0, CUT_BYTES), createHash('sha256').update(value).digest()]) : value
  const keyStart = at === 0 ? 0 : columns.keyEnds[at - 1]
  const valueStart = at === 0 ? 0 : columns.valueEnds[at - 1]
  const keyBytes = key?.length ?? 0
  if (at === columns.offsets.length || keyStart + keyBytes > columns.keys.length || valueStart + kept.length > columns.values.length) return false
  columns.topics[at] = record.topic
  columns.partitions[at] = record.partition
  columns.offsets[at] = record.offset
  columns.timestampsMs[at] = record.timestampMs
  columns.flags[at] = (key === null ? FLAG_KEY_NULL : 0) | (value === null ? FLAG_VALUE_NULL : 0) | (cut ? FLAG_VALUE_CUT : 0)
  if (key !== null) columns.keys.set(key, keyStart)
  columns.values.set(kept, valueStart)
  columns.keyEnds[at] = keyStart + keyBytes
  columns.valueEnds[at] = valueStart + kept.length
  columns.sizes[at] = value?.length ?? 0
  columns.count = at + 1
  return true
}
