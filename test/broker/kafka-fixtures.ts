/** What the tests of the Kafka room share: an open log, packed columns from texts and back. */
import { openKafka, type KafkaLogger, type KafkaSettings } from '../../src/kafka/log.ts'
import { FLAG_KEY_NULL, FLAG_VALUE_NULL, type Log, type LogConsumer, type OutputColumns, type PartitionEnd,
  type RecordColumns } from '../../src/ports/log.ts'
import { bootstrap, uniqueName } from './harness.ts'

export interface LogLine {
  level: string
  message: string
}

/** Collects what is logged at info and above. */
export function collectingLogger(): { logger: KafkaLogger; lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string) => (_: object, message: string) => void lines.push({ level, message })
  return { logger: { debug: () => {}, info: at('info'), warn: at('warn'), error: at('error') }, lines }
}

export function kafkaSettings(more: Partial<KafkaSettings> = {}): KafkaSettings {
  return { bootstrap: more.bootstrap ?? bootstrap(), security: 'PLAINTEXT', groupId: uniqueName('group'), instanceId: 'one',
    config: {}, ingest: 'columns', ...more }
}

export function openLog(more: Partial<KafkaSettings> = {}): Log {
  return openKafka(kafkaSettings(more), collectingLogger().logger)
}

/** A log whose clients tell what they do in these contexts of librdkafka's, and what they have told. */
export function openTalkingLog(contexts: string, more: Partial<KafkaSettings> = {}): { log: Log; said: string[] } {
  const said: string[] = []
  const debug = (_: object, message: string) => void said.push(message)
  return { log: openKafka(kafkaSettings({ ...more, config: { debug: contexts } }), { ...collectingLogger().logger, debug }), said }
}

export interface TextRecord {
  key: string | null
  value: string | Buffer
  headers?: Record<string, string>
}

/** Packs records for one partition. */
export function outputOf(topic: string, partition: number, records: TextRecord[]): OutputColumns {
  const keys = records.map(({ key }) => Buffer.from(key ?? ''))
  const values = records.map(({ value }) => Buffer.from(value as string))
  const ends = (parts: Buffer[]) => {
    let end = 0
    return Int32Array.from(parts, (part) => (end += part.length))
  }
  return {
    topic, partition, count: records.length, keys: Buffer.concat(keys), keyEnds: ends(keys), values: Buffer.concat(values),
      valueEnds: ends(values),
    flags: Uint8Array.from(records, ({ key }) => (key === null ? FLAG_KEY_NULL : 0)),
    ...(records.some(({ headers }) => headers)
      ? { headers: records.map(({ headers = {} }) => Object.entries(headers).map(([name, value]) => ({ name, value }))) }
      : {}),
  }
}

export function columns(records = 4_096, valueBytes = 4 << 20): RecordColumns {
  return {
    count: 0, topics: new Uint8Array(records), partitions: new Int32Array(records), offsets: new Float64Array(records),
    timestampsMs: new Float64Array(records), flags: new Uint8Array(records), keys: new Uint8Array(records * 16),
    keyEnds: new Int32Array(records), values: new Uint8Array(valueBytes), valueEnds: new Int32Array(records),
      sizes: new Int32Array(records),
  }
}

export interface Row {
  topic: number
  partition: number
  offset: number
  flags: number
  size: number
  key: string | null
  value: string | null
}

export function rowsOf(into: RecordColumns): Row[] {
  return Array.from({ length: into.count }, (_, row) => {
    const text = (bytes: Uint8Array, ends: Int32Array) =>
      Buffer.from(bytes.slice(row === 0 ? 0 : ends[row - 1], ends[row])).toString()
    const flags = into.flags[row]
    return {
      topic: into.topics[row], partition: into.partitions[row], offset: into.offsets[row], flags, size: into.sizes[row],
      key: flags & FLAG_KEY_NULL ? null : text(into.keys, into.keyEnds),
      value: flags & FLAG_VALUE_NULL ? null : text(into.values, into.valueEnds),
    }
  })
}

/** Consumes until `enough` says so. */
export async function consumeUntil(
  consumer: LogConsumer, enough: (rows: Row[], ends: PartitionEnd[]) => boolean,
    into = columns()): Promise<{ rows: Row[]; ends: PartitionEnd[] }> {
  const rows: Row[] = []
  const ends: PartitionEnd[] = []
  while (!enough(rows, ends)) {
    const result = await consumer.consume(into, 200)
    rows.push(...rowsOf(into))
    ends.push(...result.ends)
  }
  return { rows, ends }
}

/** A promise and its resolve. */
export function signal<T = void>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((done) => (resolve = done))
  return { promise, resolve }
}
