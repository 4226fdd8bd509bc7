/** What becomes of a record, and every final, follow from the partitions' contents, not from epochs' ends or clocks. */

import { describe, expect, it } from 'vitest'
import { envelopesOf, withoutFixes } from '../fixtures/envelopes.ts'
import type { InputRecord } from '../fixtures/envelopes.ts'
import { seeded } from '../fixtures/random.ts'
import { SYNTH_DIRECTORY, tickFiles } from '../fixtures/tick-files.ts'
import type { OutputEnvelope } from '../golden/expected.ts'
import { disorders } from '../golden/expected.ts'
import { Model } from './model.ts'
import type { ModelSettingsGiven } from './settings.ts'
import { runModel } from './run-model.ts'
import type { Run, RunOptions } from './run-model.ts'

const SYNTH_DAY = tickFiles(SYNTH_DIRECTORY).filter((path) => path.includes('20241101'))

/** Minutes around the open of one day, so disordered that much of it is late. */
function roughRecords(): InputRecord[] {
  const from = BigInt(Date.parse('2024-11-01T13:25:00Z')) * 1_000_000n
  const to = BigInt(Date.parse('2024-11-01T13:37:00Z')) * 1_000_000n
  const records = envelopesOf(SYNTH_DAY, { duplicates: 0.2, disorderMs: 5_000, keyStyle: 'camel', seed: 3 })
  return records.filter(({ eventNs }) => eventNs >= from && eventNs < to)
}

/** Finals as text, a symbol after the other; seq aside, as provisional records have theirs, too. */
function finals(envelopes: OutputEnvelope[]): string[] {
  const bySymbol = Map.groupBy(envelopes.filter((envelope) => envelope.is_final), ({ symbol }) => symbol)
  const inOrder = [...bySymbol.keys()].sort().flatMap((symbol) => bySymbol.get(symbol)!)
  return inOrder.map((final) => JSON.stringify({ ...final, seq: 0 }))
}

/** First place where two lists differ, or null. */
function firstDifference<T>(a: T[], b: T[]): [T | undefined, T | undefined] | null {
  const i = Array.from({ length: Math.max(a.length, b.length) }).findIndex((_, at) => a[at] !== b[at])
  return i < 0 ? null : [a[i], b[i]]
}

describe('outcomes and finals', { timeout: 60_000 }, () => {
  const records = roughRecords()
  const outcomesOf = ({ judgements }: Run) => judgements.map(({ outcome }) => outcome)
  const run = (settings: ModelSettingsGiven, options: RunOptions) => runModel(new Model(settings), records, options)

  it.each<[string, ModelSettingsGiven]>([
    ['every trade', {}],
    ['sale conditions, quotes by time, start by latest', { saleConditions: 'alpaca', quoteDedupe: 'event_ts', latest: true }],
  ])('are the same wherever epochs end (%s)', (_, settings) => {
    const whole = run(settings, { endsEpoch: () => false })
    expect(new Set(outcomesOf(whole))).toEqual(new Set(['applied', 'duplicate', 'late']))
    expect(whole.bars.length).toBeGreaterThan(300)
    for (const [seed, share] of [[1, 1], [2, 0.3], [3, 0.01]]) {
      const random = seeded(seed)
      const cut = run(settings, {
        endsEpoch: () => random() < share,
        clockMs: (i) => Number(records[i].arrivalNs / 1_000_000n) + 1,
      })
      expect(firstDifference(outcomesOf(cut), outcomesOf(whole))).toBeNull()
      expect(firstDifference(finals(cut.bars), finals(whole.bars))).toBeNull()
      expect(firstDifference(finals(cut.signals), finals(whole.signals))).toBeNull()
      expect([...disorders('bars', cut.bars), ...disorders('signals', cut.signals)]).toEqual([])
      // provisional ones were among them
      if (share === 1) expect(cut.bars.length).toBeGreaterThan(whole.bars.length * 1.5)
    }
  })

  it('bars are the same in any order of arrival within the lateness', () => {
    const ticks = tickFiles(SYNTH_DIRECTORY, 'synd_20241101_trades')
    const barsOf = (disorderMs: number, seed: number) => {
      const records = withoutFixes(envelopesOf(ticks, { disorderMs, seed, duplicates: 0.1 }))
      return finals(runModel(new Model(), records, { idle: { trades: false, quotes: true } }).bars)
    }
    const inOrder = barsOf(0, 1)
    expect(inOrder.length).toBeGreaterThan(3_000)
    expect(firstDifference(barsOf(1_999, 2), inOrder)).toBeNull()
  })
})
