import { describe, expect, it } from 'vitest'
import { NO_FAULTS } from '../simulation/faults.ts'
import { SimulatedProcess } from '../simulation/process.ts'
import { Random } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { SimulatedBroker } from '../simulation/simulated-broker.ts'
import { SimulatedLog } from '../simulation/simulated-log.ts'
import { judgeSample, sampleTopic } from './field-sample.ts'
import type { SampledRecord } from './field-sample.ts'

const TRADES = 0
const QUOTES = 1
const BARS = 2
type Json = Record<string, unknown>

let offset = 100
const record = (value: Json, key: string | null = 'NVDA'): SampledRecord => ({ partition: 3, offset: offset++, key, value })
const trade = (payload: Json = {}, envelope: Json = {}): SampledRecord =>
  record({ event_ts: '2025-12-03T18:32:10Z', symbol: 'NVDA', channel: 'trades', payload: { T: 't', i: 5, p: 1.5, s: 2, c: ['@'], ...payload }, ...envelope })
const quote = (payload: Json = {}): SampledRecord => record({ event_ts: 1_764_786_730, symbol: 'NVDA', payload: { T: 'q', bp: 1, bs: 1, ap: 2, as: 1, ...payload } })
const bar = (payload: Json = {}): SampledRecord => record({ symbol: 'NVDA', is_final: true, payload: { T: 'b', t: '2025-12-03T18:32:00Z', o: 1, h: 1, l: 1, c: 1, v: 1, ...payload } })

const sentences = (map: Record<string, string>, channel: number, sample: SampledRecord[]): string[] =>
  (judgeSample(map, channel, 'in.v1', sample) ?? []).map(({ sentence }) => sentence)

describe('judgeSample', () => {
  it.each<[string, Record<string, string>, number, SampledRecord[]]>([
    ['fields that were moved', { price: 'payload.price', size: 'meta.lots', id: 'payload.key' }, TRADES, [trade({ price: 1, key: 'ABC' }, { meta: { lots: 2 } })]],
    ['one record of many that has it', { price: 'payload.price' }, TRADES, [trade(), trade(), trade({ price: 2 })]],
    ['stamps and epoch numbers', { event_ts: 'at' }, TRADES, [trade({}, { at: '2025-12-03T18:32:10.5+01:00' })]],
    ['epoch numbers', { event_ts: 'at' }, QUOTES, [record({ ...quote().value, at: 1_764_786_730_123_456_789 })]],
    ['a symbol that is the key', { symbol: 'payload.S' }, TRADES, [trade({ S: 'NVDA' })]],
    ['conditions as a text', { conditions: 'payload.cond' }, TRADES, [trade({ cond: '@I' })]],
    ['fields of other channels', { open: 'nowhere', bid_price: 'nowhere' }, TRADES, [trade()]],
    ['a field that no result depends on', { ingest_ts: 'nowhere' }, TRADES, [trade()]],
    ['a mapped type', { type: 'kind' }, QUOTES, [record({ ...quote({ T: undefined }).value, kind: 'q' })]],
    ['bars', { close: 'payload.last', is_final: 'done' }, BARS, [record({ ...bar({ last: 5 }).value, done: false })]],
  ])('finds nothing wrong with %s', (_name, map, channel, sample) => expect(judgeSample(map, channel, 'in.v1', sample)).toEqual([]))

  it('says which field, path and topic, what lies there, and what to do', () => {
    const sample = [trade(), trade({ i: 9 })]
    expect(judgeSample({ price: 'payload.price' }, TRADES, 'in.v1', sample)).toEqual([{
      channel: TRADES, field: 'price', blocks: true,
      sentence: 'TA_FIELD_MAP maps price to "payload.price", but none of the 2 newest records of in.v1 has a number there ' +
        `(partition 3, offset ${sample[1].offset}: payload has T, i, p, s, c): correct the path, or every trade is rejected`,
    }])
  })

  it.each<[string, Record<string, string>, number, SampledRecord, RegExp]>([
    ['a path through a number', { price: 'payload.p.x' }, TRADES, trade(), /does not have a number there .*: payload\.p is a number\): correct/],
    ['a path from nowhere', { price: 'pay.p' }, TRADES, trade(), /: the record has event_ts, symbol, channel, payload\)/],
    ['another kind', { price: 'payload.price' }, TRADES, trade({ price: '1.5' }), /: payload\.price is a text\): correct the path, or every trade is rejected$/],
    ['null', { size: 'payload.size' }, TRADES, trade({ size: null }), /: payload has /],
    ['an object', { id: 'payload' }, TRADES, trade(), /has a number or a text there|does not have a number or a text there .*: payload is an object\)/],
    ['a stamp that is none', { event_ts: 'payload.when' }, TRADES, trade({ when: 'noon' }), /an RFC 3339 stamp or an epoch number there .*payload\.when is a text/],
    ['a symbol that is not the key', { symbol: 'payload.name' }, TRADES, trade({ name: 'NVIDIA' }), /does not have the record's key there/],
    ['codes that are no texts', { conditions: 'payload.codes' }, TRADES, trade({ codes: [1] }), /a text or a list of texts there .*payload\.codes is a list.*every trade is rejected/],
    ['an absent field that may be', { exchange: 'payload.venue' }, TRADES, trade(), /does not have a text there .*or it counts as absent$/],
    ['a quote', { ask_size: 'payload.asz' }, QUOTES, quote(), /every quote is rejected$/],
    ['a bar', { is_final: 'final' }, BARS, bar(), /does not have true or false there .*or it counts as absent$/],
    ['many keys', { price: 'payload.price' }, TRADES, trade(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i]))), /k6, …\)/],
    ['a type that is none', { type: 'payload.c' }, TRADES, trade(), /does not have the type of a trade \("t"\) there .*or every record is filtered$/],
    ['a channel that is none', { channel: 'feed' }, BARS, record({ feed: 'sip', payload: {} }), /the channel of a minute bar \("bars" or "updatedBars" or "updated_bars"\) there/],
  ])('finds %s', (_name, map, channel, one, expected) => {
    expect(sentences(map, channel, [one])).toEqual([expect.stringMatching(expected)])
  })

  it('says nothing of a topic without records of its own type', () => {
    expect(judgeSample({ price: 'payload.price' }, TRADES, 'in.v1', [])).toBeNull()
    expect(judgeSample({ price: 'payload.price' }, TRADES, 'in.v1', [trade({ T: 'c' }), trade({ T: 'x' })])).toBeNull()
    // a correction beside it has no price, and need not
    expect(judgeSample({ price: 'payload.price' }, TRADES, 'in.v1', [trade({ T: 'c' }), trade({ price: 4 })])).toEqual([])
  })

  it('tells what blocks from what is only absent', () => {
    const blocks = (map: Record<string, string>, sample: SampledRecord[]): boolean[] => judgeSample(map, TRADES, 'in.v1', sample)!.map((found) => found.blocks)
    expect(blocks({ exchange: 'payload.venue' }, [trade({ venue: 7 })])).toEqual([true])
    expect(blocks({ exchange: 'payload.venue' }, [trade({ venue: 7 }), trade()])).toEqual([false])
    expect(blocks({ exchange: 'x.y', price: 'x.z' }, [trade()])).toEqual([true, false])
  })
})

describe('sampleTopic', () => {
  /** The sample of a topic with so many records in each partition. */
  async function sampleOf(counts: number[], value: string): Promise<SampledRecord[]> {
    const scheduler = new Scheduler()
    const broker = new SimulatedBroker(scheduler, new Random(1), { trades: counts.length }, {
      transactionTimeoutMs: 10_000, sessionTimeoutMs: 10_000, tradesTopic: 'trades',
    })
    const log = new SimulatedLog(new SimulatedProcess('reader', scheduler, new Random(2), NO_FAULTS, { epochMs: 0, skewMs: 0 }), broker, 'reader')
    counts.forEach((count, partition) => {
      for (let i = 0; i < count; i++) broker.append('trades', partition, Buffer.from('K'), Buffer.from(value))
    })
    let isDone = false
    const sample = sampleTopic(log, 'trades', counts.length).finally(() => (isDone = true))
    await scheduler.run(() => isDone, 60_000)
    return await sample
  }
  const placesOf = (sample: SampledRecord[]): string[] => sample.map(({ partition, offset: at }) => `${partition}: ${at}`)

  it('takes the newest of partitions that hold any, until it has enough', async () => {
    const sample = await sampleOf([0, 5, 50, 50, 50], '{"a":1}')
    const tens = [2, 3].flatMap((partition) => Array.from({ length: 10 }, (_, i) => `${partition}: ${40 + i}`))
    expect(placesOf(sample)).toEqual([...Array.from({ length: 5 }, (_, i) => `1: ${i}`), ...tens])
    expect(sample[0]).toEqual({ partition: 1, offset: 0, key: 'K', value: { a: 1 } })
  })

  it('passes over what is no JSON object, and reads no more than eight partitions', async () => {
    expect(await sampleOf([2, 2], '[1]')).toEqual([])
    expect(await sampleOf([2, 2], '{')).toEqual([])
    expect(placesOf(await sampleOf(Array(12).fill(1), '{}'))).toEqual(Array.from({ length: 8 }, (_, partition) => `${partition}: 0`))
  })
})
