import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { ScaleResult } from '../scale.ts'
import { fillTables, readResults, type Results } from './tables.ts'

const DOCUMENT = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
const NONE: Results = { latency: null, throughput: null, scale: null }
const SCALE: ScaleResult = {
  note: 'a busy machine', options: { symbols: [500], records: 1_000 }, machine: { cores: 2, load1m: 0.5, node: 'v24.1.0' }, ratios: {},
  rows: [{ symbols: 500, partitions: 4, workers: 2, inputs: 1_000_008, outputs: 173_800, recordsPerSecond: 400_123, liveRecordsPerSecond: 512_345, liveCpuPerRecordUs: 1.234, residentMb: 321 }],
}

test('a result becomes a table between its marks, and the rest stays', () => {
  const filled = fillTables(DOCUMENT, { ...NONE, scale: SCALE })
  expect(filled).toContain('| 500 | 4 | 2 | 1,000,008 | 173,800 | 400,123 | 512,345 | 1.23 | 321 |')
  expect(filled).toContain('symbols 500; records 1000. 2 cores, load 0.5, Node 24.1.0. **a busy machine**')
  const outside = (text: string): string => text.replace(/<!-- table: (\w+) -->[^]*?<!-- end: \1 -->/g, '')
  expect(outside(filled)).toBe(outside(DOCUMENT))
})

test('filling twice is filling once', () => {
  const once = fillTables(DOCUMENT, { ...NONE, scale: SCALE })
  expect(fillTables(once, { ...NONE, scale: SCALE })).toBe(once)
})

test('what was not measured says by which command it is', () => {
  expect(fillTables(DOCUMENT, NONE)).toContain('Not measured yet: `pnpm bench:throughput`.')
})

test('a page without marks is refused', () => {
  expect(() => fillTables('# Performance', NONE)).toThrow('no marks <!-- table: latency -->')
})

test('the page shows the results that are there (else: pnpm bench:tables)', () => {
  expect(fillTables(DOCUMENT, readResults())).toBe(DOCUMENT)
})
