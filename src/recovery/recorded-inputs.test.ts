/** Epochs whose inputs are not those of today, and where an input that comes back goes on. */
import { describe, expect, it } from 'vitest'
import { inputsAfter } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { blankRecord } from '../epoch/task-state.ts'
import { NOT_READ, positionsNow, readable, stretchesOf } from './recorded-inputs.ts'

const FIRST = blankRecord({ group: 'g', tradesTopic: 't', partitions: 1, inputs: ['t', 'q', ''] }, 0, 'i', 'b', [10, 20, -1], false, 0)

/** The epoch after `last` with these inputs, up to these offsets. */
function next(last: EpochRecord, inputs: string[], to: number[]): EpochRecord {
  return { ...last, ...inputsAfter(last, inputs), epoch: last.epoch + 1, consumed: to.map((each) => ({ to: each, count: 0, hash: 0n })) }
}

describe('stretchesOf', () => {
  it('cuts where an input changes; each begins where its first record says', () => {
    const records = [next(FIRST, ['t', 'q', ''], [11, 21, -1])]
    for (const [inputs, to] of [[['t', '', ''], [11, -1, -1]], [['t', '', ''], [15, -1, -1]], [['t', 'r', ''], [15, 3, -1]]] as const) {
      records.push(next(records.at(-1)!, [...inputs], [...to]))
    }
    expect(stretchesOf(FIRST, records).map(({ inputs, from, records: of }) => ({ inputs, from, epochs: of.map(({ epoch }) => epoch) }))).toEqual([
      { inputs: ['t', 'q', ''], from: [10, 20, -1], epochs: [1] },
      { inputs: ['t', '', ''], from: [11, -1, -1], epochs: [2, 3] },
      { inputs: ['t', 'r', ''], from: [15, 3, -1], epochs: [4] },
    ])
    expect(stretchesOf(FIRST, [])).toEqual([{ inputs: FIRST.inputs, from: [10, 20, -1], records: [] }])
  })
})

describe('readable', () => {
  it('is what has the same topic today; a channel that is off stays off', () => {
    const [stretch] = stretchesOf(FIRST, [])
    expect(readable(stretch, ['t', 'q', ''])).toEqual([10, 20, -1])
    expect(readable(stretch, ['t', 'r', ''])).toEqual([10, NOT_READ, -1])
    expect(readable(stretch, ['t', '', 'b'])).toEqual([10, NOT_READ, NOT_READ])
  })
})

describe('positionsNow', () => {
  it('goes on where an input stood, also one that was away meanwhile, and leaves a new one to the settings', () => {
    expect(positionsNow(FIRST, ['t', 'q', 'b'])).toEqual([10, 20, -1])
    expect(positionsNow(FIRST, ['t', '', ''])).toEqual([10, -1, -1])
    const without = next(next(FIRST, ['t', 'q', ''], [11, 25, -1]), ['t', '', ''], [12, -1, -1])
    expect(without.left).toEqual([{ topic: 'q', to: 25 }])
    expect(positionsNow(without, ['t', 'q', ''])).toEqual([12, 25, -1])
    const other = next(without, ['t', 'r', ''], [12, 0, -1])
    expect(other.left).toEqual([{ topic: 'q', to: 25 }])
    expect(positionsNow(other, ['t', 'q', ''])).toEqual([12, 25, -1])
    const back = next(other, ['t', 'q', ''], [13, 25, -1])
    expect(back.left).toEqual([{ topic: 'r', to: 0 }])
  })
})
