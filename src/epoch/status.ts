/** A task's status record: what it says of itself every few seconds. Made by the loop, outside the epoch's digest. */
import { OUTCOMES } from '../contract/outcomes.ts'
import type { MarketSessionState } from '../market/session-state.ts'
import type { Health } from './degraded.ts'

export interface StatusView {
  task: number
  seq: number
  clockMs: number
  /** ns; null before the first. */
  watermarkNs: bigint | null
  lastEventNs: bigint | null
  /** Outcomes so far by channel, in the order of OUTCOMES. */
  counts: number[]
  epoch: number
  /** null where none was stored yet. */
  snapshotAgeMs: number | null
  marketSessionState: MarketSessionState
  health: Health
}

/** Key and JSON of the status record. */
export function statusRecord(view: StatusView): { key: string; value: string } {
  const key = `_task-${view.task}`
  const stamp = new Date(view.clockMs).toISOString()
  const lag = (ns: bigint | null): number | null => (ns === null ? null : view.clockMs - Number(ns / 1_000_000n))
  const counts = Object.fromEntries(
    OUTCOMES.map((outcome, i) => [outcome, view.counts.reduce((sum, count, at) => (at % OUTCOMES.length === i ? sum + count : sum), 0)]),
  )
  const { reasons, warnings } = view.health
  const payload = {
    watermark_lag_ms: lag(view.watermarkNs),
    source_lag_ms: lag(view.lastEventNs),
    last_event_ts: view.lastEventNs === null ? null : stampOf(view.lastEventNs),
    status: reasons.length === 0 ? 'ok' : 'degraded',
    reason: [...reasons, ...warnings].join('; '),
    heartbeat: true,
    market_session_state: view.marketSessionState,
    counts,
    snapshot_age_ms: view.snapshotAgeMs,
    epoch: view.epoch,
  }
  const envelope = {
    ingest_ts: stamp, event_ts: stamp, feed: null, channel: 'status', symbol: key, seq: view.seq, is_final: true, source: 'ta', payload, version: 1,
  }
  return { key, value: JSON.stringify(envelope) }
}

/** RFC 3339 with as many fraction digits as the time has. */
function stampOf(ns: bigint): string {
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19)
  const fraction = String(((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n).padStart(9, '0').replace(/0+$/, '')
  return fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`
}
