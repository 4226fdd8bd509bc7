/**
 * A kernel instance over one task's memory: the steps of an epoch as calls. Runs on any worker, and in `ta replay`.
 * Reads no clock: every time is handed in.
 */
import { FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL } from '../ports/log.ts'
import type { BatchColumns } from '../ports/log.ts'
import { MINUTE_BAR_FIELDS } from '../contract/metrics.ts'
import { LATE, REJECTED } from '../contract/outcomes.ts'
import * as layout from './layout.ts'
import { NONE, TaskMemory } from './task-memory.ts'

interface Exports {
  decode(topic: number, rows: number, clockNs: bigint): void
  apply(from: number, rows: number): number
  openEpoch(): void
  closeEpoch(clockMs: bigint, bits: number): void
  rebuildSymbolIndex(): void
  rebuildTradeIndex(): void
  rebuildQuoteIdIndex(): void
  staticEnd(): number
  layoutHash(): number
}

export const TRADES_IDLE = 1
export const QUOTES_IDLE = 2
export const CLOSE_ALL = 4

/** A record that leaves for the DLQ or the late topic. */
export interface Special {
  row: number
  outcome: number
  reason: number
}

/** Flags of an output. */
export const OUTPUT_FINAL = 1
/** Its window is a minute, not a second. */
export const OUTPUT_MINUTE = 2

/** What an epoch publishes: bars first, then signals; copies, so that the memory may go on changing. */
export interface Outputs {
  bars: number
  signals: number
  finalBars: number
  finalSignals: number
  /** UTC second at which each record's window starts. */
  seconds: Float64Array
  /** OUTPUT_FINAL, OUTPUT_MINUTE. */
  flags: Uint8Array
  keys: Uint8Array
  keyEnds: Int32Array
  values: Uint8Array
  valueEnds: Int32Array
  digest: bigint
  barsDigest: bigint
  signalsDigest: bigint
}

export class Kernel {
  readonly task: TaskMemory
  readonly #exports: Exports

  constructor(module: WebAssembly.Module, task: TaskMemory) {
    this.task = task
    const instance = new WebAssembly.Instance(module, { env: { memory: task.memory } })
    this.#exports = instance.exports as unknown as Exports
    if (this.#exports.staticEnd() > layout.HEADER_BASE) {
      throw new RangeError(`the kernel's static data ends at ${this.#exports.staticEnd()}, past the header at ${layout.HEADER_BASE}`)
    }
    // the image came with the kernel that it is for: a memory that is set for another one would be read at wrong addresses
    const [of, set] = [this.#exports.layoutHash(), Number(task.i64()[layout.configCell('layoutHash') / 8])]
    if (of !== set) throw new RangeError(`the kernel is of layout ${of}, its memory is set for one of layout ${set}`)
  }

  openEpoch(): void {
    this.#exports.openEpoch()
  }

  /** Decodes the batch in the input columns. `clockNs` null: no stamp is in the future. */
  decode(topic: number, rows: number, clockNs: bigint | null): void {
    this.#exports.decode(topic, rows, clockNs ?? NONE)
  }

  /** Applies the decoded batch, growing tables between records where they are full. */
  apply(rows: number): void {
    let row = 0
    while ((row = this.#exports.apply(row, rows)) < rows) this.grow(this.task.number('need') - 1)
  }

  /** Grows a table and rebuilds the indexes that grew with it. */
  grow(table: number): void {
    this.task.grow(table)
    const name = layout.TABLES[table].name
    if (name === 'symbol') this.#exports.rebuildSymbolIndex()
    if (name === 'trade') this.#exports.rebuildTradeIndex()
    if (name === 'quoteId') this.#exports.rebuildQuoteIdIndex()
  }

  /** Ends the epoch; `bits` are TRADES_IDLE, QUOTES_IDLE, CLOSE_ALL. `clockMs` null: nothing provisional. */
  close(clockMs: number | null, bits: number): void {
    this.#exports.closeEpoch(clockMs === null ? NONE : BigInt(clockMs), bits)
  }
}

/** Records of the batch just applied that go to the DLQ or the late topic, in row order. */
export function specialsOf(task: TaskMemory, rows: number): Special[] {
  const found: Special[] = []
  if (task.cell('specials') === 0n) return found
  const bytes = task.bytes()
  for (let row = 0; row < rows; row++) {
    const outcome = bytes[layout.DECODED.at.outcome + row]
    if (outcome === LATE || outcome === REJECTED) found.push({ row, outcome, reason: bytes[layout.DECODED.at.reason + row] })
  }
  return found
}

const OUTPUT_ROOM_BYTES = 65_536

/** Room for the text of an epoch's outputs, used again for a later one's. */
export class OutputRoom {
  #bytes = new Uint8Array(OUTPUT_ROOM_BYTES)

  /** A copy of the text, valid until the next one. */
  copy(text: Uint8Array): Uint8Array {
    if (this.#bytes.length < text.length) this.#bytes = new Uint8Array(2 ** Math.ceil(Math.log2(text.length)))
    this.#bytes.set(text)
    return this.#bytes.subarray(0, text.length)
  }

  get bytes(): number {
    return this.#bytes.length
  }

  /** Gives back the room that catching up took; a text that is still used stays as long as it is. */
  giveBack(): void {
    this.#bytes = new Uint8Array(OUTPUT_ROOM_BYTES)
  }
}

/** Copies the outputs of the epoch just closed out of the memory, with the symbols as keys; their text into `room`, if there is one. */
export function copyOutputs(task: TaskMemory, room: OutputRoom | null = null): Outputs {
  const bars = task.number('outBars')
  const signals = task.number('outSignals')
  const count = bars + signals
  const capacity = task.number('outCapacity')
  const base = task.number('outBase')
  const bytes = task.bytes()
  const buffer = bytes.buffer
  const ends = base + 8 * capacity
  const symbols = ends + 4 * capacity
  const flags = symbols + 4 * capacity
  const data = Math.ceil((flags + capacity) / 64) * 64
  const head = {
    bars, signals, finalBars: task.number('outFinalBars'), finalSignals: task.number('outFinalSignals'),
    digest: task.cell('outDigest'), barsDigest: task.cell('outBarsDigest'), signalsDigest: task.cell('outSignalsDigest'),
  }
  if (count === 0) {
    // the region may lie past the memory's end until something is written to it
    const none = new Int32Array(0)
    return { ...head, seconds: new Float64Array(0), flags: new Uint8Array(0), keys: new Uint8Array(0), keyEnds: none, values: new Uint8Array(0), valueEnds: none }
  }
  const text = bytes.subarray(data, data + task.number('outBytes'))
  return {
    ...head,
    ...keysOf(task, new Int32Array(buffer, symbols, count)),
    seconds: secondsOf(new Int32Array(buffer, base, 2 * count)),
    flags: bytes.slice(flags, flags + count),
    values: room === null ? text.slice() : room.copy(text),
    valueEnds: new Int32Array(buffer, ends, count).slice(),
  }
}

/** Comparisons of the feed's minute bars with own seconds in one epoch, by field in the order of MINUTE_BAR_FIELDS. */
export interface MinuteChecks {
  equal: number[]
  differs: number[]
  /** Not compared: no own price, a minute not seen wholly, no room. */
  skipped: number[]
  /** Sums of relative differences, each 0 to 1. */
  difference: number[]
}

/** What the epoch just closed has compared. */
export function minuteChecksOf(task: TaskMemory): MinuteChecks {
  return {
    equal: MINUTE_BAR_FIELDS.map((field) => task.number(`minuteEqual.${field}`)),
    differs: MINUTE_BAR_FIELDS.map((field) => task.number(`minuteDiffers.${field}`)),
    skipped: MINUTE_BAR_FIELDS.map((field) => task.number(`minuteSkipped.${field}`)),
    difference: MINUTE_BAR_FIELDS.map((field) => task.float(`minuteDifference.${field}`)),
  }
}

const NAME = layout.STATE_COLUMNS.findIndex((column) => column.table === 0 && column.name === 'name')
const NAME_BYTES = layout.STATE_COLUMNS[NAME].list
const NAME_LENGTH = layout.STATE_COLUMNS.findIndex((column) => column.table === 0 && column.name === 'nameLength')

/** 64-bit numbers below 2^53 in halves, the lower first, as floats: read as they are, each would be a BigInt of its own. */
function secondsOf(halves: Int32Array): Float64Array {
  const seconds = new Float64Array(halves.length / 2)
  for (let i = 0; i < seconds.length; i++) seconds[i] = halves[2 * i + 1] * 4_294_967_296 + (halves[2 * i] >>> 0)
  return seconds
}

/** Names of the symbols in these rows, one after the other. No view a name: that would be an object an output. */
function keysOf(task: TaskMemory, rows: Int32Array): { keys: Uint8Array; keyEnds: Int32Array } {
  const bytes = task.bytes()
  const words = task.i32()
  const names = task.base(NAME)
  const lengths = task.base(NAME_LENGTH) / 4
  const keyEnds = new Int32Array(rows.length)
  const keys = new Uint8Array(rows.length * NAME_BYTES)
  let end = 0
  for (let i = 0; i < rows.length; i++) {
    const from = names + rows[i] * NAME_BYTES
    const to = from + words[lengths + rows[i]]
    for (let at = from; at < to; at++) keys[end++] = bytes[at]
    keyEnds[i] = end
  }
  return { keys: keys.subarray(0, end), keyEnds }
}

/**
 * Puts records [from, to) of packed columns into the memory's input columns. Keys are cut to KEY_BYTES_MAX.
 * They must fit: at most BATCH_ROWS records and BATCH_VALUE_BYTES bytes of values.
 */
export function loadBatch(task: TaskMemory, source: BatchColumns, from: number, to: number): void {
  const bytes = task.bytes()
  const words = task.i32()
  const { offset, flags, size, keyEnds, valueEnds, keys, values } = layout.INPUT.at
  const keyStart = from === 0 ? 0 : source.keyEnds[from - 1]
  const valueStart = from === 0 ? 0 : source.valueEnds[from - 1]
  let longest = 0
  words[keyEnds / 4] = 0
  words[valueEnds / 4] = 0
  for (let row = from, key = keyStart, i = 0; row < to; row++, i++) {
    const at = source.offsets[row]
    words[offset / 4 + 2 * i] = at | 0
    words[offset / 4 + 2 * i + 1] = Math.floor(at / 4_294_967_296)
    bytes[flags + i] = source.flags[row] & (FLAG_KEY_NULL | FLAG_VALUE_NULL | FLAG_VALUE_CUT)
    const keyEnd = source.keyEnds[row]
    longest = Math.max(longest, keyEnd - key)
    key = keyEnd
    words[keyEnds / 4 + i + 1] = keyEnd - keyStart
    words[valueEnds / 4 + i + 1] = source.valueEnds[row] - valueStart
  }
  words.set(source.sizes.subarray(from, to), size / 4)
  if (longest > layout.KEY_BYTES_MAX) loadCutKeys(task, source, from, to)
  else bytes.set(source.keys.subarray(keyStart, to === 0 ? 0 : source.keyEnds[to - 1]), keys)
  const end = to === 0 ? 0 : source.valueEnds[to - 1]
  bytes.set(source.values.subarray(valueStart, end), values)
}

/** The keys of loadBatch where some are too long: each one's beginning. */
function loadCutKeys(task: TaskMemory, source: BatchColumns, from: number, to: number): void {
  const bytes = task.bytes()
  const words = task.i32()
  const { keys, keyEnds } = layout.INPUT.at
  let end = 0
  for (let row = from; row < to; row++) {
    const start = row === 0 ? 0 : source.keyEnds[row - 1]
    const key = source.keys.subarray(start, Math.min(source.keyEnds[row], start + layout.KEY_BYTES_MAX))
    bytes.set(key, keys + end)
    end += key.length
    words[keyEnds / 4 + row - from + 1] = end
  }
}
