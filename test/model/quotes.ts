/**
 * The quotes of one symbol. An applied quote has effect from one window on; the quote of a window is the last by
 * (event time, arrival) of those with effect on it, so each open window keeps its own, whatever came for later ones.
 */

import type { Quote } from './decode.ts'
import { secondOf } from './event-time.ts'

interface AppliedQuote {
  quote: Quote
  /** First window that it has effect on. */
  fromSecond: number
}

export class QuoteBook {
  private applied: AppliedQuote[] = []
  /** Event time of each key known. */
  private known = new Map<string, bigint>()

  /** The quote of the window that starts at `second`. */
  last(second: number): Quote | undefined {
    let last: Quote | undefined
    for (const { quote, fromSecond } of this.applied) {
      if (fromSecond <= second && (last === undefined || quote.timeNs >= last.timeNs)) last = quote
    }
    return last
  }

  /** Judges a quote and applies it; `firstOpen` is the first window that is open for it. */
  judge(quote: Quote, firstOpen: number): 'applied' | 'duplicate' | 'late' {
    const fromSecond = Math.max(firstOpen, secondOf(quote.timeNs))
    const last = this.last(fromSecond)
    if (last !== undefined && quote.timeNs < last.timeNs) return 'late'
    const key = `${quote.timeNs} ${quote.key}`
    if (this.known.has(key)) return 'duplicate'
    this.known.set(key, quote.timeNs)
    // those it follows in every window that they have effect on are the last of none any more
    this.applied = this.applied.filter((other) => other.fromSecond < fromSecond || other.quote.timeNs > quote.timeNs)
    this.applied.push({ quote, fromSecond })
    return 'applied'
  }

  /** Windows before `firstOpen` are closed: keeps what can still be some window's last, or make a repeat a duplicate. */
  forgetBefore(firstOpen: number): void {
    const last = this.last(firstOpen)
    if (last === undefined) return
    this.applied = this.applied.filter(({ quote, fromSecond }) => quote === last || fromSecond > firstOpen)
    // a repeat of an older one would be late
    for (const [key, timeNs] of this.known) if (timeNs < last.timeNs) this.known.delete(key)
  }
}
