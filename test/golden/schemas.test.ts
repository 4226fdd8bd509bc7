/** The JSON Schemas of the outputs: every output of a replay fits, and whatever is done to one is noticed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { ownBundle } from '../../src/bundle/own-kernel.ts'
import { statusRecord } from '../../src/epoch/status.ts'
import { replayFiles } from '../../src/replay/replay.ts'
import { readSettings } from '../../src/settings/settings.ts'
import { envelopesOf } from '../fixtures/envelopes.ts'
import { EXPECTED_DIRECTORY, SYNTH_DIRECTORY, tickFiles } from '../fixtures/tick-files.ts'
import { minuteBarRecord } from '../model/records.ts'
import { loadExpected } from './expected.ts'
import { faultsOfAll, schemaFaults } from './schemas.ts'
import type { SchemaName } from './schemas.ts'

type Json = Record<string, any>

const BARS = 'ta.bars.1s.v1'
const SIGNALS = 'ta.signals.v1'
const STATUS = 'ta.status.v1'
const bars: Json[] = []
const signals: Json[] = []
/** Signals of minute bars. */
const minutes: Json[] = []

/** Everything that the kernels make of the made-up days. */
async function replaySynth(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'ta-schemas-'))
  try {
    const file = join(folder, 'synth.jsonl')
    // in order: which fixes come in time hangs on the order of arrival
    const records = envelopesOf(tickFiles(SYNTH_DIRECTORY), { duplicates: 0.01 })
    writeFileSync(file, [...records.map(({ value }) => value), ...minuteBars()].map((value) => `${value}\n`).join(''))
    const bundle = ownBundle(readSettings({}, { command: 'replay' }))
    await replayFiles([file], 2, bundle, {
      outputs: async (_partition, { values, valueEnds, bars: barCount, signals: signalCount }) => {
        for (let i = 0; i < barCount + signalCount; i++) {
          const bytes = values.subarray(i === 0 ? 0 : valueEnds[i - 1], valueEnds[i])
          const output = JSON.parse(Buffer.from(bytes).toString()) as Json
          ;(i < barCount ? bars : output.window.size === 'PT1M' ? minutes : signals).push(output)
        }
      },
      special: async () => {},
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
}
beforeAll(replaySynth, 60_000)

const COUNTS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0]
const status = (more: object = {}): Json => JSON.parse(statusRecord({
  task: 3, seq: 2, clockMs: 1_764_786_731_123, watermarkNs: 1_764_786_728_500_000_001n, lastEventNs: 1_764_786_730_500_000_001n,
  counts: COUNTS, epoch: 12, snapshotAgeMs: 4_000, marketSessionState: 'open', health: { reasons: [], warnings: [] }, ...more,
}).value) as Json

/** A window that was published provisionally and has nothing left. */
function retracted(): Json {
  const payload = { o: null, h: null, l: null, c: null, v: 0, vwap: null, count: 0, t: bars[0].payload.t, retracted: true }
  return { ...bars[0], is_final: false, payload }
}

/** A minute bar of each minute of two hours. */
function minuteBars(): string[] {
  return Array.from({ length: 120 }, (_, i) => {
    const t = new Date(Date.UTC(2024, 10, 1, 14, i)).toISOString()
    return minuteBarRecord({ t, S: 'SYNC', c: 99 + (i % 4) }, { channel: 'bars' }).value
  })
}

/** The last signal of a minute bar. */
const minuteSignal = (): Json => structuredClone(minutes.at(-1)!)

/** Where a value stands in a record, as a path. */
type Path = string[]

function* places(value: unknown, path: Path = []): Generator<Path> {
  if (path.length > 0) yield path
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) yield* places(inner, [...path, key])
}

function changed(record: Json, path: Path, change: (holder: Json, key: string) => void): Json {
  const copy = structuredClone(record)
  const holder = path.slice(0, -1).reduce((inner: Json, key) => inner[key] as Json, copy)
  change(holder, path.at(-1)!)
  return copy
}

/** Faults that no output may have, at every place of a record; those that get by are returned. */
function unnoticed(schema: SchemaName, record: Json): string[] {
  expect(schemaFaults(schema, record)).toEqual([])
  const wrongs: unknown[] = [[], {}, 'x', '', -1.5, Number.MAX_SAFE_INTEGER + 0.5, true, false]
  const missed: string[] = []
  const tryOne = (what: string, mutant: Json) => {
    if (schemaFaults(schema, mutant).length === 0) missed.push(what)
  }
  tryOne('/ with one more', { ...record, extra: 1 })
  for (const path of places(record)) {
    const name = `/${path.join('/')}`
    tryOne(`${name} absent`, changed(record, path, (holder, key) => delete holder[key]))
    const value = path.reduce((inner: unknown, key) => (inner as Json)[key], record as unknown)
    if (typeof value === 'object' && value !== null) {
      tryOne(`${name} with one more`, changed(record, path, (holder, key) => (holder[key] = { ...holder[key], extra: null })))
    }
    const isOther = (each: unknown) => typeof each !== typeof value || (typeof value === 'object' && Array.isArray(each))
    for (const wrong of wrongs.filter(isOther)) {
      tryOne(`${name} as ${JSON.stringify(wrong)}`, changed(record, path, (holder, key) => (holder[key] = wrong)))
    }
  }
  return missed
}

describe('the JSON Schemas', { timeout: 60_000 }, () => {
  it('fit every output of a replay', () => {
    const due = [...loadExpected(join(EXPECTED_DIRECTORY, 'synth.all.applied2s.csv.gz')).values()].flat().length
    expect([bars.length, signals.length, minutes.length]).toEqual([due, due, 120])
    expect(faultsOfAll(BARS, bars)).toEqual([])
    expect(faultsOfAll(SIGNALS, [...signals, ...minutes])).toEqual([])
  })

  it('fit a provisional record, a retraction, a minute bar\'s signal, a record without a feed, and every status', () => {
    const soon = (record: Json) => ({ ...record, is_final: false, feed: null })
    expect(faultsOfAll(BARS, [soon(bars[5]), retracted(), { ...retracted(), is_final: true }])).toEqual([])
    expect(faultsOfAll(SIGNALS, [soon(signals[5]), minuteSignal(), soon(minuteSignal())])).toEqual([])
    const blank = { watermarkNs: null, lastEventNs: null, snapshotAgeMs: null, health: { reasons: ['snapshot: disk full'], warnings: [] }, epoch: 0 }
    const warned = { health: { reasons: [], warnings: ['the trading calendar ends soon'] } }
    expect(faultsOfAll(STATUS, [status(), status(blank), status(warned), status({ task: 0, marketSessionState: 'continuous' })])).toEqual([])
  })

  it('notice whatever is absent, too much or of another kind', () => {
    const warm = signals.find(({ payload }) => payload.bars > 70 && payload.signal_quality_flag === 'ok')!
    for (const record of [bars[100], retracted()]) expect(unnoticed(BARS, record)).toEqual([])
    for (const record of [warm, minuteSignal()]) expect(unnoticed(SIGNALS, record)).toEqual([])
    expect(unnoticed(STATUS, status())).toEqual([])
  })

  it('notice values that can not be', () => {
    const [bar, signal] = [bars[100], signals[100]]
    const withPayload = (record: Json, payload: Json): Json => ({ ...record, payload: { ...record.payload, ...payload } })
    const wrong: [SchemaName, Json][] = [
      [BARS, withPayload(bar, { o: 0 })],
      [BARS, withPayload(bar, { l: null })],
      [BARS, withPayload(bar, { v: -1 })],
      [BARS, withPayload(bar, { count: 0 })],
      [BARS, withPayload(bar, { count: 1.5 })],
      [BARS, withPayload(bar, { t: '2024-11-01T08:01:53.5Z' })],
      [BARS, withPayload(bar, { retracted: true })],
      [BARS, withPayload(retracted(), { count: 1 })],
      [BARS, withPayload(retracted(), { retracted: false })],
      [BARS, { ...bar, channel: 'signals' }],
      [BARS, { ...bar, seq: 0 }],
      [BARS, { ...bar, seq: 1.5 }],
      [BARS, { ...bar, version: 2 }],
      [BARS, { ...bar, symbol: 'S'.repeat(33) }],
      [BARS, { ...bar, event_ts: '2024-11-01 08:01:54Z' }],
      [BARS, { ...bar, event_ts: '2024-11-01T24:01:54Z' }],
      [BARS, { ...bar, ingest_ts: '2024-11-01T08:01:54' }],
      [BARS, { ...bar, window: { ...bar.window, size: 'PT1M' } }],
      [SIGNALS, withPayload(signal, { rsi14: 100.5 })],
      [SIGNALS, withPayload(signal, { boll: { mid: 1, upper: 2, lower: null } })],
      [SIGNALS, withPayload(signal, { imbalance: null })],
      [SIGNALS, withPayload(signal, { imbalance: { ...signal.payload.imbalance, ratio: 1.01 } })],
      [SIGNALS, withPayload(signal, { bars: 0 })],
      [SIGNALS, withPayload(signal, { signal_quality_flag: 'good' })],
      [SIGNALS, withPayload(signal, { vol_realized: { w60s: -1 } })],
      [SIGNALS, { ...signal, window: { ...signal.window, step: 'PT1M' } }],
      [SIGNALS, withPayload(minuteSignal(), { signal_quality_flag: 'quote_stale' })],
      [SIGNALS, withPayload(minuteSignal(), { imbalance: signal.payload.imbalance })],
      [SIGNALS, { ...minuteSignal(), event_ts: '2025-12-03T18:33:01Z' }],
      [STATUS, withPayload(status(), { status: 'degraded' })],
      [STATUS, withPayload(status(), { reason: null })],
      [STATUS, withPayload(status(), { market_session_state: 'closing' })],
      [STATUS, withPayload(status(), { heartbeat: false })],
      [STATUS, withPayload(status(), { watermark_lag_ms: 1.5 })],
      [STATUS, { ...status(), symbol: '_task-x' }],
      [STATUS, { ...status(), is_final: false }],
      [STATUS, { ...status(), feed: 'sip' }],
    ]
    expect(wrong.filter(([name, record]) => schemaFaults(name, record).length === 0)).toEqual([])
    for (const [name, record] of [[BARS, bar], [SIGNALS, signal]] as const) expect(schemaFaults(name, record)).toEqual([])
  })
})
