import { describe, expect, it } from 'vitest'
import { DEFAULTS, bundleOf, kernelBytes, kernelModule } from '../../test/kernel/kernel-under-test.ts'
import type { ResultSettings } from './config-image.ts'
import { readBundle } from './bundle.ts'
import { zoneTable } from './zone.ts'

describe('a bundle', () => {
  it('comes back from its bytes, and its hash is theirs', () => {
    const bundle = bundleOf()
    const again = readBundle(Buffer.from(bundle.bytes))
    expect([again.hash, again.settings, Buffer.from(again.kernel), Buffer.from(again.image)]).toEqual(
      [bundle.hash, DEFAULTS, Buffer.from(kernelBytes), Buffer.from(bundle.image)])
    expect(bundleOf().hash).toBe(bundle.hash)
    expect(() => readBundle(bundle.bytes.subarray(0, 100))).toThrow(RangeError)
    expect(() => readBundle(Buffer.from('TABNnothing'))).toThrow(RangeError)
  })

  it.each(Object.entries({
    latenessMs: 1, maxFutureMs: 1, maxSymbols: 1, provisional: false, provisionalDelayMs: 1, provisionalRefreshMs: 1, provisionalMaxAgeMs: 1,
    quoteStaleAfterMs: 1, quoteDedupe: 'event_ts', session: 'utc-day', saleConditions: 'alpaca', fieldMap: { price: 'payload.price' },
  } satisfies ResultSettings))('is another with another %s', (name, value) => {
    expect(bundleOf({ [name]: value }).hash).not.toBe(bundleOf().hash)
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
})
