import { describe, expect, it } from 'vitest'
import { stampMs, stampNs, unitsPerSecond } from './stamp.ts'

describe('stampNs', () => {
  it('keeps nanoseconds', () => {
    expect(stampNs('2025-12-03T18:32:10.045123456Z')).toBe(1764786730045123456n)
    expect(stampNs('2025-12-03T18:32:10Z')).toBe(1764786730000000000n)
    expect(stampNs('1969-12-31T23:59:59.9Z')).toBe(-100000000n)
  })

  it('applies an offset', () => {
    expect(stampNs('2025-12-03T13:32:10-05:00')).toBe(stampNs('2025-12-03T18:32:10Z'))
    expect(stampNs('2025-12-04T00:02:10+05:30')).toBe(stampNs('2025-12-03T18:32:10Z'))
  })

  it.each([
    '',
    '2025-12-03',
    '2025-12-03T18:32:10',
    '2025-13-03T18:32:10Z',
    '2025-12-03T25:32:10Z',
    '2025-12-03T18:32:10.1234567890Z',
  ])('takes %j for no stamp', (text) => expect(stampNs(text)).toBeUndefined())
})

describe('stampMs', () => {
  it('tells epoch numbers apart by size', () => {
    for (const epoch of [1764786730, 1764786730000, 1764786730000000, 1764786730000000000])
      expect(stampMs(epoch)).toBe(1764786730000)
    expect([99999999999, 1e11, 1e14, 1e17].map(unitsPerSecond)).toEqual([1, 1e3, 1e6, 1e9])
  })

  it('is NaN for what is no time', () => {
    for (const value of ['soon', null, undefined, true, {}]) expect(stampMs(value)).toBeNaN()
  })
})
