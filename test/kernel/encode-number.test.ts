import { beforeAll, describe, expect, it } from 'vitest'
import { STATE_BASE } from '../../src/state/layout.ts'
import { DecodeKernel, seeded } from './decode-kernel.ts'
import { doubles, EDGE_DOUBLES } from './doubles.ts'

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

describe('writeF64', () => {
  const text = (value: number): string => kernel.written((at) => kernel.wasm.writeF64(at, value))

  it('writes 300,000 seeded doubles as JSON.stringify does', () => {
    const wrong: string[] = []
    for (const value of doubles(300_000, 23)) {
      if (text(value) !== JSON.stringify(value) && wrong.length < 5) wrong.push(`${text(value)} for ${JSON.stringify(value)}`)
    }
    expect(wrong).toEqual([])
  }, 120_000)

  it('writes edges, every power of two and every power of ten with their neighbours', () => {
    const values = [...EDGE_DOUBLES]
    const view = new DataView(new ArrayBuffer(8))
    const around = (value: number): void => {
      for (const change of [-1n, 0n, 1n]) {
        view.setFloat64(0, value)
        view.setBigUint64(0, view.getBigUint64(0) + change)
        values.push(view.getFloat64(0))
      }
    }
    for (let exponent = -1074; exponent <= 1023; exponent++) around(2 ** exponent)
    for (let exponent = -323; exponent <= 308; exponent++) around(Number(`1e${exponent}`))
    const wrong = values.filter((value) => text(value) !== JSON.stringify(value))
    expect(wrong).toEqual([])
  })

  it('writes doubles whose end of rounding is itself a short decimal', () => {
    const random = seeded(41)
    const wrong: number[] = []
    for (let n = 0; n < 60_000; n++) {
      // odd · 5^k between 2^53 and 2^54, times 2^j with j ≥ k, is a multiple of 10^k halfway between two doubles.
      const k = 1 + random.below(22)
      const least = 2n ** 53n / 5n ** BigInt(k) + 1n
      const odd = (least + (BigInt(random.below(2 ** 30)) % least)) | 1n
      const middle = odd * 5n ** BigInt(k) * 2n ** BigInt(k + random.below(40))
      for (const value of [Number(middle - 1n), Number(middle + 1n)]) if (text(value) !== JSON.stringify(value)) wrong.push(value)
    }
    expect(wrong.slice(0, 5)).toEqual([])
  })

  it('writes every price from 0.0001 to 100', () => {
    const wrong: number[] = []
    for (let n = 1; n <= 1_000_000; n += 7) if (text(n / 10_000) !== JSON.stringify(n / 10_000)) wrong.push(n)
    expect(wrong).toEqual([])
  })
})

describe('writeI64', () => {
  it('writes any i64', () => {
    const random = seeded(5)
    const values = [0n, 1n, -1n, 10n, 99n, 100n, 2n ** 63n - 1n, -(2n ** 63n), 4294967295n, 4294967296n]
    for (let power = 0n; power < 19n; power++) values.push(10n ** power, 10n ** power - 1n, -(10n ** power))
    for (let n = 0; n < 20_000; n++) {
      const bits = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))
      values.push(BigInt.asIntN(64, bits) >> BigInt(random.below(64)))
    }
    for (const value of values) expect(kernel.written((at) => kernel.wasm.writeI64(at, value))).toBe(String(value))
  })
})

describe('stamps', () => {
  const stamp = (ns: bigint): string => kernel.written((at) => kernel.wasm.writeStamp(at, ns))
  const stampMs = (ms: bigint): string => kernel.written((at) => kernel.wasm.writeStampMs(at, ms))
  const expected = (ns: bigint): string => {
    const nanos = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
    const date = new Date(Number((ns - nanos) / 1_000_000n)).toISOString().slice(0, 19)
    const fraction = String(nanos).padStart(9, '0').replace(/0+$/, '')
    return `${date}${fraction === '' ? '' : `.${fraction}`}Z`
  }

  it('are those of Date, with the fraction trimmed', () => {
    const random = seeded(9)
    const values = [0n, -1n, 1n, 999_999_999n, 1_000_000_000n, 2n ** 63n - 1n, -(2n ** 63n), -2_203_891_200_000_000_001n]
    for (let n = 0; n < 30_000; n++) {
      const bits = BigInt.asIntN(64, (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32)))
      values.push(bits - (bits % 10n ** BigInt(random.below(12))))
    }
    for (const ns of values) expect(stamp(ns)).toBe(expected(ns))
  })

  it('are right on every day of the range', () => {
    const wrong: bigint[] = []
    for (let day = -106_650n; day <= 106_650n; day++) {
      const ns = day * 86_400_000_000_000n
      if (stamp(ns) !== expected(ns) || stamp(ns - 1n) !== expected(ns - 1n)) wrong.push(day)
    }
    expect(wrong).toEqual([])
  })

  it('are those of Date for ms', () => {
    for (const ms of [0n, -1n, 1_764_786_730_123n, 1_764_786_730_000n, -62_135n, 9_223_372_036_854n, 1_764_786_730_120n]) {
      expect(stampMs(ms)).toBe(expected(ms * 1_000_000n))
    }
    expect(stampMs(2n ** 63n - 1n)).toBe(stampMs(9_223_372_036_854n))
    expect(stampMs(-(2n ** 63n))).toBe(stampMs(-9_223_372_036_854n))
  })
})

describe('writeString', () => {
  const source = STATE_BASE + 65_536
  const text = (value: string): string => {
    const bytes = new TextEncoder().encode(value)
    kernel.bytes.fill(0x22, source, source + bytes.length + 32)
    kernel.bytes.set(bytes, source)
    const at = STATE_BASE + 131_072
    kernel.bytes.fill(0xfe, at, at + 6 * bytes.length + 16)
    const end = kernel.wasm.writeString(at, source, bytes.length)
    expect(kernel.bytes[end]).toBe(0xfe)
    return Buffer.from(kernel.bytes.slice(at, end)).toString('utf8')
  }

  it('writes what JSON.stringify does', () => {
    const random = seeded(3)
    const pieces = [
      'a', 'NVDA', '"', '\\', '\n', '\u0000', '\u001f', '\u007f', 'ü', '€', '😀', '\u2028', '/', '\b', '\f', '\t', '\r',
      'x'.repeat(15), 'y'.repeat(16),
    ]
    for (let code = 0; code < 256; code++) expect(text(String.fromCharCode(code))).toBe(JSON.stringify(String.fromCharCode(code)))
    for (let n = 0; n < 5_000; n++) {
      const value = Array.from({ length: random.below(12) }, () => random.pick(pieces)).join('')
      expect(text(value)).toBe(JSON.stringify(value))
    }
  })
})
