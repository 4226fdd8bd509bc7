/**
 * The DLQ as `ta dlq` sees it: rejected records as the engine wrote them, and the marks that a redrive leaves.
 *
 * In:  the DLQ's records, read_committed; a choice. Out: a listing; or records back in their input partitions, byte for byte.
 * Imports: ports, contract. An object a record is fine here: no record of the engine's own way passes through.
 *
 * A **mark** is a record without key and value whose header `ta-redriven` holds offsets of its own partition (`3,7-9`). It is
 * written in the transaction that sends these records back, so a redrive that is killed and run again leaves none out and
 * sends none twice.
 */
import { RECORD_BYTES_MAX } from '../contract/outcomes.ts'
import { RECORD_HEADERS } from '../contract/record-headers.ts'
import type { Header, LogRecord } from '../ports/log.ts'
import { parseRanges } from './offset-ranges.ts'
import type { OffsetRange } from './offset-ranges.ts'

/** The reader hands out no key that is longer whole (FLAG_KEY_CUT). */
const KEY_BYTES_MAX = 65_536

/** A place in a topic that is known from the context. */
export interface Place {
  partition: number
  offset: number
}

export interface RejectedRecord {
  /** In the DLQ. */
  place: Place
  /** When it was written there, ms since the epoch. */
  timestampMs: number
  reason: string
  /** Where it was consumed from. */
  source: { topic: string } & Place
  key: Buffer | null
  value: Buffer | null
  /** True length of the value; more than `value` has when it was cut. */
  sizeBytes: number
  /** Value or key are not whole, so the record can't be sent back. */
  cut: boolean
}

export type DlqRecord =
  | { kind: 'rejected'; record: RejectedRecord }
  | { kind: 'mark'; redriven: OffsetRange[] }
  /** Not the engine's: it doesn't say where it comes from. */
  | { kind: 'other' }

/** What a record of the DLQ is, by its headers. */
export function readDlqRecord(record: LogRecord): DlqRecord {
  const headers = new Map(record.headers.map(({ name, value }: Header) => [name, value]))
  const reason = headers.get(RECORD_HEADERS.reason)
  const redriven = headers.get(RECORD_HEADERS.redriven)
  if (reason === undefined) {
    const ranges = redriven === undefined ? undefined : parseRanges(redriven)
    return ranges === undefined ? { kind: 'other' } : { kind: 'mark', redriven: ranges }
  }
  const topic = headers.get(RECORD_HEADERS.topic)
  const partition = whole(headers.get(RECORD_HEADERS.partition))
  const offset = whole(headers.get(RECORD_HEADERS.offset))
  if (topic === undefined || partition === undefined || offset === undefined) return { kind: 'other' }
  const { key, value } = record
  const cut = headers.has(RECORD_HEADERS.truncated) || headers.has(RECORD_HEADERS.keyTruncated)
    || (value?.length ?? 0) > RECORD_BYTES_MAX || (key?.length ?? 0) > KEY_BYTES_MAX
  return {
    kind: 'rejected',
    record: {
      place: { partition: record.partition, offset: record.offset },
      timestampMs: record.timestampMs,
      reason,
      source: { topic, partition, offset },
      key,
      value,
      sizeBytes: whole(headers.get(RECORD_HEADERS.size)) ?? value?.length ?? 0,
      cut,
    },
  }
}

/** A whole number as headers have it, or undefined. */
function whole(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined
}
