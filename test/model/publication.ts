/** What a symbol publishes at an epoch's end, before order and seq are given. Contract, section 3. */

import { advance, secondSignal } from './indicators.ts'
import type { IndicatorState, SignalPayload } from './indicators.ts'
import { secondText } from './event-time.ts'
import { sessionOf } from './session.ts'
import type { ModelSettings } from './settings.ts'
import type { SymbolState } from './symbol-state.ts'
import type { Bar, Window } from './window.ts'

export interface BarPayload {
  o: number | null
  h: number | null
  l: number | null
  c: number | null
  v: number
  vwap: number | null
  count: number
  /** The window's end. */
  t: string
  retracted?: true
}

export interface Out {
  topic: 'bars' | 'signals'
  symbol: string
  seq: number
  is_final: boolean
  window: { size: 'PT1S' | 'PT1M'; start: string; end: string }
  /** null where the closing trade named none. */
  feed: string | null
  payload: BarPayload | SignalPayload
}

/** An output that has no seq yet, with what puts it in order. */
export interface Draft {
  topic: 'bars' | 'signals'
  state: SymbolState
  isFinal: boolean
  size: 'PT1S' | 'PT1M'
  startSecond: number
  feed: string | null
  payload: BarPayload | SignalPayload
}

/** Closes the windows that end at or before `watermarkSecond`, oldest first: each becomes final, or was never to be seen. */
export function publishFinals(state: SymbolState, watermarkSecond: number, settings: ModelSettings): Draft[] {
  const drafts: Draft[] = []
  for (const window of state.windowsInOrder()) {
    if (window.endSecond > watermarkSecond) break
    state.forget(window)
    if (window.cut) continue
    if (window.bar !== null) {
      state.indicators = advance(state.indicators, inputOf(window, window.bar, settings), 1)
      drafts.push(barDraft(state, window, window.bar, true))
      drafts.push(signalDraft(state, window, window.bar, state.indicators, true, settings))
    } else if (window.published !== null) {
      drafts.push(retraction(state, window, true))
    }
  }
  return drafts
}

/** What is due by the clock of the windows that are not final: each continues from the provisional values before it. */
export function publishProvisional(state: SymbolState, clockMs: number, settings: ModelSettings): Draft[] {
  const drafts: Draft[] = []
  let indicators = state.indicators
  for (const window of state.windowsInOrder()) {
    if (window.cut) continue
    if (window.bar !== null) indicators = advance(indicators, inputOf(window, window.bar, settings), 1)
    if (!isDue(window, clockMs, settings)) continue
    if (window.bar !== null) {
      if (window.barChanged) drafts.push(barDraft(state, window, window.bar, false))
      drafts.push(signalDraft(state, window, window.bar, indicators!, false, settings))
      window.published = { clockMs, retracted: false }
    } else {
      // isDue: it was published with a bar
      drafts.push(retraction(state, window, false))
      window.published = { clockMs, retracted: true }
    }
    window.barChanged = false
    window.signalChanged = false
  }
  return drafts
}

function isDue(window: Window, clockMs: number, settings: ModelSettings): boolean {
  const { delayMs, refreshMs, maxAgeMs } = settings.provisional
  const endMs = window.endSecond * 1000
  if (clockMs < endMs + delayMs || endMs <= clockMs - maxAgeMs) return false
  if (!window.barChanged && !window.signalChanged) return false
  // nothing to show, and nothing to take back
  if (window.bar === null && (window.published === null || window.published.retracted)) return false
  return window.published === null || clockMs - window.published.clockMs >= refreshMs
}

function inputOf(window: Window, bar: Bar, settings: ModelSettings) {
  const { close, priceVolume, vwapVolume } = bar
  const { startSecond } = window
  return { startSecond, close, priceVolume, vwapVolume, session: sessionOf(settings.session, startSecond) }
}

function barDraft(state: SymbolState, window: Window, bar: Bar, isFinal: boolean): Draft {
  const { open: o, high: h, low: l, close: c, volume: v, vwap, count, feed } = bar
  const payload: BarPayload = { o, h, l, c, v, vwap, count, t: secondText(window.endSecond) }
  return { topic: 'bars', state, isFinal, size: 'PT1S', startSecond: window.startSecond, feed, payload }
}

function retraction(state: SymbolState, window: Window, isFinal: boolean): Draft {
  const t = secondText(window.endSecond)
  const payload: BarPayload = { o: null, h: null, l: null, c: null, v: 0, vwap: null, count: 0, t, retracted: true }
  return { topic: 'bars', state, isFinal, size: 'PT1S', startSecond: window.startSecond, feed: window.lastFeed, payload }
}

function signalDraft(
  state: SymbolState,
  window: Window,
  bar: Bar,
  indicators: IndicatorState,
  isFinal: boolean,
  settings: ModelSettings,
): Draft {
  const quote = state.quotes.last(window.startSecond)
  const payload = secondSignal(indicators, quote, window.endSecond, settings.quoteStaleAfterMs)
  return { topic: 'signals', state, isFinal, size: 'PT1S', startSecond: window.startSecond, feed: bar.feed, payload }
}
