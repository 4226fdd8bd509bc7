/** A bound on the time that something outside may take. */

export class DeadlinePassed extends Error {
  constructor(limitMs: number) {
    super(`no full answer within ${limitMs >= 1_000 ? `${Math.round(limitMs / 1_000)} s` : `${limitMs} ms`}`)
    this.name = 'DeadlinePassed'
  }
}

/**
 * Resolves as `action` does, or rejects with DeadlinePassed after `limitMs`, whether or not the action heeds its signal.
 * `extend(ms)`: from now it may take `ms` more instead.
 */
export async function bounded<T>(
  limitMs: number, action: (signal: AbortSignal, extend: (ms: number) => void) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const { promise: over, reject } = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const start = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      const error = new DeadlinePassed(ms)
      reject(error)
      controller.abort(error)
    }, ms)
  }
  start(limitMs)
  try {
    return await Promise.race([action(controller.signal, start), over])
  } finally {
    clearTimeout(timer)
  }
}
