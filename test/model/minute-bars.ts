/** Minute bars of one symbol: indicators of their own, one signal for each bar that is new or a revision of the newest. */

import type { MinuteBar } from './decode.ts'
import { secondOf } from './event-time.ts'
import { advance, minuteSignal } from './indicators.ts'
import type { IndicatorState, SignalPayload } from './indicators.ts'
import { sessionOf } from './session.ts'
import type { Session } from './settings.ts'

export const MINUTE_SECONDS = 60

export interface MinutePublication {
  startSecond: number
  feed: string | null
  payload: SignalPayload
}

export class MinuteBars {
  private newestSecond: number | null = null
  /** State before the newest bar, from which a revision starts again. */
  private before: IndicatorState | null = null
  private after: IndicatorState | null = null
  /** Values of the newest bar as last seen, by `is_final`. */
  private seen = new Map<boolean | null, string>()
  /** What is to be published, in the order in which it came. */
  pending: MinutePublication[] = []

  /** A bar older than the newest changes nothing any more: late. */
  apply(bar: MinuteBar, session: Session): 'applied' | 'duplicate' | 'late' {
    const startSecond = Math.floor(secondOf(bar.timeNs) / MINUTE_SECONDS) * MINUTE_SECONDS
    if (this.newestSecond !== null && startSecond < this.newestSecond) return 'late'
    if (startSecond !== this.newestSecond) {
      this.before = this.after
      this.seen.clear()
      this.newestSecond = startSecond
    }
    const values = [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.vwap, bar.count].join(' ')
    if (this.seen.get(bar.isFinal) === values) return 'duplicate'
    this.seen.set(bar.isFinal, values)
    const input = {
      startSecond,
      close: bar.close,
      priceVolume: bar.vwap * bar.volume,
      vwapVolume: bar.volume,
      session: sessionOf(session, startSecond),
    }
    this.after = advance(this.before, input, MINUTE_SECONDS)
    this.pending.push({ startSecond, feed: bar.feed, payload: minuteSignal(this.after) })
    return 'applied'
  }
}
