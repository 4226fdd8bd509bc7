/**
 * Why a task is not as it should be, in words: a pure decision over what is known of it. docs/records.md lists the reasons.
 *
 * In:  HealthView. Out: sentences, none when all is well. Imports: market.
 */
import type { CalendarWarning } from '../market/calendar.ts'
import type { MarketSession } from '../market/session-state.ts'

export interface HealthView {
  market: MarketSession
  /** Clock minus the newest event time, ms; null before the first record. */
  sourceLagMs: number | null
  /** 0: never judged. */
  sourceLagMaxMs: number
  /** Why the last snapshot failed; empty when it didn't. */
  snapshotProblem: string
  /** null where none are stored. */
  snapshotAgeMs: number | null
  /** Time from one snapshot to the next. */
  snapshotIntervalMs: number
  /** Records within RECENT_MS: all, those rejected, and of them those stamped more than `maxFutureMs` past the clock. */
  recent: { records: number; rejected: number; future: number }
  maxFutureMs: number
  /** How far an event time was past the clock when it came, at most within RECENT_MS; 0 where none was. */
  leadMs: number
  /** Share of PAUSED_MS in which inputs were paused, 0 to 1. */
  pausedShare: number
  /** Fields of TA_FIELD_MAP that no record seen so far has: a sentence each. */
  wrongFields: readonly string[]
  calendar: CalendarWarning | null
}

/** What a task says of itself: degraded when there are reasons; warnings alone leave it ok. */
export interface Health {
  reasons: string[]
  warnings: string[]
}

/** The time over which records are counted. */
export const RECENT_MS = 60_000
/** The time over which pauses are counted: a burst at the open pauses for less. */
export const PAUSED_MS = 10_000

/** A snapshot this many intervals old: two were missed. */
const SNAPSHOT_INTERVALS_MAX = 3
/** A feed that is right has none; one bad record in a hundred is worth a look. */
const REJECTED_SHARE_MAX = 0.01
/** A bad stamp alone is no skew; so many are. */
const FUTURE_SHARE_MAX = 0.1
/** Clocks kept by NTP differ by milliseconds; no true event time is ever past a right clock. */
const LEAD_MAX_MS = 250
const PAUSED_SHARE_MAX = 0.5

/** Everything that makes the task degraded, and what a person should know besides, each one sentence without a full stop. */
export function healthOf(view: HealthView): Health {
  const reasons = [...ofSnapshots(view), ...ofSource(view), ...ofRecords(view), ...ofClock(view), ...view.wrongFields]
  if (view.calendar === null) return { reasons, warnings: [] }
  return view.calendar.over ? { reasons: [...reasons, view.calendar.text], warnings: [] } : { reasons, warnings: [view.calendar.text] }
}

function ofSnapshots({ snapshotProblem, snapshotAgeMs, snapshotIntervalMs }: HealthView): string[] {
  const found: string[] = []
  if (snapshotAgeMs !== null && snapshotAgeMs > SNAPSHOT_INTERVALS_MAX * snapshotIntervalMs) found.push(`snapshot age ${seconds(snapshotAgeMs)}`)
  if (snapshotProblem !== '') found.push(`snapshot: ${snapshotProblem}`)
  return found
}

/** A source is judged only while something must come: not out of hours, and in the open market not by what came before it. */
function ofSource({ market, sourceLagMs, sourceLagMaxMs }: HealthView): string[] {
  if (sourceLagMs === null || sourceLagMaxMs === 0 || (market.state !== 'open' && market.state !== 'continuous')) return []
  return Math.min(sourceLagMs, market.forMs) > sourceLagMaxMs ? [`source lag ${seconds(sourceLagMs)}`] : []
}

function ofRecords({ recent: { records, rejected }, pausedShare }: HealthView): string[] {
  const found: string[] = []
  if (rejected > REJECTED_SHARE_MAX * records) {
    found.push(`DLQ rate ${percent(rejected / records)}: ${rejected} of ${records} records in the last minute were rejected`)
  }
  if (pausedShare > PAUSED_SHARE_MAX) found.push(`backpressure: inputs were paused ${percent(pausedShare)} of the last ${PAUSED_MS / 1000} s`)
  return found
}

function ofClock({ recent: { records, future }, maxFutureMs, leadMs }: HealthView): string[] {
  if (future > FUTURE_SHARE_MAX * records) {
    return [`clock skew: ${future} of ${records} records in the last minute are stamped more than ${seconds(maxFutureMs)} past this clock`]
  }
  return leadMs > LEAD_MAX_MS ? [`clock skew: event times up to ${seconds(leadMs)} past this clock`] : []
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`
