import { describe, expect, it } from 'vitest'
import { CATCHING_UP_RECORDS, SpareMemory } from './spare-memory.ts'

const MARKS = { provisionalDelayMs: 0, latenessMs: 2_000 }
const FAR_MS = 400
const NEAR_MS = 900

/** How often memory was given back after each look. */
function looks(...looked: [backlog: number, clockMs: number][]): number[] {
  let given = 0
  const memory = new SpareMemory(MARKS, () => given++)
  return looked.map(([backlog, clockMs]) => {
    memory.look(backlog, clockMs)
    return given
  })
}

describe('SpareMemory', () => {
  it('gives back some times after a start, and then leaves it', () => {
    expect(looks([0, FAR_MS], [9, FAR_MS], [CATCHING_UP_RECORDS, FAR_MS], [0, FAR_MS], [0, FAR_MS], [0, FAR_MS])).toEqual([1, 2, 3, 4, 4, 4])
  })

  it('waits for the end of catching up, and begins anew after another one', () => {
    const behind = CATCHING_UP_RECORDS + 1
    expect(looks([behind, FAR_MS], [behind, FAR_MS], [0, FAR_MS], [behind, FAR_MS], [0, FAR_MS], [0, FAR_MS], [0, FAR_MS], [0, FAR_MS], [0, FAR_MS]))
      .toEqual([0, 0, 1, 1, 2, 3, 4, 5, 5])
  })

  it('is in no way of a publication', () => {
    expect(looks([0, NEAR_MS], [0, 1_010], [0, 1_000 + FAR_MS], [0, 1_950])).toEqual([0, 0, 1, 1])
  })
})
