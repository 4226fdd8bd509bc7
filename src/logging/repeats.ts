/**
 * Holds repeated messages back: one of each key in a span of time, and with the next one how many were left out.
 * A broker that is gone says so thousands of times a second.
 */
import type { Logger } from 'pino'

export type Weight = 'debug' | 'info' | 'warn' | 'error'

/** Logs `message` unless one of the same key was logged less than the span ago. `suppressed` counts those left out. */
export type LimitedLog = (weight: Weight, key: string, fields: Record<string, unknown>, message: string) => void

/** Keys remembered; the one not heard of for longest is forgotten first, so its next message goes out early. */
const KEYS_MAX = 1_000

/** One message of a key every `everyMs` at most. `nowMs` is monotonic. */
export function limitRepeats(logger: Logger, everyMs: number, nowMs: () => number = () => performance.now()): LimitedLog {
  const known = new Map<string, { loggedMs: number; suppressed: number }>()
  return (weight, key, fields, message) => {
    const now = nowMs()
    const last = known.get(key)
    if (last && now - last.loggedMs < everyMs) {
      last.suppressed++
      return
    }
    known.delete(key)
    known.set(key, { loggedMs: now, suppressed: 0 })
    if (known.size > KEYS_MAX) known.delete(known.keys().next().value as string)
    logger[weight](last && last.suppressed > 0 ? { ...fields, suppressed: last.suppressed } : fields, message)
  }
}
