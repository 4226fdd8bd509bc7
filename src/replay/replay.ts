/**
 * The kernels over files: no broker, no clock, no idleness; final records only. Topics are read in step by event time, and
 * the end closes everything. Same kernels, same bytes as the engine's (`ingest_ts` aside, and `seq` where there were
 * provisional records).
 *
 * In:  files of envelopes. Out: each epoch's outputs to a sink. Imports: state, ingest, bundle, contract.
 */
import { CHANNELS, OUTCOMES, REASONS } from '../contract/outcomes.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import { appendRecord, clearColumns } from '../ingest/packing.ts'
import type { Bundle } from '../bundle/bundle.ts'
import { moduleOf } from '../bundle/kernel-module.ts'
import { CLOSE_ALL, Kernel, QUOTES_IDLE, TRADES_IDLE, copyOutputs, loadBatch, specialsOf } from '../state/kernel.ts'
import type { Outputs } from '../state/kernel.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { channelLogs } from './file-logs.ts'
import type { ChannelLog, FileRecord } from './file-logs.ts'

/** Records of one channel that are applied before the other topics get their turn. */
const TURN_RECORDS = 4_096
const TURN_BYTES = 4 * 1_048_576

/** A minute bar is worth thousands of trades: more than an hour of one symbol is never read ahead of them. */
const TURN_BARS = 64
/** Cells of the newest event time, by channel. */
const NEWEST = ['tradesMaxNs', 'quotesMaxNs', 'barsEndNs'] as const

/** Where a replay's records go. */
export interface ReplaySink {
  outputs(partition: number, outputs: Outputs): Promise<void>
  /** A record that is late or rejected, byte for byte. */
  special(kind: 'late' | 'rejected', reason: string, channel: string, value: Uint8Array): Promise<void>
}

export interface ReplaySummary {
  /** Outcomes by channel. */
  counts: Record<string, Record<string, number>>
  conflictingDuplicates: number
  bars: number
  signals: number
}

interface Task {
  kernel: Kernel
  /** Largest event time of each channel; −Infinity before its first record. */
  maxNs: number[]
}

/** Replays files through the bundle's kernel, `partitions` tasks side by side. */
export async function replayFiles(
  files: string[], partitions: number, bundle: Bundle, sink: ReplaySink,
): Promise<ReplaySummary> {
  const module = moduleOf(bundle)
  const tasks: Task[] = Array.from({ length: partitions }, () => {
    const kernel = new Kernel(module, TaskMemory.create(bundle.image))
    kernel.openEpoch()
    return { kernel, maxNs: CHANNELS.map(() => Number.NEGATIVE_INFINITY) }
  })
  const logs = channelLogs(files, partitions, bundle.settings.fieldMap)
  const held: (FileRecord | undefined)[] = []
  for (const log of logs) held.push(await log.next())
  const summary = { bars: 0, signals: 0 }
  for (;;) {
    const channel = behind(logs, held, tasks)
    if (channel < 0) break
    const records = await turn(logs[channel], held, channel)
    await applyTurn(tasks, channel, records, sink)
    const idle = (held[0] === undefined ? TRADES_IDLE : 0) | (held[1] === undefined ? QUOTES_IDLE : 0)
    await closeAll(tasks, idle, sink, summary)
  }
  await closeAll(tasks, CLOSE_ALL, sink, summary)
  return { ...summary, ...countsOf(tasks) }
}

/** The channel that is furthest back in event time and has records left, or −1. */
function behind(logs: ChannelLog[], held: (FileRecord | undefined)[], tasks: Task[]): number {
  let best = -1
  let bestNs = Number.POSITIVE_INFINITY
  logs.forEach((_, channel) => {
    if (held[channel] === undefined) return
    const atNs = Math.max(...tasks.map((task) => task.maxNs[channel]))
    if (best < 0 || atNs < bestNs) {
      best = channel
      bestNs = atNs
    }
  })
  return best
}

async function turn(log: ChannelLog, held: (FileRecord | undefined)[], channel: number): Promise<FileRecord[]> {
  const records: FileRecord[] = []
  const most = CHANNELS[channel] === 'bars' ? TURN_BARS : TURN_RECORDS
  let bytes = 0
  for (let record = held[channel]; ; record = await log.next()) {
    held[channel] = record
    if (record === undefined || records.length === most || bytes + record.value.length > TURN_BYTES) break
    records.push(record)
    bytes += record.value.length
  }
  if (records.length === 0 && held[channel] !== undefined) {
    records.push(held[channel])
    held[channel] = await log.next()
  }
  return records
}

const columns = recordColumns(TURN_RECORDS, TURN_RECORDS * 256, TURN_BYTES + 1_048_576)

async function applyTurn(tasks: Task[], channel: number, records: FileRecord[], sink: ReplaySink): Promise<void> {
  for (let partition = 0; partition < tasks.length; partition++) {
    const mine = records.filter((record) => record.partition === partition)
    if (mine.length === 0) continue
    clearColumns(columns)
    for (const record of mine) appendRecord(columns, { ...record, topic: channel, timestampMs: -1 })
    const { kernel, maxNs } = tasks[partition]
    loadBatch(kernel.task, columns, 0, columns.count)
    kernel.decode(channel, columns.count, null)
    kernel.apply(columns.count)
    maxNs[channel] = kernel.task.number(NEWEST[channel])
    for (const { row, outcome, reason } of specialsOf(kernel.task, columns.count)) {
      await sink.special(OUTCOMES[outcome] === 'late' ? 'late' : 'rejected', REASONS[reason], CHANNELS[channel], mine[row].value)
    }
  }
}

async function closeAll(tasks: Task[], bits: number, sink: ReplaySink, summary: { bars: number; signals: number }): Promise<void> {
  for (let partition = 0; partition < tasks.length; partition++) {
    const { kernel } = tasks[partition]
    kernel.close(null, bits)
    const outputs = copyOutputs(kernel.task)
    kernel.openEpoch()
    summary.bars += outputs.bars
    summary.signals += outputs.signals
    if (outputs.bars + outputs.signals > 0) await sink.outputs(partition, outputs)
  }
}

function countsOf(tasks: Task[]): Pick<ReplaySummary, 'counts' | 'conflictingDuplicates'> {
  const sum = (name: Parameters<TaskMemory['number']>[0]): number => tasks.reduce((total, { kernel }) => total + kernel.task.number(name), 0)
  const counts = Object.fromEntries(
    CHANNELS.map((channel) => [channel, Object.fromEntries(OUTCOMES.map((outcome) => [outcome, sum(`counts.${channel}.${outcome}`)]))]),
  )
  return { counts, conflictingDuplicates: sum('conflicts') }
}
