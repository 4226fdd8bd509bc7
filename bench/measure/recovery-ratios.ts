/** What a recovery bench is judged by: ratios of two things of one run. */
import type { RecoveryRow } from '../recovery.ts'
import type { Comparable, Limits, Tolerances } from './comparison.ts'
import { rounded } from './latencies.ts'
import { medianOf } from './recovery.ts'

/** A snapshot must not make the p99 of commits rise by more than a fifth. */
const COMMIT_P99_LIMIT = 1.2
/** Seen from outside there is the reader's noise in it, too. */
const PROVISIONAL_P99_TOLERANCE = 1.4
/** A second and more of some twelve. */
const TAKEOVER_TOLERANCE = 1.1
const GROWTH_TOLERANCE = 1.4

const ratioOf = (one: number | null | undefined, other: number | null | undefined): number | null => {
  const ratio = (one ?? Number.NaN) / (other ?? Number.NaN)
  return Number.isFinite(ratio) ? rounded(ratio) : null
}

/**
 * - p99 with snapshots against none, of commits and of first provisional bars, for each number of symbols;
 * - another instance's first record against the session timeout and the same instance's less the start of its process: a takeover
 *   should cost what the broker waits and what a recovery costs, and nothing more;
 * - the same instance's last task with the most symbols against the fewest.
 */
export function recoveryRatios(rows: readonly RecoveryRow[], sessionTimeoutMs: number): { ratios: Comparable['ratios']; tolerances: Tolerances; limits: Limits } {
  const ratios: Record<string, number | null> = {}
  const tolerances: Record<string, number> = {}
  const limits: Record<string, number> = {}
  for (const { symbols, sameInstance, otherInstance, snapshotCost } of rows) {
    const [commit, provisional] = [`commitP99SnapshotsToNone${symbols}`, `provisionalP99SnapshotsToNone${symbols}`]
    const takeover = `takeoverToSessionAndRecovery${symbols}`
    ratios[commit] = ratioOf(snapshotCost?.with.commit.p99, snapshotCost?.without.commit.p99)
    limits[commit] = COMMIT_P99_LIMIT
    ratios[provisional] = ratioOf(snapshotCost?.with.provisional.p99, snapshotCost?.without.provisional.p99)
    tolerances[provisional] = PROVISIONAL_P99_TOLERANCE
    const started = sameInstance && medianOf(sameInstance.each.map(({ firstMs, parts }) => firstMs - parts.restart))
    ratios[takeover] = started === null ? null : ratioOf(otherInstance?.firstMs.p50, sessionTimeoutMs + started)
    tolerances[takeover] = TAKEOVER_TOLERANCE
  }
  const bySize = rows.toSorted((a, b) => a.symbols - b.symbols)
  const [fewest, most] = [bySize[0], bySize[bySize.length - 1]]
  if (rows.length > 1) {
    const growth = `sameInstance${most.symbols}To${fewest.symbols}`
    ratios[growth] = ratioOf(most.sameInstance?.allTasksMs.p50, fewest.sameInstance?.allTasksMs.p50)
    tolerances[growth] = GROWTH_TOLERANCE
  }
  return { ratios, tolerances, limits }
}
