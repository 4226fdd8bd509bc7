import { at } from './series.ts'

interface Waiting {
  endMs: number
  offset: number
}

export type MatchFound = (side: 'bars' | 'signals', symbol: string, offset: number, detail: string) => void

/**
 * Matches the final bars of one partition with its final PT1S signals. Both come in window order per symbol, so what
 * waits is only what one topic was read ahead of the other.
 */
export class FinalMatch {
  matched = 0
  readonly #waiting = { bars: new Map<string, Waiting[]>(), signals: new Map<string, Waiting[]>() }
  /** Where a symbol's finals begin in each topic. */
  readonly #firstEndMs = { bars: new Map<string, number>(), signals: new Map<string, number>() }
  readonly #isCut: { bars: boolean; signals: boolean }
  readonly #found: MatchFound

  /** `isCut`: which topic's beginning is gone, so that what matches there can't be known. */
  constructor(isCut: { bars: boolean; signals: boolean }, found: MatchFound) {
    this.#isCut = isCut
    this.#found = found
  }

  bar(symbol: string, endMs: number, offset: number, isRetracted: boolean): void {
    this.#arrive('bars', symbol, endMs, offset, isRetracted)
  }

  signal(symbol: string, endMs: number, offset: number): void {
    this.#arrive('signals', symbol, endMs, offset, false)
  }

  /** A final past the judged end: it may be the other of one that waits, but needs none itself. */
  lookAhead(side: 'bars' | 'signals', symbol: string, endMs: number, offset: number, isRetracted: boolean): void {
    if (this.#waiting[other(side)].has(symbol)) this.#arrive(side, symbol, endMs, offset, isRetracted, true)
  }

  /** True when a final of that topic waits for its other. */
  waits(side: 'bars' | 'signals'): boolean {
    return this.#waiting[side].size > 0
  }

  /** Nothing more will come: what waits has no other. */
  end(): void {
    for (const side of ['bars', 'signals'] as const) {
      for (const [symbol, list] of this.#waiting[side]) {
        for (const waiting of list) this.#unmatched(side, symbol, waiting)
      }
      this.#waiting[side].clear()
    }
  }

  #arrive(side: 'bars' | 'signals', symbol: string, endMs: number, offset: number, isRetracted: boolean, isAhead = false): void {
    const across = this.#waiting[other(side)]
    const list = across.get(symbol) ?? []
    if (!this.#firstEndMs[side].has(symbol)) this.#firstEndMs[side].set(symbol, endMs)
    while (list.length > 0 && list[0].endMs < endMs) {
      this.#unmatched(other(side), symbol, list.shift()!)
    }
    const met = list.length > 0 && list[0].endMs === endMs ? list.shift() : undefined
    const overtaken = list.length > 0
    if (list.length === 0) across.delete(symbol)
    if (met !== undefined) {
      if (isRetracted)
        this.#found('signals', symbol, met.offset, `The bar of ${at(endMs)} was retracted, but it has a final signal.`)
      else this.matched++
      return
    }
    if (isRetracted || isAhead) return
    // The other topic is past this window for this symbol, in order: its final is missing there.
    if (overtaken) this.#unmatched(side, symbol, { endMs, offset })
    else push(this.#waiting[side], symbol, { endMs, offset })
  }

  #unmatched(side: 'bars' | 'signals', symbol: string, waiting: Waiting): void {
    const firstEndMs = this.#firstEndMs[other(side)].get(symbol) ?? Number.POSITIVE_INFINITY
    if (this.#isCut[other(side)] && waiting.endMs < firstEndMs) return
    const missing = side === 'bars' ? 'The final bar of' : 'The final signal of'
    const lacks = side === 'bars' ? 'has no final signal.' : 'has no final bar.'
    this.#found(side, symbol, waiting.offset, `${missing} ${at(waiting.endMs)} ${lacks}`)
  }
}

function other(side: 'bars' | 'signals'): 'bars' | 'signals' {
  return side === 'bars' ? 'signals' : 'bars'
}

function push(lists: Map<string, Waiting[]>, symbol: string, waiting: Waiting): void {
  const list = lists.get(symbol)
  if (list === undefined) lists.set(symbol, [waiting])
  else list.push(waiting)
}
