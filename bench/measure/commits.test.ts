import { expect, test } from 'vitest'
import { commitLine, commitsWithin } from './commits.ts'

const LINES = [{ endedMs: 999.9, ms: 90 }, { endedMs: 1_000, ms: 10 }, { endedMs: 1_999.5, ms: 20.25 }, { endedMs: 2_000, ms: 80 }].map(commitLine).join('')

test('commits count by their epoch\'s end', () => {
  const found = commitsWithin(LINES, { fromMs: 1_000, toMs: 2_000 })
  expect(found.count).toBe(2)
  expect(found.summary().min).toBe(10)
  expect(found.summary().max).toBeCloseTo(20.25, 1)
})

test('several stretches add up, and a line that was cut off is left out', () => {
  const pooled = commitsWithin(LINES, { fromMs: 0, toMs: 1_000 })
  commitsWithin(`${LINES}2500 7`, { fromMs: 2_000, toMs: 3_000 }, pooled)
  expect(pooled.count).toBe(2)
  expect(pooled.summary().min).toBeCloseTo(80, 0)
})
