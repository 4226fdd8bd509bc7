import { expect, test } from 'vitest'
import { commitLine, commitsWithin } from './commits.ts'

const LINES = [
  { endedMs: 999.9, ms: 90, transactionMs: 80 }, { endedMs: 1_000, ms: 10, transactionMs: 8 }, { endedMs: 1_999.5, ms: 20.25, transactionMs: 9.5 },
  { endedMs: 2_000, ms: 80, transactionMs: 75 },
].map(commitLine).join('')

test('commits count by their epoch\'s end', () => {
  const { commit, transaction } = commitsWithin(LINES, { fromMs: 1_000, toMs: 2_000 })
  expect([commit.count, transaction.count]).toEqual([2, 2])
  expect([commit.summary().min, transaction.summary().min]).toEqual([10, 8])
  expect(commit.summary().max).toBeCloseTo(20.25, 1)
  expect(transaction.summary().max).toBeCloseTo(9.5, 1)
})

test('several stretches add up, and a line that was cut off is left out', () => {
  const pooled = commitsWithin(LINES, { fromMs: 0, toMs: 1_000 })
  commitsWithin(`${LINES}2500 7 5`, { fromMs: 2_000, toMs: 3_000 }, pooled)
  expect(pooled.commit.count).toBe(2)
  expect(pooled.transaction.summary().min).toBeCloseTo(75, 0)
})
