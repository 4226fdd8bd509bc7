import { expect, it } from 'vitest'
import type { OutputColumns } from '../src/ports/log.ts'
import { feedMarket, symbolName } from './market.ts'

/** So many a symbol that none is left out by chance, wherever batches begin and end. */
const RECORDS = 25_000

it.each([2, 50, 51, 500])('feeds each of %i symbols, about as often as any other', async (symbols) => {
  const ended = new AbortController()
  const counts = new Map<string, number>()
  let records = 0
  await feedMarket({
    append: async (outputs: OutputColumns[]) => {
      for (const { keys, keyEnds, count } of outputs) {
        for (let row = 0; row < count; row++, records++) {
          const key = Buffer.from(keys).toString('utf8', row === 0 ? 0 : keyEnds[row - 1], keyEnds[row])
          counts.set(key, (counts.get(key) ?? 0) + 1)
        }
      }
      if (records >= RECORDS) ended.abort()
    },
    close: async () => {},
  }, { trades: 't', quotes: 'q', partitions: 4, symbols, recordsPerSecond: 1_000_000 }, ended.signal)
  expect([...counts.keys()].sort()).toEqual(Array.from({ length: symbols }, (_, index) => symbolName(index)))
  expect(Math.max(...counts.values())).toBeLessThan((4 * records) / symbols)
})
