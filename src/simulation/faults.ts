/**
 * What can go wrong in a simulation, and how often: drawn from the seed, so that schedules differ in kind and not only in
 * detail.
 */
import type { Random } from './random.ts'

export interface Faults {
  /** Requests that never arrive, and answers that never come back, per call of the data plane and of the control plane. */
  requestLost: number
  answerLost: number
  /** A commit: the request is lost, the answer is lost, the request comes late (after the caller has given up). */
  commitRequestLost: number
  commitAnswerLost: number
  commitLate: number
  /** A transaction that the broker refuses to finish: aborted, and known to be. */
  aborted: number
  /** InitProducerId that takes seconds. */
  slowInit: number
  /** Consume calls that fail. */
  consumeFails: number
  /** Store calls: no answer, failing (403, full), half of the bytes written, seconds slow. */
  storeFails: number
  storeAnswerLost: number
  storeTorn: number
  storeSlow: number
  /** Kernel steps whose worker dies, and that trap. */
  workerDies: number
  kernelTraps: number
  /** Usual time of a call, ms, and of the tail. */
  latencyMs: number
  tailMs: number
  tail: number
}

export const NO_FAULTS: Faults = {
  requestLost: 0, answerLost: 0, commitRequestLost: 0, commitAnswerLost: 0, commitLate: 0, aborted: 0, slowInit: 0,
  consumeFails: 0, storeFails: 0, storeAnswerLost: 0, storeTorn: 0, storeSlow: 0, workerDies: 0, kernelTraps: 0,
  latencyMs: 2, tailMs: 30, tail: 0.01,
}

/** Faults of one schedule: each kind is on in about half of them, at a rate of its own. */
export function drawFaults(random: Random): Faults {
  const rate = (most: number): number => (random.chance(0.5) ? random.between(most / 10, most * 1.3) : 0)
  return {
    requestLost: rate(0.02), answerLost: rate(0.02), commitRequestLost: rate(0.06), commitAnswerLost: rate(0.1),
    commitLate: rate(0.04), aborted: rate(0.06), slowInit: rate(0.4), consumeFails: rate(0.03),
    storeFails: rate(0.2), storeAnswerLost: rate(0.1), storeTorn: rate(0.1),
    storeSlow: rate(0.1), workerDies: rate(0.01), kernelTraps: rate(0.004),
    latencyMs: random.pick([0.5, 2, 5]), tailMs: random.pick([10, 100, 600]), tail: random.pick([0.005, 0.02, 0.05]),
  }
}
