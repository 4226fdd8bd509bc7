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
/** A publication's commits are over by then, and by then the next one is close. */
const AFTER_PUBLICATION_MS = 100
const BEFORE_PUBLICATION_MS = 200

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

/** No publication is near, a second's provisional records or its finals: the time for what takes some ms. */
export function isFarFromPublication(clockMs: number, { provisionalDelayMs, latenessMs }: { provisionalDelayMs: number; latenessMs: number }): boolean {
  return [provisionalDelayMs, latenessMs].every((markMs) => {
    const sinceMs = (((clockMs - markMs) % 1000) + 1000) % 1000
    return sinceMs >= AFTER_PUBLICATION_MS && sinceMs < 1000 - BEFORE_PUBLICATION_MS
  })
}

/** Whether bars are published by then, as far as one can tell: provisional ones are due, or a window's finals. */
export function publishesBy({ nextProvisionalMs, nextFinalMs, clockMs, watermarkMs }: EpochView, byMs: number): boolean {
  // the watermark goes on with the clock, roughly
  return Math.min(nextProvisionalMs, clockMs + nextFinalMs - watermarkMs) <= byMs
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
  /** Largest event time applied, ms, of minute bars their end; −Infinity before the first. */
  maxMs: number
  /** Not waited for: off, idle, or with nothing left to read. */
  exhausted: boolean
  /** Nothing waits and nothing has come for SILENT_MS, though there may be more to read. */
  silent: boolean
}

const TRADES = 0
const QUOTES = 1
const BARS = 2

/** A partition that is this far ahead of the other waits for it while old data is read. */
const AHEAD_MS = 5_000
/** Event times younger than this are live: nothing is held back for reading in step. */
const LIVE_MS = 10_000
/** Minute bars are read this far ahead of the trades that they are compared with: with a step's bars less than a symbol's list holds. */
const BARS_AHEAD_MS = 30 * 60_000
/** Old trades this far past the newest minute bar wait for more of them: a few minutes less than own seconds are kept. */
const BARS_BEHIND_MS = 4 * 60_000
/** Minute bars and trades wait for each other for so long at most when nothing comes: one that can't be read holds up neither. */
export const SILENT_MS = 500
/** Records a symbol and step, where there are minute bars: about an hour of bars, some minutes of rare trades. Of many symbols a batch is less. */
const STEP_BARS = 64
const STEP_TRADES = 512

/**
 * The channel whose records are applied next, or −1. While old data is caught up, trades and quotes are read in step by event
 * time, so open windows stay few (invariant 7). Minute bars have no part in the watermark: live they come as they are, and nothing
 * waits for them. Old ones go ahead of the trades by half an hour, so that what waits to be compared is bounded.
 */
export function nextChannel(channels: ChannelView[], clockMs: number, latenessMs: number): number {
  const bars = channels[BARS]
  if (bars.waiting > 0 && !waitsForTrades(bars, channels[TRADES])) return BARS
  let best = -1
  for (const number of [TRADES, QUOTES]) {
    const channel = channels[number]
    if (channel.waiting === 0) continue
    const other = channels[1 - number]
    const live = channel.maxMs > clockMs - LIVE_MS
    if (!live && !other.exhausted && channel.maxMs > other.maxMs + latenessMs + AHEAD_MS) continue
    if (!live && number === TRADES && waitsForBars(channel, bars)) continue
    if (best < 0 || channel.maxMs < channels[best].maxMs) best = number
  }
  return best
}

const waitsForTrades = (bars: ChannelView, trades: ChannelView): boolean =>
  !trades.exhausted && !trades.silent && bars.maxMs > trades.maxMs + BARS_AHEAD_MS

/** Also before the first record of both, as a batch of old trades may span an hour. */
const waitsForBars = (trades: ChannelView, bars: ChannelView): boolean =>
  !bars.exhausted && !bars.silent && bars.waiting === 0 && trades.maxMs >= bars.maxMs + BARS_BEHIND_MS

/** Records of a channel that one step takes at most, for the task's `symbols`: minute bars and the trades of their minutes stay near each other. */
export function stepRowsMax(channel: number, symbols: number, hasBars: boolean): number {
  if (!hasBars || channel === QUOTES) return Number.MAX_SAFE_INTEGER
  return (channel === BARS ? STEP_BARS : STEP_TRADES) * Math.max(symbols, 1)
}
