/** Backpressure as the reader tells it: the time in which some partition was paused. */
import { describe, expect, it } from 'vitest'
import { RecordQueue } from '../ingest/record-queue.ts'
import { openLogger } from '../logging/logger.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { BATCH_ROWS } from '../state/layout.ts'
import { Reader } from './reader.ts'
import { TaskOwner } from './task-owner.ts'
import type { OwnerContext } from './task-owner.ts'

/** More than a queue takes before its partition is paused. */
const RECORDS = 2 * BATCH_ROWS + 1_000

/** A reader over one partition with many records; its owner takes none. */
async function fullReader(): Promise<{ scheduler: Scheduler; reader: Reader; owner: TaskOwner; pass(ms: number): Promise<void> }> {
  const scheduler = new Scheduler()
  const broker = new SimulatedBroker(scheduler, new Random(1), { trades: 1 }, { transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades' })
  for (let i = 0; i < RECORDS; i++) broker.append('trades', 0, Buffer.from('K'), Buffer.from('{}'))
  const engine = new SimulatedProcess('engine', scheduler, new Random(2), NO_FAULTS, { epochMs: 0, skewMs: 0 })
  const reader = new Reader(new SimulatedLog(engine, broker, 'engine'), engine.clock, openLogger({ level: 'fatal' }), ['trades', '', ''], { marksMs: [], gatherMs: 0 })
  // an owner that was never started has its queues alone
  const owner = new TaskOwner({ clock: engine.clock } as OwnerContext, 0)
  owner.queues = [new RecordQueue(), new RecordQueue(), new RecordQueue()]
  let failure: unknown = null
  reader.start(() => undefined, (error) => (failure = error))
  let isAdded = false
  void reader.add(owner, [0, -1, -1]).then(() => (isAdded = true))
  expect(await scheduler.run(() => isAdded && owner.paused[0], 60_000)).toBe(true)
  const pass = async (ms: number): Promise<void> => {
    await scheduler.run(() => false, scheduler.nowMs + ms)
    expect(failure).toBeNull()
  }
  return { scheduler, reader, owner, pass }
}

describe('pausedMs', () => {
  it('grows while a partition is paused, not only once it is resumed, and stands still then', async () => {
    const { reader, owner, pass } = await fullReader()
    const before = reader.pausedMs
    await pass(5_000)
    expect(reader.pausedMs - before).toBeGreaterThan(4_000)
    owner.queues[0].drop(owner.queues[0].length)
    reader.drained(owner, 0)
    const resumed = reader.pausedMs
    await pass(5_000)
    expect(reader.pausedMs).toBe(resumed)
  })

  it('ends with the task that was paused', async () => {
    const { reader, owner, pass } = await fullReader()
    void reader.remove(owner)
    const removed = reader.pausedMs
    await pass(5_000)
    expect(reader.pausedMs).toBe(removed)
  })
})
