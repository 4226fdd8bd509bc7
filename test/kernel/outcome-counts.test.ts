/** Invariant 4 is looked at when an epoch ends: each consumed record is exactly one of five, or the task stops. */
import { describe, expect, it } from 'vitest'
import { BugError } from '../../src/contract/errors.ts'
import { OUTCOMES } from '../../src/contract/outcomes.ts'
import { Suspicion } from '../../src/epoch/suspicion.ts'
import { TaskState, blankRecord } from '../../src/epoch/task-state.ts'
import type { ClosedEpoch } from '../../src/epoch/task-state.ts'
import { appendRecord } from '../../src/ingest/packing.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { TaskMemory } from '../../src/state/task-memory.ts'
import { quoteRecord, tradeRecord } from '../model/records.ts'
import { DirectRunner } from './direct-runner.ts'
import { bundleOf, kernelModule } from './kernel-under-test.ts'

const CLOCK_MS = Date.parse('2025-12-03T18:32:20Z')
const t = (seconds: number): string => `2025-12-03T18:32:${String(seconds).padStart(2, '0')}Z`
const TRADES = [
  tradeRecord({ t: t(10), i: 1 }), tradeRecord({ t: t(10), i: 1 }), tradeRecord({ t: t(15), i: 2 }), tradeRecord({ t: t(2), i: 3 }),
  tradeRecord({ t: t(15), i: 4, T: 'n' }), tradeRecord({ t: t(15), i: 5, p: -1 }), { key: 'AAPL', value: '{' },
]
const JOB = { group: 'g', tradesTopic: 't', partitions: 1 }
const QUOTES = [[10, 1], [10, 1], [15, 2], [3, 3]].map(([seconds, seq]) => quoteRecord({ t: t(seconds) }, { seq }))

/** One epoch of these records; `meddle` is done to the memory after the step of a channel. */
async function epoch(meddle: (task: TaskMemory, channel: number) => void = () => undefined): Promise<ClosedEpoch> {
  const bundle = bundleOf()
  const runner = new DirectRunner((task, { request }) => {
    if (request.op === 'apply') meddle(task, request.topic)
  })
  const last = blankRecord({ ...JOB, inputs: ['trades', 'quotes', ''] }, 0, 'one', bundle.hash, [0, 0, -1], false, 0)
  const state = new TaskState({ partition: 0, instance: 'one', bundle, module: kernelModule, memory: TaskMemory.create(bundle.image), runner, last })
  for (const [channel, records] of [TRADES, QUOTES].entries()) {
    const columns = recordColumns(64, 4_096, 65_536)
    records.forEach(({ key, value }, offset) => {
      appendRecord(columns, { topic: 0, partition: 0, timestampMs: -1, offset, key: Buffer.from(key), value: Buffer.from(value) })
    })
    for (let row = 0; row < columns.count; row++) state.queues[channel].put(columns, row)
    await state.applyNext(channel, CLOCK_MS, new Suspicion())
  }
  return await state.close(CLOCK_MS, 0)
}

const add = (task: TaskMemory, cell: Parameters<TaskMemory['cell']>[0], by: bigint): void => task.setCell(cell, task.cell(cell) + by)

describe('an epoch', () => {
  it('counts each record once', async () => {
    const { record, outcomes } = await epoch()
    expect(OUTCOMES.map((_, i) => outcomes[i])).toEqual([2, 1, 1, 1, 2])
    expect(OUTCOMES.map((_, i) => outcomes[OUTCOMES.length + i])).toEqual([2, 1, 1, 0, 0])
    expect(record.consumed.map(({ count }) => count)).toEqual([TRADES.length, QUOTES.length, 0])
  })

  it.each<[string, (task: TaskMemory, channel: number) => void]>([
    ['is left out', (task, channel) => channel === 0 && add(task, 'counts.trades.rejected', -1n)],
    ['is counted twice', (task, channel) => channel === 1 && add(task, 'counts.quotes.duplicate', 1n)],
    ['is counted for another channel', (task, channel) => {
      if (channel === 0) [add(task, 'counts.trades.late', -1n), add(task, 'counts.quotes.late', 1n)]
    }],
    ['is consumed without being handed in', (task, channel) => {
      if (channel === 0) [add(task, 'counts.trades.filtered', 1n), add(task, 'inputCount.trades', 1n)]
    }],
  ])('stops the task with an internal check when one %s', async (_, meddle) => {
    const failed = await epoch(meddle).then(() => undefined, (error: unknown) => error)
    expect(failed).toBeInstanceOf(BugError)
    expect((failed as BugError).invariant).toBe(4)
    expect((failed as BugError).exitCode).toBe(70)
  })
})
