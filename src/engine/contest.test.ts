/** Who else uses a transactional id: over the simulated log's transactions, in virtual time. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { LogProducer, OutputColumns } from '../ports/log.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import type { Faults } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { otherUser } from './contest.ts'

const ID = 'shared-0'
const PATIENCE_MS = 6_000
const never = new AbortController().signal

let scheduler: Scheduler
let broker: SimulatedBroker

beforeEach(() => {
  scheduler = new Scheduler()
  broker = new SimulatedBroker(scheduler, new Random(1), { out: 1 }, { transactionTimeoutMs: 2_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades' })
})

const processOf = (name: string, faults: Partial<Faults> = {}): SimulatedProcess =>
  new SimulatedProcess(name, scheduler, new Random(2), { ...NO_FAULTS, ...faults }, { epochMs: 0, skewMs: 0 })

/** Lets virtual time pass until the promise has settled. */
const settled = <T>(promise: Promise<T>): Promise<T> => scheduler.settled(promise)

async function opened(process: SimulatedProcess): Promise<LogProducer> {
  const producer = new SimulatedLog(process, broker, process.name).producer(ID)
  await settled(producer.init())
  return producer
}

const record: OutputColumns = {
  topic: 'out', partition: 0, count: 1, keys: Buffer.of(1), keyEnds: Int32Array.of(1), values: Buffer.of(2), valueEnds: Int32Array.of(1),
}

/** What the one that has let go sees, and after how long. */
function look(process = processOf('one'), stop = never): Promise<string> {
  const beganMs = scheduler.nowMs
  return settled(otherUser(new SimulatedLog(process, broker, 'one'), process.clock, ID, PATIENCE_MS, stop)
    .then((found) => `${found} ${scheduler.nowMs - beganMs < PATIENCE_MS ? 'soon' : 'in the end'}`))
}

describe('a transactional id that was let go of', () => {
  it('is used by whoever begins a transaction under it', async () => {
    await settled((await opened(processOf('one'))).transact([record]))
    const producer = await opened(processOf('other'))
    const seen = look()
    scheduler.after(1_000, () => void producer.transact([record]))
    expect(await seen).toBe('somebody soon')
  })

  it('is used by nobody where the last transaction was before, whoever began it', async () => {
    const producer = await opened(processOf('other'))
    await settled(producer.transact([record]))
    expect(await look()).toBe('nobody in the end')
  })

  it('is used by nobody where all that comes is an InitProducerId, or the end of what was left open', async () => {
    const killed = processOf('other')
    const producer = await opened(killed)
    killed.killPoint = { call: 'EndTxn', nth: 1, phase: 'before' }
    void producer.transact([record])
    await scheduler.run(() => false, scheduler.nowMs + 500)
    expect(broker.transactions.began(ID)).not.toBeNull()
    const seen = look() // meanwhile the broker ends it
    scheduler.after(5_000, () => void new SimulatedLog(processOf('a third'), broker, 'a third').producer(ID).init())
    expect(await seen).toBe('nobody in the end')
    expect(broker.transactions.began(ID)).toBeNull()
  })

  it('is not known to be free where the broker does not answer; who is told to stop asks no longer', async () => {
    const cut = processOf('one')
    const log = new SimulatedLog(processOf('away', { requestLost: 1 }), broker, 'one')
    expect(await settled(otherUser(log, cut.clock, ID, PATIENCE_MS, never))).toBe('unknown')
    expect(await look(processOf('one'), AbortSignal.abort())).toBe('nobody soon')
  })

  it('is never seen to be used by both of two that let go of it, each at its time', async () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed)
      const saw = await settled(Promise.all(['one', 'other'].map(async (name) => {
        const process = processOf(name)
        const log = new SimulatedLog(process, broker, name)
        const untilMs = scheduler.nowMs + random.integer(0, 3_000)
        while (scheduler.nowMs < untilMs) {
          const producer = log.producer(ID)
          await producer.init().catch(() => undefined)
          while (scheduler.nowMs < untilMs && (await producer.transact([record]).then(() => true, () => false))) await process.clock.sleep(random.integer(1, 200))
          await producer.close()
        }
        return await otherUser(log, process.clock, ID, PATIENCE_MS, never)
      })))
      expect(saw.filter((found) => found === 'somebody').length, `seed ${seed}: ${saw.join()}`).toBeLessThan(2)
      seen.add(saw.join())
    }
    expect([...seen].sort()).toEqual(['nobody,nobody', 'nobody,somebody', 'somebody,nobody'])
  })
})
