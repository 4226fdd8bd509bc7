import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, it } from 'vitest'
import { OUTCOMES, REASONS, RECORD_BYTES_MAX } from '../../src/contract/outcomes.ts'
import { FIELDS } from '../../src/bundle/field-trie.ts'
import { DECODED, DECODED_COLUMNS, CELL_BYTES, SCRATCH_BYTES } from '../../src/state/layout.ts'
import { DecodeKernel, seeded } from './decode-kernel.ts'
import type { Config, Input, Row } from './decode-kernel.ts'
import { decodeModel } from './decode-model.ts'
import type { ModelSettings } from './decode-model.ts'
import {
  BAR, CANCEL, CORRECTION, damaged, oddRecord, QUOTE, RECORDS, TRADE, UPDATED_BAR, untidy, utf8,
} from './decode-records.ts'

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

const DEFAULTS: ModelSettings = { clockNs: null, maxFutureNs: 1_000_000_000n, map: {} }
const NVDA = utf8('NVDA')
const input = (value: unknown, key: Uint8Array | null = NVDA): Input =>
  ({ key, value: utf8(typeof value === 'string' ? value : JSON.stringify(value)) })
const decoded = (topic: number, value: unknown, key: Uint8Array | null = NVDA): Row =>
  kernel.decode(topic, [input(value, key)])[0]
const verdict = (topic: number, value: unknown, key: Uint8Array | null = NVDA): string => {
  const { outcome, reason } = decoded(topic, value, key)
  return outcome === 4 ? REASONS[reason] : (OUTCOMES[outcome] ?? 'fine')
}
const trade = (payload: object, outer: object = {}): object => ({ ...TRADE, ...outer, payload: { ...TRADE.payload, ...payload } })

/** Decodes with kernel and model; `hashes` keeps content → hash over all calls, which must be one to one. */
function compare(topic: number, inputs: Input[], settings: ModelSettings, hashes: Map<string, bigint>): void {
  const rows = kernel.decode(topic, inputs, settings.clockNs ?? undefined)
  inputs.forEach((record, n) => {
    const { row, content } = decodeModel(topic, record, settings)
    const shown = record.value === null ? 'null' : Buffer.from(record.value).toString('latin1')
    expect({ ...rows[n], contentHash: 0n }, shown).toEqual(row)
    expect(rows[n].contentHash === 0n, shown).toBe(content === null)
    if (content === null) return
    expect(hashes.get(content) ?? rows[n].contentHash, shown).toBe(rows[n].contentHash)
    hashes.set(content, rows[n].contentHash)
  })
}

const config = (settings: ModelSettings): Config => ({ maxFutureNs: settings.maxFutureNs })

describe('constants', () => {
  it('are those of the contract and of the field trie', () => {
    const source = (name: string): Map<string, number> =>
      new Map([...readFileSync(new URL(`../../assembly/decode/${name}`, import.meta.url), 'utf8')
        .matchAll(/const ([A-Z0-9_]+): \w+ = (-?[\d_]+)$/gm)]
        .map(([, constant, value]) => [constant, Number(value.replaceAll('_', ''))]))
    const reasons = source('reasons.ts')
    const named = [...reasons].filter(([name]) => name.startsWith('REASON_'))
    expect(named.length).toBe(12)
    for (const [name, code] of named) expect(REASONS[code]).toBe(name.slice(7).toLowerCase())
    expect(OUTCOMES[reasons.get('OUTCOME_FILTERED') as number]).toBe('filtered')
    expect(OUTCOMES[reasons.get('OUTCOME_REJECTED') as number]).toBe('rejected')
    const fields = [...source('field-trie.ts')].filter(([name]) => name.startsWith('FIELD_') && name !== 'FIELD_SLOTS')
    expect(fields.map(([name, number]) => [name.slice(6).toLowerCase(), number]))
      .toEqual(FIELDS.map(({ name }, number) => [name, number]))
    expect(source('record.ts').get('RECORD_BYTES_MAX')).toBe(RECORD_BYTES_MAX)
  })

  it('leave room: static data below 16 KiB, scratch within its area', () => {
    expect(kernel.staticEnd()).toBeLessThan(16_384)
    expect(kernel.staticEnd()).toBeGreaterThan(10_672)
    expect(kernel.wasm.SCRATCH_USED.value).toBeLessThan(SCRATCH_BYTES)
  })
})

describe('decodeBatch', () => {
  it('reads every field of every type', () => {
    const hashes = new Map<string, bigint>()
    compare(0, [input(TRADE), input(CORRECTION), input(CANCEL)], DEFAULTS, hashes)
    compare(1, [input(QUOTE)], DEFAULTS, hashes)
    compare(2, [input(BAR), input(UPDATED_BAR)], DEFAULTS, hashes)
    expect(decoded(0, TRADE)).toMatchObject({
      outcome: 255, kind: 1, timeNs: 1764786730045123456n, seq: '123', feed: 'sip', exchange: 'D', id: '52983525029461', tape: 67,
      conditions: (1n << 64n) | (1n << 73n), n: [126.55, 1, 0, 0, 0, 0, 0], isFinal: 2,
    })
  })

  it('leaves no trace of an earlier batch', () => {
    kernel.decode(0, [input(TRADE)])
    const first = kernel.row(0)
    for (const { name, type, rows } of DECODED_COLUMNS) {
      kernel.bytes.fill(0xaa, DECODED.at[name], DECODED.at[name] + rows * CELL_BYTES[type])
    }
    expect(decoded(0, TRADE)).toEqual(first)
    expect(decoded(0, '{}')).toEqual({
      ...first, outcome: 4, reason: 3, kind: 0, tape: 0, timeNs: 0n, seq: null, conditions: 0n, feed: null, exchange: null,
      id: '',
      n: [0, 0, 0, 0, 0, 0, 0],
    })
  })

  it.each<[string, number, unknown]>([
    ['not_json', 0, ''], ['not_json', 0, '{"a":1'], ['not_object', 0, '[1]'], ['not_object', 1, '7'], ['not_object', 2, 'null'],
    ['wrong_kind', 0, trade({ T: 1 })], ['wrong_kind', 0, trade({ T: null }, { channel: {} })],
    ['fine', 0, trade({}, { channel: 5 })],
    ['filtered', 0, trade({ T: 'q' })], ['filtered', 0, trade({ T: '' })], ['filtered', 0, trade({ T: 'tt' })],
    ['filtered', 1, TRADE],
    ['filtered', 0, '{"payload":{"T":"l"},"symbol":5}'], ['filtered', 0, trade({ T: null }, { channel: 'status' })],
    ['fine', 0, trade({ T: null })], ['fine', 0, trade({ T: null }, { channel: null })],
    ['fine', 2, { ...BAR, channel: 'updated_bars' }],
    ['missing_field', 0, trade({ S: null }, { symbol: null })], ['wrong_kind', 0, trade({}, { symbol: 4 })],
    ['bad_symbol', 0, trade({}, { symbol: '' })], ['bad_symbol', 0, trade({}, { symbol: 'x'.repeat(33) })],
    ['key_mismatch', 0, trade({}, { symbol: 'AMD' })], ['key_mismatch', 0, trade({}, { symbol: 'NVD' })],
    ['fine', 0, trade({}, { symbol: undefined })],
    ['missing_field', 0, trade({ t: null }, { event_ts: null })], ['wrong_kind', 0, trade({}, { event_ts: true })],
    ['bad_time', 0, trade({}, { event_ts: 'now' })], ['bad_time', 0, trade({}, { event_ts: -1 })],
    ['fine', 0, trade({}, { event_ts: null })],
    ['wrong_kind', 0, trade({}, { seq: '1' })], ['wrong_kind', 0, trade({}, { feed: 1 })],
    ['wrong_kind', 0, trade({}, { feed: 'f'.repeat(33) })],
    ['wrong_kind', 0, trade({}, { feed: '\ud800' })], ['fine', 0, trade({}, { feed: 'é'.repeat(16) })],
    ['missing_field', 0, trade({ i: null })], ['wrong_kind', 0, trade({ i: [] })], ['wrong_kind', 0, trade({ i: true })],
    ['missing_field', 0, trade({ p: undefined })], ['wrong_kind', 0, trade({ p: '1' })], ['bad_price', 0, trade({ p: 0 })],
    ['bad_price', 0, trade({ p: -1 })], ['bad_price', 0, JSON.stringify(TRADE).replace('126.55', '1e999')],
    ['bad_size', 0, trade({ s: -1 })],
    ['fine', 0, trade({ s: 0 })], ['fine', 0, JSON.stringify(TRADE).replace('"s":1', '"s":-0')],
    ['wrong_kind', 0, trade({ x: 1 })],
    ['wrong_kind', 0, trade({ c: 1 })], ['wrong_kind', 0, trade({ c: ['@', 1] })], ['wrong_kind', 0, trade({ c: [null] })],
    ['fine', 0, trade({ c: [] })],
    ['wrong_kind', 0, trade({ z: 1 })], ['fine', 0, trade({ z: 'CC', x: null, c: null })],
    ['fine', 1, { ...QUOTE, payload: { ...QUOTE.payload, bp: 0, ap: 0 } }],
    ['bad_size', 1, { ...QUOTE, payload: { ...QUOTE.payload, as: -1 } }],
    ['wrong_kind', 1, { ...QUOTE, payload: { ...QUOTE.payload, ax: 5 } }],
    ['bad_bar', 2, { ...BAR, payload: { ...BAR.payload, h: 1 } }], ['wrong_kind', 2, { ...BAR, is_final: 'true' }],
    ['fine', 0, trade({}, { is_final: 'x' })],
    ['bad_price', 0, { ...CORRECTION, payload: { ...CORRECTION.payload, cp: 0 } }],
    ['missing_field', 0, { ...CORRECTION, payload: { ...CORRECTION.payload, oi: null } }],
    ['fine', 0, { ...CANCEL, payload: { ...CANCEL.payload, p: null, s: null } }],
    ['bad_size', 0, { ...CANCEL, payload: { ...CANCEL.payload, s: -2 } }],
    ['missing_field', 0, { ...TRADE, payload: 5 }],
  ])('says %s (topic %i): %j', (expected, topic, value) => expect(verdict(topic, value)).toBe(expected))

  it('makes a -0 a 0, so that equal quotes have one hash', () => {
    const text = JSON.stringify({ ...QUOTE, payload: { ...QUOTE.payload, bp: 0, bs: 0 } })
    const [plain, signed] = kernel.decode(1, [input(text), input(text.replace('"bp":0,"bs":0', '"bp":-0,"bs":-0.0e5'))])
    expect(Object.is(signed.n[0], 0) && Object.is(signed.n[1], 0)).toBe(true)
    expect(signed).toEqual(plain)
  })

  it('rejects what is cut, too large, null or without a key', () => {
    const value = utf8(JSON.stringify(TRADE))
    const reasons = kernel.decode(0, [
      { key: NVDA, value, cut: true }, { key: NVDA, value, size: 1_048_577 }, { key: NVDA, value: null },
      { key: null, value }, { key: NVDA, value, size: 1_048_576 },
      { key: utf8('NVDA '), value }, { key: utf8(''), value }, { key: utf8('N'.repeat(50)), value },
    ]).map(({ reason }) => REASONS[reason])
    const mismatches = ['key_mismatch', 'key_mismatch', 'key_mismatch']
    expect(reasons).toEqual(['too_large', 'too_large', 'not_json', 'key_mismatch', 'none', ...mismatches])
  })

  it('matches a symbol of 32 bytes with escapes, but never half of a surrogate pair', () => {
    const symbol = 'é'.repeat(14) + 'BTC/'
    expect(verdict(0, JSON.stringify(trade({}, { symbol })).replace('BTC/', '\\u0042TC\\/'), utf8(symbol))).toBe('fine')
    expect(verdict(0, JSON.stringify(trade({}, { symbol: '\ud800' })), Uint8Array.of(0xed, 0xa0, 0x80))).toBe('key_mismatch')
  })

  it('judges the future by the clock, to the nanosecond', () => {
    const at = 1764786730045123456n
    const reasons = [at - 1_000_000_000n, at - 1_000_000_001n, at + 5n, 2n ** 63n - 1n, -(2n ** 63n)]
      .map((clock) => kernel.decode(0, [input(TRADE)], clock)[0].reason)
    expect(reasons.map((reason) => REASONS[reason])).toEqual(['none', 'future', 'none', 'none', 'none'])
  })

  it('lets the last of repeated keys count, with all below it', () => {
    const outer = (rest: string): string => `{"symbol":"NVDA","event_ts":1764786730,${rest}}`
    expect(verdict(0, outer('"payload":{"i":1,"p":2,"s":3},"payload":{"i":1,"p":2}'))).toBe('missing_field')
    expect(verdict(0, outer('"payload":{"i":1,"p":2,"s":3},"payload":null'))).toBe('missing_field')
    expect(verdict(0, outer('"payload":{"i":1,"p":2,"s":3},"p\\u0061yload":7'))).toBe('missing_field')
    expect(decoded(0, outer('"payload":null,"payload":{"i":1,"p":2,"s":3,"s":4}')).n[1]).toBe(4)
    expect(verdict(0, outer('"payload":{"i":1,"p":2,"s":3,"s":null}'))).toBe('missing_field')
    expect(verdict(0, outer('"payload":{"c":["A"],"c":["B"],"i":1,"p":2,"s":3}'))).toBe('fine')
    expect(decoded(0, outer('"payload":{"c":["A"],"c":["B"],"i":1,"p":2,"s":3}')).conditions).toBe(1n << 66n)
    const twice = outer('"payload":{"i":1,"p":2,"s":3},"eventTs":"no","eventTs":5')
    expect(decoded(0, twice).timeNs).toBe(1764786730n * 1_000_000_000n)
  })

  it('counts only what lies on a wanted path', () => {
    const payload = '{"payload":{"i":9,"p":9,"s":9},"x":"D","i":1,"p":2,"s":3,"more":[{"p":7}]}'
    const record = `{"symbol":"NVDA","event_ts":1,"payload":${payload},"p":8,"a":{"symbol":"AMD"}}`
    expect(decoded(0, record)).toMatchObject({ outcome: 255, n: [2, 3, 0, 0, 0, 0, 0], id: '1' })
  })
})

describe('against the model', () => {
  it('decodes 20,000 odd records alike, under several settings', () => {
    const random = seeded(202)
    const hashes = new Map<string, bigint>()
    const outcomes = new Map<string, number>()
    for (let batch = 0; batch < 50; batch++) {
      const settings: ModelSettings = {
        clockNs: random.below(3) === 0 ? 1764786729_200_000_000n : null, maxFutureNs: BigInt(random.below(2_000_000_000)),
        map: {},
      }
      kernel.configure(config(settings))
      const topic = random.below(3)
      const inputs = Array.from({ length: 400 }, (): Input => input(oddRecord(random), random.below(40) === 0 ? null : NVDA))
      compare(topic, inputs, settings, hashes)
      inputs.forEach((_, row) => {
        const { outcome, reason } = kernel.row(row)
        outcomes.set(`${outcome} ${reason}`, (outcomes.get(`${outcome} ${reason}`) ?? 0) + 1)
      })
    }
    kernel.configure({})
    expect(new Set(hashes.values()).size).toBe(hashes.size)
    expect(outcomes.size).toBeGreaterThanOrEqual(11)
    expect(outcomes.get('255 0')).toBeGreaterThan(1_500)
  }, 120_000)

  it('decodes 20,000 damaged records alike', () => {
    const random = seeded(303)
    const hashes = new Map<string, bigint>()
    for (let batch = 0; batch < 40; batch++) {
      const inputs = Array.from({ length: 500 }, (): Input => {
        const text = random.below(3) === 0 ? oddRecord(random) : JSON.stringify(random.pick(RECORDS))
        return { key: NVDA, value: damaged(utf8(text), random) }
      })
      compare(random.below(3), inputs, DEFAULTS, hashes)
    }
  }, 120_000)

  it('decodes by a field map alike: paths alone, shared, deep, long, one inside of another', () => {
    const random = seeded(404)
    const maps: Record<string, string>[] = [
      { event_ts: 'payload.t', price: 'payload.price', symbol: 'payload.S' },
      { id: 'channel', exchange: 'channel', feed: 'channel', tape: 'payload.z', vwap: 'payload.p' },
      { price: 'data.trade.price_of_the_trade', size: 'data.trade.price_of_the_other', type: 'data', conditions: 'data.trade' },
      { event_ts: 'ts', seq: 'payload', is_final: 'payload.final', 'bid_price': 'payload.é😀', ingest_ts: 'nowhere' },
      { type: 'channel', symbol: 'source', id: 'seq' },
    ]
    const hashes = new Map<string, bigint>()
    for (const map of maps) {
      const settings = { ...DEFAULTS, map }
      kernel.configure({}, map)
      const inputs = Array.from({ length: 400 }, (): Input => {
        const record = JSON.parse(oddRecord(random)) as Record<string, unknown>
        const payload = (record.payload ?? {}) as Record<string, unknown>
        if (random.below(2) === 0 && typeof payload === 'object') {
          Object.assign(payload, { price: payload.p, final: true, 'é😀': 5 })
        }
        const shared = { price_of_the_trade: payload.p, price_of_the_other: 3, price_of_the_none: 1 }
        const data = random.below(4) === 0 ? 't' : { trade: shared }
        if (random.below(2) === 0) Object.assign(record, { data, ts: record.event_ts, source: 'NVDA' })
        return input(untidy(record, random))
      })
      for (const topic of [0, 1, 2]) compare(topic, inputs, settings, hashes)
    }
    kernel.configure({})
  }, 60_000)

  it('keeps texts apart when many are escaped and shared', () => {
    const map = { id: 'payload.text', exchange: 'payload.text', feed: 'payload.text' }
    kernel.configure({}, map)
    const text = '\\u0041\\n\\"\\ud83d\\ude00'
    const plain = JSON.stringify(trade({ text: '#' }))
    const inputs = Array.from({ length: 60 }, (_, n) => input(plain.replace('#', `${text.repeat(1 + (n % 4))}${n}`)))
    const rows = kernel.decode(0, inputs)
    rows.forEach(({ id, exchange, feed }, n) => {
      const expected = Buffer.from(`${'A\n"😀'.repeat(1 + (n % 4))}${n}`).toString('latin1')
      expect([id, exchange, feed]).toEqual([expected, expected, expected])
    })
    kernel.configure({})
  })
})

const SAMPLES = new URL('../../../shared/data/alpaca-samples.jsonl', import.meta.url)
describe.runIf(existsSync(SAMPLES))('Alpaca samples', () => {
  it('are decoded as the model decodes them, bare in an envelope and with all its fields', () => {
    const lines = readFileSync(SAMPLES, 'utf8').trim().split('\n')
    const samples = lines.map((line) => (JSON.parse(line) as { msg: { S?: string } }).msg)
    // Ids past 2^53 must come through: so the text is cut out of the line, not written anew.
    const texts = lines.map((line) => /"msg": (\{.*\})/.exec(line)?.[1] ?? '')
    const inputs = samples.flatMap(({ S }, n): Input[] => {
      const text = texts[n].replace(/, "note":.*$/, '}').replace(/\}\}+$/, '}')
      const payload = JSON.stringify(JSON.parse(text)) === JSON.stringify(samples[n]) ? text : JSON.stringify(samples[n])
      const outer = `"event_ts":"2025-12-03T18:32:10Z","symbol":${JSON.stringify(S ?? 'X')},"feed":"sip"`
      return [`{"payload":${payload}}`, `{${outer},"payload":${payload}}`]
        .map((value) => input(value, utf8(S ?? 'X')))
    })
    const kinds = [0, 1, 2].map((topic) => {
      compare(topic, inputs, DEFAULTS, new Map())
      return inputs.filter((_, row) => kernel.row(row).outcome === 255).length
    })
    expect(kinds.every((count) => count > 10)).toBe(true)
    kernel.decode(0, inputs)
    expect(inputs.some((_, row) => kernel.row(row).id === '3447222699101865076')).toBe(true)
  })
})
