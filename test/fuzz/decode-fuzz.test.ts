/**
 * The decoder under a seeded fuzzer. TA_FUZZ_CASES sets the number of cases (`npm run test:fuzz`: a million), TA_FUZZ_SEED where
 * they begin; a failure prints its own seed, with which it is seen again, the record, and a shorter one that fails, too.
 */
import { beforeAll, describe, expect, it } from 'vitest'
import { REASONS } from '../../src/contract/outcomes.ts'
import { DecodeKernel } from '../kernel/decode-kernel.ts'
import { OWN, alpacaSamples } from './corpus.ts'
import { caseOf, fuzz } from './decode-fuzz.ts'

const CASES = Number(process.env.TA_FUZZ_CASES ?? 50_000)
const FIRST_SEED = Number(process.env.TA_FUZZ_SEED ?? 1)
/** Far beyond what it takes: only a hang lets it pass. */
const PATIENCE_MS = 120_000 + CASES * 5
/** Of the cases, if the samples are there. */
const SAMPLES_SHARE = 0.2
const samples = alpacaSamples()

let kernel: DecodeKernel
beforeAll(async () => {
  kernel = await DecodeKernel.load()
}, 120_000)

/** Every reason that decoding can give comes up; kept and filtered records are many. */
function expectVariety({ cases, outcomes }: ReturnType<typeof fuzz>): void {
  if (cases < 20_000) return
  const rejected = (reason: (typeof REASONS)[number]): number => outcomes.get(`dropped ${REASONS.indexOf(reason)}`) ?? 0
  const rare = (['not_json', 'not_object', 'missing_field', 'wrong_kind', 'bad_time', 'bad_price', 'bad_size', 'bad_bar', 'future',
    'bad_symbol', 'key_mismatch', 'too_large'] as const).filter((reason) => rejected(reason) < cases / 4_000)
  expect(rare).toEqual([])
  expect(outcomes.get('kept 0')).toBeGreaterThan(cases / 6)
  expect(rejected('none')).toBeGreaterThan(cases / 40) // filtered
  expect(rejected('not_json')).toBeGreaterThan(cases / 5)
}

describe('the decoder', () => {
  it(`agrees with JSON.parse and the contract on mutated records of the project`, () => {
    expectVariety(fuzz(kernel, OWN, FIRST_SEED, samples === null ? CASES : Math.ceil(CASES * (1 - SAMPLES_SHARE)), 'of the project'))
  }, PATIENCE_MS)

  it.skipIf(samples === null)('agrees on mutated samples of the feed (skipped where ../shared/data is not there)', () => {
    fuzz(kernel, samples!, FIRST_SEED, Math.ceil(CASES * SAMPLES_SHARE), 'of the feed')
  }, PATIENCE_MS)
})

describe('the fuzzer', () => {
  it('makes the same case of the same seed, and others of others', () => {
    const seeds = Array.from({ length: 300 }, (_, i) => FIRST_SEED + i)
    const values = seeds.map((seed) => Buffer.from(caseOf(seed, OWN).input.value ?? []).toString('base64'))
    expect(seeds.map((seed) => Buffer.from(caseOf(seed, OWN).input.value ?? []).toString('base64'))).toEqual(values)
    expect(new Set(values).size).toBeGreaterThan(280)
  })

  it('finds a decoder that is wrong, and says the seed with which it is found again', () => {
    // A kernel under other settings than the model is told of: it takes a trade's size for its price.
    const configure = (config: object, map: Record<string, string>): void => kernel.configure(config, { ...map, price: 'payload.s' })
    const wrong = Object.create(kernel, { configure: { value: configure } }) as DecodeKernel
    let message = ''
    try {
      fuzz(wrong, OWN, FIRST_SEED, 2_000, 'any')
    } catch (error) {
      message = (error as Error).message
    } finally {
      kernel.configure({})
    }
    expect(message).toMatch(/kernel .+, model /)
    const seed = Number(/TA_FUZZ_SEED=(\d+)/.exec(message)![1])
    expect(() => fuzz(wrong, OWN, seed, 1, 'any')).toThrow(`TA_FUZZ_SEED=${seed} `)
    kernel.configure({})
    expect(fuzz(kernel, OWN, seed, 1, 'any').cases).toBe(1)
  })
})
