import { expect, test } from 'vitest'
import type { RecoveryRow } from '../recovery.ts'
import type { SideFigures } from '../snapshot-cost.ts'
import { compare } from './comparison.ts'
import { Latencies } from './latencies.ts'
import { recoveryRatios } from './recovery-ratios.ts'
import { summarize, type Recovery } from './recovery.ts'

const recovery = (ms: number): Recovery => ({ firstMs: ms, allTasksMs: ms + 100, parts: { restart: ms / 2, join: ms / 2, attempts: 0, fence: 0, load: 0, replay: 0, commit: 100 }, epochs: 1 })
const side = (commitMs: number, provisionalMs: number): SideFigures => {
  const summary = (ms: number): SideFigures['commit'] => ({ ...new Latencies().summary(), count: 1, p99: ms })
  return { snapshots: 1, snapshotMeanMs: 5, commit: summary(commitMs), transaction: summary(commitMs), commitP99ByRound: [commitMs], provisional: summary(provisionalMs) }
}
const row = (symbols: number, sameMs: number, otherMs: number, commitMs: number): RecoveryRow => ({
  symbols, sameInstance: summarize([recovery(sameMs)]), otherInstance: summarize([recovery(otherMs)]), snapshot: { bytes: 1, meanMs: 1 },
  snapshotCost: { with: side(commitMs, 60), without: side(20, 50) },
})

test('each number of symbols has its ratios, and the most is held against the fewest', () => {
  const { ratios } = recoveryRatios([row(10_000, 1_900, 12_000, 22), row(500, 900, 11_000, 30)], 10_000)
  expect(ratios).toEqual({
    commitP99SnapshotsToNone10000: 1.1, provisionalP99SnapshotsToNone10000: 1.2, takeoverToSessionAndRecovery10000: 1.096,
    commitP99SnapshotsToNone500: 1.5, provisionalP99SnapshotsToNone500: 1.2, takeoverToSessionAndRecovery500: 1.053,
    sameInstance10000To500: 2,
  })
})

test('a commit\'s p99 that snapshots raise by more than a fifth fails without anything committed', () => {
  const judged = (commitMs: number): string[] => {
    const { ratios, tolerances, limits } = recoveryRatios([row(500, 900, 11_000, commitMs)], 10_000)
    return compare(null, { options: {}, ratios }, tolerances, limits).worse
  }
  expect(judged(24)).toEqual([])
  expect(judged(24.1)).toEqual(['commitP99SnapshotsToNone500'])
})

test('what was left out is null and fails nothing', () => {
  const { ratios, tolerances, limits } = recoveryRatios([{ symbols: 500, sameInstance: null, otherInstance: null, snapshot: { bytes: null, meanMs: null }, snapshotCost: null }], 10_000)
  expect(Object.values(ratios)).toEqual([null, null, null])
  expect(compare(null, { options: {}, ratios }, tolerances, limits).worse).toEqual([])
})
