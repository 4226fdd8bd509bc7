/** When copies are made: due, at a good time, one at a time in a process. */
import { describe, expect, it } from 'vitest'
import type { SnapshotFile } from '../dispatch/request.ts'
import type { Clock } from '../ports/clock.ts'
import type { EpochRecord } from './epoch-record.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'
import type { TaskState } from './task-state.ts'

const INTERVAL_MS = 10_000
let nowMs = 0
const clock: Clock = { nowMs: () => nowMs, monotonicMs: () => nowMs, sleep: () => Promise.resolve() }
const record = { epoch: 1, task: 0 } as EpochRecord

/** A task whose copies end when they are told to. */
class Copied {
  copies = 0
  #release: (() => void) | null = null
  readonly state = {
    snapshot: () => {
      this.copies++
      return { released: new Promise<void>((resolve) => (this.#release = resolve)), files: Promise.resolve<SnapshotFile[]>([]) }
    },
  } as unknown as TaskState
  readonly keeper: SnapshotKeeper

  constructor(copies = { underWay: 0 }) {
    this.keeper = new SnapshotKeeper({
      clock, intervalMs: INTERVAL_MS, minPauseMs: 0, copies, store: () => Promise.resolve(1), head: () => null, observe: () => undefined, warn: () => undefined,
    }, null)
  }

  barrier(isGoodTime = true): Promise<void> {
    return this.keeper.atBarrier(this.state, record, isGoodTime)
  }

  release(): void {
    this.#release?.()
  }
}

describe('a copy for a snapshot', () => {
  it('is made once it is due, and at a bad time only when it has waited for a good one', async () => {
    const task = new Copied()
    const copiesAt = async (ms: number, isGoodTime: boolean): Promise<number> => {
      nowMs = ms
      void task.barrier(isGoodTime)
      return await Promise.resolve(task.copies)
    }
    nowMs = 0
    expect([await copiesAt(INTERVAL_MS - 1, true), await copiesAt(INTERVAL_MS + 1_999, false), await copiesAt(INTERVAL_MS + 2_000, false)]).toEqual([0, 0, 1])
    nowMs = 0
    const other = new Copied()
    nowMs = INTERVAL_MS
    void other.barrier()
    expect(other.copies).toBe(1)
  })

  it('waits while that of another task is under way', async () => {
    nowMs = 0
    const shared = { underWay: 0 }
    const [one, other] = [new Copied(shared), new Copied(shared)]
    nowMs = INTERVAL_MS
    const first = one.barrier()
    await other.barrier()
    expect([one.copies, other.copies]).toEqual([1, 0])
    one.release()
    await first
    const second = other.barrier()
    expect([one.copies, other.copies, shared.underWay]).toEqual([1, 1, 1])
    other.release()
    await second
    expect(shared.underWay).toBe(0)
  })
})
