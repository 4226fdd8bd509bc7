/**
 * Lateness follows from a partition's own content: the same records are late whatever the batches, the epochs and the restarts. And
 * while old data is caught up, trades and quotes are read in step by event time, so what is open stays bounded.
 */
import { describe, expect, it } from 'vitest'
import { blankRecord, TaskState } from '../../src/epoch/task-state.ts'
import { nextChannel } from '../../src/epoch/decide.ts'
import type { ChannelView } from '../../src/epoch/decide.ts'
import { Suspicion } from '../../src/epoch/suspicion.ts'
import { appendRecord, clearColumns } from '../../src/ingest/packing.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { StoreError } from '../../src/ports/snapshot-store.ts'
import type { SnapshotStore } from '../../src/ports/snapshot-store.ts'
import { loadSnapshot, readManifest, stateHead, storeSnapshot } from '../../src/recovery/snapshots.ts'
import { copyTables, encodeTables } from '../../src/state/arrow-tables.ts'
import { CLOSE_ALL, Kernel, copyOutputs } from '../../src/state/kernel.ts'
import * as layout from '../../src/state/layout.ts'
import { NONE, TaskMemory } from '../../src/state/task-memory.ts'
import { integerBetween, seeded } from '../fixtures/random.ts'
import { quoteRecord, tradeRecord } from '../model/records.ts'
import type { ModelSettingsGiven } from '../model/settings.ts'
import { stampNs } from './decode-model.ts'
import { DirectRunner } from './direct-runner.ts'
import { bundleOf, kernelModule, textsOf } from './kernel-under-test.ts'
import { randomStream } from './random-stream.ts'
import { applyToKernel, closeKernel, kernelOf } from './side-by-side.ts'

type Channel = 'trades' | 'quotes'
type Row = { key: string | null; value: string }

const CHANNELS = ['trades', 'quotes'] as const
const JOB = { group: 'g', tradesTopic: 't', partitions: 1 }
const SEEDS = Array.from({ length: 16 }, (_, i) => 7_368_787 * (i + 1))
const BUSY = { trades: false, quotes: false }
const SECOND_NS = 1_000_000_000n

/** A store in memory. */
class MemoryStore implements SnapshotStore {
  readonly place = 'memory'
  readonly #files = new Map<string, Uint8Array>()
  put(key: string, bytes: Uint8Array): Promise<void> {
    this.#files.set(key, Uint8Array.from(bytes))
    return Promise.resolve()
  }
  async putNew(key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.#files.has(key)) return false
    await this.put(key, bytes)
    return true
  }
  get(key: string): Promise<Uint8Array> {
    const bytes = this.#files.get(key)
    return bytes === undefined ? Promise.reject(new StoreError('missing', `no ${key}`)) : Promise.resolve(bytes)
  }
  list(prefix: string): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()].filter((key) => key.startsWith(prefix)).sort())
  }
  delete(keys: string[]): Promise<void> {
    for (const key of keys) this.#files.delete(key)
    return Promise.resolve()
  }
}

/** The kernel over a memory that was loaded from a snapshot of this one, taken at a barrier; its config is the same. */
async function restored(kernel: Kernel): Promise<Kernel> {
  const store = new MemoryStore()
  const record = blankRecord({ ...JOB, inputs: ['trades', 'quotes', ''] }, 0, 'one', '00'.repeat(32), [0, 0, 0], false, 0)
  await storeSnapshot(store, JOB, record, stateHead(kernel.task), encodeTables(copyTables(kernel.task)), { hash: '00'.repeat(32), bytes: new Uint8Array(1) }, 0)
  const image = kernel.task.bytes().slice(layout.CONFIG_BASE, layout.CONFIG_BASE + layout.CONFIG_BYTES)
  const other = new Kernel(kernelModule, await loadSnapshot(store, await readManifest(store, 'g', 0, 0), image))
  other.openEpoch()
  return other
}

interface Result {
  outcomes: Record<Channel, string[]>
  /** Finals by topic and symbol, without clock and seq. */
  finals: Map<string, string[]>
}

function noteFinals(finals: Map<string, string[]>, texts: string[]): void {
  for (const text of texts) {
    const { channel, symbol, is_final: isFinal, payload } = JSON.parse(text)
    if (!isFinal || payload.retracted) continue
    const plain = text.replace(/^\{"ingest_ts":"[^"]*"/, '{').replace(/"seq":\d+/, '"seq":0')
    finals.set(`${channel} ${symbol}`, [...(finals.get(`${channel} ${symbol}`) ?? []), plain])
  }
}

/** Each channel's records in order, cut into batches and epochs, with restarts from a snapshot between epochs: all by chance. */
async function run(rows: Record<Channel, Row[]>, settings: ModelSettingsGiven, seed: number | null): Promise<Result & { restarts: number }> {
  const random = seeded(seed ?? 0)
  const outcomes = { trades: [] as string[], quotes: [] as string[] }
  const finals = new Map<string, string[]>()
  let kernel = kernelOf(settings)
  let clockMs = 1_730_467_790_000
  let restarts = 0
  while (CHANNELS.some((channel) => outcomes[channel].length < rows[channel].length)) {
    const channel = seed === null ? CHANNELS.find((one) => outcomes[one].length < rows[one].length)! : CHANNELS[integerBetween(random, 0, 2)]
    const next = outcomes[channel].length
    const records = rows[channel].slice(next, seed === null ? undefined : next + integerBetween(random, 1, 25))
    outcomes[channel].push(...applyToKernel(kernel, { channel, records, clockMs: null }, next).map(({ outcome }) => outcome))
    if (seed === null || random() > 0.3) continue
    clockMs += integerBetween(random, 0, 3_000)
    noteFinals(finals, closeKernel(kernel, { clockMs, idle: BUSY }))
    if (random() > 0.3) continue
    kernel = await restored(kernel)
    restarts++
  }
  kernel.close(clockMs, CLOSE_ALL)
  noteFinals(finals, textsOf(copyOutputs(kernel.task)))
  return { outcomes, finals, restarts }
}

/** Which trades are late by the contract's words: the window's end is not above the partition's largest event time − lateness. */
function lateTrades(rows: Row[], outcomes: string[], latenessMs: number): boolean[] {
  let maxNs = -(2n ** 63n)
  return rows.map(({ value }, i) => {
    if (!['applied', 'duplicate', 'late'].includes(outcomes[i])) return false
    const { event_ts: stamp, payload } = JSON.parse(value) as { event_ts: string; payload: { T: string } }
    const timeNs = stampNs(stamp)!
    if (timeNs > maxNs) maxNs = timeNs
    return payload.T === 't' && (timeNs / SECOND_NS + 1n) * SECOND_NS <= maxNs - BigInt(latenessMs) * 1_000_000n
  })
}

describe('lateness', () => {
  it('is decided by the partition alone: the same over any batches, epochs and restarts from snapshots, and by the formula', { timeout: 300_000 }, async () => {
    let [late, restarts, finals] = [0, 0, 0]
    for (const seed of SEEDS) {
      const { actions, settings: drawn } = randomStream(seed, 220)
      // which symbols are beyond the limit hangs on how topics interleave
      const settings = { ...drawn, maxSymbols: 20_000 }
      const rowsOf = (channel: Channel): Row[] =>
        actions.flatMap((action) => (action.do === 'apply' && action.channel === channel ? action.records : []))
      const rows = { trades: rowsOf('trades'), quotes: rowsOf('quotes') }
      const whole = await run(rows, settings, null)
      for (const other of [seed, seed + 1, seed + 2]) {
        const cut = await run(rows, settings, other)
        expect({ outcomes: cut.outcomes, finals: cut.finals }, `seed ${seed}, cut ${other}`).toEqual({ outcomes: whole.outcomes, finals: whole.finals })
        restarts += cut.restarts
      }
      const due = lateTrades(rows.trades, whole.outcomes.trades, settings.latenessMs!)
      rows.trades.forEach(({ value }, i) => {
        const { payload } = JSON.parse(whole.outcomes.trades[i] === 'rejected' ? '{}' : value) as { payload?: { T?: string } }
        if (payload?.T === 't') expect(whole.outcomes.trades[i] === 'late', `seed ${seed}, trade ${i}`).toBe(due[i])
      })
      late += due.filter((isLate) => isLate).length
      finals += [...whole.finals.values()].flat().length
    }
    expect(late).toBeGreaterThan(SEEDS.length * 3)
    expect(restarts).toBeGreaterThan(SEEDS.length * 4)
    expect(finals).toBeGreaterThan(SEEDS.length * 20)
  })
})

const START_MS = Date.parse('2025-12-03T14:30:00Z')
const TRADES_PER_S = 80
const QUOTES_PER_S = 80
const LATENESS_MS = 2_000
const FEED_ROWS = 512

/** Record i of a channel: an even stream. */
function recordAt(channel: number, i: number): Row {
  const t = new Date(START_MS + (i * 1_000) / (channel === 0 ? TRADES_PER_S : QUOTES_PER_S)).toISOString()
  return channel === 0 ? tradeRecord({ t, i }) : quoteRecord({ t }, { seq: i })
}

interface CaughtUp {
  openWindowsMax: number
  queuedMax: number
  counts: Record<string, number>
  bars: number
}

/** Catches up on so many seconds of trades and quotes, hours after they happened; `pick` says which channel is read next. */
async function catchUp(seconds: number, pick: typeof nextChannel): Promise<CaughtUp> {
  const bundle = bundleOf({ provisional: false, latenessMs: LATENESS_MS })
  const memory = TaskMemory.create(bundle.image)
  const last = blankRecord({ ...JOB, inputs: ['trades', 'quotes', ''] }, 0, 'one', bundle.hash, [0, 0, -1], false, 0)
  const state = new TaskState({ partition: 0, instance: 'one', bundle, module: kernelModule, memory, runner: new DirectRunner(), last })
  const clockMs = START_MS + 6 * 3_600_000
  const totals = [seconds * TRADES_PER_S, seconds * QUOTES_PER_S]
  const fed = [0, 0]
  const columns = recordColumns(FEED_ROWS, FEED_ROWS * 16, FEED_ROWS * 1_024)
  const window = layout.tableNumber('window')
  const caught: CaughtUp = { openWindowsMax: 0, queuedMax: 0, counts: {}, bars: 0 }
  const feed = (channel: number): void => {
    const queue = state.queues[channel]
    while (fed[channel] < totals[channel] && !queue.isFull) {
      clearColumns(columns)
      for (; columns.count < FEED_ROWS && fed[channel] < totals[channel]; fed[channel]++) {
        const { key, value } = recordAt(channel, fed[channel])
        appendRecord(columns, { topic: 0, partition: 0, timestampMs: -1, offset: fed[channel], key: Buffer.from(key!), value: Buffer.from(value) })
      }
      for (let row = 0; row < columns.count; row++) queue.put(columns, row)
    }
    if (fed[channel] === totals[channel]) queue.reachedEnd(fed[channel])
  }
  const maxMs = (cell: 'tradesMaxNs' | 'quotesMaxNs'): number => (memory.cell(cell) === NONE ? Number.NEGATIVE_INFINITY : Number(memory.cell(cell) / 1_000_000n))
  for (;;) {
    for (const channel of [0, 1]) feed(channel)
    const views = [0, 1].map((channel): ChannelView => {
      const queue = state.queues[channel]
      return { waiting: queue.length, maxMs: maxMs(channel === 0 ? 'tradesMaxNs' : 'quotesMaxNs'), exhausted: queue.length === 0 && queue.atEnd, silent: false }
    })
    const channel = pick([...views, { waiting: 0, maxMs: Number.NEGATIVE_INFINITY, exhausted: true, silent: false }], clockMs, LATENESS_MS)
    if (channel < 0) break
    caught.queuedMax = Math.max(caught.queuedMax, ...state.queues.map(({ length }) => length))
    await state.applyNext(channel, clockMs, new Suspicion())
    caught.openWindowsMax = Math.max(caught.openWindowsMax, memory.table(window, 'used') - 1)
    const { outputs } = await state.close(clockMs, 0)
    caught.bars += outputs.finalBars
  }
  expect(fed).toEqual(totals)
  caught.bars += (await state.close(clockMs + 60_000, 3)).outputs.finalBars
  for (const outcome of ['applied', 'late', 'duplicate', 'rejected'] as const) {
    caught.counts[outcome] = memory.number(`counts.trades.${outcome}`) + memory.number(`counts.quotes.${outcome}`)
  }
  return caught
}

describe('catching up', () => {
  /** What one batch can hold, one channel ahead of the other by as much as it may, and the lateness. */
  const bound = Math.ceil(layout.BATCH_ROWS / TRADES_PER_S) + 5 + 2 * (LATENESS_MS / 1_000) + 2

  it('reads in step by event time, so no more windows are open in a quarter of an hour than in five minutes', { timeout: 120_000 }, async () => {
    const [short, long] = [await catchUp(300, nextChannel), await catchUp(900, nextChannel)]
    for (const [seconds, caught] of [[300, short], [900, long]] as const) {
      expect(caught.counts).toEqual({ applied: seconds * (TRADES_PER_S + QUOTES_PER_S), late: 0, duplicate: 0, rejected: 0 })
      expect(caught.bars).toBe(seconds)
      expect(caught.openWindowsMax).toBeLessThanOrEqual(bound)
      expect(caught.queuedMax).toBeLessThanOrEqual(2 * layout.BATCH_ROWS + FEED_ROWS)
    }
    expect(long.openWindowsMax).toBeLessThanOrEqual(short.openWindowsMax + 2) // where batches end within seconds
  })

  it('would keep all of them open without', { timeout: 120_000 }, async () => {
    const oneAfterTheOther: typeof nextChannel = (channels) => channels.findIndex(({ waiting }) => waiting > 0)
    const { openWindowsMax, bars } = await catchUp(300, oneAfterTheOther)
    expect(bars).toBe(300)
    expect(openWindowsMax).toBeGreaterThan(2 * bound)
  })
})
