import { beforeEach, describe, expect, it } from 'vitest'
import { encodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { EPOCH_KEY } from '../epoch/outputs.ts'
import { blankRecord } from '../epoch/task-state.ts'
import type { LogProducer } from '../ports/log.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { SimulatedStore } from '../simulation/simulated-store.ts'
import type { StoredObjects } from '../simulation/simulated-store.ts'
import { SnapshotRetention } from './snapshot-retention.ts'
import { listSnapshots, storeSnapshot } from './snapshots.ts'

const JOB = { group: 'g', tradesTopic: 'trades', partitions: 1 }
const BUNDLE = { hash: '00'.repeat(32), bytes: new Uint8Array(1) }
const RETAIN = 2

let scheduler: Scheduler
let stored: StoredObjects
let store: SimulatedStore
let log: SimulatedLog
let producer: LogProducer
let warnings: string[]
let reads: number
let retention: SnapshotRetention

beforeEach(async () => {
  scheduler = new Scheduler()
  const process = new SimulatedProcess('engine', scheduler, new Random(2), NO_FAULTS, { epochMs: 0, skewMs: 0 })
  const broker = new SimulatedBroker(scheduler, new Random(1), { epochs: 1, trades: 1 }, {
    transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
  })
  log = new SimulatedLog(process, broker, 'engine')
  stored = { objects: new Map(), outage: false, corruptions: 0, corrupted: new Set() }
  store = new SimulatedStore(process, stored)
  producer = log.producer('g-0')
  await settled(producer.init())
  warnings = []
  reads = 0
  const read = log.read.bind(log)
  log.read = async (...args) => {
    reads++
    await read(...args)
  }
  retention = new SnapshotRetention({ log, store, group: 'g', epochsTopic: 'epochs', retain: RETAIN, warn: (text) => warnings.push(text) })
})

/** Lets virtual time pass until the promise has settled; its value or its error. */
const settled = <T>(promise: Promise<T>): Promise<T> => scheduler.settled(promise)

const recordOf = (life: string, epoch: number): EpochRecord => ({ ...blankRecord({ ...JOB, inputs: ['trades', '', ''] }, 0, life, BUNDLE.hash, [epoch, -1, -1], false, 0), epoch })

/** Epochs [from, to] of a life come on the epoch log. */
async function commits(life: string, from: number, to: number): Promise<void> {
  for (let epoch = from; epoch <= to; epoch++) {
    const keys = Buffer.from(EPOCH_KEY)
    const values = encodeEpochRecord(recordOf(life, epoch))
    const outputs = { topic: 'epochs', partition: 0, count: 1, keys, keyEnds: Int32Array.of(keys.length), values, valueEnds: Int32Array.of(values.length) }
    await settled(producer.transact([outputs]))
  }
}

async function stores(life: string, ...epochs: number[]): Promise<void> {
  for (const epoch of epochs) await settled(storeSnapshot(store, JOB, recordOf(life, epoch), { cells: {}, tables: [] }, [], BUNDLE, 0))
}

/** The owner in `state` stores a snapshot; what retention then says may be relied on. */
async function storesAndRetains(state: object, life: string, epoch: number): Promise<number[] | null> {
  await stores(life, epoch)
  return await settled(retention.stored(state, recordOf(life, epoch)))
}

const listed = (): Promise<number[]> => settled(listSnapshots(store, 'g', 0))

describe('of the snapshots in the store', () => {
  it('the newest are kept, older ones and what was left half-written before them are deleted', async () => {
    await commits('now', 0, 30)
    stored.objects.set('g/task-0/000000000002/trade.arrow', new Uint8Array(1))
    stored.objects.set('g/task-0/000000000025/trade.arrow', new Uint8Array(1))
    await stores('now', 3, 9, 11)
    expect(await storesAndRetains({}, 'now', 20)).toEqual([20, 11])
    expect(await listed()).toEqual([20, 11])
    expect([...stored.objects.keys()].filter((key) => key.endsWith('.arrow'))).toEqual(['g/task-0/000000000025/trade.arrow'])
    expect(warnings).toEqual([])
  })

  it('those of an earlier life with higher epochs are not counted: the one just stored stays, and nothing may be trimmed yet', async () => {
    await stores('before', 100, 110, 120)
    await commits('now', 0, 40)
    const state = {}
    expect(await storesAndRetains(state, 'now', 10)).toBeNull()
    expect(await listed()).toEqual([120, 110, 100, 10])
    expect(await storesAndRetains(state, 'now', 20)).toEqual([20, 10])
    expect(await storesAndRetains(state, 'now', 30)).toEqual([30, 20])
    expect(await listed()).toEqual([120, 110, 100, 30, 20])
    expect(warnings).toEqual([expect.stringMatching(/epochs does not bear out are not counted: epoch 120, 110, 100$/)])
    expect(reads).toBe(1)
  })

  it('those of an earlier life with lower epochs are not counted, and go with what is older than the oldest kept', async () => {
    await stores('before', 20, 28, 36)
    await commits('now', 0, 50)
    const state = {}
    expect(await storesAndRetains(state, 'now', 30)).toBeNull()
    expect(await listed()).toEqual([36, 30, 28, 20])
    expect(await storesAndRetains(state, 'now', 40)).toEqual([40, 30])
    expect(await listed()).toEqual([40, 36, 30])
    expect(await storesAndRetains(state, 'now', 50)).toEqual([50, 40])
    expect(await listed()).toEqual([50, 40])
  })

  it('one of an earlier life is replaced when its number comes up, and counts from then on', async () => {
    await stores('before', 20)
    await commits('now', 0, 30)
    const state = {}
    expect(await storesAndRetains(state, 'now', 10)).toBeNull()
    expect(await storesAndRetains(state, 'now', 20)).toEqual([20, 10])
    expect(await storesAndRetains(state, 'now', 30)).toEqual([30, 20])
  })

  it("an earlier owner's of the same life count from the first on that a new owner stores", async () => {
    await commits('now', 0, 30)
    await stores('now', 5, 10)
    expect(await storesAndRetains({}, 'now', 20)).toEqual([20, 10])
    expect(await storesAndRetains({}, 'now', 30)).toEqual([30, 20])
  })

  it('one whose manifest is broken, or whose epoch has been trimmed off the log, is not counted', async () => {
    await commits('now', 8, 30)
    await stores('now', 5, 10, 15)
    stored.objects.set('g/task-0/000000000015/manifest.json', Buffer.from('{}'))
    expect(await storesAndRetains({}, 'now', 20)).toEqual([20, 10])
    expect(await listed()).toEqual([20, 15, 10])
  })

  it('none is deleted by an owner whose job has been started anew meanwhile', async () => {
    const state = {}
    await commits('before', 0, 30)
    expect(await storesAndRetains(state, 'before', 20)).toBeNull()
    await commits('now', 0, 10)
    await settled(store.delete([...stored.objects.keys()]))
    await stores('now', 5, 10)
    expect(await storesAndRetains(state, 'before', 30)).toBeNull()
    expect(await listed()).toEqual([30, 10, 5])
  })

  it('none is deleted while the log cannot be read, and that is said; the next time makes up for it', async () => {
    await commits('now', 0, 30)
    await stores('now', 1, 2, 3)
    const state = {}
    const process = new SimulatedProcess('cut off', scheduler, new Random(2), NO_FAULTS, { epochMs: 0, skewMs: 0 })
    const none = new SimulatedBroker(scheduler, new Random(1), { trades: 1 }, { transactionTimeoutMs: 1, sessionTimeoutMs: 1, tradesTopic: 'trades' })
    const bounds = log.bounds.bind(log)
    log.bounds = new SimulatedLog(process, none, 'cut off').bounds.bind(new SimulatedLog(process, none, 'cut off'))
    expect(await storesAndRetains(state, 'now', 10)).toBeNull()
    expect(warnings).toEqual([expect.stringContaining('are not thinned out now')])
    expect(await listed()).toEqual([10, 3, 2, 1])
    log.bounds = bounds
    expect(await storesAndRetains(state, 'now', 20)).toEqual([20, 10])
    expect(await listed()).toEqual([20, 10])
  })
})
