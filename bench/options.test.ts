import { expect, test } from 'vitest'
import { parseOptions, resultName, text, whole, wholeOrDefault, wholes } from './options.ts'

const OPTIONS = { rate: whole(5_000), rounds: whole(3, 0), symbols: wholes(500, 10_000), workers: wholeOrDefault(), out: resultName('recovery'), note: text('') }
const parse = (...args: string[]): unknown => parseOptions('recovery', OPTIONS, args)

test('what is not given is as it is by itself', () => {
  expect(parse()).toEqual({ rate: 5_000, rounds: 3, symbols: [500, 10_000], workers: 'default', out: 'recovery', note: '' })
})

test('reads each kind of value', () => {
  expect(parse('--rate=20000', '--rounds', '0', '--symbols', '500,2000', '--workers', '2', '--out', 'soak-2', '--note', 'a busy machine'))
    .toEqual({ rate: 20_000, rounds: 0, symbols: [500, 2_000], workers: 2, out: 'soak-2', note: 'a busy machine' })
})

test('a list may be empty', () => {
  expect(parse('--symbols=')).toMatchObject({ symbols: [] })
})

test.each([
  [['--rats', '5'], 'recovery: there is no option --rats, did you mean --rate? It takes --rate, --rounds, --symbols, --workers, --out, --note.'],
  [['--toString', '5'], 'recovery: there is no option --toString. It takes'],
  [['500'], 'recovery: "500" is not an option; it takes --rate'],
  [['--rate'], 'recovery: --rate wants a whole number from 1 on.'],
  [['--rate', '--rounds', '2'], 'recovery: --rate wants a whole number from 1 on.'],
  [['--rate', '0'], 'recovery: --rate wants a whole number from 1 on, not "0".'],
  [['--rate', '5e3'], 'recovery: --rate wants a whole number from 1 on, not "5e3".'],
  [['--rounds', '-1'], 'recovery: --rounds wants a whole number from 0 on, not "-1".'],
  [['--symbols', '500,,2000'], 'recovery: --symbols wants whole numbers from 1 on with commas between them, not "500,,2000".'],
  [['--out', '../recovery'], 'recovery: --out wants a name of letters'],
])('%j is told in one sentence', (args, sentence) => {
  expect(() => parse(...args)).toThrow(sentence)
})
