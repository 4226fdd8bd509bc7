import fc from 'fast-check'
import { expect, test } from 'vitest'
import { solveCost } from './slopes.ts'

test('finds the costs that two runs were made of', () => {
  const cost = fc.double({ min: 0.1, max: 20, noNaN: true })
  fc.assert(fc.property(cost, cost, (a, b) => {
    const run = (inputs: number, outputs: number) => ({ inputs, outputs, seconds: (a * inputs + b * outputs) / 1e6 })
    const found = solveCost(run(2_000_000, 330_000), run(2_000_000, 33_000))
    expect(found.perInputUs).toBeCloseTo(a, 6)
    expect(found.perOutputUs).toBeCloseTo(b, 6)
  }))
})

test('refuses runs of the same density', () => {
  expect(() => solveCost({ inputs: 100, outputs: 10, seconds: 1 }, { inputs: 200, outputs: 20.5, seconds: 2 })).toThrow(/give more --records/)
})
