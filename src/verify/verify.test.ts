import { describe, expect, it } from 'vitest'
import { murmur2Partition } from '../contract/partition.ts'
import type { Clock } from '../ports/clock.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import { packRecords } from '../kafka/record-packing.ts'
import type { LogConsumer, LogRecord, Position, TopicInfo } from '../ports/log.ts'
import { decodeJson } from './output-record.ts'
import type { OutputKind } from './output-record.ts'
import { renderReport } from './report.ts'
import { verifyOutputs } from './verify.ts'
import type { ReadableLog, VerifyOptions } from './verify.ts'

const PARTITIONS = 2
const T0 = Date.parse('2025-12-03T18:32:00Z')
const SYMBOLS = ['AAPL', 'NVDA', 'MSFT', 'BTC/USD']
const TOPICS = { bars: 'bars', signals: 'signals', status: 'status' }
const OPTIONS: VerifyOptions = {
  topics: TOPICS,
  from: 'earliest',
  decode: decodeJson,
  anyPartition: false,
  overdueAfterMs: 60_000,
  columns: recordColumns(64, 4_096, 1 << 17),
}

type Envelope = Record<string, unknown> & { payload: Record<string, unknown> }

/** A log in memory. Offsets have gaps, as transactions leave them. */
class MemoryLog implements ReadableLog {
  records: LogRecord[] = []
  low: { bars?: number; signals?: number; status?: number } = {}
  /** Offsets from here on are not stable yet, by topic. */
  stableEnd: Record<string, number> = {}
  partitions: Record<string, number> = { bars: PARTITIONS, signals: PARTITIONS, status: PARTITIONS }
  config: Record<string, string> = {}
  onBounds: (() => void) | undefined
  readonly #next = new Map<string, number>()
  #written = 0

  write(
    topic: string,
    partition: number,
    value: Envelope | string | null,
    key = typeof value === 'string' ? 'AAPL' : String(value?.symbol),
  ): LogRecord {
    const where = `${topic} ${partition}`
    const offset = this.#next.get(where) ?? 0
    this.#next.set(where, offset + 1 + (offset % 3 === 0 ? 1 : 0))
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const record = {
      topic,
      partition,
      offset,
      timestampMs: T0 + this.#written++,
      key: Buffer.from(key),
      value: value === null ? null : Buffer.from(text),
      headers: [],
    }
    this.records.push(record)
    return record
  }

  describe(topics: string[]): Promise<TopicInfo[]> {
    return Promise.resolve(
      topics.map((name) => ({ name, partitions: this.partitions[name] ?? 0, replicationFactor: 1, config: this.config })),
    )
  }

  bounds(topic: string, partition: number): Promise<{ low: number; high: number }> {
    const high = Math.min(this.#next.get(`${topic} ${partition}`) ?? 0, this.stableEnd[topic] ?? Infinity)
    this.onBounds?.()
    return Promise.resolve({ low: Math.min(high, this.low[topic as OutputKind] ?? 0), high })
  }

  offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    const found = this.records.find(
      (record) => record.topic === topic && record.partition === partition && record.timestampMs >= timeMs,
    )
    return Promise.resolve(found?.offset ?? this.#next.get(`${topic} ${partition}`) ?? 0)
  }

  consumer(topics: string[]): LogConsumer {
    let rest: LogRecord[] = []
    let assigned: Position | undefined
    const no = () => {
      throw new Error('verify needs no more than assign, consume and close')
    }
    return {
      assign: ([position]) => {
        assigned = position
        const { topic, partition, offset } = position
        rest = this.records.filter(
          (record) => record.topic === topic && record.partition === partition && record.offset >= offset,
        )
        return Promise.resolve()
      },
      consume: (into) => {
        // Three records at a time, so that stretches end in the middle of a call.
        const taken = rest.splice(0, 3)
        packRecords(
          taken.map((record) => ({ ...record, timestamp: record.timestampMs, size: 0, headers: [] })),
          0,
          new Map(topics.map((topic, i) => [topic, i])),
          into,
        )
        const { topic, partition } = assigned!
        const end = { topic: topics.indexOf(topic), partition, offset: this.#next.get(`${topic} ${partition}`) ?? 0 }
        return Promise.resolve({ count: taken.length, ends: rest.length === 0 ? [end] : [] })
      },
      close: () => Promise.resolve(),
      seek: no,
      unassign: no,
      pause: no,
      letGather: no,
      resume: no,
    }
  }
}

const clock: Clock = { nowMs: () => T0 + 20_000, monotonicMs: () => 0, sleep: () => Promise.resolve() }
const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z')

/** Writes what a right engine publishes. */
class Engine {
  readonly log = new MemoryLog()
  readonly #seq = new Map<string, number>()

  next(topic: string, symbol: string, size: string): number {
    const key = `${topic} ${symbol} ${size}`
    const seq = (this.#seq.get(key) ?? 0) + 1
    this.#seq.set(key, seq)
    return seq
  }

  envelope(
    topic: string,
    symbol: string,
    endMs: number,
    isFinal: boolean,
    payload: Record<string, unknown>,
    size = 'PT1S',
  ): Envelope {
    const startMs = endMs - (size === 'PT1S' ? 1_000 : 60_000)
    return {
      ingest_ts: iso(endMs + 30),
      event_ts: iso(endMs),
      feed: 'sip',
      channel: topic,
      symbol,
      seq: this.next(topic, symbol, size),
      is_final: isFinal,
      source: 'ta',
      window: { size, step: size, start: iso(startMs), end: iso(endMs) },
      payload,
      version: 1,
    }
  }

  bar(symbol: string, endMs: number, isFinal: boolean, isRetracted = false): LogRecord {
    const payload = isRetracted
      ? { o: null, h: null, l: null, c: null, v: 0, vwap: null, count: 0, t: iso(endMs), retracted: true }
      : { o: 10, h: 12, l: 9, c: 11, v: 100, vwap: 10.5, count: 3, t: iso(endMs) }
    return this.log.write('bars', murmur2Partition(symbol, PARTITIONS), this.envelope('bars', symbol, endMs, isFinal, payload))
  }

  signal(symbol: string, endMs: number, isFinal: boolean, size = 'PT1S', more = {}): LogRecord {
    const value = this.envelope('signals', symbol, endMs, isFinal, { signal_quality_flag: 'ok', ...more }, size)
    return this.log.write('signals', murmur2Partition(symbol, PARTITIONS), value)
  }

  /** Signals of minute bars: minute, and whether it is final. */
  minutes(symbol: string, ...all: [minute: number, isFinal: boolean][]): void {
    for (const [minute, isFinal] of all) this.signal(symbol, T0 + minute * 60_000, isFinal, 'PT1M')
  }

  status(partition: number): LogRecord {
    const symbol = `_task-${partition}`
    const value = {
      symbol,
      seq: this.next('status', symbol, ''),
      is_final: true,
      channel: 'status',
      payload: { heartbeat: true },
    }
    return this.log.write('status', partition, value)
  }

  /** Seconds [from, to) of all symbols: provisional, refreshed, final. Every seventh window is taken back. */
  run(from: number, to: number): this {
    for (let second = from; second < to; second++) {
      for (const symbol of SYMBOLS) {
        const endMs = T0 + (second + 1) * 1_000
        this.bar(symbol, endMs, false)
        this.signal(symbol, endMs, false)
        const finalEndMs = endMs - 2_000
        if (finalEndMs <= T0 + from * 1_000) continue
        const isRetracted = (finalEndMs / 1_000) % 7 === 0
        this.bar(symbol, finalEndMs, true, isRetracted)
        if (!isRetracted) this.signal(symbol, finalEndMs, true)
      }
      for (let partition = 0; partition < PARTITIONS; partition++) this.status(partition)
    }
    return this
  }
}

const ruleOf = async (engine: Engine, options: Partial<VerifyOptions> = {}) =>
  (await verifyOutputs(engine.log, clock, { ...OPTIONS, ...options })).violationsByRule

describe('verifyOutputs', () => {
  it('finds nothing wrong with what a right engine publishes, whatever the stride', async () => {
    for (const strideOffsets of [1, 7, 100_000]) {
      const engine = new Engine().run(0, 20)
      // minutes: provisional ones, a final, a revision of it, the next, provisional before and final after it of another symbol
      engine.minutes('AAPL', [1, false], [1, false], [1, true], [1, true], [2, true], [2, true])
      engine.minutes('NVDA', [1, true], [3, false], [2, true], [3, true])
      const report = await verifyOutputs(engine.log, clock, { ...OPTIONS, strideOffsets })
      expect(report.violations).toEqual([])
      expect(report).toMatchObject({ ok: true, violationCount: 0, open: 8, overdue: 0 })
      expect(report.windows + report.retracted).toBe(18 * SYMBOLS.length)
      expect(report.retracted).toBeGreaterThan(0)
      expect(report.topics[0]).toEqual({
        topic: 'bars',
        partitions: 2,
        records: 38 * 4,
        finals: 18 * 4,
        provisionals: 20 * 4,
        symbols: 4,
      })
    }
  })

  it('takes empty topics for right, and says so', async () => {
    const report = await verifyOutputs(new MemoryLog(), clock, OPTIONS)
    expect(report.ok).toBe(true)
    expect(renderReport(report)).toContain('bars: empty')
  })

  it('demands the topics, with equal numbers of partitions', async () => {
    const log = new MemoryLog()
    log.partitions = { bars: 2, signals: 3, status: 2 }
    await expect(verifyOutputs(log, clock, OPTIONS)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('bars 2, signals 3') as string,
    })
    log.partitions = { bars: 2 }
    await expect(verifyOutputs(log, clock, OPTIONS)).rejects.toMatchObject({
      exitCode: 78,
      message: expect.stringContaining('signals, status') as string,
    })
  })

  const END = T0 + 40_000
  const BROKEN: [string, (engine: Engine) => void, Record<string, number>][] = [
    [
      'a gap in seq',
      (e) => {
        e.next('bars', 'AAPL', 'PT1S')
        e.bar('AAPL', END, false)
      },
      { seq: 1 },
    ],
    [
      'a repeated record',
      (e) => {
        const { value } = e.bar('AAPL', END, false)
        e.log.write('bars', murmur2Partition('AAPL', 2), value!.toString(), 'AAPL')
      },
      { seq: 1 },
    ],
    [
      'a gap in the status',
      (e) => {
        e.next('status', '_task-1', '')
        e.status(1)
      },
      { seq: 1 },
    ],
    [
      'a second final',
      (e) => {
        e.bar('AAPL', END, true)
        e.signal('AAPL', END, true)
        e.bar('AAPL', END, true)
      },
      { two_finals: 1, bar_without_signal: 1, never_final: 2 },
    ],
    [
      'finals out of order',
      (e) => {
        e.bar('AAPL', END, true)
        e.signal('AAPL', END, true)
        e.signal('AAPL', END - 5_000, true)
      },
      { final_out_of_order: 1, signal_without_bar: 1, never_final: 2 },
    ],
    [
      'a provisional after its final',
      (e) => {
        e.bar('AAPL', T0 + 18_000, false)
      },
      { provisional_after_final: 1 },
    ],
    ['a minute after a later one', (e) => e.minutes('AAPL', [2, true], [1, true]), { final_out_of_order: 1 }],
    ['a provisional minute after its final', (e) => e.minutes('AAPL', [1, true], [1, false]), { provisional_after_final: 1 }],
    [
      'a gap in the minutes\' own seq',
      (e) => {
        e.minutes('AAPL', [1, true])
        e.next('signals', 'AAPL', 'PT1M')
        e.minutes('AAPL', [2, true])
      },
      { seq: 1 },
    ],
    ['a quote in a minute', (e) => e.signal('AAPL', T0 + 60_000, true, 'PT1M', { imbalance: {} }), { malformed: 1 }],
    ['a minute with a stale quote', (e) => e.signal('AAPL', T0 + 60_000, true, 'PT1M', { signal_quality_flag: 'quote_stale' }), { malformed: 1 }],
    [
      'a final bar without its signal',
      (e) => {
        e.bar('AAPL', T0 + 19_000, true)
      },
      { bar_without_signal: 1 },
    ],
    [
      'a final signal without its bar',
      (e) => {
        e.signal('AAPL', T0 + 19_000, true)
      },
      { signal_without_bar: 1 },
    ],
    [
      'one that is missing in the middle',
      (e) => {
        e.bar('AAPL', T0 + 19_000, true)
        e.bar('AAPL', T0 + 20_000, true)
        e.signal('AAPL', T0 + 20_000, true)
      },
      { bar_without_signal: 1 },
    ],
    [
      'a signal of a retracted bar',
      (e) => {
        e.bar('AAPL', T0 + 19_000, true, true)
        e.signal('AAPL', T0 + 19_000, true)
      },
      { signal_without_bar: 1 },
    ],
    [
      'a symbol on two partitions',
      (e) => {
        e.log.write(
          'bars',
          1 - murmur2Partition('AAPL', 2),
          e.envelope('bars', 'AAPL', END, false, { o: 1, h: 1, l: 1, c: 1, v: 1, count: 1 }),
        )
      },
      { wrong_partition: 1, two_partitions: 1, seq: 1 },
    ],
    [
      'another partition',
      (e) => {
        e.log.write(
          'bars',
          1 - murmur2Partition('TSLA', 2),
          e.envelope('bars', 'TSLA', END, false, { o: 1, h: 1, l: 1, c: 1, v: 1, count: 1 }),
        )
      },
      { wrong_partition: 1 },
    ],
    [
      'no JSON',
      (e) => {
        e.log.write('bars', 0, '{"symbol":')
      },
      { malformed: 1 },
    ],
    [
      'no value',
      (e) => {
        e.log.write('bars', 0, null, 'AAPL')
      },
      { malformed: 1 },
    ],
    [
      'another key',
      (e) => {
        e.log.write('bars', 0, e.envelope('bars', 'AAPL', END, false, {}), 'NVDA')
      },
      { malformed: 1 },
    ],
    [
      'a window that is not aligned',
      (e) => {
        e.bar('AAPL', END + 500, false)
      },
      { malformed: 1 },
    ],
    [
      'prices that do not fit',
      (e) => {
        e.log.write('bars', 0, e.envelope('bars', 'AAPL', END, false, { o: 1, h: 2, l: 1.5, c: 2, v: 1, count: 1 }))
      },
      { malformed: 1 },
    ],
  ]

  it.each(BROKEN)('finds %s', async (_, breakIt, expected) => {
    const engine = new Engine().run(0, 20)
    breakIt(engine)
    expect(await ruleOf(engine)).toEqual(expected)
    expect(await ruleOf(engine, { strideOffsets: 5 })).toEqual(expected)
  })

  it('says where and what', async () => {
    const engine = new Engine().run(0, 3)
    engine.next('bars', 'AAPL', 'PT1S')
    const { offset, partition } = engine.bar('AAPL', T0 + 5_000, false)
    const report = await verifyOutputs(engine.log, clock, OPTIONS)
    expect(report.violations).toEqual([
      { rule: 'seq', topic: 'bars', partition, offset, symbol: 'AAPL', detail: 'After seq 4 comes 6: a gap of 1.' },
    ])
    expect(renderReport(report)).toContain(`bars[${partition}]@${offset} AAPL: After seq 4 comes 6: a gap of 1.`)
  })

  it('accepts any partition when told to', async () => {
    const engine = new Engine()
    engine.log.write(
      'bars',
      1 - murmur2Partition('TSLA', 2),
      engine.envelope('bars', 'TSLA', T0, false, { o: 1, h: 1, l: 1, c: 1, v: 1, count: 1 }),
    )
    expect(await ruleOf(engine, { anyPartition: true })).toEqual({})
  })

  it('accepts what retention has cut, in one topic or both, and what compaction has thinned', async () => {
    for (const low of [{ bars: 9 }, { signals: 9 }, { bars: 9, signals: 15, status: 3 }]) {
      const engine = new Engine().run(0, 20)
      engine.log.low = low
      expect(await ruleOf(engine)).toEqual({})
    }
    const engine = new Engine().run(0, 20)
    engine.log.records = engine.log.records.filter((record) => record.topic !== 'status' || record.offset % 2 === 0)
    expect(await ruleOf(engine)).toHaveProperty('seq')
    engine.log.config = { 'cleanup.policy': 'compact,delete' }
    expect(await ruleOf(engine)).toEqual({})
  })

  it('reads from a time on', async () => {
    const engine = new Engine().run(0, 20)
    const report = await verifyOutputs(engine.log, clock, { ...OPTIONS, from: T0 + 200 })
    expect(report.violations).toEqual([])
    expect(report.topics[0].records).toBeLessThan(38 * 4)
    expect(report.topics[0].records).toBeGreaterThan(0)
  })

  it('is not misled by ends of different moments while the engine runs on', async () => {
    const engine = new Engine().run(0, 20)
    engine.log.stableEnd = { signals: 10 }
    let asked = 0
    engine.log.onBounds = () => {
      if (++asked > 2 * PARTITIONS) delete engine.log.stableEnd.signals
      if (asked === 2 * PARTITIONS + 3) engine.run(20, 25)
    }
    const report = await verifyOutputs(engine.log, clock, OPTIONS)
    expect(report.violations).toEqual([])
  })

  it('counts windows that wait for their final too long', async () => {
    const engine = new Engine().run(0, 20)
    expect(await verifyOutputs(engine.log, clock, { ...OPTIONS, overdueAfterMs: 500 })).toMatchObject({
      ok: true,
      open: 8,
      overdue: 4,
    })
  })
})
