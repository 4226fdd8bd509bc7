/** The reference model against expected files that numpy and pandas computed in batch: two independent ways, one result. */

import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { envelopesOf, withoutFixes } from '../fixtures/envelopes.ts'
import type { EnvelopeOptions, InputRecord } from '../fixtures/envelopes.ts'
import { EXPECTED_DIRECTORY, sharedDirectory, SYNTH_DIRECTORY, tickFiles } from '../fixtures/tick-files.ts'
import { Model } from '../model/model.ts'
import { runModel } from '../model/run-model.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { differences, loadExpected } from './expected.ts'

interface Case {
  files: string[]
  expected: string
  settings?: ModelSettingsGiven
  envelopes?: EnvelopeOptions
  quotes?: boolean
  /** Corrections and cancels are among the records. */
  fixes?: boolean
  /** Only what comes before this, RFC 3339: what a bar is does not hang on what comes later. */
  until?: string
}

const made = new Map<string, InputRecord[]>()

/** Envelopes of one case; made once where several cases share them. */
function recordsOf(files: string[], options: EnvelopeOptions | undefined): InputRecord[] {
  const name = JSON.stringify([files, options])
  const records = made.get(name) ?? envelopesOf(files, options)
  made.set(name, records)
  return records
}

function compare({ files, expected, settings = {}, envelopes, quotes = true, fixes = false, until = '2100-01-01T00:00:00Z' }: Case) {
  const model = new Model(settings)
  const untilNs = BigInt(Date.parse(until)) * 1_000_000n
  const all = recordsOf(files, envelopes).filter(({ eventNs }) => eventNs < untilNs)
  const records = fixes ? all : withoutFixes(all)
  const rows = [...loadExpected(expected)].map(([symbol, all]) => [symbol, all.filter(({ start }) => start < until)] as const)
  expect(rows.every(([, some]) => some.length > 30)).toBe(true)
  const run = runModel(model, records, { idle: { trades: false, quotes: !quotes } })
  const { outcomes } = model.counts()
  const judged = Object.values(outcomes).flatMap((channel) => Object.values(channel)).reduce((a, b) => a + b)
  expect(judged).toBe(records.length)
  expect(outcomes.trades.rejected + outcomes.quotes.rejected).toBe(0)
  const session = settings.session === 'us-equity-extended' ? 'us-equity-extended' : 'us-equity'
  return { outcomes, differences: differences(new Map(rows), run, { session }) }
}

const synth = (name: string, more: Partial<Case> = {}): Case => ({
  files: tickFiles(SYNTH_DIRECTORY).filter((path) => more.until === undefined || path.includes('20241101')),
  expected: join(EXPECTED_DIRECTORY, `synth.${name}.csv.gz`),
  ...more,
})
const rough: EnvelopeOptions = { duplicates: 0.1, disorderMs: 1_500, keyStyle: 'mixed', seed: 7 }

/** The first of the two days; the clock change lies after it. */
const firstDay = { envelopes: rough, until: '2024-11-02T00:00:00Z' }

describe('model on made-up ticks', { timeout: 60_000 }, () => {
  it('gives the expected bars and signals from duplicates, disorder within the lateness and mixed key spelling', () => {
    const { outcomes, differences } = compare(synth('all', firstDay))
    expect(differences).toEqual([])
    expect(outcomes.trades.duplicate).toBeGreaterThan(100)
    // repeats that came after their window
    expect(outcomes.trades.late).toBeGreaterThan(10)
  })

  it('applies corrections and cancels that come while the window is open, over a clock change', () => {
    const { outcomes, differences } = compare(synth('all.applied2s', { fixes: true }))
    expect(differences).toEqual([])
    expect(outcomes.trades.late).toBeGreaterThan(0)
  })

  it('follows sale conditions and the extended session', () => {
    const settings: ModelSettingsGiven = { saleConditions: 'alpaca', session: 'us-equity-extended' }
    expect(compare(synth('alpaca', { settings, ...firstDay })).differences).toEqual([])
  })
})

const shared = sharedDirectory()
const without = shared === null ? ' (skipped: ../shared/data is not there)' : ''

describe.skipIf(shared === null)(`model on real ticks${without}`, { timeout: 60_000 }, () => {
  const real = (prefix: string, rules: string, more: Partial<Case> = {}): Case => ({
    files: tickFiles(shared!, prefix),
    expected: join(shared!, 'expected', `${prefix}.${rules}.csv.gz`),
    envelopes: rough,
    ...more,
  })

  it('XXX, every trade counts', () => {
    expect(compare(real('xxx_20180102', 'all')).differences).toEqual([])
  })

  it('XXX, sale conditions', () => {
    const morning = real('xxx_20180102', 'alpaca', { settings: { saleConditions: 'alpaca' }, until: '2018-01-02T17:00:00Z' })
    expect(compare(morning).differences).toEqual([])
  })

  it('BBB, no quotes', () => {
    expect(compare(real('bbb_20140917', 'all', { quotes: false })).differences).toEqual([])
  })

  it('BTCUSDT, fractional sizes', () => {
    expect(compare(real('btcusdt_20210108', 'all')).differences).toEqual([])
  })
})
