/**
 * A task's memory that the kernel bench can set back: brought to a steady state once (every symbol with its indicators full and
 * windows open), then each sample begins from that state.
 */
import { readFileSync } from 'node:fs'
import { makeBundle } from '../src/bundle/bundle.ts'
import type { ResultSettings } from '../src/bundle/config-image.ts'
import type { RecordColumns } from '../src/ports/log.ts'
import { Kernel, loadBatch } from '../src/state/kernel.ts'
import { HEADER_BASE, HEADER_BYTES, STATE_BASE, grownCapacities, initialCapacities, tableNumber } from '../src/state/layout.ts'
import { TaskMemory } from '../src/state/task-memory.ts'
import { Market } from './kernel-records.ts'

const KERNEL = readFileSync(new URL('../build/kernel.wasm', import.meta.url))

/** The contract's defaults, but minute bars are read. */
export const SETTINGS: ResultSettings = {
  latenessMs: 2_000, maxFutureMs: 1_000, maxSymbols: 20_000, provisional: true, provisionalDelayMs: 0, provisionalRefreshMs: 250,
  provisionalMaxAgeMs: 10_000, quoteStaleAfterMs: 15_000, quoteDedupe: 'seq', session: 'us-equity', saleConditions: 'all', fieldMap: {},
}

/** Seconds of the stream before the first sample: at one trade a symbol and second the 60 returns are full then. */
const WARM_UP_SECONDS = 90
/** No table grows within a sample: a batch of trades alone adds to four seconds of them. */
const ROWS = { window: 2_048, trade: 4_096, quoteId: 8_192 }
const TURN_MS = 200

export const TRADES = 0
export const QUOTES = 1
export const BARS = 2

export class BenchTask {
  readonly kernel: Kernel
  readonly market: Market
  #header = new Uint8Array(0)
  #state = new Uint8Array(0)

  constructor(symbols: number, recordsPerSecond: number) {
    const capacities = Object.entries(ROWS).reduce((all, [table, rows]) => grownCapacities(all, tableNumber(table), rows), initialCapacities())
    this.kernel = new Kernel(new WebAssembly.Module(KERNEL), TaskMemory.create(makeBundle(KERNEL, SETTINGS).image, capacities))
    this.market = new Market(symbols, recordsPerSecond)
    this.kernel.openEpoch()
    const turns = (WARM_UP_SECONDS * 1000) / TURN_MS
    for (let turn = 0; turn < turns; turn++) {
      const { trades, quotes } = this.market.next((recordsPerSecond * TURN_MS) / 1000)
      this.run(TRADES, trades)
      this.run(QUOTES, quotes)
      this.close()
    }
  }

  /** Decodes and applies records, as a step does. */
  run(topic: number, records: RecordColumns): void {
    this.load(records)
    this.decode(topic, records)
    this.kernel.apply(records.count)
  }

  load(records: RecordColumns): void {
    loadBatch(this.kernel.task, records, 0, records.count)
  }

  decode(topic: number, records: RecordColumns): void {
    this.kernel.decode(topic, records.count, BigInt(Math.ceil(this.market.nowMs)) * 1_000_000n)
  }

  /** Ends the epoch at the stream's own time; returns the number of outputs. */
  close(): number {
    this.kernel.close(Math.ceil(this.market.nowMs), 0)
    const { task } = this.kernel
    const outputs = task.number('outBars') + task.number('outSignals')
    this.kernel.openEpoch()
    return outputs
  }

  /** Keeps the state as it is now for `restore`. */
  keep(): void {
    const bytes = this.kernel.task.bytes()
    this.#header = bytes.slice(HEADER_BASE, HEADER_BASE + HEADER_BYTES)
    this.#state = bytes.slice(STATE_BASE, this.kernel.task.number('stateEnd'))
  }

  restore(): void {
    const bytes = this.kernel.task.bytes()
    if (this.kernel.task.number('stateEnd') !== STATE_BASE + this.#state.length) throw new Error('a table grew within a sample: it needs more rows at the start')
    bytes.set(this.#header, HEADER_BASE)
    bytes.set(this.#state, STATE_BASE)
  }
}

/** Outcomes so far must all be `applied`: a bench of duplicates or rejects would measure something else. */
export function assertAllApplied(task: BenchTask): void {
  for (const channel of ['trades', 'quotes'] as const) {
    for (const outcome of ['duplicate', 'late', 'filtered', 'rejected'] as const) {
      const count = task.kernel.task.number(`counts.${channel}.${outcome}`)
      if (count !== 0) throw new Error(`${count} ${channel} are ${outcome}`)
    }
  }
}
