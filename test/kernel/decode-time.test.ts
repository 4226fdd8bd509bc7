import { beforeAll, describe, expect, it } from 'vitest'
import { DecodeKernel, seeded } from './decode-kernel.ts'
import { epochNs, stampNs } from './decode-model.ts'

const BAD = -(2n ** 63n)
let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

const stamp = (text: string, after?: number): bigint | null => {
  const ns = kernel.wasm.parseRfc3339(...kernel.place(text, after))
  return ns === BAD ? null : ns
}
const epoch = (text: string, after?: number): bigint | null => {
  const ns = kernel.wasm.parseEpochNumber(...kernel.place(text, after))
  return ns === BAD ? null : ns
}

describe('parseRfc3339', () => {
  it.each([
    ['1970-01-01T00:00:00Z', 0n], ['2025-12-03T18:32:10.045123456Z', 1764786730045123456n],
    ['1969-12-31T23:59:59.999999999Z', -1n],
    ['2025-12-03t18:32:10.5z', 1764786730500000000n], ['2025-12-03 18:32:10+05:30', 1764766930000000000n],
    ['2000-02-29T00:00:00-00:00', 951782400000000000n], ['1678-01-01T00:00:00Z', -9214560000000000000n],
    ['2261-12-31T23:59:59.999999999Z', 9214646399999999999n], ['2262-01-01T00:30:00+01:00', 9214644600000000000n],
  ])('reads %s', (text, ns) => expect(stamp(text)).toBe(ns))

  it.each([
    '', '2025', '2025-12-03', '2025-12-03T18:32:10', '2025-12-03T18:32:10.Z', '2025-12-03T18:32:10.1234567890Z',
    '2025-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z', '2025-04-31T00:00:00Z', '2025-13-01T00:00:00Z', '2025-00-01T00:00:00Z', '2025-01-00T00:00:00Z',
    '2025-12-03T24:00:00Z', '2025-12-03T23:60:00Z', '2016-12-31T23:59:60Z', '2025-12-03T18:32:10+24:00',
    '2025-12-03T18:32:10+00:60',
    '2025-12-03T18:32:10+0000', '2025-12-03T18:32:10+00', '2025-12-03T18:32:10ZZ', '2025-12-03T18:32:10 Z',
    '2025-12-03  18:32:10Z',
    '2025/12/03T18:32:10Z', '2025-12-03T18.32.10Z', '+025-12-03T18:32:10Z', '2025-12-03T1a:32:10Z', '1677-12-31T23:59:59Z',
    '2262-01-01T00:00:00Z', '1678-01-01T00:00:00+00:01', '2025-12-03T18:32:10,5Z', '2025-12-03T18:32:10.5',
    '2025-12-03T18:32:10.5X',
    '2025-12-03T:8:32:10Z', '2025-12-03T18:32:10.12345678９Z',
  ])('refuses %s', (text) => expect(stamp(text)).toBeNull())

  it('knows every day from 1670 to 2270', () => {
    const wrong: string[] = []
    for (let ms = Date.UTC(1670, 0, 1); ms < Date.UTC(2270, 0, 1); ms += 86_400_000) {
      const text = new Date(ms).toISOString()
      if (stamp(text) !== stampNs(text)) wrong.push(text)
    }
    expect(wrong).toEqual([])
  })

  it('judges 100,000 seeded and damaged stamps as the model does, whatever follows them', () => {
    const random = seeded(31)
    const two = (n: number): string => String(n).padStart(2, '0')
    const wrong: string[] = []
    let good = 0
    for (let n = 0; n < 100_000; n++) {
      const offsets = [`+${two(random.below(26))}:${two(random.below(62))}`, `-${two(random.below(24))}:${two(random.below(60))}`]
      const zone = random.pick(['Z', 'z', ...offsets])
      const places = random.below(11)
      const fraction = places === 0 ? '' : `.${String(random.below(2 ** 32)).padStart(10, '0').slice(0, places)}`
      const date = `${1600 + random.below(750)}-${two(random.below(14))}-${two(random.below(33))}`
      const clock = `${two(random.below(25))}:${two(random.below(61))}:${two(random.below(61))}`
      let text = `${date}${random.pick(['T', 'T', 't', ' '])}${clock}${fraction}${zone}`
      if (random.below(4) === 0) {
        const at = random.below(text.length + 1)
        const put = random.pick(['', '0', '9', ':', '-', 'T', '.', 'Z', '+', ' ', '/', '\u0000'])
        text = text.slice(0, at) + put + text.slice(at + random.below(2))
      }
      const expected = stampNs(text)
      if (expected !== null) good++
      if (stamp(text, random.pick([0x30, 0x5a, 0x22])) !== expected && wrong.length < 5) wrong.push(text)
    }
    expect(wrong).toEqual([])
    expect(good).toBeGreaterThan(10_000)
  }, 60_000)
})

describe('parseEpochNumber', () => {
  it.each([
    ['0', 0n], ['-0', 0n], ['-0.000e5', 0n], ['1', 1_000_000_000n], ['1764786730', 1764786730000000000n],
    ['1764786730.045123456', 1764786730045123456n], ['1764786730.0451234569999', 1764786730045123456n],
    ['1764786730045', 1764786730045000000n], ['1764786730045.123456', 1764786730045123456n],
    ['1764786730045123', 1764786730045123000n],
    ['1764786730045123.4567', 1764786730045123456n], ['1764786730045123456', 1764786730045123456n],
    ['1764786730045123456.9', 1764786730045123456n],
    ['1.764786730e9', 1764786730000000000n], ['1764786730045123456000e-3', 1764786730045123456n], ['0.0000000019', 1n],
    ['1e-10', 0n],
    ['99999999999e0', null], ['9214646399', 9214646399000000000n], ['9214646400', null], ['1e11', 100000000000000000n],
    ['99999999999999', null], ['1e14', 100000000000000000n], ['1e17', 100000000000000000n],
    ['9214646399999999999', 9214646399999999999n], ['9214646400000000000', null], ['1e19', null], ['1e400', null], ['1e-400', 0n],
    ['1e99999999999999', null], ['1e-99999999999999', 0n], ['-1', null], ['-0.0000000001', null],
    ['0.00000000000000000001e29', 1000000000000000000n],
  ])('reads %s', (text, ns) => expect(epoch(text)).toBe(ns))

  it('reads 100,000 seeded tokens as the model does, whatever follows them', () => {
    const random = seeded(37)
    const wrong: string[] = []
    const digits = (n: number): string => Array.from({ length: n }, () => random.below(10)).join('')
    for (let n = 0; n < 100_000; n++) {
      const whole = random.below(5) === 0 ? '0' : `${1 + random.below(9)}${digits(random.below(21))}`
      const fraction = random.below(2) === 0 ? '' : `.${digits(1 + random.below(24))}`
      const exponent = random.below(3) === 0 ? `${random.pick(['e', 'E'])}${random.pick(['', '+', '-'])}${random.below(25)}` : ''
      const text = `${random.below(20) === 0 ? '-' : ''}${whole}${fraction}${exponent}`
      if (epoch(text, random.pick([0x30, 0x65, 0x2e])) !== epochNs(text) && wrong.length < 5) wrong.push(text)
    }
    expect(wrong).toEqual([])
  }, 60_000)
})
