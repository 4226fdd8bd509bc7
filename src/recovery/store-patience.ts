/**
 * How long recovery waits for the store. A snapshot that is not needed is not waited for long; one that is, is waited for as long as
 * it takes, and that is said again and again (invariant 6). Whoever is told to stop waits no longer.
 */
import type { Clock } from '../ports/clock.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'

/** Longest time for a list, a manifest, a bundle: some KiB. */
export const ANSWER_MS = 5_000
/** Longest time for a snapshot's files: at 20,000 symbols some tens of MB, a second from a store that is well. */
export const LOAD_MS = 20_000

export interface Patience {
  /** Nothing else can be started from. */
  isNeeded: boolean
  stop: AbortSignal
}

/**
 * Resolves as `action` does. Rejects with StoreError when that takes more than `limitMs` and is not needed, with the signal's reason as
 * soon as that is aborted; the action goes on then, and nobody asks for its outcome.
 */
export async function answered<T>(
  { clock, warn }: { clock: Clock; warn(text: string): void }, { place }: Pick<SnapshotStore, 'place'>, limitMs: number, { isNeeded, stop }: Patience,
  action: Promise<T>,
): Promise<T> {
  const ended = new AbortController()
  const abort = (): void => ended.abort()
  stop.addEventListener('abort', abort, { once: true })
  const outcome = action.then((value) => ({ value }))
  try {
    stop.throwIfAborted()
    for (let waitedMs = limitMs; ; waitedMs += limitMs) {
      const first = await Promise.race([outcome, clock.sleep(limitMs, ended.signal)])
      stop.throwIfAborted()
      if (first !== undefined) return first.value
      const silent = `${place} has not answered for ${waitedMs / 1_000} s`
      if (!isNeeded) throw new StoreError('outside', silent)
      warn(`${silent}: a snapshot is needed from there, and is waited for`)
    }
  } finally {
    ended.abort()
    stop.removeEventListener('abort', abort)
    outcome.catch(() => undefined) // of one that was given up nobody asks
  }
}
