/** Whoever runs kernel requests: the worker pool, or this thread itself (simulation, replay). */
import type { Envelope, SnapshotFile, StepTimes } from './request.ts'

export interface KernelRunner {
  /** Runs one request on the memory it names. Rejects with StepFailed when it did not end. */
  run(envelope: Envelope): Promise<StepTimes>
  /** The state as it is now, as files. Resolves `released` as soon as the copy is made and the memory may change again. */
  snapshot(envelope: Omit<Envelope, 'request'>): { released: Promise<void>; files: Promise<SnapshotFile[]> }
  close(): Promise<void>
}
