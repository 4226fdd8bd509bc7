/**
 * The kernel against the expected files that numpy and pandas computed in batch from the same ticks: finals of whole days,
 * from records that come twice, out of order and in either spelling, cut into batches and epochs as they come.
 */
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { envelopesOf, withoutFixes } from '../fixtures/envelopes.ts'
import type { EnvelopeOptions, InputRecord } from '../fixtures/envelopes.ts'
import { EXPECTED_DIRECTORY, SYNTH_DIRECTORY, sharedDirectory, tickFiles } from '../fixtures/tick-files.ts'
import { differences, loadExpected } from '../golden/expected.ts'
import type { OutputEnvelope } from '../golden/expected.ts'
import { CLOSE_ALL, copyOutputs } from '../../src/state/kernel.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { textsOf } from './kernel-under-test.ts'
import { applyToKernel, closeKernel, kernelOf } from './side-by-side.ts'

const ROUGH: EnvelopeOptions = { duplicates: 0.1, disorderMs: 1_500, keyStyle: 'mixed', seed: 7 }

interface Run {
  bars: OutputEnvelope[]
  signals: OutputEnvelope[]
  outcomes: Record<string, number>
}

const EPOCH_RECORDS = 500

/** Runs of one topic are batches; epochs end by the number of records. No clock, so nothing is provisional. */
function runKernel(records: InputRecord[], settings: ModelSettingsGiven, idle: { trades: boolean; quotes: boolean }): Run {
  const kernel = kernelOf(settings)
  const run: Run = { bars: [], signals: [], outcomes: {} }
  const offsets = { trades: 0, quotes: 0 }
  const note = (texts: string[]): void => {
    for (const text of texts) {
      const envelope = JSON.parse(text) as OutputEnvelope
      run[envelope.channel === 'bars_1s' ? 'bars' : 'signals'].push(envelope)
    }
  }
  for (let from = 0; from < records.length;) {
    const { topic } = records[from]
    const limit = Math.min((Math.floor(from / EPOCH_RECORDS) + 1) * EPOCH_RECORDS, records.length)
    let to = from + 1
    while (to < limit && records[to].topic === topic) to++
    const judged = applyToKernel(kernel, { channel: topic, records: records.slice(from, to), clockMs: null }, offsets[topic])
    for (const { outcome } of judged) run.outcomes[outcome] = (run.outcomes[outcome] ?? 0) + 1
    offsets[topic] += to - from
    from = to
    if (to === limit) note(closeKernel(kernel, { clockMs: null, idle }))
  }
  kernel.close(null, CLOSE_ALL)
  note(textsOf(copyOutputs(kernel.task)))
  return run
}

interface Input {
  files: string[]
  envelopes?: EnvelopeOptions
  quotes?: boolean
  /** Corrections and cancels are among the records. */
  fixes?: boolean
}

function compare({ files, envelopes, quotes = true, fixes = false }: Input, expected: string, settings: ModelSettingsGiven): Run {
  const rows = loadExpected(expected)
  expect([...rows.values()].every((some) => some.length > 30)).toBe(true)
  const records = envelopesOf(files, envelopes)
  const run = runKernel(fixes ? records : withoutFixes(records), settings, { trades: false, quotes: !quotes })
  const session = settings.session === 'us-equity-extended' ? 'us-equity-extended' : 'us-equity'
  expect(differences(rows, run, { session })).toEqual([])
  return run
}

describe('kernel on made-up ticks', { timeout: 60_000 }, () => {
  const files = tickFiles(SYNTH_DIRECTORY)
  const synth = (name: string): string => join(EXPECTED_DIRECTORY, `synth.${name}.csv.gz`)

  it('gives the expected bars and signals from duplicates, disorder within the lateness and mixed key spelling', () => {
    const { outcomes } = compare({ files, envelopes: ROUGH }, synth('all'), {})
    for (const outcome of ['duplicate', 'late']) expect(outcomes[outcome]).toBeGreaterThan(10)
    expect(outcomes.rejected).toBeUndefined()
  })

  it('applies corrections and cancels that come while the window is open, over a clock change', () => {
    expect(compare({ files, fixes: true }, synth('all.applied2s'), {}).outcomes.late).toBeGreaterThan(0)
  })

  it('follows sale conditions and the extended session', () => {
    compare({ files, envelopes: ROUGH }, synth('alpaca'), { saleConditions: 'alpaca', session: 'us-equity-extended' })
  })
})

const shared = sharedDirectory()
const without = shared === null ? ' (skipped: ../shared/data is not there)' : ''

describe.skipIf(shared === null)(`kernel on real ticks${without}`, { timeout: 120_000 }, () => {
  it.each([
    ['xxx_20180102', 'alpaca', { saleConditions: 'alpaca' }, true],
    ['bbb_20140917', 'all', {}, false],
    ['btcusdt_20210108', 'all', {}, true],
  ] as const)('%s, %s', (prefix, rules, settings, quotes) => {
    const expected = join(shared!, 'expected', `${prefix}.${rules}.csv.gz`)
    compare({ files: tickFiles(shared!, prefix), envelopes: ROUGH, quotes }, expected, settings)
  })
})
