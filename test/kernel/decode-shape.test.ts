/** A record read by the shape of those before it in its batch comes out as it does alone, where the scanner reads it. */
import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeKernel, seeded } from './decode-kernel.ts'
import type { Input, Row } from './decode-kernel.ts'
import { BAR, CORRECTION, QUOTE, RECORDS, TRADE, untidy, utf8 } from './decode-records.ts'

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

const NVDA = utf8('NVDA')
const input = (value: string | Uint8Array): Input => ({ key: NVDA, value: typeof value === 'string' ? utf8(value) : value })
const alone = (topic: number, record: Input): Row => kernel.decode(topic, [record])[0]
const credit = (): number => kernel.view.getInt32(kernel.wasm.SHAPE_CREDIT.value, true)
const trade = (payload: object, outer: object = {}): string => JSON.stringify({ ...TRADE, ...outer, payload: { ...TRADE.payload, ...payload } })

/** Decodes `values`, each between two records of `base`'s shape, and compares every row with what it is alone. */
function compare(topic: number, base: string, values: (string | Uint8Array)[]): void {
  const expected = values.map((value) => alone(topic, input(value)))
  const plain = alone(topic, input(base))
  const rows = kernel.decode(topic, [...values.flatMap((value) => [input(base), input(value)]), input(base)])
  values.forEach((value, n) => {
    expect(rows[2 * n], `before ${Buffer.from(value).toString('latin1')}`).toEqual(plain)
    expect(rows[2 * n + 1], Buffer.from(value).toString('latin1')).toEqual(expected[n])
  })
}

describe('records by shape', () => {
  it('are all but the first of a batch of one feed, of two in turn, and none where every record is another', () => {
    const feed = (count: number, make: (n: number) => string): number => {
      kernel.decode(0, Array.from({ length: count }, (_, n) => input(make(n))))
      return credit()
    }
    expect(feed(30, (n) => trade({ p: 100 + n, i: n }))).toBe(8 - 1 + 29)
    expect(feed(30, (n) => trade({ p: 1e-7 * -n, i: 2 ** 60 + n * 1e5 }))).toBe(8 - 1 + 29)
    expect(feed(30, (n) => trade({ p: 100 + n }, n % 2 === 0 ? {} : { more: 1 }))).toBe(8 - 2)
    expect(feed(30, (n) => trade({}, { [`key${n}`]: 1 }))).toBeLessThan(0)
  })

  it('have any value at all in any place', () => {
    const values = [
      null, true, false, 0, -0, 1, -1, 12, 0.5, -0.5, 1e21, 1e-7, 123456789, 1234567.875, 12345678.125, 123456789012345, 0.000001, 99999999.99999999,
      '', 'x', 'NVDA', '"', '\\', 'é', '\u2028', 'x'.repeat(15), 'x'.repeat(16), 'x'.repeat(17), 'x'.repeat(40), '\ud800', [], {}, ['@'], ['@', 'IT', ''],
      ['"'], [1], [[]], ['@', 1], { a: 1 }, '2025-12-03T18:32:10Z', '2025-12-03T18:32:11.5Z', '2025-12-03T18:32:60Z',
    ]
    for (const [topic, record] of [[0, TRADE], [1, QUOTE], [2, BAR], [0, CORRECTION]] as const) {
      const texts: string[] = []
      for (const value of values) {
        for (const key of Object.keys(record)) texts.push(JSON.stringify({ ...record, [key]: value }))
        for (const key of Object.keys(record.payload)) texts.push(JSON.stringify({ ...record, payload: { ...record.payload, [key]: value } }))
      }
      compare(topic, JSON.stringify(record), texts)
    }
  })

  it('have numbers as no one writes them', () => {
    const base = trade({ p: 126.55 })
    const numbers = ['01', '00', '0', '0.', '.5', '1.', '1..2', '1.2.3', '1e5', '1E-2', '1.5e3', '-1.5', '--1', '+1', '1.e5', '0x1', '1_0', '١', '0.10', '00.1', '1'.repeat(15), '1'.repeat(16), '1.'.padEnd(15, '3'), '1.'.padEnd(16, '3'), '1.'.padEnd(17, '3'), '126.55x', '126.55 ', ' 126.55', '126.5 5']
    compare(0, base, numbers.map((number) => base.replace('126.55', number)))
  })

  it('have keys twice, members left out or put in, and space in places', () => {
    const base = JSON.stringify(TRADE)
    const more = base.slice(0, -1)
    compare(0, base, [
      `${more},"symbol":"AAPL"}`, `${more},"payload":{}}`, `${more},"payload":{"p":1}}`, `${more},"payload":null}`, `{"symbol":"AAPL",${base.slice(1)}`,
      `${more},"x":{"symbol":"AAPL"}}`, `${more}}}`, `${more}`, `${base} `, ` ${base}`, `${base}x`, base.replace('"payload"', '"payload" '), base.replace('"p":', '"p" :'),
      base.replace('"p"', '"\\u0070"'), base.replace('"payload":{', '"payload":[').replace('},"is_final"', '],"is_final"'), base.replace('"D"', '{"D":1}'), `[${base}]`, '{}', '[]', '""', '',
    ])
    // and each of them is learnt from
    for (const other of [`${more},"symbol":"NVDA"}`, `${more},"payload":{"p":1}}`, ` ${base} `, base.replace('"p":', ' "p" : '), base.replace('"D"', '{"D":1}'), `${more},"":{"":{}},"n":null}`]) {
      compare(0, other, [other, base, other])
    }
  })

  it('have any byte changed, left out or put in', () => {
    const random = seeded(77)
    for (const [topic, record] of [[0, TRADE], [1, QUOTE], [2, BAR]] as const) {
      const base = utf8(JSON.stringify(record))
      const values = Array.from({ length: 1_500 }, () => {
        const at = random.below(base.length)
        const byte = random.pick([random.below(256), 0x22, 0x5c, 0x2c, 0x7d, 0x5d, 0x30, 0x39, 0x2e, 0x20])
        const kind = random.below(4)
        if (kind === 0) return Uint8Array.from([...base.slice(0, at), ...base.slice(at + 1)])
        if (kind === 1) return Uint8Array.from([...base.slice(0, at), byte, ...base.slice(at)])
        if (kind === 2) return base.slice(0, at)
        return base.with(at, byte)
      })
      compare(topic, JSON.stringify(record), values)
    }
  })

  it('come in any mixture of types and habits', () => {
    const random = seeded(78)
    for (let round = 0; round < 150; round++) {
      const habits = Array.from({ length: 3 }, () => untidy(random.pick(RECORDS), random))
      const values = Array.from({ length: 20 }, () => (random.below(5) === 0 ? untidy(random.pick(RECORDS), random) : random.pick(habits)))
      const expected = values.map((value) => alone(0, input(value)))
      expect(kernel.decode(0, values.map(input))).toEqual(expected)
    }
  })
})
