/**
 * Who is idle: a partition with nothing left to read and no record for a while is not waited for. Pure bookkeeping on the
 * loop's own running time, so time in which the engine was down doesn't count; the bits go to the kernel and the record.
 */

export interface Idleness {
  /** The channel has no topic: never waited for. */
  off: boolean
  idle: boolean
  /** Own running time at which the partition's end was first reached after its last record, or null. */
  endReachedMs: number | null
}

/** Who was idle stays so over a restart, once it is known that nothing has come meanwhile: when its end is reached again. */
export function startIdleness(off: boolean, wasIdle: boolean): Idleness {
  return { off, idle: wasIdle && !off, endReachedMs: null }
}

/** A record came that moves the watermark: neither rejected nor filtered. */
export function noteMover(state: Idleness): void {
  state.idle = false
  state.endReachedMs = null
}

/** The partition has nothing left to read. */
export function noteEnd(state: Idleness, nowMs: number): void {
  state.endReachedMs ??= nowMs
}

/** Settles whether the partition is idle now. `drained`: nothing of it waits to be applied. */
export function settleIdleness(state: Idleness, nowMs: number, timeoutMs: number, drained: boolean): boolean {
  if (state.off) return true
  if (!state.idle && drained && state.endReachedMs !== null && nowMs - state.endReachedMs >= timeoutMs) state.idle = true
  return isIdle(state)
}

export function isIdle(state: Idleness): boolean {
  return state.off || (state.idle && state.endReachedMs !== null)
}

/** The process stood still for a while (it was stopped, or its machine was), and what came meanwhile is not here yet: the time begins anew. */
export function noteStandstill(state: Idleness, nowMs: number): void {
  state.idle = false
  if (state.endReachedMs !== null) state.endReachedMs = nowMs
}

/** Own running time at which it becomes idle if nothing comes, or null. */
export function idleAtMs(state: Idleness, timeoutMs: number): number | null {
  return state.off || state.idle || state.endReachedMs === null ? null : state.endReachedMs + timeoutMs
}
