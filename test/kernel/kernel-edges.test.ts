/** Edges of the kernel that chance rarely meets; what the model says of them is checked along the way. */
import { describe, expect, it } from 'vitest'
import { cancelRecord, quoteRecord, tradeRecord } from '../model/records.ts'
import { at, clockAt } from '../model/task.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import * as layout from '../../src/state/layout.ts'
import { TaskMemory } from '../../src/state/task-memory.ts'
import { bundleOf, kernelModule } from './kernel-under-test.ts'
import { SideBySide, applyToKernel, closeKernel, kernelOf } from './side-by-side.ts'

type Row = { key: string; value: string }

const IDLE_QUOTES = { trades: false, quotes: true }
const IDLE_TRADES = { trades: true, quotes: false }

/** One record after the other, each on kernel and model; returns the outcomes. */
function outcomesOf(both: SideBySide, channel: 'trades' | 'quotes', records: Row[]): string[] {
  return records.map((record) => {
    const before = both.model.counts().outcomes[channel]
    both.apply({ do: 'apply', channel, records: [record], clockMs: null })
    const after = both.model.counts().outcomes[channel]
    return Object.keys(after).find((outcome) => after[outcome as keyof typeof after] > before[outcome as keyof typeof before])!
  })
}

describe('what a record leaves behind in the scratch area', () => {
  it.each(['[', '{"a":'])('changes no verdict on others: nesting of 100,000 %s', (open) => {
    const close = open === '[' ? ']' : '}'
    const trade = tradeRecord({ t: at(1), i: 1 })
    const deep = tradeRecord({ t: at(1), i: 2 })
    deep.value = deep.value.replace('{', `{"more":${open.repeat(100_000)}1${close.repeat(100_000)},`)
    const kernel = kernelOf({})
    const judged = [trade, deep, trade, cancelRecord({ t: at(1), i: 1 })]
      .map((record, i) => applyToKernel(kernel, { channel: 'trades', records: [record], clockMs: null }, i)[0].outcome)
    expect(judged).toEqual(['applied', 'applied', 'duplicate', 'applied'])
  })
})

describe('hashes that meet by chance', () => {
  const memory = TaskMemory.create(bundleOf().image)
  const { exports } = new WebAssembly.Instance(kernelModule, { env: { memory: memory.memory } })
  const xxh64 = exports.xxh64 as (at: number, length: number, seed: bigint) => bigint
  const SCRATCH = layout.SCRATCH_BASE

  /** Two different texts of which the 32 bits that the kernel keeps of a hash are the same. */
  function colliding(textOf: (n: number) => string, hashOf: (bytes: Buffer) => bigint): [string, string] {
    const seen = new Map<number, string>()
    for (let n = 0; n < 1_000_000; n++) {
      const text = textOf(n)
      const hash = Number(BigInt.asUintN(32, hashOf(Buffer.from(text))))
      const other = seen.get(hash)
      if (other !== undefined) return [other, text]
      seen.set(hash, text)
    }
    throw new Error('no two of a million have the same hash')
  }

  it('make no two symbols one', () => {
    const names = colliding((n) => `S${1_000_000 + n}`, (bytes) => {
      memory.bytes().set(bytes, SCRATCH)
      return xxh64(SCRATCH, bytes.length, 0n)
    })
    const kernel = kernelOf({})
    const records = [...names, ...names].map((S, i) => tradeRecord({ t: at(1), S, i: i % 2 === 0 ? 1 : 2 }))
    expect(applyToKernel(kernel, { channel: 'trades', records, clockMs: null }, 0).map(({ outcome }) => outcome)).toEqual(
      ['applied', 'applied', 'duplicate', 'duplicate'])
    expect(kernel.task.number('symbols')).toBe(2)
  })

  it('make no two trades one', () => {
    // as the kernel lays a key out: length, a byte for the exchange (0: none), then the id; seeded with the symbol's row
    const ids = colliding((n) => `T${1_000_000 + n}`, (bytes) => {
      memory.bytes().fill(0, SCRATCH, SCRATCH + 8 + layout.TRADE_KEY_BYTES)
      memory.i32()[SCRATCH / 4] = 1 + bytes.length
      memory.bytes().set(bytes, SCRATCH + 9)
      return xxh64(SCRATCH, 8 + layout.TRADE_KEY_BYTES, 1n)
    })
    const kernel = kernelOf({})
    const records = [...ids, ...ids].map((i) => tradeRecord({ t: at(1), i, x: null }))
    expect(applyToKernel(kernel, { channel: 'trades', records, clockMs: null }, 0).map(({ outcome }) => outcome)).toEqual(
      ['applied', 'applied', 'duplicate', 'duplicate'])
    const hash = (row: number): number => kernel.task.i32()[kernel.task.base(layout.STATE_COLUMNS.findIndex(({ table, name }) =>
      table === layout.tableNumber('trade') && name === 'hash')) / 4 + row]
    expect(hash(1)).toBe(hash(2)) // they do meet: the layout above is the kernel's
  })
})

describe('quotes', () => {
  it('of the last event time stay known when their window closes, whichever it was', () => {
    const both = new SideBySide({})
    const quote = (seconds: number | string, seq: number): Row => quoteRecord({ t: at(seconds), bp: seq }, { seq })
    const close = (): void => both.close({ do: 'close', clockMs: null, idle: IDLE_TRADES })
    expect(outcomesOf(both, 'quotes', [quote('1.5', 1), quote(5, 2)])).toEqual(['applied', 'applied'])
    close() // second 1 is over: its quote is the symbol's now
    const others = [quote('1.5', 3), quote('1.5', 1), quote(6, 4)]
    expect(outcomesOf(both, 'quotes', others)).toEqual(['applied', 'duplicate', 'applied'])
    close() // second 3, which got the other quote of 1.5, is over too
    const again = [quote('1.5', 1), quote('1.5', 3), quote('1.4', 9)]
    expect(outcomesOf(both, 'quotes', again)).toEqual(['duplicate', 'duplicate', 'late'])
  })

  const trades = Array.from({ length: 36 }, (_, i) => tradeRecord({ t: at(i), i }))

  it.each([['exactly as old as may be', '35.5', 'ok'], ['a nanosecond older', '35.499999999', 'quote_stale']])(
    '%s at the end of the window', (_, stamp, flag) => {
      const settings: ModelSettingsGiven = { quoteStaleAfterMs: 500, provisional: { on: false } }
      const both = new SideBySide(settings)
      outcomesOf(both, 'quotes', [quoteRecord({ t: at(stamp) })])
      outcomesOf(both, 'trades', trades)
      both.close({ do: 'close', clockMs: clockAt(60), idle: IDLE_QUOTES })
      both.close({ do: 'close', clockMs: clockAt(60), idle: { trades: true, quotes: true } })
      const kernel = kernelOf(settings)
      applyToKernel(kernel, { channel: 'quotes', records: [quoteRecord({ t: at(stamp) })], clockMs: null }, 0)
      applyToKernel(kernel, { channel: 'trades', records: trades, clockMs: null }, 0)
      const texts = closeKernel(kernel, { clockMs: clockAt(60), idle: { trades: true, quotes: true } })
      const last = { window: { end: at(36) }, payload: { bars: 36, signal_quality_flag: flag } }
      expect(JSON.parse(texts.at(-1)!)).toMatchObject(last)
    },
  )
})
