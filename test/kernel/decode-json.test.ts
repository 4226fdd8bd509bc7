import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeKernel, seeded } from './decode-kernel.ts'
import { isJson } from './decode-model.ts'
import { damaged, oddRecord, utf8 } from './decode-records.ts'

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

/** Behind the value lies what would complete it, had the scanner looked there. */
const AFTER = [0x7d, 0x5d, 0x22, 0x30, 0x20, 0x65, 0x80, 0x00]
const verdicts = (bytes: Uint8Array): number[] =>
  [...new Set(AFTER.map((after) => kernel.wasm.scan(...kernel.place(bytes, after))))]

const judged = (bytes: Uint8Array): number => {
  if (!isJson(bytes)) return 0
  const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? 2 : 1
}

const TEXTS = [
  '', ' ', '{}', ' {} ', '[]', '{', '}', '[', ']', '{]', '[}', '{}{}', '{},', '{}x', '[]]', '{"a":1}}', '[1,]', '[,1]', '[,]',
  '{"a":1,}', '{,}', '{"a"}',
  '{"a":}', '{"a" 1}', '{a:1}', "{'a':1}", '{"a":1 "b":2}', '{"a":1,,"b":2}', '{"":1}', '{"a":1,"a":2}', '{1:2}', '{null:1}',
  '[1 2]', '[1:2]',
  'null', 'true', 'false', 'nul', 'nulll', 'True', 'truefalse', ' null ', 'null null', '[nul]', '[truex]', '[fals]',
  '{"a":nul}', '{"a":t}', 'n', 't', 'f', '[n]',
  '0', '-0', '01', '-01', '00', '-', '+1', '1.', '.1', '1.e5', '1e', '1e+', '1E5', '1e-5', '1e+05', '0e0', '0.0e0', '1.5.2',
  '0x10', 'NaN', 'Infinity', '1_0',
  '12', '123 ', ' 12', '1 2', '--1', '-a', '1a', '[01]', '[-]', '[1.]', '[1e]', '[.5]', '[1e5,0.5,-0.1E+1]', '[1.0e]', '[-01]',
  '1e5x',
  '""', '"a"', '"', '"a', 'a"', '"a"b"', '"\\"', '"\\\\"', '"\\""', '"\\x"', '"\\u12"', '"\\u12g4"', '"\\u1234"', '"\\uD800"',
  '"\\uD800\\u0041"',
  '"\\uDC00"', '"\\ud83d\\ude00"', '"\\u"', '"\\u123"', '"\\', '"\\u00', '["\\a"]', '["\\/\\b\\f\\n\\r\\t"]', '["\\U0041"]',
  '"\t"', '["\n"]', '["\u0000"]', '["\u007f"]',
  '["\u2028\u2029"]', '\ufeff{}', '{}\ufeff', '\u00a0{}', '{\u00a0}', '{}\u0000', '\u000b{}', '\u000c[]', '[\u2003]', '/**/{}',
  '{}//', '[1,/**/2]',
  '["é€😀"]', '{"é":"😀"}', '[é]', '{"a":"' + 'x'.repeat(100) + '"}', '["' + 'é'.repeat(40) + '"]',
  '["' + 'a'.repeat(15) + '\\"' + 'b'.repeat(16) + '"]',
  '[[[[]]]]', '[{"a":[{"b":{}}]}]', '[[]', '[[]]]', '{"a":{"b":[}]}', '{"a":[{]}}', '[{"a":1]', '\n\r\t {"a" : [ 1 , 2 ] }\n',
  '{"payload":{"payload":[{"payload":{}}]}}', '"' + 'x'.repeat(31) + '"', '{"a":"b"', '{"a":"b}', '{"a":"b]"', '["abc]',
  '["abc\\]', '["abc\\"]',
]

describe('scan', () => {
  const named = TEXTS.map((text) => [text.length > 60 ? `${text.slice(0, 60)}…` : text, text])
  it.each(named)('judges %j as JSON.parse does', (_, text) => {
    expect(verdicts(utf8(text))).toEqual([judged(utf8(text))])
  })

  it('knows UTF-8 sequences at all of their limits, in a record and as the whole of one', () => {
    const wrong: string[] = []
    const check = (...bytes: number[]): void => {
      for (const value of [[0x5b, 0x22, ...bytes, 0x22, 0x5d], [0x22, ...bytes, 0x22]]) {
        const whole = Uint8Array.from(value)
        const right = kernel.wasm.scan(...kernel.place(whole, 0x80)) === judged(whole)
        if (!right && wrong.length < 9) wrong.push(Buffer.from(bytes).toString('hex'))
      }
    }
    for (let a = 0; a < 256; a++) {
      check(a)
      for (let b = 0x00; b < 256; b += b < 0x7e || b > 0xc1 ? 7 : 1) {
        check(a, b)
        for (const c of [0x22, 0x41, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff]) {
          check(a, b, c)
          if (a >= 0xe0) for (const d of [0x41, 0x7f, 0x80, 0xbf, 0xc0]) check(a, b, c, d)
        }
      }
    }
    expect(wrong).toEqual([])
  }, 60_000)

  it('judges 20,000 damaged records as JSON.parse does', () => {
    const random = seeded(101)
    const wrong: string[] = []
    const count = [0, 0, 0]
    for (let n = 0; n < 20_000; n++) {
      const bytes = damaged(utf8(oddRecord(random)), random)
      const expected = judged(bytes)
      count[expected]++
      const after = random.pick(AFTER)
      const right = kernel.wasm.scan(...kernel.place(bytes, after)) === expected
      if (!right && wrong.length < 5) wrong.push(Buffer.from(bytes).toString('latin1'))
    }
    expect(wrong).toEqual([])
    expect(Math.min(count[0], count[2])).toBeGreaterThan(2_000)
  }, 120_000)

  it('judges 20,000 short random texts as JSON.parse does', () => {
    const random = seeded(102)
    const pieces = [
      '{', '}', '[', ']', ',', ':', '"', '"a"', '"p":', '1', '-', '0', '.', 'e', 'true', 'null', ' ', '\\', '\\u00e9', 'é', '\n',
      '"payload":{', '"p":1',
    ]
    const wrong: string[] = []
    let good = 0
    for (let n = 0; n < 20_000; n++) {
      const text = Array.from({ length: 1 + random.below(9) }, () => random.pick(pieces)).join('')
      const wrapped = random.pick([text, `[${text}]`, `{"a":${text}}`, `{${text}}`])
      const expected = judged(utf8(wrapped))
      if (expected !== 0) good++
      if (kernel.wasm.scan(...kernel.place(wrapped, random.pick(AFTER))) !== expected && wrong.length < 5) wrong.push(wrapped)
    }
    expect(wrong).toEqual([])
    expect(good).toBeGreaterThan(300)
  })

  it('takes any nesting that a megabyte can hold', () => {
    for (const depth of [63, 64, 65, 127, 128, 129, 1000, 524_288]) {
      for (const [open, close] of [['[', ']'], ['{"a":', '}'], ['[{"payload":', '}]'], ['{"payload":[', ']}']]) {
        const levels = Math.min(depth, Math.floor(1_048_575 / (open.length + close.length)))
        const text = `${open.repeat(levels)}0${close.repeat(levels)}`
        const expected = open.startsWith('{') ? 2 : 1
        expect(kernel.wasm.scan(...kernel.place(text))).toBe(expected)
        expect(kernel.wasm.scan(...kernel.place(text.slice(0, -1), 0x7d))).toBe(0)
        expect(kernel.wasm.scan(...kernel.place(`${text.slice(0, -1)}${close.endsWith('}') ? ']' : '}'}`))).toBe(0)
      }
    }
    expect(kernel.wasm.scan(...kernel.place('['.repeat(1_048_576)))).toBe(0)
    expect(kernel.wasm.scan(...kernel.place(`${'['.repeat(1_048_575)}]`))).toBe(0)
    expect(kernel.wasm.scan(...kernel.place('{"a":'.repeat(209_715)))).toBe(0)
  })

  it('keeps its place among mixed brackets at any depth', () => {
    const random = seeded(103)
    for (let n = 0; n < 300; n++) {
      const closes: string[] = []
      let text = ''
      for (let depth = 1 + random.below(400); depth > 0; depth--) {
        const list = random.below(2) === 0
        text += list ? '[' : '{"payload":'
        closes.push(list ? ']' : '}')
      }
      const whole = `${text}1${closes.reverse().join('')}`
      const bad = random.below(closes.length)
      const broken = `${text}1${closes.map((c, i) => (i === bad ? (c === ']' ? '}' : ']') : c)).join('')}`
      expect(kernel.wasm.scan(...kernel.place(whole))).toBe(judged(utf8(whole)))
      expect(kernel.wasm.scan(...kernel.place(broken))).toBe(0)
    }
  })
})
