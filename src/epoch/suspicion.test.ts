import { describe, expect, it } from 'vitest'
import { Suspicion } from './suspicion.ts'

const none = (): boolean => false

/**
 * Applies records [0, count) in batches of at most `batch`, restoring to 0 at each trap; returns the restores it took. Offsets
 * for which `isGap` holds have no record.
 */
function run(
  suspicion: Suspicion, count: number, batch: number, traps: (offset: number) => boolean, isGap: (offset: number) => boolean = none,
): number {
  let restores = 0
  const all = Array.from({ length: count }, (_, offset) => offset).filter((offset) => !isGap(offset))
  for (let at = 0; at < all.length;) {
    if (suspicion.isSkipped(0, all[at])) {
      at++
      continue
    }
    const limit = suspicion.boundary(0, all[at])
    const rows = all.slice(at, at + Math.min(batch, suspicion.rowsMax(0, all[at]))).filter((offset) => offset < limit)
    if (rows.length === 0) throw new Error('the loop stands still')
    if (!rows.some(traps)) {
      at += rows.length
      continue
    }
    suspicion.noteTrap(0, rows[0], (rows.at(-1) as number) + 1, rows.length)
    if (++restores > 200) throw new Error('never found')
    at = 0
  }
  return restores
}

describe('Suspicion', () => {
  it.each([0, 1, 499, 777, 999])('finds the one record that traps (%d of 1,000), and skips no other', (bad) => {
    const suspicion = new Suspicion()
    expect(run(suspicion, 1_000, 512, (offset) => offset === bad)).toBeLessThan(30)
    expect(Array.from({ length: 1_000 }, (_, offset) => offset).filter((offset) => suspicion.isSkipped(0, offset))).toEqual([bad])
  })

  it('finds it among offsets with gaps', () => {
    const suspicion = new Suspicion()
    expect(run(suspicion, 400, 64, (offset) => offset === 301, (offset) => offset % 10 > 2 && offset < 290)).toBeLessThan(30)
    expect(suspicion.isSkipped(0, 301)).toBe(true)
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
