/** The kernel bench's stream: a market of so many symbols, quotes to trades 4:1, on a clock of its own; envelopes as a feed writes them. */
import { recordColumns } from '../src/ingest/record-queue.ts'
import { appendRecord, clearColumns } from '../src/ingest/packing.ts'
import type { RecordColumns } from '../src/ports/log.ts'
import { BATCH_ROWS } from '../src/state/layout.ts'
import { seeded } from '../test/fixtures/random.ts'

export interface Turn {
  trades: RecordColumns
  quotes: RecordColumns
}

const QUOTES_PER_TRADE = 4
const START_MS = Date.UTC(2025, 5, 2, 14, 0, 0)

const columns = (): RecordColumns => recordColumns(BATCH_ROWS, BATCH_ROWS * 40, BATCH_ROWS * 512)

/** Gives the records of one stretch of time after the other. */
export class Market {
  readonly #random = seeded(7)
  readonly #symbols: { name: string; cents: number; seq: number }[]
  readonly #recordsPerSecond: number
  #sent = 0

  constructor(symbols: number, recordsPerSecond: number) {
    this.#recordsPerSecond = recordsPerSecond
    this.#symbols = Array.from({ length: symbols }, (_, index) => ({
      name: `S${String(index).padStart(4, '0')}`, cents: 2_000 + ((index * 7_919) % 30_000), seq: 0,
    }))
  }

  /** The stream's own time, ms since the epoch, after what has been given. */
  get nowMs(): number {
    return START_MS + (this.#sent * 1000) / this.#recordsPerSecond
  }

  /** The next `count` records; `only` makes all of them trades, or quotes, or minute bars (in the place of trades). */
  next(count: number, only?: 'trades' | 'quotes' | 'bars'): Turn {
    const turn = { trades: columns(), quotes: columns() }
    clearColumns(turn.trades)
    clearColumns(turn.quotes)
    for (let i = 0; i < count; i++, this.#sent++) {
      const isTrade = only === undefined ? this.#sent % (QUOTES_PER_TRADE + 1) === 0 : only !== 'quotes'
      const symbol = this.#symbols[Math.floor(this.#random() * this.#symbols.length)]
      symbol.cents = Math.max(symbol.cents + Math.floor(this.#random() * 3) - 1, 100)
      symbol.seq++
      const text = this.#envelope(symbol, only === 'bars' ? 'bars' : isTrade ? 'trades' : 'quotes')
      const into = isTrade ? turn.trades : turn.quotes
      const record = { topic: isTrade ? 0 : 1, partition: 0, offset: this.#sent, timestampMs: -1, key: Buffer.from(symbol.name), value: Buffer.from(text) }
      if (!appendRecord(into, record)) throw new RangeError(`${count} records are more than a batch holds`)
    }
    return turn
  }

  #envelope(symbol: { name: string; cents: number; seq: number }, channel: string): string {
    const stamp = new Date(this.nowMs).toISOString()
    const exact = `${stamp.slice(0, -1)}${String(this.#sent % 1_000_000).padStart(6, '0')}Z`
    const price = symbol.cents / 100
    const size = 1 + (this.#sent % 500)
    const payload = channel === 'trades'
      ? `{"T":"t","S":"${symbol.name}","i":${52_983_525_000_000 + this.#sent},"x":"D","p":${price},"s":${size},"c":["@","I"],"t":"${exact}","z":"C"}`
      : channel === 'quotes'
        ? `{"T":"q","S":"${symbol.name}","bx":"Q","bp":${(price - 0.01).toFixed(2)},"bs":${size % 50},"ax":"P","ap":${(price + 0.01).toFixed(2)},"as":${size % 40},"c":["R"],"t":"${exact}","z":"C"}`
        : `{"T":"b","S":"${symbol.name}","o":${price},"h":${price + 1},"l":${price - 1},"c":${price},"v":${size},"vw":${(price + 0.003127).toFixed(6)},"n":${size},"t":"${stamp}"}`
    return `{"ingest_ts":"${stamp}","event_ts":"${exact}","feed":"sip","channel":"${channel}","symbol":"${symbol.name}","seq":${symbol.seq},"payload":${payload},"is_final":true,"source":"ws","version":1}`
  }
}
