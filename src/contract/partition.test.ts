import { describe, expect, it } from 'vitest'
import { murmur2, murmur2Partition } from './partition.ts'

// Values of Apache Kafka's own UtilsTest.testMurmur2.
const KNOWN: [string, number][] = [
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
]

describe('murmur2', () => {
  it.each(KNOWN)('hashes %s as the Java client does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash)
  })

  it('reads bytes above 127 as unsigned', () => {
    expect(murmur2(Buffer.from('é'))).not.toBe(murmur2(Buffer.from('e')))
    expect(murmur2Partition('é', 7)).toBe(murmur2Partition(Buffer.from('é'), 7))
  })

  it('makes a negative hash positive as toPositive does, not by its absolute value', () => {
    expect(murmur2Partition('foobar', 1000)).toBe((-790332482 & 0x7fffffff) % 1000)
    expect(murmur2Partition('foobar', 1000)).not.toBe(790332482 % 1000)
  })

  it('stays in range for every count of partitions', () => {
    for (let partitions = 1; partitions <= 64; partitions++) {
      for (const symbol of ['AAPL', 'NVDA', 'BTC/USD', 'BRK.B', 'A']) {
        const partition = murmur2Partition(symbol, partitions)
        expect(partition).toBeGreaterThanOrEqual(0)
        expect(partition).toBeLessThan(partitions)
      }
    }
  })
})
