import { describe, expect, it } from 'vitest'
import { Liveness, LOOK_MS } from './liveness.ts'

function watch(staleAfterMs: number) {
  const buffer = new SharedArrayBuffer(4)
  const turns = new Int32Array(buffer)
  const clock = { nowMs: 0 }
  return { turns, clock, liveness: new Liveness(buffer, staleAfterMs, () => clock.nowMs) }
}

describe('Liveness', () => {
  it('is stale when the count stands still for the time, looked at or not', () => {
    const { turns, clock, liveness } = watch(10_000)
    const verdicts: boolean[] = []
    for (; clock.nowMs <= 21_000; clock.nowMs += LOOK_MS) {
      if (clock.nowMs === 5_000) Atomics.add(turns, 0, 1)
      verdicts.push(liveness.look())
    }
    expect(verdicts.indexOf(false) * LOOK_MS).toBe(15_000)
    expect(verdicts.lastIndexOf(true) * LOOK_MS).toBe(14_500)
    Atomics.add(turns, 0, 1)
    expect(liveness.look()).toBe(true)
  })

  it('does not blame the loop for a time in which the whole process stood still', () => {
    const { clock, liveness } = watch(10_000)
    clock.nowMs = 3_600_000
    expect(liveness.look()).toBe(true)
    for (let look = 0; look < 10_000 / LOOK_MS - 1; look++) {
      clock.nowMs += LOOK_MS
      expect(liveness.look()).toBe(true)
    }
    clock.nowMs += LOOK_MS
    expect(liveness.look()).toBe(false)
  })
})
