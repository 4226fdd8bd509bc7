import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Latencies } from './latencies.ts'

const of = (values: number[]): Latencies => {
  const latencies = new Latencies()
  for (const value of values) latencies.add(value)
  return latencies
}

describe('Latencies', () => {
  test('percentiles are those of the sorted values, to 3 digits', () => {
    const ms = fc.integer({ min: 1, max: 10_000_000 }).map((us) => us / 1000)
    fc.assert(fc.property(fc.array(ms, { minLength: 1, maxLength: 300 }), fc.constantFrom(50, 90, 99, 100), (values, percentile) => {
      const sorted = [...values].sort((a, b) => a - b)
      const exact = sorted[Math.max(Math.round((percentile / 100) * sorted.length) - 1, 0)]
      expect(Math.abs(of(values).at(percentile) - exact)).toBeLessThanOrEqual(exact * 0.001 + 0.001)
    }))
  })

  test('nothing measured is no latency of 0', () => {
    expect(of([]).at(50)).toBeNaN()
    expect(of([]).summary()).toMatchObject({ count: 0, p50: null, max: null })
  })

  test('negative ones are told', () => {
    expect(of([-1, 2]).negative).toBe(1)
    expect(of([-1, 2]).summary()).toMatchObject({ count: 2, min: 0.001 })
  })
})
