/**
 * When an epoch ends, and which records come next: decisions as pure functions of a view, apart from the loop that carries
 * them out. A commit costs the same whatever is in it, so there are few, and where they count.
 */

/** What the loop sees. Times are wall-clock ms, event times ns; absent things are ±Infinity. */
export interface EpochView {
  clockMs: number
  /** Clock of the first step of the open epoch, +Infinity when it has none. */
  openedMs: number
  /** When the last epoch ended. */
  lastEndMs: number
  /** Records applied in the open epoch. */
  records: number
  /** From here on a window's provisional records are due. */
  nextProvisionalMs: number
  /** Minute bars came whose signals await the epoch's end. */
  minuteSignalsDue: boolean
  /** End of the oldest window that awaits its final, ms. */
  nextFinalMs: number
  /** Where the task's watermark would go, ms. */
  watermarkMs: number
  statusDueMs: number
}

export interface EpochLimits {
  epochMs: number
  epochMaxMs: number
  provisionalDelayMs: number
}

export type EpochReason = 'provisional' | 'final' | 'minute' | 'longest' | 'status' | 'full'
export type EpochDecision = { end: true; reason: EpochReason } | { end: false; waitMs: number }

/** Records after which an epoch ends whatever else: bounds what one transaction holds and what a restart does again. */
export const EPOCH_RECORDS_MAX = 65_536
/** No other commit begins this shortly before a second ends: the second's own publication goes before all else. */
export const QUIET_MS = 25

/** Whether the epoch ends now, why, or after how long to look again. */
export function decideEpochEnd(view: EpochView, limits: EpochLimits): EpochDecision {
  const { clockMs } = view
  if (view.records >= EPOCH_RECORDS_MAX) return { end: true, reason: 'full' }
  const earliest = view.lastEndMs + limits.epochMs
  const provisional = Math.max(view.nextProvisionalMs, earliest)
  // a window that the watermark has passed already is due at once
  const final = view.watermarkMs >= view.nextFinalMs ? earliest : Number.POSITIVE_INFINITY
  const minute = view.minuteSignalsDue ? earliest : Number.POSITIVE_INFINITY
  const longest = Math.max(view.openedMs + limits.epochMaxMs, earliest)
  const status = Math.max(view.statusDueMs, earliest)
  if (clockMs >= provisional && isPublication(view, limits)) return { end: true, reason: 'provisional' }
  if (clockMs >= final) return { end: true, reason: 'final' }
  const quietUntil = quietUntilMs(view, limits)
  if (clockMs >= quietUntil) {
    if (clockMs >= provisional) return { end: true, reason: 'provisional' }
    if (clockMs >= minute) return { end: true, reason: 'minute' }
    if (clockMs >= longest) return { end: true, reason: 'longest' }
    if (clockMs >= status) return { end: true, reason: 'status' }
  }
  const next = Math.min(final, Math.max(Math.min(provisional, minute, longest, status), quietUntil))
  return { end: false, waitMs: Math.max(next - clockMs, 0) }
}

/** A second's publication lies less than half a second back, so the next one is far: the time for what takes some ms. */
export function isFarFromPublication(clockMs: number, limits: Pick<EpochLimits, 'provisionalDelayMs'>): boolean {
  const sinceMs = (((clockMs - limits.provisionalDelayMs) % 1000) + 1000) % 1000
  return sinceMs < 500
}

/** The due provisional records are a second's first publication, not a refresh shortly before the next one. */
function isPublication(view: EpochView, limits: EpochLimits): boolean {
  return view.clockMs >= quietUntilMs(view, limits)
}

/** The end of the quiet time before a second's publication that the clock lies in, or the clock itself. */
function quietUntilMs(view: EpochView, limits: EpochLimits): number {
  const { clockMs } = view
  const nextSecond = Math.ceil((clockMs - limits.provisionalDelayMs) / 1000) * 1000 + limits.provisionalDelayMs
  return view.records > 0 && nextSecond > clockMs && nextSecond - clockMs <= QUIET_MS ? nextSecond : clockMs
}

/** One channel as far as reading in step is concerned. */
export interface ChannelView {
  /** Records that wait. */
  waiting: number
  /** Largest event time applied, ms; −Infinity before the first. */
  maxMs: number
  /** Not waited for: off, idle, or with nothing left to read. */
  exhausted: boolean
}

/** A partition that is this far ahead of the other waits for it while old data is read. */
const AHEAD_MS = 5_000
/** Event times younger than this are live: nothing is held back for reading in step. */
const LIVE_MS = 10_000

/**
 * The channel whose records are applied next, or −1. While old data is caught up, trades and quotes are read in step by event
 * time, so open windows stay few (invariant 7). Minute bars have no part in the watermark and come as they are.
 */
export function nextChannel(channels: ChannelView[], clockMs: number, latenessMs: number): number {
  let best = -1
  channels.forEach((channel, number) => {
    if (channel.waiting === 0) return
    if (number < 2) {
      const other = channels[1 - number]
      const live = channel.maxMs > clockMs - LIVE_MS
      if (!live && !other.exhausted && channel.maxMs > other.maxMs + latenessMs + AHEAD_MS) return
    }
    if (best < 0 || channel.maxMs < channels[best].maxMs) best = number
  })
  return best
}
