import { describe, expect, test } from 'vitest'
import { compare, type Comparable } from './comparison.ts'

const result = (ratios: Comparable['ratios'], rate = 5_000): Comparable => ({ options: { rate }, ratios })

describe('compare', () => {
  test('a ratio may be worse by its tolerance and no more', () => {
    expect(compare(result({ p99: 1.2 }), result({ p99: 1.79 }), { p99: 1.5 }).worse).toEqual([])
    expect(compare(result({ p99: 1.2 }), result({ p99: 1.81 }), { p99: 1.5 }).worse).toEqual(['p99'])
  })

  test('better never fails', () => {
    expect(compare(result({ p99: 4 }), result({ p99: 0.1 }), { p99: 1.5 }).worse).toEqual([])
  })

  test('a ratio that was measured once and is not any more is worse', () => {
    expect(compare(result({ p99: 1 }), result({ p99: null }), { p99: 1.5 }).worse).toEqual(['p99'])
    expect(compare(result({ p99: null }), result({ p99: 3 }), { p99: 1.5 }).worse).toEqual([])
  })

  test('results with other options are not compared', () => {
    expect(compare(result({ p99: 1 }), result({ p99: 9 }, 50_000), { p99: 1.5 })).toMatchObject({ worse: [] })
    expect(compare(result({ p99: 1 }), result({ p99: 9 }, 50_000), { p99: 1.5 }).lines[0]).toContain('other options')
  })

  test('a limit holds whatever was committed, and without anything committed', () => {
    expect(compare(null, result({ p99: 1.21 }), {}, { p99: 1.2 }).worse).toEqual(['p99'])
    expect(compare(result({ p99: 1.3 }), result({ p99: 1.21 }), { p99: 1.5 }, { p99: 1.2 }).worse).toEqual(['p99'])
    expect(compare(result({ p99: 1 }), result({ p99: 1.3 }), { p99: 1.1 }, { p99: 1.2 }).worse).toEqual(['p99'])
    expect(compare(result({ p99: 1.3 }), result({ p99: 1.2 }), { p99: 1.5 }, { p99: 1.2 }).worse).toEqual([])
    expect(compare(null, result({ p99: null }), {}, { p99: 1.2 }).worse).toEqual([])
  })

  test('without a committed result there is nothing to fail on', () => {
    expect(compare(null, result({ p99: 9 }), { p99: 1.5 }).worse).toEqual([])
  })
})
