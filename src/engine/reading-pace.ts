/**
 * How long records gather in librdkafka before the reader takes them. Each taking wakes threads and costs a step of every task
 * that got records, whatever their number; nobody waits for records between publications.
 */

/** Times within a second at which something is published, ms: a second's provisional records, its finals. */
export interface Pace {
  marksMs: readonly number[]
  /** Longest gathering, ms; 0: none. */
  gatherMs: number
}

/** Longest gathering whatever TA_EPOCH_MS says: longer saves next to nothing. */
const GATHER_MAX_MS = 20
/** What comes from so long before a publication on is taken as it comes, so that it is in it. */
const BEFORE_MS = 15
/** So is what comes shortly after: the record that moves the watermark over a second's end. */
const AFTER_MS = 40
/** A taking of so many records is worth its cost: the reader is catching up, or the rate is high. */
const MANY = 2_048
const SECOND_MS = 1_000

export function paceOf(settings: { provisionalDelayMs: number; latenessMs: number; epochMs: number }): Pace {
  return { marksMs: [settings.provisionalDelayMs % SECOND_MS, settings.latenessMs % SECOND_MS], gatherMs: Math.min(settings.epochMs, GATHER_MAX_MS) }
}

/** How long to let records gather after a turn that brought `rows`, ms; 0: not at all. */
export function gatherForMs(clockMs: number, rows: number, { marksMs, gatherMs }: Pace): number {
  if (rows >= MANY) return 0
  let waitMs = gatherMs
  for (const markMs of marksMs) {
    const sinceMs = (((clockMs - markMs) % SECOND_MS) + SECOND_MS) % SECOND_MS
    const leftMs = sinceMs < AFTER_MS ? 0 : SECOND_MS - BEFORE_MS - sinceMs
    waitMs = Math.min(waitMs, Math.max(leftMs, 0))
  }
  return waitMs
}
