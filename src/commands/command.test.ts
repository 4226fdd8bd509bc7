import { describe, expect, it } from 'vitest'
import { commandShape, helpText, parseArguments, tableText, withArguments } from './command.ts'

const SHAPE = commandShape({
  name: 'try',
  summary: 'tries things',
  usage: 'FILE… --out DIR',
  positionals: { name: 'a file', min: 1, max: 2 },
  options: {
    out: { type: 'string', value: 'DIR', text: 'where to', required: true },
    speed: { type: 'integer', value: 'N', text: 'how fast', min: 1, max: 9 },
    kind: { type: 'string', value: 'KIND', text: 'which', oneOf: ['a', 'b'] },
    dry: { type: 'boolean', text: 'only say' },
  },
})

describe('parseArguments', () => {
  it('gives options by type and the rest in order', () => {
    const parsed = parseArguments(SHAPE, ['x', '--out=d', '--speed', '3', '--dry', '--', '--y'])
    expect(parsed).toEqual({ options: { out: 'd', speed: 3, dry: true }, positionals: ['x', '--y'] })
    expect(parseArguments(SHAPE, ['x', '--out', 'd']).options).toEqual({ out: 'd', dry: false })
  })

  it.each([
    [['x'], '--out DIR is missing'],
    [['--out', 'd'], 'ta try needs a file: ta try FILE… --out DIR'],
    [['x', 'y', 'z', '--out', 'd'], 'ta try does not know what to do with "z"'],
    [['x', '--ot', 'd'], 'ta try has no option --ot, did you mean --out?'],
    [['x', '-o', 'd'], 'ta try has no option -o'],
    [['x', '--out'], '--out needs a value, DIR'],
    [['x', '--out', '--dry'], '--out needs a value, DIR'],
    [['x', '--out', 'd', '--out', 'e'], '--out is given twice'],
    [['x', '--out', 'd', '--dry=yes'], '--dry takes no value'],
    [['x', '--out', 'd', '--speed', '10'], '--speed takes a whole number from 1 to 9, not "10"'],
    [['x', '--out', 'd', '--speed', '1.5'], '--speed takes a whole number from 1 to 9, not "1.5"'],
    [['x', '--out', 'd', '--kind', 'c'], '--kind is one of a, b, not "c"'],
  ])('refuses %j', (args, message) => {
    expect(() => parseArguments(SHAPE, args)).toThrow(expect.objectContaining({ exitCode: 64, message,
      hint: 'see: ta try --help' }))
  })
})

describe('withArguments', () => {
  it('prints help, but not for what follows --', async () => {
    const printed: string[] = []
    const context = { print: (text: string) => void printed.push(text) }
    expect(await withArguments(SHAPE, ['--help'], context, () => 1)).toBe(0)
    expect(printed).toEqual([helpText(SHAPE)])
    expect(await withArguments(SHAPE, ['--out', 'd', '--', '--help'], context, ({ positionals }) => positionals.length)).toBe(1)
  })
})

describe('tableText', () => {
  it('aligns columns without trailing spaces', () => {
    expect(tableText([['A', 'B'], ['long', 'x'], ['s', '']])).toBe('A     B\nlong  x\ns\n')
  })
})
