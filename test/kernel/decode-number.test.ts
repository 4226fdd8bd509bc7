import { beforeAll, describe, expect, it } from 'vitest'
import { pow10TableSource } from '../../assembly/encode/pow10-table-source.ts'
import { readFileSync } from 'node:fs'
import { DecodeKernel, seeded } from './decode-kernel.ts'
import { EDGE_DOUBLES, middleText, numberTexts } from './doubles.ts'

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

const parsed = (text: string, after?: number): number => kernel.wasm.parseNumber(...kernel.place(text, after))

describe('parseNumber', () => {
  it('has the table that its source makes', () => {
    expect(readFileSync(new URL('../../assembly/encode/pow10-table.ts', import.meta.url), 'utf8')).toBe(pow10TableSource())
  })

  it('reads 220,000 seeded tokens as Number does', () => {
    const wrong: string[] = []
    for (const text of numberTexts(220_000, 7)) if (!Object.is(parsed(text), Number(text)) && wrong.length < 5) wrong.push(text)
    expect(wrong).toEqual([])
  }, 120_000)

  it('reads halfway cases at every binary exponent, and one digit to either side', () => {
    const wrong: string[] = []
    for (let exponent = -1074; exponent <= 1023; exponent++) {
      for (const value of [2 ** exponent, 2 ** exponent * 1.5, 2 ** exponent * (2 - 2 ** -52)]) {
        for (const change of [-1, 0, 1] as const) {
          const text = middleText(value, change)
          if (!Object.is(parsed(text), Number(text))) wrong.push(`${value} ${change}`)
        }
      }
    }
    expect(wrong).toEqual([])
  }, 60_000)

  it.each([
    '0', '-0', '-0.0', '0e5', '0.000e-999999999', '1e309', '-1e999999999999999999999', '1e-324', '2.4703282292062328e-324',
    '2.4703282292062327e-324', '1.7976931348623158e308', '1.7976931348623159e308', '179769313486231580793e289',
    '9007199254740993', '9007199254740993.0000000000000000000000000000000000001', '18446744073709551615', '18446744073709551616',
    '99999999999999999999', '10000000000000000000e-19', '0.00000000000000000000000000000000000000001e41', '1E+2',
    '1e00000000000000000003',
    '6.631236846766476e-316', '3.2378839133029012895883524125015321748630094e-319',
    '2.2250738585072011e-308', '7.2057594037927933e16', '100000000000000016777215', '100000000000000016777216',
  ])('reads %s as Number does', (text) => expect(parsed(text)).toBe(Number(text)))

  it('reads the edges', () => {
    for (const value of EDGE_DOUBLES) if (Number.isFinite(value)) expect(parsed(String(value))).toBe(Number(String(value)))
  })

  it('reads tokens of a million digits', () => {
    for (const text of [
      `0.${'0'.repeat(500_000)}1e500001`, `1${'0'.repeat(600_000)}e-600000`, `9007199254740993.${'0'.repeat(900_000)}1`,
      `0.${'9'.repeat(1_000_000)}`, `${'1'.repeat(400_000)}e-400000`,
    ]) expect(parsed(text)).toBe(Number(text))
  })

  it('does not look at what follows the token', () => {
    for (const after of [0x30, 0x39, 0x2e, 0x65, 0x2c, 0x00, 0xff]) {
      for (const text of ['1', '41.37', '1e5', '12345678901234567890.5', '-0', '1e-300']) {
        expect(parsed(text, after)).toBe(Number(text))
      }
    }
  })
})

describe('parseInteger64', () => {
  const integer = (text: string): bigint | null =>
    kernel.wasm.parseInteger64(...kernel.place(text)) === 0 ? null : kernel.view.getBigInt64(kernel.wasm.INTEGER.value, true)

  it('reads plain integers that fit, and no others', () => {
    for (const text of ['0', '-0', '7', '9223372036854775807', '-9223372036854775808', '3447222699101865076', '-1']) {
      expect(integer(text)).toBe(BigInt(text))
    }
    const others = ['9223372036854775808', '-9223372036854775809', '1.0', '1e3', '10000000000000000000', '9'.repeat(23)]
    for (const text of others) {
      expect(integer(text)).toBeNull()
    }
  })

  it('reads 20,000 seeded integers as BigInt does', () => {
    const random = seeded(11)
    for (let n = 0; n < 20_000; n++) {
      const bits = (BigInt(random.below(2 ** 32)) << 32n) | BigInt(random.below(2 ** 32))
      const value = BigInt.asIntN(64, bits) >> BigInt(random.below(64))
      expect(integer(String(value))).toBe(value)
    }
  })
})
