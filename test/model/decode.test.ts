import { describe, expect, it } from 'vitest'
import { RECORD_BYTES_MAX } from '../../src/contract/outcomes.ts'
import type { Channel } from '../../src/contract/outcomes.ts'
import { decode } from './decode.ts'
import type { MinuteBar, Quote, Trade } from './decode.ts'
import { parseEpoch, parseRfc3339, rfc3339, secondOf } from './event-time.ts'
import { Model } from './model.ts'
import { cancelRecord, correctionRecord, minuteBarRecord, quoteRecord, tradeRecord } from './records.ts'
import type { TestRecord } from './records.ts'
import { withDefaults } from './settings.ts'
import type { ModelSettingsGiven } from './settings.ts'

const T = '2024-11-01T14:00:00.5Z'
const CLOCK_MS = Date.parse('2024-11-01T14:00:00Z')

interface AnyRecord {
  key: string | null
  value: Buffer | string | null
}

function judge(channel: Channel, { key, value }: AnyRecord, settings: ModelSettingsGiven = {}) {
  const { outcome, reason } = new Model(settings).apply(channel, 0, key, value, CLOCK_MS)
  return outcome === 'applied' ? outcome : `${outcome} ${reason}`
}

function decodeTrade(value: string, settings: ModelSettingsGiven = {}): Trade {
  return decode('trades', Buffer.from('AAPL'), Buffer.from(value), null, withDefaults(settings)) as Trade
}

describe('what a record is', () => {
  it.each<[string, Channel, TestRecord, string]>([
    ['a trade', 'trades', tradeRecord({ t: T }), 'applied'],
    ['a quote', 'quotes', quoteRecord({ t: T }), 'applied'],
    ['a minute bar', 'bars', minuteBarRecord({ t: T }), 'applied'],
    ['an updated bar', 'bars', minuteBarRecord({ t: T, T: 'u' }), 'applied'],
    ['a trade by channel', 'trades', tradeRecord({ t: T, T: null }, { channel: 'trades' }), 'applied'],
    ['a cancel by channel', 'trades', cancelRecord({ t: T, T: null }, { channel: 'cancelErrors' }), 'late late'],
    ['a channel’s name as type', 'trades', tradeRecord({ t: T, T: 'trades' }), 'filtered none'],
    ['a trade by topic', 'trades', tradeRecord({ t: T, T: null }), 'applied'],
    ['T before channel', 'trades', tradeRecord({ t: T }, { channel: 'status' }), 'applied'],
    ['a daily bar', 'bars', minuteBarRecord({ t: T, T: 'd' }), 'filtered none'],
    ['a quote among trades', 'trades', quoteRecord({ t: T }), 'filtered none'],
    ['a trade among bars', 'bars', tradeRecord({ t: T }), 'filtered none'],
    ['an unknown type', 'trades', tradeRecord({ t: T, T: 'zz' }), 'filtered none'],
    ['an unknown channel', 'trades', tradeRecord({ t: T, T: null }, { channel: 'status' }), 'filtered none'],
    ['a type named like a member of Object', 'trades', tradeRecord({ t: T, T: 'constructor' }), 'filtered none'],
    ['a type of the wrong kind', 'trades', tradeRecord({ t: T, T: 1 }), 'rejected wrong_kind'],
  ])('%s', (_, channel, record, expected) => {
    expect(judge(channel, record)).toBe(expected)
  })

})

describe('rejections', () => {
  const trade = (payload: Record<string, unknown>, envelope = {}) => tradeRecord({ t: T, ...payload }, envelope)
  it.each<[string, Channel, AnyRecord, string]>([
    ['no value', 'trades', { key: 'AAPL', value: null }, 'not_json'],
    ['an empty value', 'trades', { key: 'AAPL', value: '' }, 'not_json'],
    ['broken JSON', 'trades', { key: 'AAPL', value: '{"a":1' }, 'not_json'],
    ['broken UTF-8', 'trades', { key: 'AAPL', value: Buffer.from([0x22, 0xff, 0x22]) }, 'not_json'],
    ['a byte order mark', 'trades', { key: 'AAPL', value: `\ufeff${trade({}).value}` }, 'not_json'],
    ['a list', 'trades', { key: 'AAPL', value: '[]' }, 'not_object'],
    ['a number', 'trades', { key: 'AAPL', value: '5' }, 'not_object'],
    ['null', 'trades', { key: 'AAPL', value: 'null' }, 'not_object'],
    ['too many bytes', 'trades', { key: 'AAPL', value: trade({ more: 'x'.repeat(RECORD_BYTES_MAX) }).value }, 'too_large'],
    ['no price', 'trades', trade({ p: null }), 'missing_field'],
    ['no id', 'trades', trade({ i: undefined }), 'missing_field'],
    ['no event time', 'trades', trade({ t: null }), 'missing_field'],
    ['no payload', 'trades', { key: 'AAPL', value: `{"symbol":"AAPL","event_ts":"${T}"}` }, 'missing_field'],
    ['a payload of the wrong kind', 'trades', { key: 'A', value: '{"symbol":"A","event_ts":5,"payload":5}' }, 'missing_field'],
    ['a feed that is too long', 'trades', trade({}, { feed: 'x'.repeat(33) }), 'wrong_kind'],
    ['a cancel with a price as text', 'trades', cancelRecord({ t: T, p: '1' }), 'wrong_kind'],
    ['a price as text', 'trades', trade({ p: '100' }), 'wrong_kind'],
    ['an id that is a flag', 'trades', trade({ i: true }), 'wrong_kind'],
    ['conditions that are numbers', 'trades', trade({ c: [1] }), 'wrong_kind'],
    ['a tape that is a number', 'trades', trade({ z: 1 }), 'wrong_kind'],
    ['a symbol that is a number', 'trades', { key: '5', value: trade({}, { symbol: 5 }).value }, 'wrong_kind'],
    ['a seq as text', 'quotes', quoteRecord({ t: T }, { seq: '5' }), 'wrong_kind'],
    ['an impossible time', 'trades', trade({ t: '2024-02-30T00:00:00Z' }), 'bad_time'],
    ['a negative time', 'trades', trade({}, { event_ts: -5 }), 'bad_time'],
    ['a price of 0', 'trades', trade({ p: 0 }), 'bad_price'],
    ['a negative price', 'trades', trade({ p: -1 }), 'bad_price'],
    ['an infinite price', 'trades', { key: 'AAPL', value: trade({ p: 1 }).value.replace('"p":1', '"p":1e999') }, 'bad_price'],
    ['a negative size', 'trades', trade({ s: -1 }), 'bad_size'],
    ['a corrected price of 0', 'trades', correctionRecord({ t: T, cp: 0 }), 'bad_price'],
    ['a negative bid', 'quotes', quoteRecord({ t: T, bp: -1 }), 'bad_price'],
    ['a bar with its high below its low', 'bars', minuteBarRecord({ t: T, h: 98 }), 'bad_bar'],
    ['a time past the clock', 'trades', trade({ t: '2024-11-01T14:00:01.000000001Z' }), 'future'],
    ['an empty symbol', 'trades', { key: '', value: trade({}, { symbol: '' }).value }, 'bad_symbol'],
    ['a long symbol', 'trades', { key: 'é'.repeat(17), value: trade({}, { symbol: 'é'.repeat(17) }).value }, 'bad_symbol'],
    ['another key', 'trades', { key: 'MSFT', value: trade({}).value }, 'key_mismatch'],
    ['no key', 'trades', { key: null, value: trade({}).value }, 'key_mismatch'],
  ])('%s', (_, channel, record, reason) => {
    expect(judge(channel, record)).toBe(`rejected ${reason}`)
  })

  it('lets a price of 0 pass in a quote, a size of 0 in a trade, and what is exactly at the limit', () => {
    expect(judge('quotes', quoteRecord({ t: T, bp: 0, bs: 0 }))).toBe('applied')
    expect(judge('trades', trade({ s: 0 }))).toBe('applied')
    expect(judge('trades', trade({ t: '2024-11-01T14:00:01Z' }))).toBe('applied')
    expect(judge('trades', { key: 'é'.repeat(16), value: trade({}, { symbol: 'é'.repeat(16) }).value })).toBe('applied')
  })

  it('rejects a symbol beyond the limit, and only that', () => {
    const model = new Model({ maxSymbols: 1 })
    const [first, second] = ['A', 'B'].map((symbol) => tradeRecord({ t: T, S: symbol }))
    expect(model.apply('trades', 0, first.key, first.value, null).outcome).toBe('applied')
    expect(model.apply('trades', 1, second.key, second.value, null).reason).toBe('too_many_symbols')
    expect(model.apply('trades', 2, first.key, first.value, null).outcome).toBe('duplicate')
  })
})

describe('fields', () => {
  it('keeps ids past 2^53, and takes numbers and strings for the same', () => {
    const id = '3447222699101865076'
    const asNumber = tradeRecord({ t: T, i: 0 }).value.replace('"i":0', `"i":${id}`)
    const asText = tradeRecord({ t: T, i: id }).value
    const next = tradeRecord({ t: T, i: 0 }).value.replace('"i":0', '"i":3447222699101865077')
    const model = new Model()
    const outcomes = [asNumber, asText, next].map((value, i) => model.apply('trades', i, 'AAPL', value, null).outcome)
    expect(outcomes).toEqual(['applied', 'duplicate', 'applied'])
  })

  it('takes snake_case before camelCase, the last of a repeated key, and null for absent', () => {
    const at = (members: string) => decodeTrade(`{"symbol":"AAPL",${members},"payload":{"i":1,"p":1,"s":1}}`).timeNs
    const [one, two] = [parseRfc3339('2024-11-01T14:00:01Z'), parseRfc3339('2024-11-01T14:00:02Z')]
    expect(at('"eventTs":"2024-11-01T14:00:02Z","event_ts":"2024-11-01T14:00:01Z"')).toBe(one)
    expect(at('"event_ts":null,"eventTs":"2024-11-01T14:00:02Z"')).toBe(two)
    expect(at('"event_ts":"2024-11-01T14:00:01Z","event_ts":"2024-11-01T14:00:02Z"')).toBe(two)
    expect(at('"event_ts":5,"event_ts":"2024-11-01T14:00:02Z"')).toBe(two)
  })

  it('reads conditions from a list or a plain string, and does without x, c and z', () => {
    expect(decodeTrade(tradeRecord({ t: T, c: ['@', 'T', 'I'] }).value).conditions).toEqual(['@', 'T', 'I'])
    expect(decodeTrade(tradeRecord({ t: T, c: '@TI' }).value).conditions).toEqual(['@', 'T', 'I'])
    const bare = decodeTrade(tradeRecord({ t: T, c: null, x: null, z: null }).value)
    expect([bare.conditions, bare.exchange, bare.tape]).toEqual([[], null, null])
  })

  it('follows a field map without falling back', () => {
    const fieldMap = { event_ts: 'payload.t', price: 'payload.price.last', symbol: 'payload.S' }
    const value = tradeRecord({ t: T, p: 7, price: { last: 8 } }, { event_ts: 'no stamp', symbol: 'MSFT' }).value
    expect(decodeTrade(value, { fieldMap })).toMatchObject({ symbol: 'AAPL', price: 8, timeNs: parseRfc3339(T) })
    expect(() => decodeTrade(tradeRecord({ t: T, p: 7 }).value, { fieldMap })).toThrow('missing_field')
  })

  it('tells quotes apart by seq, else by content, or by time alone', () => {
    const key = (record: TestRecord, settings: ModelSettingsGiven = {}) =>
      (decode('quotes', Buffer.from('AAPL'), Buffer.from(record.value), null, withDefaults(settings)) as Quote).key
    expect(key(quoteRecord({ t: T }, { seq: 1 }))).not.toBe(key(quoteRecord({ t: T }, { seq: 2 })))
    expect(key(quoteRecord({ t: T, bp: 1 }, { seq: 1 }))).toBe(key(quoteRecord({ t: T }, { seq: 1 })))
    expect(key(quoteRecord({ t: T, bp: 1 }))).not.toBe(key(quoteRecord({ t: T })))
    const byTime = { quoteDedupe: 'event_ts' } as const
    expect(key(quoteRecord({ t: T, bp: 1 }, { seq: 1 }), byTime)).toBe(key(quoteRecord({ t: T }), byTime))
  })

  it('keeps seq exact, and takes any number for it', () => {
    const key = (seq: string) => {
      const value = quoteRecord({ t: T }, { seq: 0 }).value.replace('"seq":0', `"seq":${seq}`)
      return (decode('quotes', Buffer.from('AAPL'), Buffer.from(value), null, withDefaults({})) as Quote).key
    }
    expect(key('9007199254740993')).not.toBe(key('9007199254740992'))
    expect(key('1.50')).toBe(key('1.5'))
  })

  it('a minute bar needs neither count nor VWAP nor is_final', () => {
    const bar = minuteBarRecord({ t: T, n: null, vw: null }, { is_final: null })
    const decoded = decode('bars', Buffer.from('AAPL'), Buffer.from(bar.value), null, withDefaults({})) as MinuteBar
    expect(decoded).toMatchObject({ isFinal: true, count: 0, vwap: 0 })
  })

  it('takes no more than 255 feeds', () => {
    const model = new Model()
    const reasons = Array.from({ length: 256 }, (_, i) => {
      const { key, value } = tradeRecord({ t: T, i }, { feed: `feed ${i}` })
      return model.apply('trades', i, key, value, null).reason
    })
    expect(reasons.indexOf('too_many_feeds')).toBe(255)
  })
})

describe('event times', () => {
  it.each([
    ['2024-11-01T14:00:00Z', 1_730_469_600_000_000_000n],
    ['2024-11-01T14:00:00.123456789Z', 1_730_469_600_123_456_789n],
    ['2024-11-01T14:00:00.5+02:30', 1_730_460_600_500_000_000n],
    ['2024-11-01T14:00:00-04:00', 1_730_484_000_000_000_000n],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000_000_000n],
    ['1970-01-01T00:00:00Z', 0n],
    ['1969-12-31T23:59:59.5Z', -500_000_000n],
    ['1677-12-31T23:59:59Z', null],
    ['2261-12-31T23:59:59.999999999Z', 9_214_646_399_999_999_999n],
    ['2262-01-01T00:00:00Z', null],
    ['0050-01-01T00:00:00Z', null],
    ['2023-02-29T00:00:00Z', null],
    ['2024-11-01T24:00:00Z', null],
    ['2024-11-01T14:00:00', null],
    ['2024-11-01 14:00:00Z', 1_730_469_600_000_000_000n],
    ['2024-11-01T14:00:00.Z', null],
    ['2024-11-01T14:00:00.1234567890Z', null],
    ['2024-11-01T14:00:00+24:00', null],
  ])('RFC 3339 %s', (text, expected) => {
    expect(parseRfc3339(text)).toBe(expected)
  })

  it.each([
    ['1730469600', 1_730_469_600_000_000_000n],
    ['1730469600.25', 1_730_469_600_250_000_000n],
    ['1.7304696e9', 1_730_469_600_000_000_000n],
    ['1730469600123', 1_730_469_600_123_000_000n],
    ['1730469600123456', 1_730_469_600_123_456_000n],
    ['1730469600123456789', 1_730_469_600_123_456_789n],
    ['99999999999', null],
    ['99999999999999999', null],
    ['1730469600000000000e-9', 1_730_469_600_000_000_000n],
    ['-0', 0n],
    ['100000000000', 100_000_000_000_000_000n],
    ['-1', null],
    ['1e40', null],
  ])('epoch number %s', (source, expected) => {
    expect(parseEpoch(source)).toBe(expected)
  })

  it('are written with the digits they need', () => {
    expect(rfc3339(1_730_469_600_120_000_000n)).toBe('2024-11-01T14:00:00.12Z')
    expect(rfc3339(1_730_469_600_000_000_000n)).toBe('2024-11-01T14:00:00Z')
    expect(rfc3339(1_730_469_600_120_000_000n, 6)).toBe('2024-11-01T14:00:00.120000Z')
    expect([secondOf(-1n), secondOf(0n), secondOf(999_999_999n), secondOf(1_000_000_000n)]).toEqual([-1, 0, 0, 1])
  })
})
