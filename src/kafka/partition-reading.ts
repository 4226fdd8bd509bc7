/** Log.read: a stretch of one partition, read_committed, with headers; for the control plane (epochs, verify, DLQ). */
import { LogError, type LogRecord } from '../ports/log.ts'
import type { NativeMessage } from './binding.ts'
import { EventRelay, type KafkaLogger } from './event-relay.ts'
import { fetcherConfig, type KafkaSettings } from './kafka-config.ts'
import { asLogError } from './kafka-errors.ts'
import { learnTopics } from './known-topics.ts'
import { consumerHandle } from './native-handle.ts'
import { take, type Taken } from './taking.ts'

/** Without any progress for so long the broker counts as away. */
const STALLED_MS = 30_000
const WAIT_MS = 20
/** The end of a stretch is mostly a control record, and known by an empty fetch alone: this is on the way of a recovery. */
const FETCH_WAIT_MS = 5

/**
 * Reads [from, to). It ends when the position has reached `to`: a record at or past it, or the partition's end there.
 * Waiting for the record `to − 1` would hang, as control records and aborted ones have offsets too.
 */
export async function readPartition(
  settings: KafkaSettings, logger: KafkaLogger, topic: string, partition: number, from: number, to: number,
  onRecord: (record: LogRecord) => void): Promise<void> {
  if (from >= to) return
  const where = { topic, partition }
  const config = { ...fetcherConfig(settings), 'fetch.wait.max.ms': FETCH_WAIT_MS }
  const handle = consumerHandle(config, new EventRelay('reader', logger, settings.password))
  try {
    await learnTopics(handle, [topic])
    handle.native.assign([{ topic, partition, offset: from }])
    let movedMs = performance.now()
    let waitMs = WAIT_MS
    for (;;) {
      const { messages, ends }: Taken = await take(handle, waitMs)
      // What comes in a stream needs no waiting first.
      waitMs = messages.length > 0 ? 0 : WAIT_MS
      for (const message of messages) {
        if (message.offset >= to) return
        onRecord(asRecord(message))
      }
      if (ends.some(({ offset }) => offset >= to)) return
      if (messages.length > 0 || ends.length > 0) movedMs = performance.now()
      else if (performance.now() - movedMs > STALLED_MS) {
        throw new LogError('outside',
          `Nothing came from ${topic} [${partition}] for ${STALLED_MS / 1_000} s, with ${to} not reached`, where)
      }
    }
  } catch (error) {
    throw asLogError(error, `Reading ${topic} [${partition}] from ${from}`, where)
  } finally {
    await handle.close()
  }
}

function asRecord({ topic, partition, offset, timestamp, key, value, headers }: NativeMessage): LogRecord {
  const pairs = (headers ?? []).flatMap((header) =>
    Object.entries(header).map(([name, text]) => ({ name, value: text.toString() })))
  return { topic, partition, offset, timestampMs: timestamp, key, value, headers: pairs }
}
