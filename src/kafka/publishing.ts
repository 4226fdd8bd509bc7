/** Packed outputs → librdkafka's queue (it copies keys and values, so the columns are free again at once). */
import { FLAG_KEY_NULL, FLAG_VALUE_NULL, LogError, type Header, type OutputColumns } from '../ports/log.ts'
import { binding, NativeCallError, type NativeProducer } from './binding.ts'
import type { Ingest } from './kafka-config.ts'
import { ERR__QUEUE_FULL } from './kafka-errors.ts'

/** How long a full queue may stay full before the outputs are given up. */
const QUEUE_FULL_MS = 5_000

/**
 * Queues every record in order: a call for each partition's records, or with `ingest` events a call a record. Rejects with
 * NativeCallError; some records may be queued then.
 */
export async function queueOutputs(native: NativeProducer, outputs: readonly OutputColumns[], ingest: Ingest): Promise<void> {
  for (const columns of outputs) {
    if (ingest === 'columns') await queueColumns(native, columns)
    else await queueRecords(native, columns)
  }
}

async function queueColumns(native: NativeProducer, columns: OutputColumns): Promise<void> {
  const { topic, partition, count, keys, keyEnds, values, valueEnds, flags } = columns
  const headers = columns.headers && packHeaders(columns.headers)
  let from = 0
  const produce = (): number => {
    const { queued, code, row } = native.produceColumns!(topic, partition, from, count, keys, keyEnds, values, valueEnds, flags, headers?.bytes, headers?.ends)
    if (code === 0 && from + queued !== count) throw new RangeError(`${queued} of ${count - from} records queued without an error`)
    from = code === 0 ? count : row
    return code
  }
  let code = produce()
  while (code === ERR__QUEUE_FULL) {
    const before = from
    code = await untilQueued(native, produce)
    // Given up only when nothing has moved for as long as a full queue may last.
    if (code === ERR__QUEUE_FULL && from === before) break
  }
  if (code !== 0) throw refusal(code, from, columns)
}

/** Headers of all records as one text: lengths, name, value of each. */
function packHeaders(lists: readonly (readonly Header[])[]): { bytes: Buffer; ends: Int32Array } {
  // a character of UTF-16 is three bytes of UTF-8 at the most
  const sizeMost = lists.reduce((sum, list) => list.reduce((size, { name, value }) => size + 8 + 3 * (name.length + value.length), sum), 0)
  const bytes = Buffer.allocUnsafe(sizeMost)
  let at = 0
  const ends = Int32Array.from(lists, (list) => {
    for (const { name, value } of list) {
      const nameBytes = bytes.write(name, at + 8)
      const valueBytes = bytes.write(value, at + 8 + nameBytes)
      bytes.writeUInt32LE(nameBytes, at)
      bytes.writeUInt32LE(valueBytes, at + 4)
      at += 8 + nameBytes + valueBytes
    }
    return at
  })
  return { bytes, ends }
}

async function queueRecords(native: NativeProducer, columns: OutputColumns): Promise<void> {
  const { topic, partition, count, keys, keyEnds, values, valueEnds, headers, flags } = columns
  let keyStart = 0
  let valueStart = 0
  for (let row = 0; row < count; row++) {
    const keyEnd = keyEnds[row]
    const valueEnd = valueEnds[row]
    const keyless = flags !== undefined && (flags[row] & FLAG_KEY_NULL) !== 0
    const key = keyless ? null : viewOf(keys, keyStart, keyEnd)
    const valueless = flags !== undefined && (flags[row] & FLAG_VALUE_NULL) !== 0
    const value = valueless ? null : viewOf(values, valueStart, valueEnd)
    const nativeHeaders = headers?.[row]?.map(({ name, value: text }) => ({ [name]: text }))
    const produce = (): number => native.produce(topic, partition, value, key, null, undefined, nativeHeaders)
    let code = produce()
    if (code === ERR__QUEUE_FULL) code = await untilQueued(native, produce)
    if (code !== 0) throw refusal(code, row, columns)
    keyStart = keyEnd
    valueStart = valueEnd
  }
}

function refusal(code: number, row: number, { topic, partition }: OutputColumns): NativeCallError {
  const reason = binding().err2str(code)
  return new NativeCallError({ code, message: `record ${row} for ${topic} [${partition}] was refused by the client: ${reason}` })
}

async function untilQueued(native: NativeProducer, produce: () => number): Promise<number> {
  const deadlineMs = performance.now() + QUEUE_FULL_MS
  let code = ERR__QUEUE_FULL
  while (code === ERR__QUEUE_FULL && performance.now() < deadlineMs) {
    native.poll()
    await new Promise((resolve) => setTimeout(resolve, 1))
    code = produce()
  }
  return code
}

function viewOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer as ArrayBuffer, bytes.byteOffset + start, end - start)
}

/** Error of a spent producer. */
export function spent(cause: LogError): LogError {
  const kind = cause.kind === 'fenced' ? 'fenced' : 'aborted'
  return new LogError(kind, `The producer is spent since: ${cause.message}`, undefined, { cause })
}
