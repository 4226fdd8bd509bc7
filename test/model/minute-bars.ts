/**
 * Minute bars of one symbol (contract, sections 1 to 3): indicators of their own over final bars, one final signal for each final bar
 * that is new or a revision of the newest, provisional signals for bars that are not final.
 */

import type { MinuteBar } from './decode.ts'
import { secondOf } from './event-time.ts'
import { advance, minuteSignal } from './indicators.ts'
import type { IndicatorState, SignalPayload } from './indicators.ts'
import { sessionOf } from './session.ts'
import type { ModelSettings } from './settings.ts'

export const MINUTE_SECONDS = 60
/** Revisions of the newest bar that are remembered. */
const SEEN_MAX = 8

export interface MinutePublication {
  startSecond: number
  isFinal: boolean
  feed: string | null
  payload: SignalPayload
}

interface Provisional {
  bar: MinuteBar
  startSecond: number
  values: string
  isDue: boolean
}

export class MinuteBars {
  private newestSecond = Number.NEGATIVE_INFINITY
  /** State before the newest final bar, from which a revision starts again, and with it. */
  private before: IndicatorState | null = null
  private after: IndicatorState | null = null
  /** Values of the newest final bar, as first seen and as revised. */
  private seen: string[] = []
  private provisional: Provisional | null = null
  /** Final signals to be published, in the order in which their bars came. */
  private pending: MinutePublication[] = []

  apply(bar: MinuteBar, settings: ModelSettings): 'applied' | 'duplicate' | 'late' {
    const startSecond = Math.floor(secondOf(bar.timeNs) / MINUTE_SECONDS) * MINUTE_SECONDS
    const values = [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap, bar.count].join(' ')
    return bar.isFinal ? this.applyFinal(bar, startSecond, values, settings) : this.applyProvisional(bar, startSecond, values)
  }

  private applyFinal(bar: MinuteBar, startSecond: number, values: string, settings: ModelSettings): 'applied' | 'duplicate' | 'late' {
    if (startSecond < this.newestSecond) return 'late'
    if (startSecond > this.newestSecond) {
      this.before = this.after
      this.seen = []
      this.newestSecond = startSecond
    }
    if (this.seen.includes(values)) return 'duplicate'
    this.seen = [...this.seen, values].slice(-SEEN_MAX)
    this.after = advance(this.before, inputOf(bar, startSecond, settings), MINUTE_SECONDS)
    this.pending.push({ startSecond, isFinal: true, feed: bar.feed, payload: minuteSignal(this.after) })
    return 'applied'
  }

  private applyProvisional(bar: MinuteBar, startSecond: number, values: string): 'applied' | 'duplicate' | 'late' {
    const last = this.provisional
    if (startSecond <= this.newestSecond || (last !== null && startSecond < last.startSecond)) return 'late'
    if (last !== null && startSecond === last.startSecond && values === last.values) return 'duplicate'
    this.provisional = { bar, startSecond, values, isDue: true }
    return 'applied'
  }

  /** What goes out at an epoch's end. `clockMs` null: nothing provisional. */
  publications(clockMs: number | null, settings: ModelSettings): MinutePublication[] {
    const drafts = this.pending
    this.pending = []
    const { provisional } = this
    if (provisional === null || !provisional.isDue) return drafts
    provisional.isDue = false
    const { bar, startSecond } = provisional
    const endMs = (startSecond + MINUTE_SECONDS) * 1000
    if (clockMs === null || clockMs >= endMs + settings.provisional.maxAgeMs || startSecond <= this.newestSecond) return drafts
    const state = advance(this.after, inputOf(bar, startSecond, settings), MINUTE_SECONDS)
    return [...drafts, { startSecond, isFinal: false, feed: bar.feed, payload: minuteSignal(state) }]
  }
}

function inputOf({ close, volume, vwap }: MinuteBar, startSecond: number, settings: ModelSettings) {
  // a bar without a volume-weighted price says nothing to VWAPs
  const vwapVolume = vwap > 0 ? volume : 0
  return { startSecond, close, priceVolume: vwap * vwapVolume, vwapVolume, session: sessionOf(settings.session, startSecond) }
}
