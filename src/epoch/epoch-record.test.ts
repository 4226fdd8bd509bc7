import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { decodeEpochRecord, encodeEpochRecord } from './epoch-record.ts'
import type { EpochRecord } from './epoch-record.ts'

const record: EpochRecord = {
  job: { group: 'torghut-ta', tradesTopic: 'trades', partitions: 4 }, inputs: ['trades', 'quotes', ''], left: [{ topic: 'old', to: 2 ** 33 }], task: 3, epoch: 71, instance: 'host-ü', bundle: 'ab'.repeat(32),
  steps: [{ topic: 0, to: 2 ** 40, clockMs: 1_764_786_730_045 }, { topic: 1, to: 7, clockMs: 1_764_786_730_050 }],
  consumed: [{ to: 2 ** 40, count: 12, hash: -5n }, { to: 7, count: 0, hash: 2n ** 62n }, { to: -1, count: 0, hash: 0n }],
  clockCloseMs: 1_764_786_731_000, idle: 2, watermarkBeforeNs: -(2n ** 63n), watermarkAfterNs: 1_764_786_728_000_000_000n,
  counts: Array.from({ length: 15 }, (_, i) => i * 1_000_003), bars: 5, signals: 4, late: 2, rejected: 1, digest: -(2n ** 63n) + 1n, barsDigest: 3n, signalsDigest: -1n,
  statusSeq: 9, latestStart: true, skip: [{ topic: 0, offset: 2 ** 41 }],
}

describe('the epoch record', () => {
  it('comes back as it was', () => {
    expect(decodeEpochRecord(encodeEpochRecord(record))).toEqual(record)
  })

  it('has this very form: what is written must be read by every later version', () => {
    const small = { ...record, steps: [record.steps[1]], skip: [], instance: 'a', bundle: 'b', counts: new Array<number>(15).fill(1) }
    expect(encodeEpochRecord(small).toString('hex')).toMatchInlineSnapshot(`"5441455003000a746f72676875742d74610674726164657304000000067472616465730671756f7465730001000000036f6c6400000000020000000300000047000000000000000161016201000000010700000000000000002044c757ae794200000000000070420c00000000000000fbffffffffffffff0000000000001c4000000000000000000000000000000040000000000000f0bf0000000000000000000000000000000000807fc757ae79420200000000000000800090c3ca2dc87d180100000000000000010000000000000001000000000000000100000000000000010000000000000001000000000000000100000000000000010000000000000001000000000000000100000000000000010000000000000001000000000000000100000000000000010000000000000001000000000000000500000004000000020000000100000001000000000000800300000000000000ffffffffffffffff09000000000000000100000000fc7c58c5"`)
  })

  it('is refused with any one bit changed', () => {
    const bytes = encodeEpochRecord(record)
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      bytes[bit >> 3] ^= 1 << (bit & 7)
      expect(() => decodeEpochRecord(bytes), `bit ${bit}`).toThrow(RangeError)
      bytes[bit >> 3] ^= 1 << (bit & 7)
    }
    expect(decodeEpochRecord(bytes)).toEqual(record)
  })

  it('is refused in a version that this program does not know, whatever its checksum', () => {
    const bytes = encodeEpochRecord(record)
    bytes.writeUInt16LE(1, 4)
    bytes.writeUInt32LE(crc32(bytes.subarray(0, -4)), bytes.length - 4)
    expect(() => decodeEpochRecord(bytes)).toThrow('epoch record of version 1, this program reads 3')
  })

  it('takes no instance name of more than 255 bytes', () => {
    expect(() => encodeEpochRecord({ ...record, instance: 'é'.repeat(128) })).toThrow(RangeError)
  })

  it('is refused when it is cut short, or something else', () => {
    const bytes = encodeEpochRecord(record)
    for (let length = 0; length < bytes.length; length++) expect(() => decodeEpochRecord(bytes.subarray(0, length))).toThrow(RangeError)
    expect(() => decodeEpochRecord(Buffer.from('{"task":3,"epoch":71,"instance":"host"}'))).toThrow(RangeError)
  })
})
