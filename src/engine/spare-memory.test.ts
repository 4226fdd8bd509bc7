import { describe, expect, it } from 'vitest'
import { CATCHING_UP_RECORDS, GROWN_BYTES, SpareMemory } from './spare-memory.ts'

const FAR_MS = 400
const BEHIND = CATCHING_UP_RECORDS + 1

/** What each look says, of an engine that publishes at each second's begin. */
function looks(...looked: [backlog: number, clockMs: number][]): (number | null)[] {
  const memory = new SpareMemory({ provisionalDelayMs: 0, latenessMs: 2_000 })
  return looked.map(([backlog, clockMs]) => memory.look(backlog, 0, clockMs))
}

describe('SpareMemory', () => {
  it('gives back some times after a start, and then leaves it', () => {
    expect(looks([0, FAR_MS], [9, FAR_MS], [CATCHING_UP_RECORDS, FAR_MS], [0, FAR_MS], [0, FAR_MS], [0, FAR_MS])).toEqual([0, 0, 0, 0, null, null])
  })

  it('waits for the end of catching up, and begins anew after another one', () => {
    const caughtUp = Array.from({ length: 5 }, (): [number, number] => [0, FAR_MS])
    expect(looks([BEHIND, FAR_MS], [BEHIND, FAR_MS], [0, FAR_MS], [BEHIND, FAR_MS], ...caughtUp)).toEqual([null, null, 0, null, 0, 0, 0, 0, null])
  })

  it('knows a backlog that no look saw by the room that it left', () => {
    const memory = new SpareMemory({ provisionalDelayMs: 0, latenessMs: 2_000 })
    const rooms = [0, 0, 0, 0, GROWN_BYTES, GROWN_BYTES + 1, 0, 0, 0, 0]
    expect(rooms.map((roomBytes) => memory.look(0, roomBytes, FAR_MS))).toEqual([0, 0, 0, 0, null, 0, 0, 0, 0, null])
  })

  it('is in no way of a publication: it waits until the last one is over and the next one is far', () => {
    expect(looks([0, 900], [0, 1_000], [0, 1_040], [0, 1_810])).toEqual([200, 100, 60, 300])
  })

  it('goes on where publications leave no such time', () => {
    const memory = new SpareMemory({ provisionalDelayMs: 0, latenessMs: 2_500 })
    expect(memory.look(0, 0, 250)).toBe(0)
    expect(memory.look(0, 0, 950)).toBe(160)
  })
})
