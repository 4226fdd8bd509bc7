/** The simulated log is Kafka as far as the promise rests on it: isolation, fencing, decisions. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { LogProducer, OutputColumns } from '../ports/log.ts'
import { NO_FAULTS } from './faults.ts'
import type { Faults } from './faults.ts'
import { SimulatedProcess } from './process.ts'
import { Random } from './random.ts'
import { Scheduler } from './scheduler.ts'
import { SimulatedBroker } from './simulated-broker.ts'
import { SimulatedLog } from './simulated-log.ts'

const TRANSACTION_TIMEOUT_MS = 10_000

let scheduler: Scheduler
let broker: SimulatedBroker
let log: SimulatedLog

beforeEach(() => {
  scheduler = new Scheduler()
  broker = new SimulatedBroker(scheduler, new Random(1), { out: 1, trades: 1 }, {
    transactionTimeoutMs: TRANSACTION_TIMEOUT_MS, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
  })
  log = logOf('reader')
})

function processOf(name: string, faults: Partial<Faults> = {}): SimulatedProcess {
  return new SimulatedProcess(name, scheduler, new Random(2), { ...NO_FAULTS, ...faults }, { epochMs: 0, skewMs: 0 })
}

function logOf(name: string, faults: Partial<Faults> = {}): SimulatedLog {
  return new SimulatedLog(processOf(name, faults), broker, name)
}

function outputs(text: string): OutputColumns[] {
  const bytes = Buffer.from(text)
  const ends = Int32Array.of(bytes.length)
  return [{ topic: 'out', partition: 0, count: 1, keys: bytes, keyEnds: ends, values: bytes, valueEnds: ends }]
}

/** Lets virtual time pass until the promise has settled; its value or its error. */
const settled = <T>(promise: Promise<T>): Promise<T> => scheduler.settled(promise)

async function opened(of: SimulatedLog): Promise<LogProducer> {
  const producer = of.producer('job-0')
  await settled(producer.init())
  return producer
}

async function readable(): Promise<string[]> {
  const { low, high } = await settled(log.bounds('out', 0, 'read_committed'))
  const found: string[] = []
  await settled(log.read('out', 0, low, high, ({ value }) => found.push(String(value))))
  return found
}

const pass = (ms: number): Promise<boolean> => scheduler.run(() => false, scheduler.nowMs + ms)

describe('a transaction', () => {
  it('is readable once it is committed and marked', async () => {
    const producer = await opened(logOf('a'))
    await settled(producer.transact(outputs('one')))
    await pass(1_000)
    expect(await readable()).toEqual(['one'])
    expect(broker.partition('out', 0).high).toBe(2) // its marker has an offset, too
  })

  it('that a killed process leaves open holds readers back until the next owner or the timeout ends it', async () => {
    const killed = processOf('a')
    const producer = await opened(new SimulatedLog(killed, broker, 'a'))
    killed.killPoint = { call: 'EndTxn', nth: 1, phase: 'before' }
    void producer.transact(outputs('left'))
    await pass(1_000)
    broker.append('out', 0, null, Buffer.from('behind'))
    expect(await readable()).toEqual([])
    await pass(2 * TRANSACTION_TIMEOUT_MS + 1_000)
    expect(await readable()).toEqual(['behind'])
  })

  it('whose answer was lost has happened, and is decided when the next InitProducerId returns', async () => {
    const producer = await opened(logOf('a', { commitAnswerLost: 1 }))
    await expect(settled(producer.transact(outputs('one')))).rejects.toMatchObject({ kind: 'unknown' })
    await opened(logOf('b'))
    expect(await readable()).toEqual(['one'])
  })

  it('whose request was lost has not, and is aborted by the next InitProducerId', async () => {
    const producer = await opened(logOf('a', { commitRequestLost: 1 }))
    await expect(settled(producer.transact(outputs('one')))).rejects.toMatchObject({ kind: 'unknown' })
    await opened(logOf('b'))
    expect(await readable()).toEqual([])
  })

  it('that is prepared ends in time or is aborted, and its producer is refused then', async () => {
    const producer = await opened(logOf('a'))
    producer.prepare([])
    await pass(TRANSACTION_TIMEOUT_MS / 2)
    await settled(producer.transact(outputs('in time')))
    producer.prepare([])
    await pass(2 * TRANSACTION_TIMEOUT_MS + 1_000)
    await expect(settled(producer.transact(outputs('too late')))).rejects.toMatchObject({ kind: 'fenced' })
    expect(await readable()).toEqual(['in time'])
  })

  it('that is prepared by one who was fenced is refused', async () => {
    const zombie = await opened(logOf('a'))
    await opened(logOf('b'))
    zombie.prepare([])
    await pass(1_000)
    await expect(settled(zombie.transact(outputs('zombie')))).rejects.toMatchObject({ kind: 'fenced' })
  })

  it('of a producer that was fenced is refused', async () => {
    const zombie = await opened(logOf('a'))
    const owner = await opened(logOf('b'))
    await expect(settled(zombie.transact(outputs('zombie')))).rejects.toMatchObject({ kind: 'fenced' })
    await settled(owner.transact(outputs('owner')))
    await pass(1_000)
    expect(await readable()).toEqual(['owner'])
  })
})

describe('a process', () => {
  it('that is paused goes on where it was, and one that is killed does not', async () => {
    const [paused, killed] = [processOf('paused'), processOf('killed')]
    const woke: string[] = []
    void paused.clock.sleep(10).then(() => woke.push('paused'))
    void killed.clock.sleep(10).then(() => woke.push('killed'))
    paused.pause()
    killed.kill()
    await pass(100)
    expect(woke).toEqual([])
    paused.wake()
    await pass(100)
    expect(woke).toEqual(['paused'])
  })
})
