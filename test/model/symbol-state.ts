/** One symbol of a task: its open windows with their trades and ids, its quotes, its indicators. */

import { eligibility } from './conditions.ts'
import type { Eligibility } from './conditions.ts'
import type { Cancel, Correction, Trade } from './decode.ts'
import { secondOf } from './event-time.ts'
import type { IndicatorState } from './indicators.ts'
import { MinuteBars } from './minute-bars.ts'
import { QuoteBook } from './quotes.ts'
import type { ModelSettings } from './settings.ts'
import { Window } from './window.ts'
import type { WindowTrade } from './window.ts'

export type Verdict = 'applied' | 'duplicate' | 'conflicting duplicate' | 'late'

/** A dedupe key of an open window. Known for as long as the window is, whatever became of its trade. */
interface KnownTrade {
  window: Window
  timeNs: bigint
  price: number
  size: number
  eligible: Eligibility
  /** The trade as it counts now, null when a fix took it away. */
  trade: WindowTrade | null
  /** A correction gave it these values. */
  corrected: boolean
  /** Every trade that was known by this key: a repeat of any of them is no conflict. A corrected one (timeNs null) has its original's time here, and its own where it comes by itself. */
  versions: { window: Window; timeNs: bigint | null; price: number; size: number }[]
}

export class SymbolState {
  readonly name: string
  /** Place in order of first appearance. */
  readonly index: number
  readonly quotes = new QuoteBook()
  readonly minuteBars = new MinuteBars()
  indicators: IndicatorState | null = null
  /** Last seq by topic and window size. */
  readonly seqs = new Map<string, number>()
  private readonly settings: ModelSettings
  private readonly windows = new Map<number, Window>()
  private readonly known = new Map<string, KnownTrade>()
  /** Corrections and cancels that were applied, by all that they say; known for as long as the window they changed. */
  private readonly fixes = new Map<string, Window>()

  constructor(name: string, index: number, settings: ModelSettings) {
    this.name = name
    this.index = index
    this.settings = settings
  }

  /** Windows that are not final, oldest first. */
  windowsInOrder(): Window[] {
    return [...this.windows.values()].sort((a, b) => a.startSecond - b.startSecond)
  }

  /** A window is final: its trades and ids are not needed any more. */
  forget(window: Window): void {
    this.windows.delete(window.startSecond)
    for (const [key, known] of this.known) if (known.window === window) this.known.delete(key)
    for (const [fix, of] of this.fixes) if (of === window) this.fixes.delete(fix)
  }

  /** `isOpen` says whether the window that starts at a second is open for this record; `isCut` whether `latest` cut it. */
  applyTrade(trade: Trade, arrival: number, isOpen: (second: number) => boolean, isCut: (second: number) => boolean): Verdict {
    const second = secondOf(trade.timeNs)
    if (!isOpen(second)) return 'late'
    const key = keyOf(trade.exchange, trade.id)
    const known = this.find(key, isOpen)
    if (known !== undefined) {
      const same = known.versions.some(({ window, price, size, timeNs }) =>
        isOpen(window.startSecond) && price === trade.price && size === trade.size && (timeNs === null || timeNs === trade.timeNs))
      return same ? 'duplicate' : 'conflicting duplicate'
    }
    let window = this.windows.get(second)
    if (window === undefined) {
      window = new Window(second, this.settings.saleConditions)
      window.cut = isCut(second)
      this.windows.set(second, window)
    }
    const { timeNs, price, size, conditions, tape, feed } = trade
    const eligible = eligibility(this.settings.saleConditions, conditions, tape)
    const counted = { timeNs, arrival, price, size, eligible, feed }
    window.trades.add(counted)
    this.known.set(key, { window, timeNs, price, size, eligible, trade: counted, corrected: false, versions: [{ window, timeNs, price, size }] })
    this.changed(window)
    return 'applied'
  }

  /** Takes a trade away as if it had never been there; its id stays known. */
  applyCancel(cancel: Cancel, isOpen: (second: number) => boolean): Verdict {
    const known = this.find(keyOf(cancel.exchange, cancel.id), isOpen)
    if (known === undefined) return 'late'
    if (known.trade === null) return 'duplicate'
    if (!this.isNew(['cancel', cancel.exchange, cancel.id, String(cancel.timeNs)], known.window, isOpen)) return 'duplicate'
    this.remove(known)
    this.changed(known.window)
    return 'applied'
  }

  /** Puts the corrected trade in the original's place: same event time, same arrival, same feed. */
  applyCorrection(fix: Correction, isOpen: (second: number) => boolean): Verdict {
    const original = this.find(keyOf(fix.exchange, fix.originalId), isOpen)
    if (original === undefined) return 'late'
    if (original.trade === null) return 'duplicate'
    const { price, size } = fix
    const eligible = eligibility(this.settings.saleConditions, fix.conditions, fix.tape)
    if (fix.id === fix.originalId && original.corrected && sameValues(original, { price, size, eligible })) return 'duplicate'
    const said = ['correction', fix.exchange, fix.originalId, fix.id, String(fix.timeNs), price, size, eligible]
    if (!this.isNew(said, original.window, isOpen)) return 'duplicate'
    const replaced = original.trade
    this.remove(original)
    const key = keyOf(fix.exchange, fix.id)
    // the corrected trade may have come by itself, too: it counts once, in the original's place
    const other = this.find(key, isOpen)
    if (other !== undefined && other.trade !== null) {
      this.remove(other)
      this.changed(other.window)
    }
    const trade = { ...replaced, price, size, eligible }
    original.window.trades.add(trade)
    const { window, timeNs } = original
    const versions = [...(other?.versions ?? []), { window, timeNs: null, price, size }]
    this.known.set(key, { window, timeNs, price, size, eligible, trade, corrected: true, versions })
    this.changed(original.window)
    return 'applied'
  }

  /** Notes a fix of `window` by all that it says; false when it is known. */
  private isNew(said: unknown[], window: Window, isOpen: (second: number) => boolean): boolean {
    const text = JSON.stringify(said)
    const of = this.fixes.get(text)
    if (of !== undefined && isOpen(of.startSecond)) return false
    this.fixes.set(text, window)
    return true
  }

  private find(key: string, isOpen: (second: number) => boolean): KnownTrade | undefined {
    const known = this.known.get(key)
    return known !== undefined && isOpen(known.window.startSecond) ? known : undefined
  }

  private remove(known: KnownTrade): void {
    known.window.trades.delete(known.trade!)
    known.trade = null
  }

  /** Where the bar is another now, it is to be published again, and so are the signals that follow from it. */
  private changed(window: Window): void {
    if (!window.refresh()) return
    window.barChanged = true
    if (window.cut) return
    for (const other of this.windows.values()) if (other.startSecond >= window.startSecond) other.signalChanged = true
  }
}

type Values = Pick<WindowTrade, 'price' | 'size' | 'eligible'>

function sameValues(a: Values, b: Values): boolean {
  const eligibleAlike = a.eligible.price === b.eligible.price && a.eligible.volume === b.eligible.volume
  return a.price === b.price && a.size === b.size && eligibleAlike
}

/** A trade without exchange is none of an exchange without a name. */
function keyOf(exchange: string | null, id: string): string {
  return JSON.stringify([exchange, id])
}
