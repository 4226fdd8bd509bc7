/**
 * The WASM kernel against the plain model: the same random streams, clocks and epoch ends must give the same outcome and
 * reason of every record, the same watermarks and the same outputs, provisional and final (how they are compared:
 * ./side-by-side.ts).
 * TA_PROPERTY_RUNS sets the number of streams, TA_PROPERTY_SEED where they begin; a failing case prints its own seed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import * as layout from '../../src/state/layout.ts'
import { randomStream } from './random-stream.ts'
import type { StreamShape } from './random-stream.ts'
import { SideBySide } from './side-by-side.ts'
import type { Compared } from './side-by-side.ts'

const RUNS = Number(process.env.TA_PROPERTY_RUNS ?? 300)
const FIRST_SEED = Number(process.env.TA_PROPERTY_SEED ?? 4711)
/** Far beyond what it takes: only a hang lets it pass. */
const PATIENCE_MS = 60_000 + RUNS * 500

/** What is made of sums, or of logarithms: all else is the same to the last digit. */
const SUMS = ['v', 'vwap', 'vwap.session', 'vwap.w5m', 'rsi14', 'boll.mid', 'boll.upper', 'boll.lower', 'vol_realized.w60s']
  .map((path) => `.payload.${path}`)

interface Options {
  runs: number
  length?: number
  shape?: StreamShape
  capacities?: number[]
}

interface Found {
  all: number
  minutes: Compared['minutes']
  share: number
  differing: string[]
}

/** Compares on so many random streams; returns the share of outputs with the same text, and which numbers differed in others. */
function compareStreams({ runs, length = 160, shape, capacities }: Options): Found {
  const minutes = { final: 0, provisional: 0 }
  let all = 0
  let same = 0
  const differing = new Set<string>()
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
    const stream = randomStream(seed, length, shape)
    const compared = new SideBySide(stream.settings, capacities).run(stream)
    all += compared.all
    same += compared.same
    minutes.final += compared.minutes.final
    minutes.provisional += compared.minutes.provisional
    for (const path of compared.differing) differing.add(path)
  }), { numRuns: runs, seed: FIRST_SEED, endOnFailure: true })
  return { all, minutes, share: same / all, differing: [...differing] }
}

it(`gives the outcomes and outputs of the model, on ${RUNS} random streams`, () => {
  const { all, minutes, share, differing } = compareStreams({ runs: RUNS })
  expect(all).toBeGreaterThan(RUNS * 30)
  expect(minutes.final).toBeGreaterThan(RUNS * 10)
  expect(minutes.provisional).toBeGreaterThan(RUNS / 5)
  expect(differing.filter((path) => !SUMS.includes(path))).toEqual([])
  expect(share).toBeGreaterThan(0.65)
}, PATIENCE_MS)

it('writes the same texts where all sums are exact, whatever the order of arrival', () => {
  const { all, share, differing } = compareStreams({ runs: Math.ceil(RUNS / 5), shape: { exact: true } })
  expect(all).toBeGreaterThan(RUNS * 5)
  // squares and logarithms are never exact
  expect(differing.filter((path) => !/\.boll\.(upper|lower)$|\.w60s$/.test(path))).toEqual([])
  expect(share).toBeGreaterThan(0.8)
}, PATIENCE_MS)

it('gives the same over hours of minute bars of one symbol, among trades', () => {
  const shape: StreamShape = { stepMs: [200, 1_200], symbols: ['AAPL'], barShare: 0.6 }
  const { minutes } = compareStreams({ runs: Math.max(3, Math.ceil(RUNS / 50)), length: 1_500, shape })
  expect(minutes.final).toBeGreaterThan(RUNS * 2)
}, PATIENCE_MS)

it('gives the same when its tables begin with a single row and grow all the time', () => {
  const tiny = layout.grownCapacities(layout.TABLES.map(() => 1), layout.tableNumber('symbol'), 2)
  compareStreams({ runs: Math.ceil(RUNS / 5), capacities: tiny })
}, PATIENCE_MS)

it('gives the same over hours of one symbol: every ring goes round, the five minutes fill and empty', () => {
  const shape: StreamShape = { stepMs: [200, 1_200], symbols: ['AAPL'], barShare: 0.05 }
  const { all } = compareStreams({ runs: Math.max(3, Math.ceil(RUNS / 100)), length: 4_000, shape })
  expect(all).toBeGreaterThan(RUNS * 20)
}, PATIENCE_MS)
