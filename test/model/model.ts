/**
 * The reference model: one task (one partition number of trades, quotes and bars), written from the contract alone,
 * with objects and lists and no speed tricks. The kernels are checked against it.
 */

import { CHANNELS, OUTCOMES } from '../../src/contract/outcomes.ts'
import type { Channel, Outcome, Reason } from '../../src/contract/outcomes.ts'
import { decode } from './decode.ts'
import type { Decoded, MinuteBar, Quote } from './decode.ts'
import { clockNs, NS_PER_MS, NS_PER_SECOND, secondOf, secondText } from './event-time.ts'
import { Rejection } from './json-fields.ts'
import { MINUTE_SECONDS } from './minute-bars.ts'
import { publishFinals, publishProvisional } from './publication.ts'
import type { Draft, Out } from './publication.ts'
import { withDefaults } from './settings.ts'
import type { ModelSettings, ModelSettingsGiven } from './settings.ts'
import { SymbolState } from './symbol-state.ts'
import type { Verdict } from './symbol-state.ts'

export interface Judgement {
  outcome: Outcome
  reason: Reason
}
export interface Counts {
  outcomes: Record<Channel, Record<Outcome, number>>
  conflictingDuplicates: number
}
/** Different feed names that a task keeps. */
const FEEDS_MAX = 255

type Bytes = Buffer | string | null
/** Partitions that drive the watermark. */
type Driver = 'trades' | 'quotes'

export class Model {
  private readonly settings: ModelSettings
  private readonly symbols = new Map<string, SymbolState>()
  /** Largest event time so far, a partition. */
  private readonly maxTimeNs: Record<Driver, bigint | null> = { trades: null, quotes: null }
  private firstTradesTimeNs: bigint | null = null
  private taskWatermarkNs: bigint | null = null
  private readonly feeds = new Set<string>()
  private readonly tally: Counts

  constructor(settings: ModelSettingsGiven = {}) {
    this.settings = withDefaults(settings)
    const zero = () => Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>
    this.tally = {
      outcomes: Object.fromEntries(CHANNELS.map((channel) => [channel, zero()])) as Counts['outcomes'],
      conflictingDuplicates: 0,
    }
  }

  /** Applies one record. Texts stand for their UTF-8 bytes; `clockMs` null: no stamp is in the future. */
  apply(channel: Channel, offset: number, key: Bytes, value: Bytes, clockMs: number | null): Judgement {
    const judgement = this.judge(channel, offset, bytesOf(key), bytesOf(value), clockMs)
    this.tally.outcomes[channel][judgement.outcome]++
    return judgement
  }

  /**
   * Ends an epoch: moves the task's watermark, publishes what became final, then what is provisional and due.
   * Bars before signals; within a topic by symbol in order of first appearance, then by window. `clockMs` null: finals only.
   */
  closeEpoch(clockMs: number | null, idle: Record<Driver, boolean>): Out[] {
    this.advanceTo(this.watermarkAt(clockMs, idle))
    return this.publish(this.settings.provisional.on ? clockMs : null)
  }

  /** Closes every window (end of a replay). */
  closeAll(): Out[] {
    this.advanceTo(this.lastOpenEndNs())
    return this.publish(null)
  }

  counts(): Counts {
    return structuredClone(this.tally)
  }

  /** The task's watermark, null before the first; for tests. */
  get watermarkNs(): bigint | null {
    return this.taskWatermarkNs
  }

  private judge(channel: Channel, offset: number, key: Buffer | null, value: Buffer | null, clockMs: number | null): Judgement {
    try {
      const record = decode(channel, key, value, clockMs, this.settings)
      if (record.kind === 'filtered') return { outcome: 'filtered', reason: 'none' }
      const verdict = this.applyRecord(record, this.symbolOf(record.symbol), offset)
      if (verdict === 'conflicting duplicate') this.tally.conflictingDuplicates++
      const outcome = verdict === 'conflicting duplicate' ? 'duplicate' : verdict
      return { outcome, reason: outcome === 'late' ? 'late' : 'none' }
    } catch (error) {
      if (error instanceof Rejection) return { outcome: 'rejected', reason: error.reason }
      throw error
    }
  }

  private symbolOf(name: string): SymbolState {
    let state = this.symbols.get(name)
    if (state === undefined) {
      if (this.symbols.size === this.settings.maxSymbols) throw new Rejection('too_many_symbols')
      state = new SymbolState(name, this.symbols.size, this.settings)
      this.symbols.set(name, state)
    }
    return state
  }

  private applyRecord(record: Exclude<Decoded, { kind: 'filtered' }>, state: SymbolState, offset: number): Verdict {
    if (record.kind === 'trade' || record.kind === 'bar') this.noteFeed(record.feed)
    if (record.kind === 'bar') return this.applyBar(record, state)
    const driver = record.kind === 'quote' ? 'quotes' : 'trades'
    const before = this.maxTimeNs[driver]
    if (before === null || record.timeNs > before) this.maxTimeNs[driver] = record.timeNs
    if (driver === 'trades') this.firstTradesTimeNs ??= record.timeNs
    const isOpen = (second: number) => this.isOpen(second, driver)
    switch (record.kind) {
      case 'quote':
        return this.applyQuote(record, state)
      case 'trade':
        return state.applyTrade(record, offset, isOpen, (second) => this.isCut(second))
      case 'cancel':
        return state.applyCancel(record, isOpen)
      case 'correction':
        return state.applyCorrection(record, isOpen)
    }
  }

  private noteFeed(feed: string | null): void {
    if (feed === null || this.feeds.has(feed)) return
    if (this.feeds.size === FEEDS_MAX) throw new Rejection('too_many_feeds')
    this.feeds.add(feed)
  }

  private applyBar(bar: MinuteBar, state: SymbolState): Verdict {
    return state.minuteBars.apply(bar, this.settings)
  }

  private applyQuote(quote: Quote, state: SymbolState): Verdict {
    // the first window that ends after both watermarks is the one that holds the later of them
    const own = this.runningWatermarkNs('quotes')!
    const limit = this.taskWatermarkNs !== null && this.taskWatermarkNs > own ? this.taskWatermarkNs : own
    return state.quotes.judge(quote, secondOf(limit))
  }

  private runningWatermarkNs(driver: Driver): bigint | null {
    const max = this.maxTimeNs[driver]
    return max === null ? null : max - BigInt(this.settings.latenessMs) * NS_PER_MS
  }

  /** Whether a window is open for a record of this partition. */
  private isOpen(startSecond: number, driver: Driver): boolean {
    const endNs = BigInt(startSecond + 1) * NS_PER_SECOND
    return endNs > this.runningWatermarkNs(driver)! && (this.taskWatermarkNs === null || endNs > this.taskWatermarkNs)
  }

  /** After a start by `latest` the first windows may have lost trades that came before it. */
  private isCut(startSecond: number): boolean {
    if (!this.settings.latest) return false
    return BigInt(startSecond) * NS_PER_SECOND <= this.firstTradesTimeNs! + BigInt(this.settings.latenessMs) * NS_PER_MS
  }

  /** The task's watermark never goes back. */
  private advanceTo(watermarkNs: bigint | null): void {
    if (watermarkNs === null) return
    if (this.taskWatermarkNs === null || watermarkNs > this.taskWatermarkNs) this.taskWatermarkNs = watermarkNs
  }

  /** Where the task's watermark would go; null: it stays. */
  private watermarkAt(clockMs: number | null, idle: Record<Driver, boolean>): bigint | null {
    const active = (['trades', 'quotes'] as const).filter((driver) => !idle[driver])
    if (active.length > 0) {
      const watermarks = active.map((driver) => this.runningWatermarkNs(driver))
      return watermarks.reduce((least, next) => (least === null || next === null ? null : next < least ? next : least))
    }
    const endNs = this.lastOpenEndNs()
    if (clockMs === null || endNs === null) return null
    const byClockNs = clockNs(clockMs) - BigInt(this.settings.latenessMs) * NS_PER_MS
    return byClockNs < endNs ? byClockNs : endNs
  }

  /** End of the last window that has a trade, or must still get a final. */
  private lastOpenEndNs(): bigint | null {
    const windows = [...this.symbols.values()].flatMap((state) => state.windowsInOrder())
    const open = windows.filter(({ trades, published }) => trades.size > 0 || published !== null)
    const ends = open.map(({ endSecond }) => endSecond)
    return ends.length === 0 ? null : BigInt(Math.max(...ends)) * NS_PER_SECOND
  }

  private publish(clockMs: number | null): Out[] {
    const states = [...this.symbols.values()]
    const watermarkSecond = this.taskWatermarkNs === null ? -Infinity : secondOf(this.taskWatermarkNs)
    const drafts = states.flatMap((state) => publishFinals(state, watermarkSecond, this.settings))
    for (const state of states) {
      if (clockMs !== null) drafts.push(...publishProvisional(state, clockMs, this.settings))
      for (const publication of state.minuteBars.publications(clockMs, this.settings)) {
        drafts.push({ topic: 'signals', state, size: 'PT1M', ...publication })
      }
      if (this.taskWatermarkNs !== null) state.quotes.forgetBefore(watermarkSecond)
    }
    // sort is stable: revisions of one minute stay in the order in which they came
    return drafts.sort(inOrder).map(numbered)
  }
}

function bytesOf(given: Bytes): Buffer | null {
  return typeof given === 'string' ? Buffer.from(given) : given
}

function inOrder(a: Draft, b: Draft): number {
  if (a.topic !== b.topic) return a.topic < b.topic ? -1 : 1
  if (a.state !== b.state) return a.state.index - b.state.index
  if (a.size !== b.size) return a.size === 'PT1S' ? -1 : 1
  return a.startSecond - b.startSecond
}

function numbered(draft: Draft): Out {
  const { topic, state, isFinal, size, startSecond, feed, payload } = draft
  const seq = (state.seqs.get(`${topic} ${size}`) ?? 0) + 1
  state.seqs.set(`${topic} ${size}`, seq)
  const window = { size, start: secondText(startSecond), end: secondText(startSecond + (size === 'PT1S' ? 1 : MINUTE_SECONDS)) }
  return { topic, symbol: state.name, seq, is_final: isFinal, window, feed, payload }
}
