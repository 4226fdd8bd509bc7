/**
 * What one epoch's transaction holds: bars, signals, DLQ and late records, status, and the epoch's own record (invariant 2).
 * Made once and kept until the commit is known: after an abort the very same bytes go out again.
 */
import { createHash } from 'node:crypto'
import { RECORD_HEADERS } from '../contract/record-headers.ts'
import { FLAG_KEY_CUT, FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL } from '../ports/log.ts'
import type { Header, OutputColumns } from '../ports/log.ts'
import type { Outputs } from '../state/kernel.ts'
import type { Bundle } from '../bundle/bundle.ts'
import { encodeEpochRecord } from './epoch-record.ts'
import type { ClosedEpoch, SpecialRecord } from './task-state.ts'

/** Key of an epoch record and of a bundle on the epoch topic. */
export const EPOCH_KEY = 'epoch'
export const BUNDLE_KEY = 'bundle'
/** What is kept of a record that is too large for the DLQ. */
const HEAD_BYTES = 65_536
const DIGEST_BYTES = 32

/** Topics that an epoch writes to; an empty name is off. Partitions of those that may have any number. */
export interface OutputTopics {
  microbarsTopic: string
  signalsTopic: string
  statusTopic: string
  lateTopic: string
  dlqTopic: string
  epochsTopic: string
  latePartitions: number
  dlqPartitions: number
  dlqMaxBytes: number
  /** Input topics by channel, for the headers of special records. */
  inputs: Readonly<Record<string, string>>
}

/** All records of the transaction, a column set for each partition that gets something. */
export function transactionOf(
  partition: number, closed: ClosedEpoch, topics: OutputTopics, status: { key: string; value: string } | null, bundle: Bundle | null,
): OutputColumns[] {
  const { outputs, specials, record } = closed
  const columns = [
    slice(topics.microbarsTopic, partition, outputs, 0, outputs.bars),
    slice(topics.signalsTopic, partition, outputs, outputs.bars, outputs.bars + outputs.signals),
    specialColumns(topics.lateTopic, partition % Math.max(topics.latePartitions, 1), specials.filter(({ late }) => late), partition, topics),
    specialColumns(topics.dlqTopic, partition % Math.max(topics.dlqPartitions, 1), specials.filter(({ late }) => !late), partition, topics),
    columnsOf(topics.statusTopic, partition, status === null ? [] : [{ key: Buffer.from(status.key), value: Buffer.from(status.value) }]),
    columnsOf(topics.epochsTopic, partition, [
      ...(bundle === null ? [] : [{ key: Buffer.from(BUNDLE_KEY), value: bundle.bytes }]),
      { key: Buffer.from(EPOCH_KEY), value: encodeEpochRecord(record) },
    ]),
  ]
  return columns.filter(({ topic, count }) => topic !== '' && count > 0)
}

/** Partitions that a task's next epoch will surely write to, or, when it publishes, most likely; the epoch topic's is the last. */
export function placesOf(partition: number, topics: OutputTopics, publishes: boolean): { topic: string; partition: number }[] {
  const published = publishes ? [topics.microbarsTopic, topics.signalsTopic].filter((topic) => topic !== '') : []
  return [...published, topics.epochsTopic].map((topic) => ({ topic, partition }))
}

/** Outputs [from, to) as columns over the same bytes. */
function slice(topic: string, partition: number, outputs: Outputs, from: number, to: number): OutputColumns {
  const keyStart = from === 0 ? 0 : outputs.keyEnds[from - 1]
  const valueStart = from === 0 ? 0 : outputs.valueEnds[from - 1]
  return {
    topic,
    partition,
    count: to - from,
    keys: outputs.keys.subarray(keyStart, to === 0 ? 0 : outputs.keyEnds[to - 1]),
    keyEnds: outputs.keyEnds.slice(from, to).map((end) => end - keyStart),
    values: outputs.values.subarray(valueStart, to === 0 ? 0 : outputs.valueEnds[to - 1]),
    valueEnds: outputs.valueEnds.slice(from, to).map((end) => end - valueStart),
  }
}

interface PlainRecord {
  key: Buffer | null
  value: Buffer | null
  headers?: Header[]
}

function columnsOf(topic: string, partition: number, records: PlainRecord[]): OutputColumns {
  let keyEnd = 0
  let valueEnd = 0
  return {
    topic,
    partition,
    count: records.length,
    keys: Buffer.concat(records.map(({ key }) => key ?? Buffer.alloc(0))),
    keyEnds: Int32Array.from(records, ({ key }) => (keyEnd += key?.length ?? 0)),
    values: Buffer.concat(records.map(({ value }) => value ?? Buffer.alloc(0))),
    valueEnds: Int32Array.from(records, ({ value }) => (valueEnd += value?.length ?? 0)),
    flags: Uint8Array.from(records, ({ key, value }) => (key === null ? FLAG_KEY_NULL : 0) | (value === null ? FLAG_VALUE_NULL : 0)),
    ...(records.some(({ headers }) => headers !== undefined) ? { headers: records.map(({ headers }) => headers ?? []) } : {}),
  }
}

function specialColumns(topic: string, to: number, specials: SpecialRecord[], partition: number, topics: OutputTopics): OutputColumns {
  return columnsOf(topic, to, specials.map((special) => specialRecord(special, partition, topics)))
}

/** The record's key; of one that ingest has cut the head, and in the headers what the whole was. */
function keyOf({ flags, key }: SpecialRecord, headers: Header[]): Buffer | null {
  if ((flags & FLAG_KEY_NULL) !== 0) return null
  if ((flags & FLAG_KEY_CUT) === 0) return key
  const headBytes = key.length - DIGEST_BYTES - 4
  headers.push(
    { name: RECORD_HEADERS.keyTruncated, value: 'true' },
    { name: RECORD_HEADERS.keySize, value: String(key.readUInt32LE(key.length - 4)) },
    { name: RECORD_HEADERS.keySha256, value: key.subarray(headBytes, headBytes + DIGEST_BYTES).toString('hex') },
  )
  return key.subarray(0, headBytes)
}

/** A late or rejected record byte for byte, or its head with its length and SHA-256 where it is too large. */
function specialRecord(special: SpecialRecord, partition: number, topics: OutputTopics): PlainRecord {
  const headers: Header[] = [
    { name: RECORD_HEADERS.reason, value: special.reason },
    { name: RECORD_HEADERS.topic, value: topics.inputs[special.channel] },
    { name: RECORD_HEADERS.partition, value: String(partition) },
    { name: RECORD_HEADERS.offset, value: String(special.offset) },
  ]
  const key = keyOf(special, headers)
  if ((special.flags & FLAG_VALUE_NULL) !== 0) return { key, value: null, headers }
  const cut = (special.flags & FLAG_VALUE_CUT) !== 0
  if (!cut && special.size <= topics.dlqMaxBytes) return { key, value: special.value, headers }
  // a value that ingest has cut ends with the SHA-256 of the whole
  const sha256 = cut ? special.value.subarray(-DIGEST_BYTES).toString('hex') : createHash('sha256').update(special.value).digest('hex')
  headers.push(
    { name: RECORD_HEADERS.truncated, value: 'true' },
    { name: RECORD_HEADERS.size, value: String(special.size) },
    { name: RECORD_HEADERS.sha256, value: sha256 },
  )
  return { key, value: special.value.subarray(0, HEAD_BYTES), headers }
}
