/**
 * The kernel and the model side by side: both get the same records, clocks and epoch ends; every outcome, watermark and output
 * must be the same. Outputs are compared text for text. Where texts differ, only sums may do so, in their last digits: the
 * kernel adds them in the order of arrival, the model in the order of event time and compensated.
 */
import { expect } from 'vitest'
import { OUTCOMES, REASONS } from '../../src/contract/outcomes.ts'
import type { Outcome } from '../../src/contract/outcomes.ts'
import { appendRecord, clearColumns } from '../../src/ingest/packing.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { QUOTES_IDLE, TRADES_IDLE, copyOutputs, loadBatch } from '../../src/state/kernel.ts'
import type { Kernel } from '../../src/state/kernel.ts'
import * as layout from '../../src/state/layout.ts'
import { NONE } from '../../src/state/task-memory.ts'
import { encode } from '../model/encode.ts'
import { clockNs, rfc3339 } from '../model/event-time.ts'
import { Model } from '../model/model.ts'
import { withDefaults } from '../model/settings.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { newKernel, textsOf } from './kernel-under-test.ts'
import type { Action, Stream } from './random-stream.ts'

type Apply = Extract<Action, { do: 'apply' }>
type Close = Extract<Action, { do: 'close' }>

/** A kernel with the model's settings. */
export function kernelOf(given: ModelSettingsGiven, capacities?: number[]): Kernel {
  const settings = withDefaults(given)
  const kernel = newKernel({
    ...settings, provisional: settings.provisional.on, provisionalDelayMs: settings.provisional.delayMs,
    provisionalRefreshMs: settings.provisional.refreshMs, provisionalMaxAgeMs: settings.provisional.maxAgeMs,
  }, capacities)
  if (settings.latest) kernel.task.setCell('latestStart', 1n)
  return kernel
}

const TOPICS = { trades: 0, quotes: 1, bars: 2 } as const
const columns = recordColumns(8_192, 65_536, 4_194_304)

export interface Judged {
  outcome: Outcome
  reason: string
}

/** Hands a batch to the kernel, with offsets from `offset` on; returns what became of each record. */
export function applyToKernel(kernel: Kernel, { channel, records, clockMs }: Omit<Apply, 'do'>, offset: number): Judged[] {
  clearColumns(columns)
  records.forEach(({ key, value }, i) => {
    const record = { offset: offset + i, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }
    expect(appendRecord(columns, { topic: 0, partition: 0, timestampMs: -1, ...record })).toBe(true)
  })
  loadBatch(kernel.task, columns, 0, columns.count)
  kernel.decode(TOPICS[channel], columns.count, clockMs === null ? null : clockNs(clockMs))
  kernel.apply(columns.count)
  const memory = kernel.task.bytes()
  const { outcome, reason } = layout.DECODED.at
  return records.map((_, row) => ({ outcome: OUTCOMES[memory[outcome + row]], reason: REASONS[memory[reason + row]] }))
}

/** Ends an epoch and opens the next; returns its outputs as texts. */
export function closeKernel(kernel: Kernel, { clockMs, idle }: Omit<Close, 'do'>): string[] {
  kernel.close(clockMs, (idle.trades ? TRADES_IDLE : 0) | (idle.quotes ? QUOTES_IDLE : 0))
  const texts = textsOf(copyOutputs(kernel.task))
  kernel.openEpoch()
  return texts
}

/** What a comparison saw: outputs in all, and those of which kernel and model wrote the same text. */
export interface Compared {
  all: number
  same: number
  /** Signals of minute bars among them. */
  minutes: { final: number; provisional: number }
  /** Paths of the numbers that differed. */
  differing: Set<string>
}

export class SideBySide {
  readonly kernel: Kernel
  readonly model: Model
  readonly compared: Compared = { all: 0, same: 0, minutes: { final: 0, provisional: 0 }, differing: new Set() }
  readonly #offsets = { trades: 0, quotes: 0, bars: 0 }
  #stampMs = Number.NEGATIVE_INFINITY

  constructor(settings: ModelSettingsGiven, capacities?: number[]) {
    this.kernel = kernelOf(settings, capacities)
    this.model = new Model(settings)
  }

  /** Runs a whole stream. Throws at the first difference. */
  run({ actions }: Stream): Compared {
    for (const action of actions) {
      if (action.do === 'apply') this.apply(action)
      else this.close(action)
    }
    expect(this.kernel.task.number('conflicts')).toBe(this.model.counts().conflictingDuplicates)
    return this.compared
  }

  apply(action: Apply): void {
    const offset = this.#offsets[action.channel]
    this.#offsets[action.channel] += action.records.length
    const { channel, records, clockMs } = action
    const expected = records.map(({ key, value }, i) => ({
      ...this.model.apply(channel, offset + i, key, value, clockMs), value,
    }))
    const judged = applyToKernel(this.kernel, action, offset)
    expect(judged.map((one, i) => ({ ...one, value: records[i].value }))).toEqual(expected)
  }

  close(action: Close): void {
    const { task } = this.kernel
    const texts = closeKernel(this.kernel, action)
    const outs = this.model.closeEpoch(action.clockMs, action.idle)
    const watermark = task.cell('watermarkNs')
    expect(watermark === NONE ? null : watermark).toBe(this.model.watermarkNs)
    this.#noteStamp(action.clockMs)
    const expected = outs.map((out) => encode(out, rfc3339(BigInt(this.#stampMs) * 1_000_000n)))
    expect(texts.map(nameOf)).toEqual(expected.map(nameOf))
    texts.forEach((text, i) => this.#compare(text, expected[i]))
    for (const out of outs) if (out.window.size === 'PT1M') this.compared.minutes[out.is_final ? 'final' : 'provisional']++
  }

  /** `ingest_ts` is the clock handed in; without one the newest event time, in whole ms. */
  #noteStamp(clockMs: number | null): void {
    const { task } = this.kernel
    const seen = (['tradesMaxNs', 'quotesMaxNs', 'barsEndNs'] as const).map((name) => task.cell(name)).filter((ns) => ns !== NONE)
    const newest = seen.map((ns) => Number(ns / 1_000_000n))
    this.#stampMs = clockMs ?? Math.max(this.#stampMs, ...newest)
  }

  #compare(text: string, expected: string): void {
    this.compared.all++
    if (text === expected) this.compared.same++
    else expectClose(JSON.parse(text), JSON.parse(expected), '', this.compared.differing)
  }
}

/** What must be the same of every output, whatever its sums. */
function nameOf(text: string): string {
  const { channel, symbol, seq, is_final: isFinal, window } = JSON.parse(text)
  return `${channel} ${symbol} ${seq} ${isFinal} ${window.size} ${window.start}`
}

const RELATIVE = 1e-12
/** Realized volatility is itself 1e-6 to 1e-3, and made of differences that are smaller still. */
const VOLATILITY_ABSOLUTE = 1e-15

function expectClose(actual: unknown, expected: unknown, path: string, differing: Set<string>): void {
  if (Object.is(actual, expected)) return
  if (typeof actual === 'number' && typeof expected === 'number') {
    const allowed = path.endsWith('.w60s') ? VOLATILITY_ABSOLUTE : RELATIVE * Math.max(Math.abs(actual), Math.abs(expected))
    if (!(Math.abs(actual - expected) <= allowed)) throw new Error(`${path}: kernel ${actual}, model ${expected}`)
    differing.add(path)
  } else if (typeof actual === 'object' && actual !== null && typeof expected === 'object' && expected !== null) {
    expect(Object.keys(actual)).toEqual(Object.keys(expected))
    for (const key of Object.keys(actual)) {
      expectClose((actual as never)[key], (expected as never)[key], `${path}.${key}`, differing)
    }
  } else expect(actual, path).toBe(expected)
}
