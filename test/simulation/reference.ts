/** What an undisturbed run comes to: the same kernel over the same records, closed once, without faults, clock or idleness. */
import type { Bundle } from '../../src/bundle/bundle.ts'
import { CHANNELS, OUTCOMES, REASONS } from '../../src/contract/outcomes.ts'
import type { Channel, Outcome } from '../../src/contract/outcomes.ts'
import { appendRecord } from '../../src/ingest/packing.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { CLOSE_ALL, Kernel, copyOutputs, loadBatch, specialsOf } from '../../src/state/kernel.ts'
import { TaskMemory } from '../../src/state/task-memory.ts'
import { EPOCH_MS, POISON } from './market.ts'
import type { Market, SourceRecord } from './market.ts'

export interface Reference {
  /** By `topic symbol size start` → payload; topic is 'bars' or 'signals'. */
  finals: Map<string, string>
  /** By partition: end of the newest window, ms since the Unix epoch; 0 when there is none. */
  newestMs: number[]
  /** By partition: outcomes by channel in the order of OUTCOMES. */
  counts: number[][]
  /** `channel partition place` of each special → reason; place counts the channel's records in the partition. */
  specials: Map<string, string>
}

const columns = recordColumns(512, 16_384, 524_288)

export function referenceOf(market: Market, bundle: Bundle, module: WebAssembly.Module): Reference {
  const reference: Reference = { finals: new Map(), counts: [], specials: new Map(), newestMs: [] }
  for (let partition = 0; partition < market.partitions; partition++) {
    const kernel = new Kernel(module, TaskMemory.create(bundle.image))
    kernel.openEpoch()
    const places = [0, 0, 0]
    const mine = market.records.filter((record) => record.partition === partition)
    for (const records of runs(mine)) apply(kernel, records, places, reference)
    kernel.close(null, CLOSE_ALL)
    reference.newestMs.push(noteFinals(kernel, reference.finals))
    const count = (channel: Channel, outcome: Outcome): number => kernel.task.number(`counts.${channel}.${outcome}`)
    reference.counts.push(CHANNELS.flatMap((channel) => OUTCOMES.map((outcome) => count(channel, outcome))))
  }
  return reference
}

/** Stretches of one channel. */
function runs(records: SourceRecord[]): SourceRecord[][] {
  const found: SourceRecord[][] = []
  for (const record of records) {
    const alone = record.value.includes(POISON) || found.at(-1)?.[0].value.includes(POISON) === true
    if (!alone && found.at(-1)?.[0].channel === record.channel) (found.at(-1) as SourceRecord[]).push(record)
    else found.push([record])
  }
  return found
}

function apply(kernel: Kernel, records: SourceRecord[], places: number[], reference: Reference): void {
  const { channel, partition, value: first } = records[0]
  if (first.includes(POISON)) {
    // never handed to the kernel
    const rejected = `counts.${CHANNELS[channel]}.rejected` as const
    kernel.task.setCell(rejected, kernel.task.cell(rejected) + 1n)
    reference.specials.set(`${channel} ${partition} ${places[channel]++}`, 'kernel_trap')
    return
  }
  columns.count = 0
  let offset = places[channel]
  for (const { key, value } of records) {
    const record = { topic: channel, partition, offset: offset++, timestampMs: 0 }
    appendRecord(columns, { ...record, key: Buffer.from(key), value: Buffer.from(value) })
  }
  const clockMs = Math.floor(EPOCH_MS + (records.at(-1) as SourceRecord).atMs)
  loadBatch(kernel.task, columns, 0, columns.count)
  kernel.decode(channel, columns.count, BigInt(clockMs) * 1_000_000n)
  kernel.apply(columns.count)
  for (const { row, reason } of specialsOf(kernel.task, columns.count)) {
    reference.specials.set(`${channel} ${partition} ${places[channel] + row}`, REASONS[reason])
  }
  places[channel] += records.length
}

function noteFinals(kernel: Kernel, finals: Map<string, string>): number {
  const { bars, signals, seconds, values, valueEnds } = copyOutputs(kernel.task)
  for (let i = 0; i < bars + signals; i++) {
    const text = Buffer.from(values.subarray(i === 0 ? 0 : valueEnds[i - 1], valueEnds[i])).toString()
    const { key, payload } = readOutput(text)
    finals.set(`${i < bars ? 'bars' : 'signals'} ${key}`, payload)
  }
  return seconds.reduce((newest, second, i) => (i < bars ? Math.max(newest, (Number(second) + 1) * 1000) : newest), 0)
}

export interface OutputView {
  /** `symbol size start`. */
  key: string
  symbol: string
  size: string
  start: string
  seq: number
  isFinal: boolean
  ingestTs: string
  retracted: boolean
  /** Payload of a final with the feed: what the input decides. */
  payload: string
}

export function readOutput(text: string): OutputView {
  const { symbol, window, seq, is_final: isFinal, ingest_ts: ingestTs, feed, payload } = JSON.parse(text)
  return {
    key: `${symbol} ${window.size} ${window.start}`, symbol, size: window.size, start: window.start, seq, isFinal, ingestTs,
    retracted: payload.retracted === true, payload: isFinal ? JSON.stringify([feed, payload]) : '',
  }
}
