import { expect, it } from 'vitest'
import { RecordQueue } from '../ingest/record-queue.ts'
import type { Logger } from '../logging/logger.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { Reader } from './reader.ts'
import { TaskOwner } from './task-owner.ts'
import type { OwnerContext } from './task-owner.ts'

const RECORDS = 400
const HALF = RECORDS / 2

function newReader(seed: number) {
  const scheduler = new Scheduler()
  const random = new Random(seed)
  const broker = new SimulatedBroker(scheduler, random.fork(), { trades: 1 }, {
    transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
  })
  const process = new SimulatedProcess('p', scheduler, random.fork(), { ...NO_FAULTS }, { epochMs: 0, skewMs: 0 })
  const reader = new Reader(new SimulatedLog(process, broker, 'i'), process.clock, {} as Logger, ['trades', '', ''], { marksMs: [], gatherMs: 0 })
  const newOwner = (): TaskOwner => {
    const owner = new TaskOwner({ clock: process.clock } as OwnerContext, 0)
    owner.queues = [new RecordQueue(), new RecordQueue(), new RecordQueue()]
    return owner
  }
  return { scheduler, broker, reader, newOwner }
}

const offsetsOf = ([queue]: RecordQueue[]): number[] => Array.from({ length: queue.length }, (_, row) => queue.recordAt(row).offset)

it.each([1, 2, 3, 4, 5, 6, 7, 8])('gives a task that comes while its former owner reads every record from its position on (seed %d)', async (seed) => {
  const { scheduler, broker, reader, newOwner } = newReader(seed)
  for (let atMs = 0; atMs < RECORDS; atMs++) scheduler.after(atMs, () => broker.append('trades', 0, Buffer.from('S'), Buffer.from('{}')))
  const failed: unknown[] = []
  reader.start(() => undefined, (error) => failed.push(error))
  const [former, owner] = [newOwner(), newOwner()]
  void reader.add(former, [0, -1, -1])
  scheduler.after(HALF, () => {
    expect(offsetsOf(former.queues).length).toBeGreaterThan(HALF / 2)
    void reader.add(owner, [0, -1, -1])
  })
  await scheduler.run(() => offsetsOf(owner.queues).at(-1) === RECORDS - 1, 10 * RECORDS)
  expect(failed).toEqual([])
  expect(offsetsOf(owner.queues)).toEqual(Array.from({ length: RECORDS }, (_, offset) => offset))
})


it.each([1, 2, 3, 4, 5, 6, 7, 8])('reads from the later positions when a second start follows while the first is under way (seed %d)', async (seed) => {
  const { scheduler, broker, reader, newOwner } = newReader(seed)
  for (let offset = 0; offset < RECORDS; offset++) broker.append('trades', 0, Buffer.from('S'), Buffer.from('{}'))
  reader.start(() => undefined, (error) => { throw error })
  const owner = newOwner()
  const starts = [reader.add(owner, [HALF, -1, -1]), reader.add(owner, [0, -1, -1])]
  await scheduler.run(() => offsetsOf(owner.queues).at(-1) === RECORDS - 1, 10 * RECORDS)
  await Promise.all(starts)
  expect(offsetsOf(owner.queues)).toEqual(Array.from({ length: RECORDS }, (_, offset) => offset))
})
