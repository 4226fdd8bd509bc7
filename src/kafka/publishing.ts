/** Packed outputs → librdkafka's queue, a call a record (the binding copies key and value, so views are enough). */
import { FLAG_KEY_NULL, FLAG_VALUE_NULL, LogError, type OutputColumns } from '../ports/log.ts'
import { binding, NativeCallError, type NativeProducer } from './binding.ts'
import { ERR__QUEUE_FULL } from './kafka-errors.ts'

/** How long a full queue may stay full before the outputs are given up. */
const QUEUE_FULL_MS = 5_000

/** Queues every record in order. Rejects with NativeCallError; some records may be queued then. */
export async function queueOutputs(native: NativeProducer, outputs: readonly OutputColumns[]): Promise<void> {
  for (const columns of outputs) {
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
      let code = native.produce(topic, partition, value, key, null, undefined, nativeHeaders)
      if (code === ERR__QUEUE_FULL) {
        code = await untilQueued(native, () => native.produce(topic, partition, value, key, null, undefined, nativeHeaders))
      }
      if (code !== 0) {
        const reason = binding().err2str(code)
        throw new NativeCallError(
          { code, message: `record ${row} for ${topic} [${partition}] was refused by the client: ${reason}` })
      }
      keyStart = keyEnd
      valueStart = valueEnd
    }
  }
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
