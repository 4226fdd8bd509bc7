/**
 * The WASM kernel against the plain model: the same random streams, clocks and epoch ends must give the same outcome of every record
 * and the same outputs, text for text; sums may differ in their last digits, as they are added in another order.
 * TA_PROPERTY_RUNS sets the number of streams; a failing case prints its seed.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { OUTCOMES, REASONS } from '../../src/contract/outcomes.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { appendRecord, clearColumns } from '../../src/ingest/packing.ts'
import { type Kernel, QUOTES_IDLE, TRADES_IDLE, copyOutputs, loadBatch } from '../../src/state/kernel.ts'
import * as layout from '../../src/state/layout.ts'
import { NONE } from '../../src/state/task-memory.ts'
import { encode } from '../model/encode.ts'
import { Model } from '../model/model.ts'
import { withDefaults } from '../model/settings.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { newKernel, textsOf } from './kernel-under-test.ts'
import { randomStream } from './random-stream.ts'
import type { Action } from './random-stream.ts'

const RUNS = Number(process.env.TA_PROPERTY_RUNS ?? 150)
/** Far beyond what it takes: only a hang lets it pass. */
const PATIENCE_MS = 60_000 + RUNS * 500
const columns = recordColumns(64, 4_096, 262_144)

function kernelOf(given: ModelSettingsGiven, capacities?: number[]): Kernel {
  const settings = withDefaults(given)
  const kernel = newKernel({
    ...settings, provisional: settings.provisional.on, provisionalDelayMs: settings.provisional.delayMs,
    provisionalRefreshMs: settings.provisional.refreshMs, provisionalMaxAgeMs: settings.provisional.maxAgeMs,
  }, capacities)
  if (settings.latest) kernel.task.setCell('latestStart', 1n)
  return kernel
}

const offsets = { trades: 0, quotes: 0 }

function applyBoth(kernel: Kernel, model: Model, action: Extract<Action, { do: 'apply' }>): void {
  clearColumns(columns)
  const expected = action.records.map(({ key, value }) => {
    const offset = offsets[action.channel]++
    const record = { topic: 0, partition: 0, offset, timestampMs: -1, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }
    expect(appendRecord(columns, record)).toBe(true)
    return model.apply(action.channel, offset, key, value, action.clockMs)
  })
  const topic = action.channel === 'trades' ? 0 : 1
  loadBatch(kernel.task, columns, 0, columns.count)
  kernel.decode(topic, columns.count, action.clockMs === null ? null : BigInt(action.clockMs) * 1_000_000n)
  kernel.apply(columns.count)
  const memory = kernel.task.bytes()
  const actual = expected.map((_, row) => ({
    outcome: OUTCOMES[memory[layout.DECODED.at.outcome + row]], reason: REASONS[memory[layout.DECODED.at.reason + row]],
  }))
  expect(actual.map(({ outcome }, row) => [outcome, action.records[row].value])).toEqual(expected.map(({ outcome }, row) => [outcome, action.records[row].value]))
  expect(actual.map(({ reason }) => reason)).toEqual(expected.map(({ reason, outcome }) => (outcome === 'late' ? 'late' : reason)))
}

/** Numbers equal to 1e-12 of the larger one; of differences near 0 what their parts' rounding leaves. */
function expectClose(actual: unknown, expected: unknown, path: string): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    const allowed = path.endsWith('w60s') ? 1e-12 : Math.max(1e-12 * Math.max(Math.abs(actual), Math.abs(expected)), 1e-10)
    if (!(Math.abs(actual - expected) <= allowed)) throw new Error(`${path}: kernel ${actual}, model ${expected}`)
  } else if (typeof actual === 'object' && actual !== null && typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual)).toEqual(Object.keys(expected))
    for (const key of Object.keys(actual)) expectClose((actual as never)[key], (expected as never)[key], `${path}.${key}`)
  } else expect(actual, path).toBe(expected)
}

function closeBoth(kernel: Kernel, model: Model, action: Extract<Action, { do: 'close' }>): { same: number; all: number } {
  kernel.close(action.clockMs, (action.idle.trades ? TRADES_IDLE : 0) | (action.idle.quotes ? QUOTES_IDLE : 0))
  const texts = textsOf(copyOutputs(kernel.task))
  kernel.openEpoch()
  const outs = model.closeEpoch(action.clockMs, action.idle)
  const watermark = kernel.task.cell('watermarkNs')
  expect(watermark === NONE ? null : watermark).toBe(model.watermarkNs)
  const expected = outs.map((out, i) => encode(out, /"ingest_ts":"([^"]*)"/.exec(texts[i] ?? '')?.[1] ?? ''))
  const names = (list: string[]): string[] => list.map((text) => {
    const { channel, symbol, seq, is_final: isFinal, window } = JSON.parse(text)
    return `${channel} ${symbol} ${seq} ${isFinal} ${window.end}`
  })
  expect(names(texts)).toEqual(names(expected))
  let same = 0
  texts.forEach((text, i) => {
    if (text === expected[i]) same++
    else expectClose(JSON.parse(text), JSON.parse(expected[i]), '')
  })
  return { same, all: texts.length }
}

function runStream(seed: number, capacities?: number[]): { same: number; all: number } {
  const { settings, actions } = randomStream(seed, 160)
  const kernel = kernelOf(settings, capacities)
  const model = new Model(settings)
  const total = { same: 0, all: 0 }
  for (const action of actions) {
    if (action.do === 'apply') applyBoth(kernel, model, action)
    else {
      const { same, all } = closeBoth(kernel, model, action)
      total.same += same
      total.all += all
    }
  }
  expect(kernel.task.number('conflicts')).toBe(model.counts().conflictingDuplicates)
  return total
}

it(`gives the outcomes and outputs of the model, on ${RUNS} random streams`, () => {
  let all = 0
  let same = 0
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
    const run = runStream(seed)
    all += run.all
    same += run.same
  }), { numRuns: RUNS, seed: Number(process.env.TA_PROPERTY_SEED ?? 4711), endOnFailure: true })
  expect(all).toBeGreaterThan(RUNS * 10)
  expect(same / all).toBeGreaterThan(0.5)
}, PATIENCE_MS)

it('gives the same when its tables begin with a single row and grow all the time', () => {
  const tiny = layout.grownCapacities(layout.TABLES.map(() => 1), layout.tableNumber('symbol'), 2)
  fc.assert(fc.property(fc.integer({ min: 1, max: 2 ** 31 - 1 }), (seed) => {
    runStream(seed, tiny)
  }), { numRuns: Math.ceil(RUNS / 5), seed: 4712, endOnFailure: true })
}, PATIENCE_MS)
