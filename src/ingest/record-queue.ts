/**
 * Records of one channel of one task that wait to be applied: packed columns in and out, no object a record.
 *
 * In:  rows of RecordColumns. Out: a segment that fits a batch. Bound: `isFull` asks for the partition to be paused, and
 * `isLow` allows it again; what the consumer already holds still fits, as the queue grows for it (invariants 7 and 9).
 */
import { BATCH_ROWS, BATCH_VALUE_BYTES } from '../state/layout.ts'
import type { BatchColumns, RecordColumns } from '../ports/log.ts'

const FULL_RECORDS = 2 * BATCH_ROWS
const FULL_BYTES = 2 * BATCH_VALUE_BYTES

/** Room of a queue at first, and of an empty one after `giveBack`. */
const ROOM = { records: 64, keyBytes: 1_024, valueBytes: 16_384 }

/** Empty packed columns with room for so many records and bytes. */
export function recordColumns(records: number, keyBytes: number, valueBytes: number): RecordColumns {
  return {
    count: 0,
    topics: new Uint8Array(records),
    partitions: new Int32Array(records),
    offsets: new Float64Array(records),
    timestampsMs: new Float64Array(records),
    flags: new Uint8Array(records),
    keys: new Uint8Array(keyBytes),
    keyEnds: new Int32Array(records),
    values: new Uint8Array(valueBytes),
    valueEnds: new Int32Array(records),
    sizes: new Int32Array(records),
  }
}

export class RecordQueue {
  /** Grows by doubling to what its task needs: there are three a task, and new ones at each restore. */
  #columns = recordColumns(ROOM.records, ROOM.keyBytes, ROOM.valueBytes)
  #head = 0
  /** Offset of the next record to take; set by `start`. */
  next = 0
  /** All records below this offset have been put in, or there are none. */
  #end = 0
  #atEnd = false

  /** Empties the queue; the next record to come is at or after `offset`. */
  start(offset: number): void {
    this.#columns.count = 0
    this.#head = 0
    this.next = offset
    this.#end = offset
    this.#atEnd = false
  }

  /** The partition's end was told, and no record has come after it. */
  get atEnd(): boolean {
    return this.#atEnd
  }

  /** Offset of the next record that waits; `next` when there is none. */
  get firstOffset(): number {
    return this.length === 0 ? this.next : this.#columns.offsets[this.#head]
  }

  get length(): number {
    return this.#columns.count - this.#head
  }

  get bytes(): number {
    return this.#valueEnd(this.#columns.count) - this.#valueEnd(this.#head)
  }

  get isFull(): boolean {
    return this.length >= FULL_RECORDS || this.bytes >= FULL_BYTES
  }

  get isLow(): boolean {
    return this.length < FULL_RECORDS / 4 && this.bytes < FULL_BYTES / 4
  }

  /** The consumer's position: nothing below it is still to come. */
  get end(): number {
    return this.#end
  }

  /** The partition has nothing below `offset` that is not in here or taken already (markers and deleted records count as read). */
  reachedEnd(offset: number): void {
    if (offset < this.#end) return
    this.#end = offset
    this.#atEnd = true
  }

  #valueEnd(row: number): number {
    return row === 0 ? 0 : this.#columns.valueEnds[row - 1]
  }

  #keyEnd(row: number): number {
    return row === 0 ? 0 : this.#columns.keyEnds[row - 1]
  }

  /** Adds the rows [start, stop) of `from`. Those below the position (read again after a seek or a pause) are left out. */
  put(from: RecordColumns, start: number, stop = start + 1): void {
    const { offsets } = from
    for (let row = start; row < stop; row++) {
      if (offsets[row] < this.#end) continue
      // bytes go over a stretch at a time: a view a record would be an object a record
      let next = row + 1
      while (next < stop && offsets[next] > offsets[next - 1]) next++
      this.#append(from, row, next)
      row = next - 1
    }
  }

  #append(from: RecordColumns, start: number, stop: number): void {
    const keyStart = start === 0 ? 0 : from.keyEnds[start - 1]
    const valueStart = start === 0 ? 0 : from.valueEnds[start - 1]
    const keyStop = from.keyEnds[stop - 1]
    const valueStop = from.valueEnds[stop - 1]
    this.#reserve(stop - start, keyStop - keyStart, valueStop - valueStart)
    const columns = this.#columns
    const at = columns.count
    const keyAt = this.#keyEnd(at)
    const valueAt = this.#valueEnd(at)
    columns.keys.set(from.keys.subarray(keyStart, keyStop), keyAt)
    columns.values.set(from.values.subarray(valueStart, valueStop), valueAt)
    copyRows(from, start, stop, columns, at, keyAt - keyStart, valueAt - valueStart)
    columns.count = at + stop - start
    this.#end = from.offsets[stop - 1] + 1
    this.#atEnd = false
  }

  /** Makes room: by moving what is left to the front while that is less than what was taken (records or bytes), so that nothing is moved many times, else by doubling. */
  #reserve(rows: number, keyBytes: number, valueBytes: number): void {
    if (this.#fits(rows, keyBytes, valueBytes)) return
    if (this.#head > this.length || this.#valueEnd(this.#head) > this.bytes) this.#move(this.#columns)
    if (this.#fits(rows, keyBytes, valueBytes)) return
    const { count, offsets, keys, values } = this.#columns
    this.#move(recordColumns(
      grown(offsets.length, count + rows), grown(keys.length, this.#keyEnd(count) + keyBytes),
      grown(values.length, this.#valueEnd(count) + valueBytes)))
  }

  /** Bytes that it has room for. */
  get roomBytes(): number {
    return this.#columns.values.length
  }

  /** Gives back the room that catching up took, but for what waits; the memory is free when this returns. */
  giveBack(): void {
    const before = this.#columns
    const room = {
      records: grown(ROOM.records, this.length), keyBytes: grown(ROOM.keyBytes, this.#keyEnd(before.count) - this.#keyEnd(this.#head)),
      valueBytes: grown(ROOM.valueBytes, this.bytes),
    }
    if (room.records >= before.offsets.length && room.valueBytes >= before.values.length && room.keyBytes >= before.keys.length) return
    this.#move(recordColumns(room.records, room.keyBytes, room.valueBytes))
    // now, and not whenever garbage is collected next
    for (const array of Object.values(before)) if (typeof array !== 'number') (array.buffer as ArrayBuffer).transfer(0)
  }

  #fits(rows: number, keyBytes: number, valueBytes: number): boolean {
    const { count, offsets, keys, values } = this.#columns
    return count + rows <= offsets.length && this.#keyEnd(count) + keyBytes <= keys.length &&
      this.#valueEnd(count) + valueBytes <= values.length
  }

  /** Moves the rows that are left to the front of `to` (which may be the columns themselves). */
  #move(to: RecordColumns): void {
    const from = this.#columns
    const head = this.#head
    const count = from.count
    const keyStart = this.#keyEnd(head)
    const valueStart = this.#valueEnd(head)
    const keyStop = this.#keyEnd(count)
    const valueStop = this.#valueEnd(count)
    to.keys.set(from.keys.subarray(keyStart, keyStop))
    to.values.set(from.values.subarray(valueStart, valueStop))
    copyRows(from, head, count, to, 0, -keyStart, -valueStart)
    to.count = count - head
    this.#columns = to
    this.#head = 0
  }

  /** Rows of the next segment: as many as fit a batch, at most `rowsMax`, none at or past offset `to`. */
  segmentRows(to = Number.MAX_SAFE_INTEGER, rowsMax = BATCH_ROWS): number {
    const { count, offsets } = this.#columns
    const start = this.#valueEnd(this.#head)
    const most = Math.min(count, this.#head + Math.min(rowsMax, BATCH_ROWS))
    let row = this.#head
    while (row < most && offsets[row] < to && this.#valueEnd(row + 1) - start <= BATCH_VALUE_BYTES) row++
    return row - this.#head
  }

  /** Hands the next `rows` records to `use`, as columns and the range of rows; they stay in the queue until `drop`. */
  peek(rows: number, use: (columns: RecordColumns, from: number, to: number) => void): void {
    use(this.#columns, this.#head, this.#head + rows)
  }

  /** Rows from row `from` (of those that wait) on with an offset below `to`. */
  rowsBelow(to: number, from: number): number {
    const { count, offsets } = this.#columns
    let row = this.#head + from
    while (row < count && offsets[row] < to) row++
    return row - this.#head - from
  }

  /** Takes the next `rows` records out, as columns of their own. */
  takeOut(rows: number): BatchColumns {
    const { offsets, flags, keys, keyEnds, values, valueEnds, sizes } = this.#columns
    const from = this.#head
    const to = from + rows
    const [keyStart, valueStart] = [this.#keyEnd(from), this.#valueEnd(from)]
    const taken: BatchColumns = {
      offsets: offsets.slice(from, to), flags: flags.slice(from, to), sizes: sizes.slice(from, to),
      keys: keys.slice(keyStart, this.#keyEnd(to)), keyEnds: keyEnds.slice(from, to),
      values: values.slice(valueStart, this.#valueEnd(to)), valueEnds: valueEnds.slice(from, to),
    }
    for (let row = 0; row < rows; row++) {
      taken.keyEnds[row] -= keyStart
      taken.valueEnds[row] -= valueStart
    }
    this.drop(rows)
    return taken
  }

  /** A copy of the record that is `index` rows from the front. */
  recordAt(index: number): { offset: number; flags: number; size: number; key: Buffer; value: Buffer } {
    const row = this.#head + index
    const { offsets, flags, sizes, keys, keyEnds, values, valueEnds } = this.#columns
    return {
      offset: offsets[row],
      flags: flags[row],
      size: sizes[row],
      key: Buffer.from(keys.subarray(this.#keyEnd(row), keyEnds[row])),
      value: Buffer.from(values.subarray(this.#valueEnd(row), valueEnds[row])),
    }
  }

  /** Takes the next `rows` records out. */
  drop(rows: number): void {
    if (rows > 0) this.next = this.#columns.offsets[this.#head + rows - 1] + 1
    this.#head += rows
    if (this.#head === this.#columns.count) {
      this.#head = 0
      this.#columns.count = 0
    }
  }
}

/** `size`, doubled until it holds `needed`. */
function grown(size: number, needed: number): number {
  let to = size
  while (to < needed) to *= 2
  return to
}

/** Copies all but the bytes of rows [start, stop) to row `at` on, ends shifted; `to` may be `from` when it lies before. */
function copyRows(
  from: RecordColumns, start: number, stop: number, to: RecordColumns, at: number, keyShift: number, valueShift: number): void {
  to.offsets.set(from.offsets.subarray(start, stop), at)
  to.timestampsMs.set(from.timestampsMs.subarray(start, stop), at)
  to.flags.set(from.flags.subarray(start, stop), at)
  to.sizes.set(from.sizes.subarray(start, stop), at)
  shiftEnds(from.keyEnds, start, stop, to.keyEnds, at, keyShift)
  shiftEnds(from.valueEnds, start, stop, to.valueEnds, at, valueShift)
}

function shiftEnds(from: Int32Array, start: number, stop: number, to: Int32Array, at: number, shift: number): void {
  for (let row = start, target = at; row < stop; row++, target++) to[target] = from[row] + shift
}
