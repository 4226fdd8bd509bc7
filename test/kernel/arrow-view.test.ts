/** The packed batch and the decoded columns are Arrow record batches over the shared memory itself, without a copy. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { appendRecord } from '../../src/ingest/packing.ts'
import { decodedBatch, inputBatch } from '../../src/state/arrow-tables.ts'
import * as layout from '../../src/state/layout.ts'
import { layoutSource, literalsSource } from '../../src/state/layout-source.ts'
import { tradeRecord } from '../model/records.ts'
import { newKernel } from './kernel-under-test.ts'
import { loadBatch } from '../../src/state/kernel.ts'

const TRADES = [
  tradeRecord({ t: '2025-12-03T18:32:10.045123456Z', i: 7, p: 126.55, s: 3 }),
  tradeRecord({ t: '2025-12-03T18:32:11Z', i: 'A-1', p: 0.5, s: 0.25, x: 'D' }),
]

describe('the batch in shared memory', () => {
  const kernel = newKernel()
  const columns = recordColumns(8, 256, 8_192)
  TRADES.forEach(({ key, value }, i) => {
    appendRecord(columns, { topic: 0, partition: 0, offset: 41 + i, timestampMs: -1, key: Buffer.from(key), value: Buffer.from(value) })
  })
  loadBatch(kernel.task, columns, 0, 2)
  kernel.decode(0, 2, null)

  it('reads as an Arrow record batch, packed and decoded', () => {
    const input = inputBatch(kernel.task, 2)
    expect(input.numRows).toBe(2)
    expect([...(input.getChild('offset') ?? [])]).toEqual([41n, 42n])
    const keys = [...(input.getChild('keys') ?? [])] as Uint8Array[]
    expect(keys.map((key) => Buffer.from(key).toString())).toEqual(['AAPL', 'AAPL'])
    const values = [...(input.getChild('values') ?? [])] as Uint8Array[]
    expect(values.map((value) => Buffer.from(value).toString())).toEqual(TRADES.map(({ value }) => value))
    const decoded = decodedBatch(kernel.task, 2)
    expect([...(decoded.getChild('timeNs') ?? [])]).toEqual([1_764_786_730_045_123_456n, 1_764_786_731_000_000_000n])
    expect([...(decoded.getChild('n0') ?? [])]).toEqual([126.55, 0.5])
    expect([...(decoded.getChild('n1') ?? [])]).toEqual([3, 0.25])
    expect([...(decoded.getChild('kind') ?? [])]).toEqual([1, 1])
  })

  it('lies under the Arrow buffers, not beside them', () => {
    const { buffer } = kernel.task.memory
    for (const batch of [inputBatch(kernel.task, 2), decodedBatch(kernel.task, 2)]) {
      for (const column of batch.data.children) {
        expect(column.values.buffer).toBe(buffer)
        if (column.valueOffsets !== undefined) expect(column.valueOffsets.buffer).toBe(buffer)
      }
    }
    const addresses = decodedBatch(kernel.task, 2).data.children.map(({ values }) => values.byteOffset)
    expect(addresses).toEqual(layout.DECODED_COLUMNS.map(({ name }) => layout.DECODED.at[name]))
    const input = inputBatch(kernel.task, 2)
    expect(input.data.children.map(({ values }) => values.byteOffset)).toEqual(
      input.schema.fields.map(({ name }) => layout.INPUT.at[name]))
    new Uint8Array(buffer)[layout.INPUT.at.keys] = 'Z'.charCodeAt(0)
    expect(Buffer.from(input.getChild('keys')?.get(0)).toString()).toBe('ZAPL')
    const decoded = decodedBatch(kernel.task, 2)
    new Float64Array(buffer, layout.DECODED.at.n0, 1)[0] = 99.5
    expect(decoded.getChild('n0')?.get(0)).toBe(99.5)
  })
})

describe('the layout', () => {
  it('is the one that the kernel was written for', () => {
    const source = (name: string): string => readFileSync(new URL(`../../assembly/${name}`, import.meta.url), 'utf8')
    expect(source('layout.ts')).toBe(layoutSource())
    expect(source('encode/literals.ts')).toBe(literalsSource())
  })

  it('puts every column on its own 64 bytes, within the state', () => {
    for (const capacities of [layout.initialCapacities(), layout.grownCapacities(layout.initialCapacities(), 0, 5_000)]) {
      const { bases, end } = layout.placeTables(capacities)
      layout.STATE_COLUMNS.forEach((column, i) => {
        const stop = bases[i] + capacities[column.table] * column.list * layout.CELL_BYTES[column.type]
        expect(bases[i] % 64).toBe(0)
        expect(stop).toBeLessThanOrEqual(bases[i + 1] ?? end)
      })
    }
  })
})
