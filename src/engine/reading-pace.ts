/**
 * When the reader takes records as they come, and when it lets them gather: at the broker, in librdkafka. Each fetch and each taking
 * wakes threads here and there and costs a step of every task that got records, whatever their number; and between publications
 * nobody waits for records.
 */
import { GATHER_MS } from '../ports/log.ts'

export interface Pace {
  /** Times within a second at which something is published, ms: a second's provisional records, its finals. */
  marksMs: readonly number[]
  /** Longest gathering here, ms; 0: none, nowhere. */
  gatherMs: number
}

/** What comes from so long before a publication on is taken as it comes, so that it is in it. */
const BEFORE_MS = 15
/** Longer saves next to nothing. */
const GATHER_HERE_MS = 40
/** So is what comes shortly after: the record that moves the watermark over a second's end. */
const AFTER_MS = 40
/** A taking of so many records is worth its cost: the reader is catching up, or the rate is high. */
const MANY = 2_048
const SECOND_MS = 1_000

export function paceOf(settings: { provisionalDelayMs: number; latenessMs: number; epochMs: number }): Pace {
  const marksMs = [settings.provisionalDelayMs, settings.latenessMs].map((ms) => ms % SECOND_MS)
  return { marksMs, gatherMs: Math.min(2 * settings.epochMs, GATHER_HERE_MS) }
}

/** For how long nobody waits for records, after a turn that brought `rows`, ms. */
export function quietForMs(clockMs: number, rows: number, { marksMs, gatherMs }: Pace): number {
  if (rows >= MANY || gatherMs === 0) return 0
  return Math.min(...marksMs.map((markMs) => {
    const sinceMs = (((clockMs - markMs) % SECOND_MS) + SECOND_MS) % SECOND_MS
    return sinceMs < AFTER_MS ? 0 : Math.max(SECOND_MS - BEFORE_MS - sinceMs, 0)
  }))
}

/** Whether what is fetched from now on may gather at the broker: it is here before anybody waits for it. */
export const mayGatherAtBroker = (quietMs: number): boolean => quietMs > GATHER_MS
