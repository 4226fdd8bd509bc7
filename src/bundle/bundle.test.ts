import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DEFAULTS, bundleOf, kernelBytes, kernelModule } from '../../test/kernel/kernel-under-test.ts'
import type { ResultSettings } from './config-image.ts'
import { readBundle } from './bundle.ts'
import { readSaleConditions } from '../market/sale-conditions.ts'
import { readSettings } from '../settings/settings.ts'
import { ownBundle } from './own-kernel.ts'
import { offsetMsAt, zoneTable } from './zone.ts'

describe('a bundle', () => {
  it('comes back from its bytes, and its hash is theirs', () => {
    const bundle = bundleOf()
    const again = readBundle(Buffer.from(bundle.bytes))
    expect([again.hash, again.settings, Buffer.from(again.kernel), Buffer.from(again.image)]).toEqual(
      [bundle.hash, DEFAULTS, Buffer.from(kernelBytes), Buffer.from(bundle.image)])
    expect(bundleOf().hash).toBe(bundle.hash)
    expect(() => readBundle(bundle.bytes.subarray(0, 100))).toThrow(RangeError)
    expect(() => readBundle(Buffer.from('TABNnothing'))).toThrow(RangeError)
    const older = Buffer.from(bundle.bytes)
    older.writeUInt32LE(1, 4)
    expect(() => readBundle(older)).toThrow('bundle of version 1, this program reads 2')
  })

  it.each(Object.entries({
    latenessMs: 1, maxFutureMs: 1, maxSymbols: 1, provisional: false, provisionalDelayMs: 1, provisionalRefreshMs: 1, provisionalMaxAgeMs: 1,
    quoteStaleAfterMs: 1, quoteDedupe: 'event_ts', session: 'utc-day', saleConditions: 'alpaca', fieldMap: { price: 'payload.price' },
  } satisfies ResultSettings))('is another with another %s', (name, value) => {
    expect(bundleOf({ [name]: value }).hash).not.toBe(bundleOf().hash)
  })

  it('is another with a table of sale conditions of its own, which it holds', () => {
    const conditionRules = [{ code: 'I', meaning: 'odd lot', tapes: 'ABCO', price: true, volume: true }]
    const bundle = bundleOf({ conditionRules })
    expect(bundle.hash).not.toBe(bundleOf().hash)
    expect(readBundle(Buffer.from(bundle.bytes)).settings.conditionRules).toEqual(conditionRules)
  })

  it("has Alpaca's table where none is given, and a user's file by setting", () => {
    const alpaca = bundleOf({ saleConditions: 'alpaca' })
    expect(Buffer.from(bundleOf({ saleConditions: 'alpaca', conditionRules: readSaleConditions() }).image).equals(alpaca.image)).toBe(true)
    const path = join(mkdtempSync(join(tmpdir(), 'ta-bundle-')), 'table.json')
    const lots = { code: 'I', meaning: 'odd lot', tapes: 'ABCO', open_close: true, high_low: true, volume: false }
    writeFileSync(path, JSON.stringify({ source: 'this test', read_on: '2026-11-25', conditions: [lots] }))
    const own = ownBundle(readSettings({ TA_SALE_CONDITIONS: 'alpaca', TA_SALE_CONDITIONS_FILE: path }))
    expect(own.settings.conditionRules).toEqual([{ code: 'I', meaning: 'odd lot', tapes: 'ABCO', price: true, volume: false }])
    expect(own.hash).not.toBe(ownBundle(readSettings({ TA_SALE_CONDITIONS: 'alpaca' })).hash)
    rmSync(dirname(path), { recursive: true })
  })

  it('holds a kernel that reads nothing but its memory: no clock, no environment, no randomness (invariant 1)', () => {
    const imports = (WebAssembly as unknown as { Module: { imports(of: unknown): { module: string; name: string; kind: string }[] } }).Module.imports(kernelModule)
    expect(imports).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
  })
})

describe("New York's clock", () => {
  it('is the same as the time zone database says, around every change and between', () => {
    const table = zoneTable()
    const format = new Intl.DateTimeFormat('en-US', { timeZone: 'America/New_York', hourCycle: 'h23', hour: 'numeric' })
    const hourAt = (second: number): number => Number(format.format(second * 1000))
    const offsetAt = (second: number): number => (table.findLast(([from]) => from <= second) ?? table[0])[1]
    const changes = table.slice(1).map(([second]) => second)
    expect(changes.length).toBeGreaterThan(250)
    const random = Array.from({ length: 2_000 }, (_, i) => Math.floor((i * 2_049_999 * 2_003) % 4_102_000_000))
    for (const second of [...changes.flatMap((change) => [change - 1, change, change + 1]), ...random]) {
      const local = second + offsetAt(second)
      expect([second, Math.floor((((local % 86_400) + 86_400) % 86_400) / 3_600)]).toEqual([second, hourAt(second)])
    }
  })

  it('changes by the rule of 2007: at 02:00 on the second Sunday of March and the first of November', () => {
    const hours = (year: number, month: number, sunday: number, utcHour: number): number => {
      const first = new Date(Date.UTC(year, month, 1)).getUTCDay()
      return Date.UTC(year, month, 1 + ((7 - first) % 7) + 7 * (sunday - 1), utcHour) / 1000
    }
    const due = Array.from({ length: 13 }, (_, i) => 2018 + i).flatMap((year) => [
      [hours(year, 2, 2, 7), -4 * 3600], [hours(year, 10, 1, 6), -5 * 3600],
    ])
    const [from, to] = [Date.UTC(2018, 0) / 1000, Date.UTC(2031, 0) / 1000]
    expect(zoneTable().filter(([second]) => second >= from && second < to)).toEqual(due)
    for (const [second, offset] of due) expect([offsetMsAt(second * 1000 - 1), offsetMsAt(second * 1000)]).toEqual([(offset === -14_400 ? -5 : -4) * 3_600_000, offset * 1000])
  })
})
