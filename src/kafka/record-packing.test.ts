import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { FLAG_KEY_NULL, FLAG_VALUE_CUT, FLAG_VALUE_NULL, type RecordColumns } from '../ports/log.ts'
import type { NativeMessage } from './binding.ts'
import { packRecords, VALUE_HEAD_BYTES, VALUE_MAX_BYTES } from './record-packing.ts'

const TOPICS = new Map([['t', 0], ['u', 1]])

function columns(records: number, keyBytes: number, valueBytes: number): RecordColumns {
  return {
    count: 0, topics: new Uint8Array(records), partitions: new Int32Array(records), offsets: new Float64Array(records),
    timestampsMs: new Float64Array(records), flags: new Uint8Array(records), keys: new Uint8Array(keyBytes),
    keyEnds: new Int32Array(records), values: new Uint8Array(valueBytes), valueEnds: new Int32Array(records),
      sizes: new Int32Array(records),
  }
}

function message(offset: number, key: string | null, value: Buffer | null, topic = 't'): NativeMessage {
  return { topic, partition: 3, offset, timestamp: 1_000 + offset, size: value?.length ?? 0, key: key === null
    ? null : Buffer.from(key), value }
}

describe('packRecords', () => {
  it('lays records out one behind the other, with nulls and empties told apart', () => {
    const into = columns(8, 100, 100)
    const messages = [
      message(5, 'NVDA', Buffer.from('abc')), message(7, null, Buffer.from('')), message(8, '', null),
        message(9, 'A', Buffer.from('z'), 'u'),
    ]
    expect(packRecords(messages, 0, TOPICS, into)).toBe(4)
    expect(into.count).toBe(4)
    expect([...into.keyEnds.subarray(0, 4)]).toEqual([4, 4, 4, 5])
    expect([...into.valueEnds.subarray(0, 4)]).toEqual([3, 3, 3, 4])
    expect(Buffer.from(into.keys.subarray(0, 5)).toString()).toBe('NVDAA')
    expect(Buffer.from(into.values.subarray(0, 4)).toString()).toBe('abcz')
    expect([...into.flags.subarray(0, 4)]).toEqual([0, FLAG_KEY_NULL, FLAG_VALUE_NULL, 0])
    expect([...into.offsets.subarray(0, 4)]).toEqual([5, 7, 8, 9])
    expect([...into.topics.subarray(0, 4)]).toEqual([0, 0, 0, 1])
    expect([...into.partitions.subarray(0, 4)]).toEqual([3, 3, 3, 3])
    expect([...into.timestampsMs.subarray(0, 4)]).toEqual([1005, 1007, 1008, 1009])
    expect([...into.sizes.subarray(0, 4)]).toEqual([3, 0, 0, 1])
  })

  it('stops at the first that does not fit and goes on from there', () => {
    const messages = [1, 2, 3, 4, 5].map((offset) => message(offset, 'K', Buffer.alloc(40, offset)))
    const into = columns(8, 100, 100)
    expect(packRecords(messages, 0, TOPICS, into)).toBe(2)
    expect(packRecords(messages, 2, TOPICS, into)).toBe(4)
    expect([...into.offsets.subarray(0, into.count)]).toEqual([3, 4])
    expect(into.values[0]).toBe(3)
    expect(packRecords(messages, 4, TOPICS, columns(1, 1, 40))).toBe(5)
    expect(packRecords(messages, 0, TOPICS, columns(3, 100, 1000))).toBe(3)
  })

  it('cuts what is over 1 MiB, and what could never fit, to its first 64 KiB and the SHA-256 of the whole', () => {
    const DIGEST_BYTES = 32
    const into = columns(4, 100, 2 * VALUE_MAX_BYTES)
    const whole = Buffer.alloc(VALUE_MAX_BYTES, 1)
    const over = Buffer.alloc(VALUE_MAX_BYTES + 1, 2)
    expect(packRecords([message(1, 'K', whole), message(2, 'K', over)], 0, TOPICS, into)).toBe(2)
    expect([...into.flags.subarray(0, 2)]).toEqual([0, FLAG_VALUE_CUT])
    expect([...into.valueEnds.subarray(0, 2)]).toEqual([VALUE_MAX_BYTES, VALUE_MAX_BYTES + VALUE_HEAD_BYTES + DIGEST_BYTES])
    const digest = Buffer.from(into.values.subarray(VALUE_MAX_BYTES + VALUE_HEAD_BYTES, into.valueEnds[1]))
    expect(digest).toEqual(createHash('sha256').update(over).digest())
    expect([...into.sizes.subarray(0, 2)]).toEqual([VALUE_MAX_BYTES, VALUE_MAX_BYTES + 1])
    const small = columns(1, 100, 100_000)
    expect(packRecords([message(1, 'K', Buffer.alloc(100_001, 7))], 0, TOPICS, small)).toBe(1)
    expect([small.flags[0], small.valueEnds[0], small.sizes[0]]).toEqual([FLAG_VALUE_CUT, VALUE_HEAD_BYTES + DIGEST_BYTES, 100_001])
  })
})
