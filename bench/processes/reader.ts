/**
 * A read_committed reader of bars, signals and, where there is one, the null transactions' topic. Each batch's time is taken as soon as it is there;
 * its bytes are kept, and parsed when nothing comes.
 */
import { crc32 } from 'node:zlib'
import { openLog } from '../../src/commands/open-log.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { openLogger } from '../../src/logging/logger.ts'
import type { RecordColumns } from '../../src/ports/log.ts'
import { readSettings } from '../../src/settings/settings.ts'
import type { OutputLog } from '../measure/arrivals.ts'
import { nowMs, runChild } from './child.ts'

export interface ReaderConfig {
  env: Record<string, string>
  partitions: number
  /** Topic of the null transactions: values are the ms at which the transaction was due. '' without any. */
  nullTopic: string
}

export interface ReaderResult {
  bars: OutputLog
  signals: OutputLog
  nulls: { dueMs: Float64Array; receivedMs: Float64Array }
}

/** Longest wait for records; what is parsed in between is short. */
const WAIT_MS = 20
const PARSE_SLICE_MS = 3

interface Received {
  topic: number
  receivedMs: number
  value: Buffer
}

class Columns {
  readonly rows: number[][] = [[], [], [], [], [], [], [], []]

  add(...row: [symbol: number, second: number, final: number, seq: number, count: number, payload: number, receivedMs: number, madeMs: number]): void {
    row.forEach((value, column) => this.rows[column].push(value))
  }

  log(): OutputLog {
    const [symbols, seconds, finals, seqs, counts, payloads, receivedMs, madeMs] = this.rows
    return {
      symbols: Uint32Array.from(symbols), seconds: Float64Array.from(seconds), finals: Uint8Array.from(finals), seqs: Float64Array.from(seqs),
      counts: Float64Array.from(counts), payloads: Uint32Array.from(payloads), receivedMs: Float64Array.from(receivedMs),
      madeMs: Float64Array.from(madeMs),
    }
  }
}

interface Output {
  symbol: string
  ingest_ts: string
  seq: number
  is_final: boolean
  window: { start: string }
  payload: { count?: number }
}

const PAYLOAD = Buffer.from('"payload":')
const VERSION = Buffer.from(',"version":')

function addOutput(columns: Columns, { value, receivedMs }: Received): void {
  const { symbol, ingest_ts: madeAt, seq, is_final: final, window, payload } = JSON.parse(value.toString()) as Output
  // the feed's names are S and a number
  const text = value.subarray(value.indexOf(PAYLOAD), value.lastIndexOf(VERSION))
  columns.add(Number(symbol.slice(1)), Date.parse(window.start) / 1000, final ? 1 : 0, seq, payload.count ?? 0, crc32(text), receivedMs, Date.parse(madeAt))
}

function keep(columns: RecordColumns, receivedMs: number, into: Received[]): void {
  const bytes = Buffer.from(columns.values.subarray(0, columns.valueEnds[columns.count - 1]))
  for (let row = 0; row < columns.count; row++) {
    into.push({ topic: columns.topics[row], receivedMs, value: bytes.subarray(row === 0 ? 0 : columns.valueEnds[row - 1], columns.valueEnds[row]) })
  }
}

runChild<ReaderConfig, ReaderResult>(async ({ env, partitions, nullTopic }, stop, ready) => {
  const settings = readSettings(env, { command: 'run' })
  const log = await openLog(settings, openLogger({ level: 'error' }))
  await log.connect(30_000)
  const topics = [settings.microbarsTopic, settings.signalsTopic, nullTopic].filter((topic) => topic !== '')
  const consumer = log.consumer(topics)
  const positions = await Promise.all(topics.flatMap((topic) => Array.from({ length: partitions }, async (_, partition) =>
    ({ topic, partition, offset: (await log.bounds(topic, partition, 'read_committed')).high }))))
  await consumer.assign(positions)
  const into = recordColumns(16_384, 1_048_576, 16_777_216)
  const waiting: Received[] = []
  let next = 0
  const outputs = [new Columns(), new Columns()]
  const nulls: { dueMs: number[]; receivedMs: number[] } = { dueMs: [], receivedMs: [] }
  const parseNext = (): void => {
    const received = waiting[next++]
    if (received.topic < 2) return addOutput(outputs[received.topic], received)
    nulls.dueMs.push(Number(received.value.toString()))
    nulls.receivedMs.push(received.receivedMs)
  }
  ready()
  while (!stop.aborted) {
    const { count } = await consumer.consume(into, WAIT_MS)
    const receivedMs = nowMs()
    if (count > 0) keep(into, receivedMs, waiting)
    else while (next < waiting.length && nowMs() - receivedMs < PARSE_SLICE_MS) parseNext()
    if (next === waiting.length) next = waiting.length = 0
  }
  while (next < waiting.length) parseNext()
  await consumer.close()
  await log.close()
  return {
    bars: outputs[0].log(), signals: outputs[1].log(),
    nulls: { dueMs: Float64Array.from(nulls.dueMs), receivedMs: Float64Array.from(nulls.receivedMs) },
  }
})
