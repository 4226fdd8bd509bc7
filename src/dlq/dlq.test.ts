/** The DLQ's records, choices and plans, and a redrive over the simulated log: what is sent, what is left, and what is marked. */
import { beforeEach, describe, expect, it } from 'vitest'
import { RECORD_HEADERS } from '../contract/record-headers.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import type { Header, LogRecord } from '../ports/log.ts'
import { NO_FAULTS } from '../simulation/faults.ts'
import type { Faults } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import type { KillPoint } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { bytesText } from './bytes-text.ts'
import { parsePlaces } from './choice.ts'
import type { Choice } from './choice.ts'
import { readDlqRecord } from './dlq-record.ts'
import { listDlq } from './listing.ts'
import { OffsetSet, parseRanges, rangesText } from './offset-ranges.ts'
import { BATCH_BYTES_MAX, BATCH_RECORDS_MAX } from './redrive-batch.ts'
import { planRedrive, totalsOf } from './redrive-plan.ts'
import { redrive } from './redrive.ts'
import type { RedriveProgress } from './redrive.ts'

const INPUTS = ['trades', 'quotes']
const DLQ_PARTITIONS = 2

interface Rejected {
  reason?: string
  topic?: string
  partition?: number
  key?: string | null
  value?: string | null
  more?: Header[]
  /** Headers in place of all others. */
  headers?: Header[]
}

let scheduler: Scheduler
let broker: SimulatedBroker
let written: number[]

beforeEach(() => {
  scheduler = new Scheduler()
  broker = new SimulatedBroker(scheduler, new Random(1), { trades: 2, quotes: 2, news: 1, dlq: DLQ_PARTITIONS }, {
    transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
  })
  written = Array.from({ length: DLQ_PARTITIONS }, () => 0)
})

function process(name: string, { faults = {}, killPoint }: { faults?: Partial<Faults>; killPoint?: KillPoint } = {}): SimulatedProcess {
  const made = new SimulatedProcess(name, scheduler, new Random(2), { ...NO_FAULTS, ...faults }, { epochMs: 0, skewMs: 0 })
  if (killPoint !== undefined) made.killPoint = killPoint
  return made
}

/** Lets virtual time pass until the promise has settled or nothing can settle it any more. */
async function settled<T>(promise: Promise<T>): Promise<T> {
  let isSettled = false
  const outcome = promise.finally(() => (isSettled = true))
  outcome.catch(() => undefined)
  await scheduler.run(() => isSettled, scheduler.nowMs + 120_000)
  if (!isSettled) throw new Error('killed')
  return await outcome
}

/** Puts a record into the DLQ as the engine does; returns its offset there. */
function reject(dlqPartition: number, { reason = 'not_json', topic = 'trades', partition = 0, key = 'K', value, more = [], headers }: Rejected): number {
  const offset = written[dlqPartition]++
  const own = [
    { name: 'ta-reason', value: reason }, { name: 'ta-topic', value: topic }, { name: 'ta-partition', value: String(partition) },
    { name: 'ta-offset', value: String(100 + offset) }, ...more,
  ]
  const text = value === undefined ? `value ${dlqPartition}:${offset}` : value
  broker.partition('dlq', dlqPartition).append([{
    kind: 'data', transaction: null, timestampMs: scheduler.nowMs + offset, key: key === null ? null : Buffer.from(key),
    value: text === null ? null : Buffer.from(text), headers: headers ?? own, by: 'engine',
  }])
  return offset
}

interface Run {
  choice?: Choice
  again?: boolean
  process?: SimulatedProcess
  stop?: AbortSignal
}

/** `ta dlq redrive --yes` without its arguments. */
async function run({ choice = {}, again = false, process: by = process('redriver'), stop = new AbortController().signal }: Run = {}): Promise<RedriveProgress> {
  const log = new SimulatedLog(by, broker, by.name)
  const producer = log.producer('job-dlq-redrive')
  const work = async (): Promise<RedriveProgress> => {
    await producer.init()
    const plan = await planRedrive(log, { dlqTopic: 'dlq', inputs: INPUTS, choice, again })
    const columns = recordColumns(4_096, 65_536, 1 << 24)
    return await redrive({ log, producer, clock: by.clock, columns, dlqTopic: 'dlq', stop, onProgress: () => undefined }, plan)
  }
  return await settled(work())
}

/** Readable records of a partition, as a consumer gets them. */
async function records(topic: string, partition: number): Promise<LogRecord[]> {
  await scheduler.run(() => false, scheduler.nowMs + 1_000) // the broker writes a commit's markers after its answer
  const log = new SimulatedLog(process('reader'), broker, 'reader')
  const found: LogRecord[] = []
  const { low, high } = await settled(log.bounds(topic, partition, 'read_committed'))
  await settled(log.read(topic, partition, low, high, (record) => void found.push(record)))
  return found
}

const textsOf = async (topic: string, partition: number): Promise<(string | null)[]> =>
  (await records(topic, partition)).map(({ value }) => (value === null ? null : String(value)))

async function listing(choice: Choice = {}, limit = 10): Promise<Awaited<ReturnType<typeof listDlq>>> {
  return await settled(listDlq(new SimulatedLog(process('lister'), broker, 'lister'), 'dlq', choice, limit))
}

describe('offsets', () => {
  it('are written as ranges and read back', () => {
    expect(rangesText([3, 7, 8, 9, 11])).toBe('3,7-9,11')
    expect(parseRanges('3,7-9,11')).toEqual([{ from: 3, to: 4 }, { from: 7, to: 10 }, { from: 11, to: 12 }])
    for (const text of ['', 'a', '1-', '-1', '5-3', '1,,2', '1.5', '9'.repeat(16)]) expect(parseRanges(text), text).toBeUndefined()
  })

  it('in a set are those of its ranges, whatever their order and however they overlap', () => {
    const set = new OffsetSet([{ from: 10, to: 12 }, { from: 3, to: 5 }, { from: 11, to: 15 }, { from: 5, to: 6 }])
    expect(set.ranges).toEqual([{ from: 3, to: 6 }, { from: 10, to: 15 }])
    expect(Array.from({ length: 17 }, (_, i) => i).filter((offset) => set.has(offset))).toEqual([3, 4, 5, 10, 11, 12, 13, 14])
    expect(new OffsetSet([]).has(0)).toBe(false)
  })

  it('as places have a partition, that of the part before, or 0', () => {
    const places = parsePlaces('4,6-7,2:1,3,0:9')!
    expect([...places].map(([partition, set]) => [partition, set.ranges])).toEqual([
      [0, [{ from: 4, to: 5 }, { from: 6, to: 8 }, { from: 9, to: 10 }]], [2, [{ from: 1, to: 2 }, { from: 3, to: 4 }]],
    ])
    for (const text of ['x:1', '1:2:3', ':4', '0:', '-1:4']) expect(parsePlaces(text), text).toBeUndefined()
  })
})

describe('bytes as text', () => {
  it.each([
    ['plain é 😀', 'plain é 😀'],
    [Buffer.from('a\n\tb\u001b[31m\u202ec'), 'a\\n\\tb\\u{1b}[31m\\u{202e}c'],
    [Buffer.from([0x41, 0xc3, 0x28, 0x1b]), 'A\\xc3(\\u{1b}'],
    [Buffer.from('😀').subarray(0, 3), ''],
    ['\ufeff{}\u0000\u2028', '\\u{feff}{}\\u{0}\\u{2028}'],
  ])('%j', (bytes, text) => {
    expect(bytesText(Buffer.from(bytes as string))).toBe(text)
  })
})

describe('a record of the DLQ', () => {
  const record = (headers: Record<string, string>, value: Buffer | null = Buffer.from('v')): LogRecord => ({
    topic: 'dlq', partition: 1, offset: 5, timestampMs: 7, key: Buffer.from('K'), value,
    headers: Object.entries(headers).map(([name, text]) => ({ name, value: text })),
  })
  const full = { 'ta-reason': 'bad_price', 'ta-topic': 'trades', 'ta-partition': '3', 'ta-offset': '12' }

  it('says why, where it is, and where it comes from', () => {
    expect(readDlqRecord(record(full))).toEqual({ kind: 'rejected', record: {
      place: { partition: 1, offset: 5 }, timestampMs: 7, reason: 'bad_price', source: { topic: 'trades', partition: 3, offset: 12 },
      key: Buffer.from('K'), value: Buffer.from('v'), sizeBytes: 1, cut: false,
    } })
  })

  it.each([
    ['its value is cut', { ...full, 'ta-truncated': 'true', 'ta-size': '3000000' }, 3_000_000],
    ['its key is cut', { ...full, 'ta-key-truncated': 'true' }, 1],
  ])('is cut when %s', (_, headers, sizeBytes) => {
    expect(readDlqRecord(record(headers))).toMatchObject({ kind: 'rejected', record: { cut: true, sizeBytes } })
  })

  it("is another's, or a mark, when it says no reason", () => {
    expect(readDlqRecord(record({ ...full, 'ta-partition': '-1' })).kind).toBe('other')
    expect(readDlqRecord(record({ 'ta-reason': 'late' })).kind).toBe('other')
    expect(readDlqRecord(record({})).kind).toBe('other')
    expect(readDlqRecord(record({ [RECORD_HEADERS.redriven]: 'x' })).kind).toBe('other')
    expect(readDlqRecord(record({ [RECORD_HEADERS.redriven]: '3,7-9' }, null)))
      .toEqual({ kind: 'mark', redriven: [{ from: 3, to: 4 }, { from: 7, to: 10 }] })
  })
})

describe('a listing', () => {
  it('counts by reason and topic, and shows the newest records', async () => {
    reject(0, { reason: 'bad_price', key: null, value: 'x'.repeat(500) })
    reject(1, { reason: 'bad_price', partition: 1, value: null })
    reject(0, { reason: 'not_json', topic: 'quotes', more: [{ name: 'ta-truncated', value: 'true' }, { name: 'ta-size', value: '2000000' }] })
    reject(0, { headers: [] })
    reject(0, { reason: 'bad_price' })
    const { groups, newest, others, partitions } = await listing({}, 3)
    expect(partitions).toEqual([{ partition: 0, from: 0, to: 4 }, { partition: 1, from: 0, to: 1 }])
    expect(groups).toMatchObject([
      { reason: 'bad_price', topic: 'trades', records: 3, redriven: 0, cut: 0, bytes: 509, first: { partition: 0, offset: 0 }, last: { partition: 0, offset: 3 } },
      { reason: 'not_json', topic: 'quotes', records: 1, cut: 1, bytes: 2_000_000, first: { partition: 0, offset: 1 } },
    ])
    expect(others).toBe(1)
    expect(newest.map(({ partition, offset, key, head, sizeBytes, cut }) => [partition, offset, key, head, sizeBytes, cut])).toEqual([
      [1, 0, 'K', null, 0, false], [0, 1, 'K', 'value 0:1', 2_000_000, true], [0, 3, 'K', 'value 0:3', 9, false],
    ])
    expect((await listing({}, 0)).newest).toEqual([])
    const long = (await listing({ places: parsePlaces('0')! })).newest
    expect(long.map(({ key, head, sizeBytes }) => [key, head, sizeBytes])).toEqual([[null, 'x'.repeat(160), 500]])
  })

  it('shows what a choice names, and the newest of many', async () => {
    for (let n = 0; n < 400; n++) reject(n % 2, { reason: n % 4 < 2 ? 'bad_price' : 'future', topic: n % 3 === 0 ? 'quotes' : 'trades' })
    const counts = async (choice: Choice): Promise<number> => (await listing(choice)).groups.reduce((sum, { records: n }) => sum + n, 0)
    expect(await counts({ reasons: new Set(['future']) })).toBe(200)
    expect(await counts({ topics: new Set(['quotes']) })).toBe(134)
    expect(await counts({ reasons: new Set(['future']), topics: new Set(['quotes']) })).toBe(67)
    expect(await counts({ places: parsePlaces('1:5-9,0:3')! })).toBe(6)
    expect(await counts({ places: parsePlaces('7:5')! })).toBe(0)
    const { newest } = await listing({}, 5)
    expect(newest.map(({ offset }) => offset)).toEqual([197, 198, 198, 199, 199])
  })
})

describe('a redrive', () => {
  it('sends key and value back as they were, in order, null as null and empty as empty, and marks them', async () => {
    reject(0, { value: 'one', partition: 1 })
    reject(0, { value: null, key: null, partition: 1 })
    reject(0, { value: '', key: '', partition: 1 })
    reject(1, { value: 'four', topic: 'quotes' })
    reject(0, { value: 'five', partition: 1 })
    expect(await run()).toEqual({ sent: 5, transactions: 2, gone: 0 })
    const back = await records('trades', 1)
    expect(back.map(({ key, value }) => [key === null ? null : String(key), value === null ? null : String(value)]))
      .toEqual([['K', 'one'], [null, null], ['', ''], ['K', 'five']])
    expect(back.map(({ headers }) => headers)).toEqual([0, 1, 2, 3].map((offset) => [{ name: RECORD_HEADERS.redriven, value: `0:${offset}` }]))
    expect(await textsOf('quotes', 0)).toEqual(['four'])
    const marks = (await records('dlq', 0)).slice(4)
    expect(marks.map(({ key, value, headers }) => [key, value, headers])).toEqual([[null, null, [{ name: RECORD_HEADERS.redriven, value: '0-3' }]]])
    const { groups, others } = await listing()
    expect([others, ...groups.map(({ records: n, redriven }) => [n, redriven])]).toEqual([0, [4, 4], [1, 1]])
  })

  it('sends none twice, but what is new, unless it is asked to', async () => {
    const first = reject(0, {})
    await run()
    expect(await run()).toEqual({ sent: 0, transactions: 0, gone: 0 })
    written[0] = 3 // the mark and the transaction's marker lie between
    reject(0, {})
    expect((await run()).sent).toBe(1)
    expect(await textsOf('trades', 0)).toEqual([`value 0:${first}`, 'value 0:3'])
    expect((await run({ again: true, choice: { places: parsePlaces('0:0')! } })).sent).toBe(1)
    expect(await textsOf('trades', 0)).toEqual(['value 0:0', 'value 0:3', 'value 0:0'])
  })

  it('sends what is chosen alone, and leaves what is cut or not of this job', async () => {
    reject(0, { reason: 'bad_price', value: 'yes' })
    reject(0, { reason: 'bad_price', more: [{ name: 'ta-truncated', value: 'true' }] })
    reject(0, { reason: 'bad_price', topic: 'news' })
    reject(0, { reason: 'bad_price', topic: 'quotes', partition: 2 })
    reject(0, { reason: 'bad_price', topic: 'dlq' })
    reject(0, { reason: 'future' })
    const choice = { reasons: new Set(['bad_price']) }
    const plan = await settled(planRedrive(new SimulatedLog(process('p'), broker, 'p'), { dlqTopic: 'dlq', inputs: INPUTS, choice, again: false }))
    expect(totalsOf(plan)).toEqual({ chosen: 5, send: 1, redriven: 0, cut: 1, elsewhere: 3 })
    expect((await run({ choice })).sent).toBe(1)
    expect(await textsOf('trades', 0)).toEqual(['yes'])
    expect(await textsOf('news', 0)).toEqual([])
  })

  it('is cut into transactions by number and by size', async () => {
    for (let n = 0; n < 2 * BATCH_RECORDS_MAX + 1; n++) reject(0, {})
    expect(await run()).toMatchObject({ sent: 2 * BATCH_RECORDS_MAX + 1, transactions: 3 })
    for (let n = 0; n < 9; n++) reject(1, { value: 'x'.repeat(BATCH_BYTES_MAX / 4), topic: 'quotes' })
    expect(await run()).toMatchObject({ sent: 9, transactions: 3 })
    expect(new Set(await textsOf('trades', 0)).size).toBe(2 * BATCH_RECORDS_MAX + 1)
  })

  it('goes on past what retention deletes meanwhile, and says so', async () => {
    for (let n = 0; n < 50; n++) reject(0, {})
    const log = new SimulatedLog(process('p'), broker, 'p')
    const producer = log.producer('job-dlq-redrive')
    await settled(producer.init())
    const plan = await settled(planRedrive(log, { dlqTopic: 'dlq', inputs: INPUTS, choice: {}, again: false }))
    // aborted or compacted away: offsets that nothing comes for
    plan.partitions[0].offsets.push(50, 51)
    plan.partitions[0].targetOf.push(0, 0)
    const columns = recordColumns(4_096, 65_536, 1 << 20)
    const job = { log, producer, clock: process('p').clock, columns, dlqTopic: 'dlq', stop: new AbortController().signal, onProgress: () => undefined }
    expect(await settled(redrive(job, plan))).toEqual({ sent: 50, transactions: 1, gone: 2 })
  })

  it('ends between transactions when it is stopped', async () => {
    for (let n = 0; n < 3 * BATCH_RECORDS_MAX; n++) reject(0, {})
    const stopped = new AbortController()
    stopped.abort()
    expect(await run({ stop: stopped.signal })).toEqual({ sent: 0, transactions: 0, gone: 0 })
    expect((await run()).sent).toBe(3 * BATCH_RECORDS_MAX)
  })
})

describe('a redrive that is killed, cut off or overtaken', () => {
  const TOTAL = 2 * BATCH_RECORDS_MAX + 40
  const fill = (): void => {
    for (let n = 0; n < TOTAL; n++) reject(n % 2, { partition: n % 2, topic: n % 3 === 0 ? 'quotes' : 'trades' })
  }
  async function expectEachOnce(): Promise<void> {
    const places: string[] = []
    for (const topic of INPUTS) {
      for (const partition of [0, 1]) {
        const back = await records(topic, partition)
        places.push(...back.map(({ headers }) => headers[0].value))
        const offsets = back.map(({ headers }) => Number(headers[0].value.split(':')[1]))
        expect(offsets).toEqual(offsets.toSorted((a, b) => a - b))
      }
    }
    expect(places.length).toBe(TOTAL)
    expect(new Set(places).size).toBe(TOTAL)
  }

  const calls: [string, number[]][] = [['InitProducerId', [1]], ['Fetch', [1, 2, 40]], ['Produce', [1, 2, 3]], ['EndTxn', [1, 2, 4]]]
  const points = calls.flatMap(([call, times]) =>
    times.flatMap((nth) => (['before', 'in', 'after'] as const).map((phase) => ({ call, nth, phase }))))
  it.each(points)('leaves none out and sends none twice, run again: killed $phase $call $nth', async (killPoint) => {
    fill()
    const killed = process('killed', { killPoint })
    await expect(run({ process: killed })).rejects.toThrow('killed')
    expect(killed.alive).toBe(false)
    await run()
    await expectEachOnce()
  })

  it.each(['commitAnswerLost', 'commitRequestLost', 'commitLate', 'aborted'] as const)('and so when %s', async (fault) => {
    fill()
    await run({ process: process('unlucky', { faults: { [fault]: 0.6 } }) }).catch(() => undefined)
    await run()
    await expectEachOnce()
  })

  it('is fenced by the next one, which sends what is left', async () => {
    fill()
    const slow = process('slow')
    slow.onCall = (call) => {
      if (call === 'EndTxn' && !slow.paused) slow.pause()
    }
    const first = run({ process: slow })
    first.catch(() => undefined)
    await expect(first).rejects.toThrow('killed')
    await run()
    slow.wake()
    await scheduler.run(() => false, scheduler.nowMs + 60_000)
    await expectEachOnce()
  })
})
