/** A divergence with its column: the recorded epoch's outputs lie on a simulated log, as the engine's transactions leave them. */
import { beforeEach, describe, expect, it } from 'vitest'
import { blankRecord } from '../epoch/task-state.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import type { OutputColumns } from '../ports/log.ts'
import { differenceOf, withColumns } from './divergence.ts'
import type { OutputValues } from './divergence.ts'

const CLOCK_MS = Date.parse('2025-12-03T18:32:13.005Z')
const BLANK = blankRecord({ group: 'g', tradesTopic: 't', partitions: 1, inputs: ['t', 'q', 'b'] }, 0, 'i', 'b', [0, 0, 0], false, 0)
const OUTPUTS = { bars: 'bars', signals: 'signals' }
const neverStopped = new AbortController().signal

let scheduler: Scheduler
let broker: SimulatedBroker

beforeEach(() => {
  scheduler = new Scheduler()
  broker = new SimulatedBroker(scheduler, new Random(1), { bars: 1, signals: 1 }, {
    transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
  })
})

const processOf = (name: string): SimulatedProcess => new SimulatedProcess(name, scheduler, new Random(2), NO_FAULTS, { epochMs: 0, skewMs: 0 })

/** Lets virtual time pass until the promise has settled. */
const settled = <T>(promise: Promise<T>): Promise<T> => scheduler.settled(promise)

const output = (symbol: string, c: number, ms = CLOCK_MS): string => JSON.stringify({
  ingest_ts: new Date(ms).toISOString(), symbol, seq: 1, is_final: true, window: { size: 'PT1S', start: '2025-12-03T18:32:10.000Z' }, payload: { c },
})

/** One transaction of the engine on a topic's only partition. */
async function published(topic: string, texts: string[]): Promise<void> {
  const log = new SimulatedLog(processOf('engine'), broker, 'engine')
  const producer = log.producer('job-0')
  const values = texts.map((text) => Buffer.from(text))
  let end = 0
  const columns: OutputColumns = {
    topic, partition: 0, count: values.length, keys: Buffer.alloc(0), keyEnds: new Int32Array(values.length), values: Buffer.concat(values),
    valueEnds: Int32Array.from(values, ({ length }) => (end += length)),
  }
  await settled(producer.init())
  await settled(producer.transact([columns]))
  await scheduler.run(() => false, scheduler.nowMs + 1_000) // its marker
}

function outputsOf(bars: string[], signals: string[]): OutputValues {
  let end = 0
  const texts = [...bars, ...signals]
  const valueEnds = Int32Array.from(texts, ({ length }) => (end += length))
  return { bars: bars.length, signals: signals.length, values: Buffer.from(texts.join('')), valueEnds }
}

interface Epoch {
  bars?: string[]
  signals?: string[]
  then?: Partial<EpochRecord>
}

/** What is said of an epoch that published as many records as are computed now, unless `then` says otherwise. */
async function told({ bars = [], signals = [], then = {} }: Epoch, killed = false, stop = neverStopped): Promise<string> {
  const now = { ...BLANK, clockCloseMs: CLOCK_MS, bars: bars.length, signals: signals.length }
  const record = { ...now, barsDigest: bars.length > 0 ? 1n : 0n, signalsDigest: signals.length > 0 ? 1n : 0n, ...then }
  const reader = processOf('reader')
  const log = new SimulatedLog(reader, broker, 'reader')
  if (killed) reader.kill()
  const { clock } = processOf('clock')
  return await settled(withColumns({ log, clock, outputs: OUTPUTS }, record, differenceOf(record, now)!, outputsOf(bars, signals), stop))
}

describe('a divergence', () => {
  it('names both digests and the column, for bars and for signals', async () => {
    await published('bars', [output('A', 0, CLOCK_MS - 1)])
    await published('bars', [output('A', 1), output('B', 2)])
    await published('bars', [output('A', 4, CLOCK_MS + 1)])
    await published('signals', [output('B', 5)])
    expect(await told({ bars: [output('A', 1), output('B', 3)], signals: [output('B', 6)] })).toBe(
      'output digest of bars: 0000000000000001 then, 0000000000000000 now; output digest of signals: 0000000000000001 then, 0000000000000000 now; ' +
      'the first of the bars that differs from bars [0]: B 2025-12-03T18:32:10Z (PT1S, seq 1) is "c" 2 on the topic, 3 computed now; ' +
      'the first of the signals that differs from signals [0]: B 2025-12-03T18:32:10Z (PT1S, seq 1) is "c" 5 on the topic, 6 computed now')
  })

  it('tells two epochs of one clock apart', async () => {
    await published('bars', [output('A', 1), output('B', 2)])
    await published('bars', [output('C', 3), output('D', 4)])
    await published('bars', [output('E', 5)])
    const bars = [output('A', 1), output('B', 7)]
    expect(await told({ bars })).toContain('B 2025-12-03T18:32:10Z (PT1S, seq 1) is "c" 2 on the topic, 7 computed now')
    expect(await told({ bars: [output('C', 9), output('D', 4)] })).toContain('C 2025-12-03T18:32:10Z (PT1S, seq 1) is "c" 3 on the topic, 9 computed now')
  })

  it('finds an epoch that is further back than the first stretch', async () => {
    await published('bars', [output('A', 1)])
    for (let i = 0; i < 9_000; i++) broker.append('bars', 0, null, Buffer.from(output('A', 2, CLOCK_MS + 1 + i)))
    expect(await told({ bars: [output('A', 3)] })).toContain('"c" 1 on the topic, 3 computed now')
  })

  it('tells a record that was published and is not computed now, where the numbers differ', async () => {
    await published('bars', [output('A', 1), output('B', 2)])
    const text = await told({ bars: [output('A', 1)], then: { bars: 2 } })
    expect(text).toContain('bars: 2 then, 1 now; the first of the bars that differs from bars [0]: B ')
    expect(text).toContain('is on the topic, and is not computed now')
  })

  it('says so where what was published is the same', async () => {
    await published('bars', [output('A', 1), output('B', 2)])
    expect(await told({ bars: [output('A', 1), output('B', 2)] })).toContain(
      '; the 2 bars on bars [0] are the same as those computed now: it is the record that differs from what was published')
  })

  it('says so where retention has deleted all of it, or some, or where it never was', async () => {
    const bars = [output('A', 1), output('B', 2)]
    expect(await told({ bars })).toContain('none of the 2 records that it published is on bars [0]')
    await published('bars', bars)
    await published('bars', [output('C', 3, CLOCK_MS + 5)])
    broker.partition('bars', 0).deleteBefore(1)
    expect(await told({ bars })).toContain('of its 2 bars 1 are still on bars [0], and they are the same as those computed now')
    expect(await told({ bars: [bars[0], output('B', 3)] })).toContain('"c" 2 on the topic, 3 computed now')
    broker.partition('bars', 0).deleteBefore(3)
    expect(await told({ bars })).toContain('the 2 records that it published are no longer on bars [0], which begins at offset 3')
  })

  it('is told without a column when the topic is not there, or the broker is silent, or the task is to stop', async () => {
    const bars = [output('A', 1)]
    await published('bars', bars)
    expect(await told({ bars }, true)).toBe("output digest of bars: 0000000000000001 then, 0000000000000000 now; its columns can't be told, as what was " +
      'published was not read in time')
    const beforeMs = scheduler.nowMs
    expect(await told({ bars }, true, AbortSignal.abort())).toContain("its columns can't be told")
    expect(scheduler.nowMs - beforeMs).toBeLessThan(1_000)
    const { clock } = processOf('clock')
    const log = new SimulatedLog(processOf('reader'), broker, 'reader')
    const record = { ...BLANK, bars: 1, barsDigest: 1n }
    const lookUp = { log, clock, outputs: { ...OUTPUTS, bars: 'nowhere' } }
    const text = await settled(withColumns(lookUp, record, differenceOf(record, { ...BLANK, bars: 1 })!, outputsOf(bars, []), neverStopped))
    expect(text).toMatch(/; its columns can't be told, as nowhere \[0\] can't be read: /)
  })

  it('of something else than outputs needs no column: the outcome is named', () => {
    const counts = BLANK.counts.map((_, i) => Number(i === 6))
    expect(differenceOf({ ...BLANK, counts }, BLANK)).toEqual({ text: 'quotes duplicate: 1 then, 0 now', parts: [] })
    expect(differenceOf(BLANK, { ...BLANK, digest: 2n })?.text).toMatch(/^output digest of late and rejected records: 0+ then, 0+2 now$/)
    expect(differenceOf(BLANK, { ...BLANK })).toBeNull()
  })
})
