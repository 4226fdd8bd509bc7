import type { FeedRecord, RecordSource } from '../feed/source.ts'
import { arrivalsWithin, marketSecond, SECONDS_BEFORE } from './market.ts'
import type { MarketRecord } from './market.ts'

/** The market as an endless source. A record's time is its arrival, so a feed by the clock sends each when it comes. */
export class MarketSource implements RecordSource {
  readonly #seed: number
  /** Made seconds by their start; one is made once and used while it can still have arrivals. */
  readonly #made = new Map<number, MarketRecord[]>()
  #secondMs: number
  #arrivals: MarketRecord[]
  #next: MarketRecord[] | undefined
  #at = 0
  #head: FeedRecord | undefined

  constructor(seed: number, fromMs: number) {
    this.#seed = seed
    this.#secondMs = Math.floor(fromMs / 1000) * 1000
    this.#arrivals = this.#arrivalsOf(this.#secondMs).filter(({ arrivalMs }) => arrivalMs >= fromMs)
    this.#take()
  }

  get head(): FeedRecord | undefined {
    return this.#head
  }

  advance(): undefined {
    this.#at++
    // Made in the middle of a second: at its end the bars come, and nothing may hold up who reads them.
    if (this.#at >= this.#arrivals.length / 2) this.#next ??= this.#arrivalsOf(this.#secondMs + 1000)
    this.#take()
    return undefined
  }

  #take(): void {
    while (this.#at >= this.#arrivals.length) {
      this.#arrivals = this.#next ?? this.#arrivalsOf(this.#secondMs + 1000)
      this.#next = undefined
      this.#secondMs += 1000
      this.#at = 0
    }
    const { channel, symbol, arrivalMs, text } = this.#arrivals[this.#at]
    this.#head = { channel, symbol, eventTimeMs: arrivalMs, line: Buffer.from(text), rawBad: false }
  }

  #arrivalsOf(secondMs: number): MarketRecord[] {
    const firstMs = secondMs - SECONDS_BEFORE * 1000
    for (const madeMs of this.#made.keys()) if (madeMs < firstMs) this.#made.delete(madeMs)
    const seconds: MarketRecord[][] = []
    for (let fromMs = firstMs; fromMs <= secondMs; fromMs += 1000) {
      const made = this.#made.get(fromMs) ?? marketSecond(this.#seed, fromMs)
      this.#made.set(fromMs, made)
      seconds.push(made)
    }
    return arrivalsWithin(seconds, secondMs)
  }
}
