/** What can't be used: rejected records in the DLQ, late ones on their topic, each once, and nothing stops for them. */
import { createHash } from 'node:crypto'
import type { Message } from 'node-rdkafka'
import { describe, expect, it } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import {
  Tail, expectVerified, headersOf, newJob, outputsOf, runUntil, send, tailOf, valuesOf,
} from './engine-job.ts'
import type { Input, Job } from './engine-job.ts'

const MIB = 1_048_576
const HEAD_BYTES = 65_536
/** Partition of two on which AAA lies. */
const HOME = murmur2Partition('AAA', 2)
/** Seconds of the day after 18:32. */
const at = (seconds: number) => `2025-12-03T18:${String(32 + Math.floor(seconds / 60)).padStart(2, '0')}:` +
  `${(seconds % 60).toFixed(3).padStart(6, '0')}Z`
let nextId = 1

function trade(symbol: string, seconds: number, payload: object = {}, more: object = {}): Record<string, unknown> {
  const event_ts = at(seconds)
  const full = { T: 't', S: symbol, i: nextId++, x: 'V', p: 10, s: 100, c: ['@'], t: event_ts, z: 'C', ...payload }
  const envelope = { ingest_ts: event_ts, event_ts, feed: 'iex', channel: 'trades', symbol, seq: nextId, payload: full }
  return { ...envelope, is_final: true, ...more }
}

function quote(symbol: string, seconds: number, payload: object = {}, more: object = {}): Record<string, unknown> {
  const event_ts = at(seconds)
  const sides = { bx: 'V', bp: 9.99, bs: 3, ax: 'V', ap: 10.01, as: 4 }
  const full = { T: 'q', S: symbol, ...sides, c: ['R'], t: event_ts, z: 'C', ...payload }
  const envelope = { ingest_ts: event_ts, event_ts, feed: 'iex', channel: 'quotes', symbol, seq: nextId++, payload: full }
  return { ...envelope, is_final: true, ...more }
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** A record that is due in the DLQ, and why. */
interface Bad {
  reason: string
  topic: 'trades' | 'quotes'
  key: string | null
  value: string | Buffer | null
}

function badRecords(): Bad[] {
  const bad = (reason: string, value: Bad['value'] | object, more: Partial<Bad> = {}): Bad => {
    const plain = value === null || typeof value === 'string' || Buffer.isBuffer(value)
    return { reason, topic: 'trades', key: 'AAA', value: plain ? value as Bad['value'] : JSON.stringify(value), ...more }
  }
  const pad = (bytes: number) => JSON.stringify({ ...trade('AAA', 4), pad: 'x'.repeat(bytes) })
  return [
    bad('not_json', 'no JSON at all'),
    bad('not_json', `${JSON.stringify(trade('AAA', 4))}}`),
    bad('not_json', ''),
    bad('not_json', null),
    bad('not_json', Buffer.concat([Buffer.from('{"symbol":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')])),
    bad('not_object', '[1,2]'),
    bad('not_object', '"text"'),
    bad('missing_field', trade('AAA', 4, { p: undefined })),
    bad('missing_field', trade('AAA', 4, { s: null })),
    bad('missing_field', trade('AAA', 4, { t: undefined }, { event_ts: undefined })),
    bad('missing_field', trade('AAA', 4, { S: undefined }, { symbol: undefined })),
    bad('wrong_kind', trade('AAA', 4, { p: '10' })),
    bad('wrong_kind', trade('AAA', 4, { c: 7 })),
    bad('wrong_kind', trade('AAA', 4, {}, { seq: 'one' })),
    bad('bad_time', trade('AAA', 4, {}, { event_ts: '3rd of December' })),
    bad('bad_price', trade('AAA', 4, { p: 0 })),
    bad('bad_price', trade('AAA', 4, { p: -1 })),
    bad('bad_size', trade('AAA', 4, { s: -5 })),
    bad('bad_price', JSON.stringify(trade('AAA', 4, { p: 12.5 })).replace('12.5', '1e999')),
    bad('future', trade('AAA', 4, {}, { event_ts: '2100-01-01T00:00:00Z' })),
    bad('bad_symbol', trade('', 4), { key: '' }),
    bad('bad_symbol', trade('S'.repeat(33), 4), { key: 'S'.repeat(33) }),
    bad('key_mismatch', trade('AAA', 4), { key: 'BBB' }),
    bad('key_mismatch', trade('AAA', 4), { key: null }),
    bad('too_large', pad(MIB)),
    bad('too_large', pad(3 * MIB)),
    bad('not_json', `${pad(950_000)}}`), // past TA_DLQ_MAX_BYTES, but not too large for a record
    bad('bad_price', quote('AAA', 4, { bp: -1 }), { topic: 'quotes' }),
    bad('missing_field', quote('AAA', 4, { as: undefined }), { topic: 'quotes' }),
    bad('bad_size', quote('AAA', 4, { bs: -1 }), { topic: 'quotes' }),
  ]
}

/** Sends to the trades topic, under the symbol of each. */
async function sendTrades(job: Job, records: object[]): Promise<void> {
  const topic = job.env.TA_TRADES_TOPIC
  await send(job, records.map((record) => ({ topic, key: (record as { symbol: string }).symbol, value: JSON.stringify(record) })))
}

describe.each(['columns', 'events'])('the DLQ, by %s', (ingest) => {
  it('gets each bad record once, with its reason and place, byte for byte or its head, and bars come all the same', async () => {
    const job = await newJob({ partitions: 2, env: { TA_INGEST: ingest }, inputConfig: { 'max.message.bytes': '6000000' } })
    Object.assign(job.env, { TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' })
    const topics = { trades: job.env.TA_TRADES_TOPIC, quotes: job.env.TA_QUOTES_TOPIC }
    const bad = badRecords()
    const place = ({ topic, key, value }: Bad): Input => ({ topic: topics[topic], key, value, partition: HOME })
    const good = (seconds: number): Input => ({
      topic: topics.trades, key: 'AAA', value: JSON.stringify(trade('AAA', seconds)), partition: HOME,
    })
    await send(job, [good(1), good(4.5), ...bad.map(place), good(6)])
    const counts = await runUntil(job, bad.length + 3, {}, 6)
    expect(counts).toEqual({ applied: 3, duplicate: 0, late: 0, filtered: 0, rejected: bad.length })

    const dlq = await Tail.open([job.env.TA_DLQ_TOPIC], 2)
    await dlq.until(() => dlq.records[job.env.TA_DLQ_TOPIC].length >= bad.length, 'the rejected records')
    expectRejected(dlq.records[job.env.TA_DLQ_TOPIC], bad, topics)
    await expectVerified(job)
    const { bars } = await outputsOf(job)
    expect(bars.map(({ window }) => window.start)).toEqual([at(1), at(4), at(6)].map((text) => text.replace('.000', '')))
  })

  it('gets what is beyond TA_MAX_SYMBOLS; the symbols that are known go on', async () => {
    const job = await newJob({ partitions: 1, env: { TA_INGEST: ingest, TA_MAX_SYMBOLS: '2', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' } })
    const records = ['AA', 'BB', 'CC', 'AA', 'DD', 'BB'].map((symbol, i): Input =>
      ({ topic: job.env.TA_TRADES_TOPIC, key: symbol, value: JSON.stringify(trade(symbol, i)) }))
    await send(job, records)
    expect(await runUntil(job, 6)).toMatchObject({ applied: 4, rejected: 2 })
    const dlq = await Tail.open([job.env.TA_DLQ_TOPIC], 1)
    await dlq.until(() => dlq.records[job.env.TA_DLQ_TOPIC].length >= 2, 'two rejected records')
    const seen = dlq.records[job.env.TA_DLQ_TOPIC].map((message) => [String(message.key), headersOf(message)['ta-reason']])
    expect(seen).toEqual([['CC', 'too_many_symbols'], ['DD', 'too_many_symbols']])
  })
})

/** Every bad record is there once, in order within its topic, with headers and bytes. */
function expectRejected(messages: Message[], bad: Bad[], topics: Record<Bad['topic'], string>): void {
  expect(messages.length).toBe(bad.length)
  for (const topic of ['trades', 'quotes'] as const) {
    const due = bad.filter((each) => each.topic === topic)
    const got = messages.filter((message) => headersOf(message)['ta-topic'] === topics[topic])
    expect(got.map((message) => headersOf(message)['ta-reason'])).toEqual(due.map(({ reason }) => reason))
    // two good trades went before the bad ones
    const first = topic === 'trades' ? 2 : 0
    for (const [i, message] of got.entries()) {
      const { key } = due[i]
      const value = Buffer.from(due[i].value ?? '')
      const headers = headersOf(message)
      expect(headers).toMatchObject({ 'ta-partition': String(HOME), 'ta-offset': String(first + i) })
      expect(message.key === null || message.key === undefined ? null : String(message.key)).toBe(key)
      if (value.length <= 900_000) {
        expect(Buffer.from(message.value ?? '').equals(value)).toBe(true)
        expect(Object.keys(headers)).toHaveLength(4)
      } else {
        expect(message.value!.equals(value.subarray(0, HEAD_BYTES))).toBe(true)
        expect(headers).toMatchObject({ 'ta-truncated': 'true', 'ta-size': String(value.length), 'ta-sha256': sha256(value) })
      }
    }
  }
}

describe.each(['columns', 'events'])('the late topic, by %s', (ingest) => {
  it('gets late trades and quotes with their place, and no bar changes for them', async () => {
    const job = await newJob({ partitions: 1, env: { TA_INGEST: ingest, TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' } })
    const [trades, quotes] = [job.env.TA_TRADES_TOPIC, job.env.TA_QUOTES_TOPIC]
    const of = (topic: string, record: object): Input => ({ topic, key: 'AAA', value: JSON.stringify(record) })
    const known = trade('AAA', 3.2)
    const late = [of(trades, trade('AAA', 2.999)), of(trades, trade('AAA', 1)), of(quotes, quote('AAA', 1.5))]
    await send(job, [
      of(trades, known), of(trades, trade('AAA', 6)), // the watermark stands at 4
      of(trades, trade('AAA', 4.1)), of(trades, known), late[0], late[1],
      of(quotes, quote('AAA', 3.9)), of(quotes, quote('AAA', 7)), late[2],
    ])
    const counts = await runUntil(job, 9, {}, 6)
    // the repeat of a trade whose window is closed is late before it is a duplicate
    expect(counts).toEqual({ applied: 5, duplicate: 0, late: 4, filtered: 0, rejected: 0 })
    const tail = await Tail.open([job.env.TA_LATE_TOPIC], 1)
    await tail.until(() => tail.records[job.env.TA_LATE_TOPIC].length >= 4, 'the late records')
    const seen = tail.records[job.env.TA_LATE_TOPIC].map((message) => {
      const { 'ta-reason': reason, 'ta-topic': topic, 'ta-partition': partition, 'ta-offset': offset } = headersOf(message)
      return [reason, topic, partition, offset, String(message.key), String(message.value)]
    })
    const due = [
      [trades, 3, JSON.stringify(known)], [trades, 4, late[0].value], [trades, 5, late[1].value], [quotes, 2, late[2].value],
    ]
    // which topic was read first is chance; within one the order is the input's
    const inTopicOrder = seen.toSorted((a, b) => Number(b[1] === trades) - Number(a[1] === trades))
    expect(inTopicOrder).toEqual(due.map(([topic, offset, value]) => ['late', topic, '0', String(offset), 'AAA', String(value)]))
    const { bars } = await outputsOf(job)
    expect(bars.map(({ window, payload }) => [window.start.slice(17, 19), (payload as { count: number }).count])).toEqual(
      [['03', 1], ['04', 1], ['06', 1]])
  })

  it('is off when it has no name', async () => {
    const job = await newJob({ partitions: 1, env: { TA_INGEST: ingest, TA_LATE_TOPIC: '', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' } })
    await sendTrades(job, [9, 1].map((second) => trade('A', second)))
    expect(await runUntil(job, 2)).toMatchObject({ applied: 1, late: 1 })
  })
})

describe('names of fields', () => {
  it('may be snake_case or camelCase in one topic, snake_case wins, and TA_FIELD_MAP re-points them', async () => {
    const job = await newJob({ partitions: 1, env: {
      TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000', TA_QUOTES_TOPIC: '',
      TA_FIELD_MAP: JSON.stringify({ price: 'payload.price', size: 'meta.lots', exchange: 'payload.venue' }),
    } })
    const moved = (seconds: number, names: object): object =>
      ({ ...trade('AAA', seconds, { p: 99, s: 99, price: 10 + seconds, venue: 'V' }), meta: { lots: 2 }, ...names })
    const records = [
      moved(1, {}),
      moved(2, { event_ts: undefined, eventTs: at(2), ingest_ts: undefined, ingestTs: at(2), is_final: null, isFinal: true }),
      moved(3, { eventTs: at(30) }),
      moved(4, { payload: { T: 't', i: 9, price: 14, t: at(4) }, event_ts: null }), // payload.t, and S from the envelope
      { ...trade('AAA', 5), meta: { lots: 1 } }, // without fallback: p is where the price was
    ]
    await sendTrades(job, records)
    const counts = await runUntil(job, records.length, {}, 8)
    expect(counts).toEqual({ applied: 4, duplicate: 0, late: 0, filtered: 0, rejected: 1 })
    const { bars } = await outputsOf(job)
    const seen = bars.map(({ window, payload }) => {
      const { c, v } = payload as { c: number; v: number }
      return [window.start.slice(17, 19), c, v]
    })
    expect(seen).toEqual([['01', 11, 2], ['02', 12, 2], ['03', 13, 2], ['04', 14, 2]])
  })

  it('filters types that its topic has no use for', async () => {
    const job = await newJob({ partitions: 1, env: { TA_WATERMARK_IDLE_TIMEOUT_MS: '1000', TA_STATUS_INTERVAL_MS: '300' } })
    const unnamed = trade('A', 1, { T: undefined }, { channel: 'news' })
    const records = [trade('A', 1, { T: 'q' }), trade('A', 1, { T: 'success' }), unnamed]
    const tail = await tailOf(job)
    await sendTrades(job, records)
    expect(await runUntil(job, 3)).toEqual({ applied: 0, duplicate: 0, late: 0, filtered: 3, rejected: 0 })
    expect(valuesOf(tail.records[job.env.TA_MICROBARS_TOPIC])).toEqual([])
  })
})
