import { beforeEach, describe, expect, it } from 'vitest'
import { bundleOf } from '../../test/kernel/kernel-under-test.ts'
import { StoreError } from '../ports/snapshot-store.ts'
import { readEpochLog } from '../recovery/epoch-log.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { SimulatedStore } from '../simulation/simulated-store.ts'
import type { StoredObjects } from '../simulation/simulated-store.ts'
import { resetJob } from './reset.ts'
import type { ResetJob } from './reset.ts'

const PARTITIONS = 4
const POSITIONS = Array.from({ length: PARTITIONS }, (_, task) => [task * 10, -1, -1])

let scheduler: Scheduler
let stored: StoredObjects
let log: SimulatedLog
let job: ResetJob

beforeEach(() => {
  scheduler = new Scheduler()
  const broker = new SimulatedBroker(scheduler, new Random(1), { epochs: PARTITIONS, trades: PARTITIONS }, {
    transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
  })
  const process = new SimulatedProcess('reset', scheduler, new Random(2), NO_FAULTS, { epochMs: 0, skewMs: 0 })
  log = new SimulatedLog(process, broker, 'reset')
  stored = { objects: new Map(POSITIONS.map((_, task) => [`g/task-${task}/000000000007/manifest.json`, new Uint8Array(1)])), outage: false, corruptions: 0, corrupted: new Set() }
  job = {
    log, store: new SimulatedStore(process, stored), group: 'g', transactionalIdPrefix: 'g-', instance: 'i', epochsTopic: 'epochs',
    inputs: ['trades', '', ''], partitions: PARTITIONS, bundle: bundleOf(),
  }
})

/** Lets virtual time pass until the promise has settled; its value or its error. */
const settled = <T>(promise: Promise<T>): Promise<T> => scheduler.settled(promise)

/** Where each task begins by its epoch log; null where that is empty. */
async function beginnings(): Promise<(number | null)[]> {
  const found: (number | null)[] = []
  for (let task = 0; task < PARTITIONS; task++) {
    const { records } = await settled(readEpochLog(log, 'epochs', task, { group: 'g', tradesTopic: 'trades', partitions: PARTITIONS }))
    found.push(records.length === 0 ? null : records[0].consumed[0].to)
  }
  return found
}

describe('a reset', () => {
  it('begins each task at its position and leaves no snapshot', async () => {
    await settled(resetJob(job, 'earliest', POSITIONS))
    expect([await beginnings(), [...stored.objects.keys()]]).toEqual([[0, 10, 20, 30], []])
  })

  it('writes nothing while the store cannot be reached, and says so', async () => {
    stored.outage = true
    await expect(settled(resetJob(job, 'earliest', POSITIONS))).rejects.toThrow(
      expect.objectContaining({ name: 'StoreError', kind: 'outside', message: expect.stringMatching(/^nothing was reset: .*403 Forbidden$/) }))
    expect([await beginnings(), stored.objects.size]).toEqual([[null, null, null, null], PARTITIONS])
  })

  it.each([
    [0, /broke off: .*403.*\. reset in part or not at all: task 0; not reset: tasks 1 to 3\. Run the same command again/],
    [2, /\. reset: tasks 0 to 1; reset in part or not at all: task 2; not reset: task 3\. Run/],
    [3, /\. reset: tasks 0 to 2; reset in part or not at all: task 3\. Run/],
  ])('that breaks off at task %d says which tasks are reset, and run again resets all', async (broken, said) => {
    const { store } = job
    const remove = store!.delete.bind(store)
    store!.delete = async (keys) => {
      stored.outage = keys.some((key) => key.includes(`/task-${broken}/`))
      await remove(keys)
    }
    const failing = settled(resetJob(job, 'earliest', POSITIONS))
    await expect(failing).rejects.toBeInstanceOf(StoreError)
    await expect(failing).rejects.toThrow(said)
    expect(await beginnings()).toEqual(POSITIONS.map(([position], task) => (task <= broken ? position : null)))
    store!.delete = remove
    stored.outage = false
    await settled(resetJob(job, 'earliest', POSITIONS))
    expect([await beginnings(), stored.objects.size]).toEqual([[0, 10, 20, 30], 0])
  })

  it('whose epoch topic is not there says that no task is reset', async () => {
    const failing = settled(resetJob({ ...job, epochsTopic: 'nowhere' }, 'earliest', POSITIONS))
    await expect(failing).rejects.toMatchObject({ name: 'LogError', message: expect.stringMatching(/\. not reset: tasks 0 to 3\. Run the same/) })
    expect(await beginnings()).toEqual([null, null, null, null])
  })
})
