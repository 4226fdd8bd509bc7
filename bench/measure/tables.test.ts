import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { RecoveryResult } from '../recovery.ts'
import type { ScaleResult } from '../scale.ts'
import type { SideFigures } from '../snapshot-cost.ts'
import { Latencies } from './latencies.ts'
import { summarize } from './recovery.ts'
import { fillTables, readResults, type Results } from './tables.ts'

const DOCUMENT = readFileSync(new URL('../../docs/performance.md', import.meta.url), 'utf8')
const NONE: Results = { latency: null, 'latency-50k': null, 'latency-10k': null, soak: null, throughput: null, 'throughput-8m': null, kernels: null, scale: null, recovery: null }
const SCALE: ScaleResult = {
  note: 'a busy machine', options: { symbols: [500], records: 1_000 }, machine: { cores: 2, load1m: 0.5, node: 'v24.1.0' }, ratios: {},
  rows: [{ symbols: 500, partitions: 4, workers: 2, inputs: 1_000_008, outputs: 173_800, recordsPerSecond: 400_123, liveRecordsPerSecond: 512_345, liveCpuPerRecordUs: 1.234, residentMb: 321 }],
}

test('a result becomes a table between its marks, and the rest stays', () => {
  const filled = fillTables(DOCUMENT, { ...NONE, scale: SCALE })
  expect(filled).toContain('| 500 | 4 | 2 | 1,000,008 | 173,800 | 400,123 | 512,345 | 1.23 | 321 |')
  expect(filled).toContain('symbols 500; records 1000. 2 cores, load 0.5, Node 24.1.0. **a busy machine**')
  const outside = (text: string): string => text.replace(/<!-- table: ([\w-]+) -->[^]*?<!-- end: \1 -->/g, '')
  expect(outside(filled)).toBe(outside(DOCUMENT))
})

test('a recovery is a column a number of symbols; what was left out is a dash, or no line at all', () => {
  const parts = { restart: 600, join: 400, attempts: 0, fence: 200, load: 50, replay: 150, commit: 300.6 }
  const side = (p99: number): SideFigures => {
    const summary = { ...new Latencies().summary(), p50: p99 / 2, p99 }
    return { snapshots: 7, snapshotMeanMs: 5, commit: summary, transaction: summary, commitP99ByRound: [p99, p99 + 1], provisional: summary }
  }
  const recovery: RecoveryResult = {
    note: '', options: { symbols: [500, 10_000] }, machine: SCALE.machine, ratios: { commitP99SnapshotsToNone500: 1.1, commitP99SnapshotsToNone10000: null }, sessionTimeoutMs: 10_000,
    rows: [500, 10_000].map((symbols) => ({
      symbols, sameInstance: symbols === 500 ? summarize([{ firstMs: 1_600, allTasksMs: 1_700.6, parts, epochs: 7 }]) : null, otherInstance: null,
      snapshot: { bytes: symbols * 1_000, meanMs: 12.34 }, snapshotCost: symbols === 500 ? { with: side(22), without: side(20) } : null,
    })),
  }
  const filled = fillTables(DOCUMENT, { ...NONE, recovery })
  for (const line of [
    '| p50 (max) | 500 symbols | 10,000 symbols |', '| same instance: **first record**, ms | 1,600 (1,600) | – |', '| … live → first record | 301 (301) | – |',
    '| snapshot of a task, bytes | 500,000 | 10,000,000 |', '| … p99 with to without | 1.10 | – |', '| … p99 in each round, without snapshots | 20.0; 21.0 | – |',
  ]) expect(filled).toContain(line)
  expect(filled).not.toContain('another instance: kills')
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
