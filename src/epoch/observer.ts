/** What the loop tells of its work, for metrics. Times in ms. Implementations must be cheap and never throw. */
import type { EpochStage, TransactionResult } from '../contract/metrics.ts'
import type { ClosedEpoch } from './task-state.ts'

export interface Observer {
  stage(stage: EpochStage, ms: number): void
  transaction(result: TransactionResult): void
  /** An epoch is known to be committed: `ms` from begin to committed, at wall-clock `clockMs`. */
  committed(closed: ClosedEpoch, ms: number, clockMs: number): void
  snapshot(result: 'stored' | 'failed', ms: number, bytes: number): void
}
