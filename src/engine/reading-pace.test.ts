import { describe, expect, it } from 'vitest'
import { GATHER_MS } from '../ports/log.ts'
import { mayGatherAtBroker, paceOf, quietForMs } from './reading-pace.ts'

const T = 1_700_000_000_000
const pace = paceOf({ provisionalDelayMs: 0, latenessMs: 2_000, epochMs: 20 })

describe('quietForMs', () => {
  it('is none around a second\'s end, and else lasts until shortly before the next', () => {
    const quietAt = Array.from({ length: 1_000 }, (_, ms) => quietForMs(T + ms, 10, pace))
    expect(quietAt.slice(0, 40).every((ms) => ms === 0)).toBe(true)
    expect(quietAt.slice(40, 985)).toEqual(Array.from({ length: 945 }, (_, i) => 945 - i))
    expect(quietAt.slice(985).every((ms) => ms === 0)).toBe(true)
  })

  it('goes by the delay of provisional records and by the lateness of finals, whichever is nearer', () => {
    const shifted = paceOf({ provisionalDelayMs: 100, latenessMs: 1_500, epochMs: 20 })
    expect([0, 90, 139, 140, 485, 500, 539, 540].map((ms) => quietForMs(T + ms, 10, shifted))).toEqual([85, 0, 0, 345, 0, 0, 0, 545])
  })

  it('is none while there is much to read, nor where epochs may not wait', () => {
    expect(quietForMs(T + 500, 2_047, pace)).toBeGreaterThan(0)
    expect(quietForMs(T + 500, 2_048, pace)).toBe(0)
    expect(quietForMs(T + 500, 1, { marksMs: [], gatherMs: 0 })).toBe(0)
  })
})

describe('paceOf', () => {
  it('lets records gather for as long as some of the shortest epochs', () => {
    expect([1, 20, 500].map((epochMs) => paceOf({ provisionalDelayMs: 0, latenessMs: 0, epochMs }).gatherMs)).toEqual([2, 40, 40])
  })
})

describe('mayGatherAtBroker', () => {
  it('ends so early that a fetch that gathers is back before anybody waits for its records', () => {
    expect([GATHER_MS, GATHER_MS + 1].map(mayGatherAtBroker)).toEqual([false, true])
  })
})
