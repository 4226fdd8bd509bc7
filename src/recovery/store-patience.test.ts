import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../ports/clock.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import { answered } from './store-patience.ts'

const clock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => undefined), // woken early
}
const STORE = { place: 's3://bucket/x' }

/** How it ends, and what was said meanwhile. `until` is told of each warning. */
async function outcome<T>(action: Promise<T>, isNeeded: boolean, stop: AbortSignal, until: (said: number) => void = () => undefined): Promise<unknown[]> {
  const said: string[] = []
  const job = { clock, warn: (text: string) => until(said.push(text)) }
  try {
    return [await answered(job, STORE, 20, { isNeeded, stop }, action), ...said]
  } catch (error) {
    return [error, ...said]
  }
}

const never = new AbortController().signal
const silence = (): Promise<never> => new Promise(() => {})

describe('waiting for the store', () => {
  it('ends with its answer, be it an error', async () => {
    expect(await outcome(Promise.resolve([7]), false, never)).toEqual([[7]])
    const failed = new StoreError('outside', 'refused')
    expect(await outcome(Promise.reject(failed), true, never)).toEqual([failed])
  })

  it('ends after a while where nothing is needed from it', async () => {
    const [error] = await outcome(silence(), false, never)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toMatchObject({ kind: 'outside', message: 's3://bucket/x has not answered for 0.02 s' })
  })

  it('goes on where something is, and says so each time', async () => {
    const { promise, resolve } = Promise.withResolvers<number>()
    const [value, ...said] = await outcome(promise, true, never, (count) => count === 3 && resolve(7))
    expect(value).toBe(7)
    expect(said.slice(0, 3)).toEqual([0.02, 0.04, 0.06].map((s) => `s3://bucket/x has not answered for ${s} s: a snapshot is needed from there, and is waited for`))
  })

  it('ends at once for whoever is told to stop, before it or meanwhile', async () => {
    const stop = new AbortController()
    const [error] = await outcome(silence(), true, stop.signal, (count) => count === 2 && stop.abort())
    expect(error).toMatchObject({ name: 'AbortError' })
    expect((await outcome(silence(), true, stop.signal))[0]).toMatchObject({ name: 'AbortError' })
    expect((await outcome(Promise.reject(new Error('late')), true, stop.signal))[0]).toMatchObject({ name: 'AbortError' })
  })
})
