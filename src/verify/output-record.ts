import { stampMs, stampNs } from '../contract/stamp.ts'
import type { ReadRecord } from './stretch-reader.ts'

export type OutputKind = 'bars' | 'signals' | 'status'

export const WINDOW_MS = { PT1S: 1_000, PT1M: 60_000 } as const
export type WindowSize = keyof typeof WINDOW_MS

/** What verify judges in one output record. Windows are [startMs, endMs). */
export interface OutputRecord {
  offset: number
  symbol: string
  seq: number
  isFinal: boolean
  /** Undefined for status records. */
  window: { size: WindowSize; startMs: number; endMs: number } | undefined
  /** The final that takes a provisional window back. */
  isRetracted: boolean
  payload: Record<string, unknown>
}

/** Turns a record's value into its envelope; throws when it is none. JSON here, Avro where the outputs are in Avro. */
export type DecodeValue = (value: Buffer) => unknown

export const decodeJson: DecodeValue = (value) => JSON.parse(value.toString('utf8'))

/** A record as verify needs it, or one sentence that says what is wrong with its form. */
export function parseOutput(record: ReadRecord, kind: OutputKind, decode: DecodeValue): OutputRecord | string {
  if (record.value === null) return 'it has no value'
  let envelope: unknown
  try {
    envelope = decode(record.value)
  } catch (error) {
    return `its value can't be decoded: ${error instanceof Error ? error.message : String(error)}`
  }
  if (!isObject(envelope)) return 'its value is no object'
  const { symbol, seq, is_final: isFinal } = envelope
  if (typeof symbol !== 'string' || symbol === '') return 'it has no symbol'
  if (record.key?.toString() !== symbol)
    return `its key is ${record.key === null ? 'null' : JSON.stringify(record.key.toString())}, not its symbol`
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 1)
    return `its seq is ${String(seq)}, no whole number from 1 on`
  if (typeof isFinal !== 'boolean') return 'its is_final is neither true nor false'
  // Flat records (Avro) have the payload's fields in the envelope.
  const payload = isObject(envelope.payload) ? envelope.payload : envelope
  const base = { offset: record.offset, symbol, seq, isFinal, payload }
  if (kind === 'status') return { ...base, window: undefined, isRetracted: false }
  const window = parseWindow(envelope)
  if (typeof window === 'string') return window
  if (kind === 'bars' && window.size !== 'PT1S') return `a bar's window is ${window.size}, not PT1S`
  const isRetracted = kind === 'bars' && (payload.retracted === true || payload.count === 0)
  return (
    (kind === 'bars' ? barProblem(payload, isRetracted, window.endMs) : signalProblem(payload, window.size)) ?? {
      ...base,
      window,
      isRetracted,
    }
  )
}

function parseWindow(envelope: Record<string, unknown>): NonNullable<OutputRecord['window']> | string {
  const { window } = envelope
  if (!isObject(window)) return 'it has no window'
  const { size } = window
  if (size !== 'PT1S' && size !== 'PT1M') return `its window's size is ${String(size)}`
  if (window.step !== size) return `its window's step is ${String(window.step)}, not its size`
  const startMs = wholeMs(window.start)
  const endMs = wholeMs(window.end)
  if (Number.isNaN(startMs) || Number.isNaN(endMs)) return "its window's start or end is no time"
  if (startMs % WINDOW_MS[size] !== 0) return `its window starts at ${String(window.start)}, not aligned to ${size}`
  if (endMs !== startMs + WINDOW_MS[size])
    return `its window [${String(window.start)}, ${String(window.end)}) is not ${size} long`
  if (envelope.event_ts !== window.end && wholeMs(envelope.event_ts) !== endMs) {
    return `its event_ts ${String(envelope.event_ts)} is not its window's end ${String(window.end)}`
  }
  return { size, startMs, endMs }
}

function barProblem(bar: Record<string, unknown>, isRetracted: boolean, endMs: number): string | undefined {
  const { o, h, l, c, v, count } = bar
  if ('t' in bar && wholeMs(bar.t) !== endMs) return `its payload's t ${String(bar.t)} is not its window's end`
  if (isRetracted)
    return o === null && h === null && l === null && c === null && count === 0
      ? undefined
      : 'a retracted bar has prices or a count'
  if (![o, h, l, c, v].every(isFiniteNumber)) return 'one of its o, h, l, c, v is no number'
  if (!(Number.isSafeInteger(count) && (count as number) >= 1)) return `its count is ${String(count)}`
  const [open, high, low, close] = [o, h, l, c] as number[]
  if (low > Math.min(open, close) || high < Math.max(open, close))
    return `its prices don't fit: o ${open} h ${high} l ${low} c ${close}`
  return (v as number) < 0 ? `its volume is ${String(v)}` : undefined
}

/** A minute bar's signal knows no quotes. */
const FLAGS: Record<WindowSize, ReadonlySet<unknown>> = {
  PT1S: new Set(['ok', 'warming_up', 'quote_stale', 'no_quote']),
  PT1M: new Set(['ok', 'warming_up']),
}

function signalProblem(signal: Record<string, unknown>, size: WindowSize): string | undefined {
  // Avro's flat signals carry no flag.
  if ('signal_quality_flag' in signal && !FLAGS[size].has(signal.signal_quality_flag)) {
    return `its signal_quality_flag is ${String(signal.signal_quality_flag)}`
  }
  if (size === 'PT1M' && (signal.imbalance ?? null) !== null) return 'it is of a minute bar and has an imbalance'
  return undefined
}

// A second's end stands on a record of each symbol: most stamps were parsed just before.
const parsedMs = new Map<string, number>()
const PARSED_MAX = 4_096

/** ms since the epoch; NaN when it is no time or not on a whole ms. */
function wholeMs(stamp: unknown): number {
  if (typeof stamp !== 'string') return wholeNumberMs(stamp)
  let ms = parsedMs.get(stamp)
  if (ms === undefined) {
    const ns = stampNs(stamp)
    ms = ns === undefined || ns % 1_000_000n !== 0n ? Number.NaN : Number(ns / 1_000_000n)
    if (parsedMs.size >= PARSED_MAX) parsedMs.clear()
    parsedMs.set(stamp, ms)
  }
  return ms
}

function wholeNumberMs(stamp: unknown): number {
  const ms = stampMs(stamp)
  return Number.isInteger(ms) ? ms : Number.NaN
}

function isFiniteNumber(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
