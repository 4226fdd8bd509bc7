import { describe, expect, it } from 'vitest'
import { eligibility } from '../../test/model/conditions.ts'
import { conditionMasks } from '../bundle/sale-conditions.ts'
import { parseSaleConditions, readSaleConditions, TAPES } from './sale-conditions.ts'

const CODES = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i))

describe("Alpaca's table", () => {
  it('has every code of the minute column, by tape', () => {
    const rules = readSaleConditions()
    const codesOf = (tape: string): string => rules.filter(({ tapes }) => tapes.includes(tape)).map(({ code }) => code).sort().join('')
    expect(TAPES.map(codesOf)).toEqual([
      ' 45679BCEFHIKLMNOPQRTUVXZ', ' 45679BCEFHIKLMNOPQRTUVXZ', '45679@ABCDFGHIKLMNOPQRTUVWXYZ', '@CINPRTUW',
    ])
  })

  it('comes to the masks that the model has as plain lists', () => {
    const masks = conditionMasks()
    for (const [t, tape] of TAPES.entries()) {
      for (const code of CODES) {
        const at = code.charCodeAt(0)
        const isSet = (word: number): boolean => ((masks[t * 4 + word + (at < 64 ? 0 : 1)] >> BigInt(at % 64)) & 1n) === 1n
        expect([tape, code, { price: !isSet(0), volume: !isSet(2) }]).toEqual([tape, code, eligibility('alpaca', [code], tape)])
      }
    }
  })
})

describe("a table of one's own", () => {
  const rule = (more: object): object => ({ code: 'I', meaning: 'odd lot', tapes: 'ABC', open_close: true, high_low: true, volume: true, ...more })
  const file = (conditions: unknown, more: object = {}): string => JSON.stringify({ source: 'mine', read_on: '2026-11-01', conditions, ...more })

  it('may say otherwise', () => {
    expect(parseSaleConditions(file([rule({})]))).toEqual([{ code: 'I', meaning: 'odd lot', tapes: 'ABC', price: true, volume: true }])
    expect([...conditionMasks(parseSaleConditions(file([rule({})])))]).toEqual(Array(16).fill(0n))
    expect(conditionMasks(parseSaleConditions(file([rule({ volume: false, tapes: 'O' })])))[15]).toBe(1n << BigInt('I'.charCodeAt(0) - 64))
  })

  it.each<[string, string, RegExp]>([
    ['no JSON', 'x', /holds no JSON/],
    ['no source', file([rule({})], { source: '' }), /has no text for "source"/],
    ['no date', JSON.stringify({ source: 'x', conditions: [] }), /lacks the key "read_on"/],
    ['no conditions', file([]), /has no list "conditions" with entries/],
    ['a code of two letters', file([rule({ code: 'II' })]), /condition 1, which has no code of one ASCII character/],
    ['an unknown tape', file([rule({ tapes: 'AD' })]), /\("I"\) has no tapes out of A, B, C, O/],
    ['a tape twice', file([rule({ tapes: 'AA' })]), /each once/],
    ['no verdict', file([rule({ volume: 'yes' })]), /lacks true or false/],
    ['prices that differ', file([rule({ high_low: false })]), /differs in open_close and high_low: give both the same/],
    ['two rules for one', file([rule({}), rule({ tapes: 'C' })]), /has two rules for "I" on tape C/],
    ['a strange key', file([rule({ daily: true })]), /condition 1, which has the key "daily"/],
  ])('is refused with: %s', (_name, text, expected) => {
    expect(() => parseSaleConditions(text)).toThrow(expected)
  })
})
