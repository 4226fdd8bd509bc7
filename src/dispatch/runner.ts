/** Whoever runs kernel requests: the worker pool, or this thread itself (simulation, replay). */
import type { Envelope, ReplayCounts, ReplayRequest, SnapshotFile, StepTimes } from './request.ts'

export interface KernelRunner {
  /** Runs one request on the memory it names. Rejects with StepFailed when it did not end. */
  run(envelope: Envelope): Promise<StepTimes>
  /** Runs steps of a recorded epoch, one after another. Their records are given away. Rejects with StepFailed. */
  replay(envelope: Envelope<ReplayRequest>): Promise<ReplayCounts>
  /** The state as it is now, as files. Resolves `released` as soon as the copy is made and the memory may change again. */
  snapshot(envelope: Omit<Envelope, 'request'>): { released: Promise<void>; files: Promise<SnapshotFile[]> }
  /** The memories of keys that begin so are no longer used: what was kept for them may go. */
  forget(keyPrefix: string): void
  close(): Promise<void>
}
