import { describe, expect, it } from 'vitest'
import { Suspicion } from './suspicion.ts'

/** Applies records [0, count) in batches of at most `batch`, restoring to 0 at each trap; returns the restores it took. */
function run(suspicion: Suspicion, count: number, batch: number, traps: (offset: number) => boolean): number {
  let restores = 0
  for (let next = 0; next < count;) {
    if (suspicion.isSkipped(0, next)) {
      next++
      continue
    }
    const rows = Math.min(batch, suspicion.rowsMax(0, next), count - next, suspicion.nextSkipped(0, next) - next)
    if (!Array.from({ length: rows }, (_, i) => next + i).some(traps)) {
      next += rows
      continue
    }
    suspicion.noteTrap(0, next, next + rows, rows)
    if (++restores > 200) throw new Error('never found')
    next = 0
  }
  return restores
}

describe('Suspicion', () => {
  it.each([0, 1, 499, 777, 999])('finds the one record that traps (%d of 1,000), and skips no other', (bad) => {
    const suspicion = new Suspicion()
    expect(run(suspicion, 1_000, 512, (offset) => offset === bad)).toBeLessThan(30)
    expect(Array.from({ length: 1_000 }, (_, offset) => offset).filter((offset) => suspicion.isSkipped(0, offset))).toEqual([bad])
  })

  it('finds several', () => {
    const suspicion = new Suspicion()
    run(suspicion, 300, 64, (offset) => offset === 5 || offset === 6 || offset === 250)
    expect([5, 6, 250].every((offset) => suspicion.isSkipped(0, offset))).toBe(true)
  })

  it('suspects nothing when a batch traps once and then passes', () => {
    const suspicion = new Suspicion()
    expect(suspicion.noteTrap(1, 10, 20, 10)).toBeNull()
    expect(suspicion.rowsMax(1, 10)).toBe(10)
    expect(suspicion.rowsMax(1, 20)).toBe(Number.MAX_SAFE_INTEGER)
    expect(suspicion.isSkipped(1, 10)).toBe(false)
  })
})
