import { describe, expect, it } from 'vitest'
import { WireReader, WireWriter } from './bytes.ts'
import { bootstrapAddresses } from './requests.ts'

describe('the wire format', () => {
  it('has its golden bytes', () => {
    const body = new WireWriter().int8(-1).int16(258).int32(-2).int64(2 ** 40 + 1).string('é').string(null).bytes(
      Buffer.from([9]))
    expect(body.array(['a', 'b'], (item) => body.string(item)).done().toString('hex')).toBe(
      'ff' + '0102' + 'fffffffe' + '0000010000000001' + '0002c3a9' + 'ffff' + '0000000109' + '00000002' + '000161' + '000162')
  })

  it('reads what was written, and nothing past the end', () => {
    const writer = new WireWriter().int8(-1).int16(258).int32(-2).int64(2 ** 52).string('é').string(null).bytes(
      Buffer.from([9, 8]))
    const reader = new WireReader(writer.array([1, 2], (item) => writer.int16(item)).done())
    expect([reader.int8(), reader.int16(), reader.int32(), reader.int64(), reader.string(), reader.string()]).toEqual(
      [-1, 258, -2, 2 ** 52, 'é', null])
    expect(reader.bytes()).toEqual(Buffer.from([9, 8]))
    expect(reader.array(() => reader.int16())).toEqual([1, 2])
    expect(() => reader.int8()).toThrow(RangeError)
  })

  it('has the golden bytes of flexible versions, and reads them', () => {
    const writer = new WireWriter().varint(0).varint(127).varint(300).compactString('é').noTags()
    writer.compactArray([7], (item) => writer.int32(item))
    const bytes = writer.done()
    expect(bytes.toString('hex')).toBe('00' + '7f' + 'ac02' + '03c3a9' + '00' + '02' + '00000007')
    const reader = new WireReader(Buffer.concat([bytes, Buffer.from('00' + '00' + '01' + '05' + '02' + 'aabb' + '09', 'hex')]))
    expect([reader.varint(), reader.varint(), reader.varint(), reader.compactString()]).toEqual([0, 127, 300, 'é'])
    reader.tags()
    expect(reader.compactArray(() => reader.int32())).toEqual([7])
    expect([reader.compactString(), reader.compactArray(() => reader.int8())]).toEqual([null, []]) // null and null
    reader.tags() // one, number 5, of two bytes
    expect(reader.int8()).toBe(9)
    expect(() => new WireReader(Buffer.from('ffffffffffff', 'hex')).varint()).toThrow(RangeError)
  })
})

describe('bootstrapAddresses', () => {
  it.each([
    ['a:1,b:2', [{ host: 'a', port: 1 }, { host: 'b', port: 2 }]],
    [' kafka ', [{ host: 'kafka', port: 9092 }]],
    ['SASL_SSL://k.example:9093', [{ host: 'k.example', port: 9093 }]],
    ['[::1]:9094', [{ host: '::1', port: 9094 }]],
  ])('%s', (text, addresses) => expect(bootstrapAddresses(text)).toEqual(addresses))
})
