import { describe, expect, it } from 'vitest'
import fc from 'fast-check'
import { BATCH_ROWS, BATCH_VALUE_BYTES } from '../state/layout.ts'
import type { BatchColumns } from '../ports/log.ts'
import { appendRecord, clearColumns } from './packing.ts'
import { RecordQueue, recordColumns } from './record-queue.ts'

const columns = recordColumns(64, 4_096, 65_536)

function append(offset: number, key: string | null, value: string): void {
  appendRecord(columns, { topic: 0, partition: 0, offset, timestampMs: 5, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) })
}

function put(queue: RecordQueue, offset: number, key: string | null, value: string): void {
  clearColumns(columns)
  append(offset, key, value)
  queue.put(columns, 0)
}

interface Plain {
  offset: number
  key: string
  value: string
}

function plainOf({ offsets, keys, keyEnds, values, valueEnds }: BatchColumns): Plain[] {
  const text = (bytes: Uint8Array, ends: Int32Array, row: number): string => Buffer.from(bytes.subarray(row === 0 ? 0 : ends[row - 1], ends[row])).toString()
  return Array.from(offsets, (offset, row) => ({ offset, key: text(keys, keyEnds, row), value: text(values, valueEnds, row) }))
}

describe('RecordQueue', () => {
  it('does what a list does, over any sequence of calls', () => {
    const action = fc.oneof(
      fc.record({ put: fc.integer({ min: 1, max: 3 }), size: fc.integer({ min: 0, max: 3_000 }) }),
      fc.record({ drop: fc.integer({ min: 0, max: 6 }) }),
      fc.record({ takeOut: fc.integer({ min: 0, max: 6 }) }),
      fc.record({ giveBack: fc.constant(true) }),
    )
    fc.assert(fc.property(fc.array(action, { maxLength: 120 }), (actions) => {
      const queue = new RecordQueue()
      queue.start(10)
      const list: Plain[] = []
      let next = 10
      for (const step of actions) {
        if ('put' in step) {
          next += step.put // offsets may have gaps: markers, deleted records
          const record = { offset: next - 1, key: `K${next}`, value: 'v'.repeat(step.size) }
          put(queue, record.offset, record.key, record.value)
          list.push(record)
        } else if ('giveBack' in step) {
          queue.giveBack()
        } else if ('takeOut' in step) {
          const to = (list[step.takeOut] ?? { offset: next }).offset
          const rows = queue.rowsBelow(to, 0)
          expect([rows, queue.rowsBelow(to, rows)]).toEqual([Math.min(step.takeOut, list.length), 0])
          expect(plainOf(queue.takeOut(rows))).toEqual(list.splice(0, rows))
        } else {
          const rows = Math.min(step.drop, queue.segmentRows())
          for (let i = 0; i < rows; i++) {
            const { offset, key, value } = queue.recordAt(i)
            expect([offset, String(key), String(value)]).toEqual(Object.values(list[i]))
          }
          queue.drop(rows)
          const last = list.splice(0, rows).at(-1)
          if (last !== undefined) expect(queue.next).toBe(last.offset + 1)
        }
        expect([queue.length, queue.bytes, queue.end]).toEqual([list.length, list.reduce((sum, { value }) => sum + value.length, 0), next])
        expect(queue.firstOffset).toBe(list[0]?.offset ?? queue.next)
      }
    }), { numRuns: 200, seed: 1 })
  })

  it('takes a run of rows as it takes them one by one, repeats left out', () => {
    const offsets = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 12 })
    fc.assert(fc.property(fc.array(offsets, { maxLength: 12 }), fc.integer({ min: 0, max: 9 }), (runs, dropped) => {
      const [whole, single] = [new RecordQueue(), new RecordQueue()]
      whole.start(7)
      single.start(7)
      for (const run of runs) {
        clearColumns(columns)
        append(99, 'before', 'not in the run')
        for (const offset of run) append(offset, `K${offset}`, 'v'.repeat(offset * 31))
        append(98, 'after', 'not in the run')
        whole.put(columns, 1, 1 + run.length)
        for (let row = 1; row <= run.length; row++) single.put(columns, row)
        for (const queue of [whole, single]) queue.drop(Math.min(dropped, queue.segmentRows()))
        expect([whole.length, whole.bytes, whole.next, whole.end]).toEqual([single.length, single.bytes, single.next, single.end])
        for (let i = 0; i < whole.length; i++) expect(whole.recordAt(i)).toEqual(single.recordAt(i))
      }
    }), { numRuns: 200, seed: 2 })
  })

  it('leaves out what it had already, and what lies below its start', () => {
    const queue = new RecordQueue()
    queue.start(5)
    for (const offset of [4, 5, 6, 6, 5, 7]) put(queue, offset, null, 'x')
    expect(queue.length).toBe(3)
    expect([0, 1, 2].map((i) => queue.recordAt(i).offset)).toEqual([5, 6, 7])
  })

  it('ends a segment before an offset, at a batch\'s rows, and asks for a pause when it is full', () => {
    const queue = new RecordQueue()
    queue.start(0)
    for (let offset = 0; offset < 2 * BATCH_ROWS; offset++) put(queue, offset, 'K', 'v')
    expect(queue.segmentRows()).toBe(BATCH_ROWS)
    expect(queue.segmentRows(7)).toBe(7)
    expect(queue.segmentRows(Number.MAX_SAFE_INTEGER, 3)).toBe(3)
    expect([queue.isFull, queue.isLow]).toEqual([true, false])
    while (queue.length > 0) queue.drop(queue.segmentRows())
    expect([queue.isFull, queue.isLow, queue.next]).toEqual([false, true, 2 * BATCH_ROWS])
  })

  it('ends a segment before a batch\'s bytes are full, and shows with peek the rows that drop takes', () => {
    const queue = new RecordQueue()
    queue.start(0)
    const value = 'v'.repeat(60_000)
    const fitting = Math.floor(BATCH_VALUE_BYTES / value.length)
    for (let offset = 0; offset < fitting + 3; offset++) put(queue, offset, 'K', value)
    queue.drop(1) // the segment begins in the middle of the columns
    expect(queue.segmentRows()).toBe(fitting)
    let shown: number[] = []
    queue.peek(fitting, ({ offsets, valueEnds, keyEnds, keys, values }, from, to) => {
      shown = [...offsets.subarray(from, to)]
      expect(valueEnds[to - 1] - valueEnds[from - 1]).toBeLessThanOrEqual(BATCH_VALUE_BYTES)
      expect(Buffer.from(values.subarray(valueEnds[from - 1], valueEnds[from])).toString()).toBe(value)
      expect(Buffer.from(keys.subarray(keyEnds[to - 2], keyEnds[to - 1])).toString()).toBe('K')
    })
    expect(shown).toEqual(Array.from({ length: fitting }, (_, i) => i + 1))
    expect(queue.length).toBe(fitting + 2)
    queue.drop(fitting)
    expect([queue.length, queue.firstOffset, queue.next]).toEqual([2, fitting + 1, fitting + 1])
  })

  it('gives back the room of what it no longer holds, at once', () => {
    const queue = new RecordQueue()
    queue.start(0)
    for (let offset = 0; offset < 1_000; offset++) put(queue, offset, 'K', 'v'.repeat(1_000))
    const room = () => {
      let values: Uint8Array = new Uint8Array()
      queue.peek(0, (columns) => (values = columns.values))
      return values
    }
    const full = room()
    queue.giveBack()
    expect(room()).toBe(full) // all of it is in use
    queue.drop(999)
    queue.giveBack()
    expect([full.length, room().length, String(queue.recordAt(0).value)]).toEqual([0, 16_384, 'v'.repeat(1_000)])
  })

  it('begins anew with nothing of before', () => {
    const queue = new RecordQueue()
    queue.start(0)
    for (const offset of [0, 1, 2]) put(queue, offset, 'K', 'v')
    queue.reachedEnd(3)
    queue.start(1)
    expect([queue.length, queue.bytes, queue.next, queue.end, queue.atEnd, queue.segmentRows()]).toEqual([0, 0, 1, 1, false, 0])
    put(queue, 1, 'K', 'w')
    expect(String(queue.recordAt(0).value)).toBe('w')
  })

  it('knows the end of its partition until another record comes', () => {
    const queue = new RecordQueue()
    queue.start(3)
    expect(queue.atEnd).toBe(false)
    queue.reachedEnd(2) // from before the start
    expect(queue.atEnd).toBe(false)
    queue.reachedEnd(4) // a marker lies at 3
    expect([queue.atEnd, queue.end]).toEqual([true, 4])
    put(queue, 4, 'K', 'v')
    expect([queue.atEnd, queue.end]).toEqual([false, 5])
  })
})
