/**
 * verify: reads the outputs read_committed and judges the promise (invariant 5 of the design, and one signal a final bar).
 * In: the output topics through the Log, up to the stable end of the moment it starts. Out: a report. Its memory grows with
 * symbols and open windows, not with records. Imports ports and contract only.
 */
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log, RecordColumns } from '../ports/log.ts'
import type { DecodeValue, OutputKind } from './output-record.ts'
import { PartitionJudge } from './partition-judge.ts'
import type { JudgedTopic, TopicCounts } from './partition-judge.ts'
import { StretchReader } from './stretch-reader.ts'
import type { ReadRecord } from './stretch-reader.ts'
import { Violations } from './violations.ts'
import type { Rule, Violation } from './violations.ts'

/**
 * Offsets of one topic read before the other gets its turn. Finals that wait for their other are at most so many:
 * 100,000 × some 100 B = 10 MB.
 */
const STRIDE_OFFSETS = 100_000

/** A transaction's markers reach its partitions one after another: how often and how long to wait for the last one. */
const SETTLE_TRIES = 10
const SETTLE_PAUSE_MS = 200

/** What verify needs of the log. */
export type ReadableLog = Pick<Log, 'describe' | 'bounds' | 'offsetAtTime' | 'consumer'>

export interface VerifyOptions {
  /** Topic names; status undefined where it is turned off. */
  topics: { bars: string; signals: string; status: string | undefined }
  /** The beginning, or ms since the epoch from which on to read. */
  from: 'earliest' | number
  decode: DecodeValue
  anyPartition: boolean
  /** A window that is provisional for longer than this after its end is overdue. */
  overdueAfterMs: number
  /** Where records are read into. */
  columns: RecordColumns
  strideOffsets?: number
}

export interface VerifyReport {
  ok: boolean
  topics: ({ topic: string; partitions: number } & TopicCounts)[]
  /** Windows with a final bar and a final signal. */
  windows: number
  /** Windows whose final takes them back. */
  retracted: number
  /** Windows that are provisional still; `overdue` of them for long, which is right only while the engine stands. */
  open: number
  overdue: number
  violationCount: number
  violationsByRule: Partial<Record<Rule, number>>
  /** The first ones. */
  violations: Violation[]
}

/** Reads and judges. Throws UserError (78) for topics that are missing or unequal, LogError when the log can't be read. */
export async function verifyOutputs(log: ReadableLog, clock: Clock, options: VerifyOptions): Promise<VerifyReport> {
  const violations = new Violations()
  const topics = await describeTopics(log, options)
  const judged = [topics.bars, topics.signals, topics.status].filter((topic) => topic !== undefined)
  const spans = await allSpans(log, topics, options.from)
  const reader = new StretchReader(
    log,
    judged.map(({ name }) => name),
    options.columns,
    clock,
  )
  try {
    const reading: Reading = { log, reader, clock, topics, spans, violations, options }
    const total = { windows: 0, retracted: 0, open: 0, overdue: 0 }
    for (let partition = 0; partition < topics.bars.partitions; partition++) {
      const found = await judgePartition(reading, partition)
      total.windows += found.windows
      total.retracted += found.retracted
      total.open += found.open
      total.overdue += found.overdue
    }
    return {
      ok: violations.count === 0,
      topics: judged.map((topic) => ({ topic: topic.name, partitions: topic.partitions, ...topic.counts })),
      ...total,
      violationCount: violations.count,
      violationsByRule: violations.byRule,
      violations: violations.first,
    }
  } finally {
    await reader.close()
  }
}

/** What judging a partition needs. */
interface Reading {
  log: ReadableLog
  reader: StretchReader
  clock: Clock
  topics: Topics
  spans: Spans
  violations: Violations
  options: VerifyOptions
}

async function judgePartition(
  reading: Reading,
  partition: number,
): Promise<{ windows: number; retracted: number; open: number; overdue: number }> {
  const { topics, spans, clock, options, violations } = reading
  const readers = {
    bars: new PartitionReader(reading, topics.bars, partition),
    signals: new PartitionReader(reading, topics.signals, partition),
  }
  const isCut = { bars: readers.bars.isCut, signals: readers.signals.isCut, status: spans.status[partition]?.isCut ?? false }
  const names = { bars: topics.bars.name, signals: topics.signals.name }
  const judge = new PartitionJudge(partition, isCut, names, {
    decode: options.decode,
    violations,
    anyPartition: options.anyPartition,
  })
  await readInStep(readers, judge)
  await settle(readers, judge, clock)
  judge.match.end()
  const { status } = topics
  if (status !== undefined) {
    const reader = new PartitionReader(reading, status, partition)
    while (!reader.isDone) await reader.readStride((record) => judge.judge(status, record))
  }
  const openMs = [...judge.openEndsMs()]
  const overdue = openMs.filter((endMs) => clock.nowMs() - endMs > options.overdueAfterMs).length
  return { windows: judge.match.matched, retracted: judge.retracted, open: openMs.length, overdue }
}

type Topics = { bars: JudgedTopic; signals: JudgedTopic; status: JudgedTopic | undefined }

async function describeTopics(log: ReadableLog, { topics }: VerifyOptions): Promise<Topics> {
  const names = [topics.bars, topics.signals, ...(topics.status === undefined ? [] : [topics.status])]
  const infos = new Map((await log.describe(names)).map((info) => [info.name, info]))
  const missing = names.filter((name) => (infos.get(name)?.partitions ?? 0) === 0)
  if (missing.length > 0) {
    const sentence = `There is no topic ${missing.join(', ')} on the broker; 'ta topics apply' creates what is missing.`
    throw new UserError(EXIT_SETTINGS, sentence)
  }
  const counts = names.map((name) => infos.get(name)!.partitions)
  if (new Set(counts).size > 1) {
    const said = names.map((name, i) => `${name} ${counts[i]}`).join(', ')
    throw new UserError(EXIT_SETTINGS, `The output topics have different numbers of partitions (${said}); they must be equal.`)
  }
  const judged = (kind: OutputKind, name: string): JudgedTopic => {
    const { partitions, config } = infos.get(name)!
    const isCompacted = (config['cleanup.policy'] ?? '').includes('compact')
    return {
      kind,
      name,
      partitions,
      isCompacted,
      counts: { records: 0, finals: 0, provisionals: 0, symbols: 0 },
      partitionOf: new Map(),
    }
  }
  return {
    bars: judged('bars', topics.bars),
    signals: judged('signals', topics.signals),
    status: topics.status === undefined ? undefined : judged('status', topics.status),
  }
}

/** What of a partition is judged: offsets [from, to). */
interface Span {
  from: number
  to: number
  /** What was written first is gone, or not read. */
  isCut: boolean
}

type Spans = Record<OutputKind, Span[]>

/** Ends are asked for once, before anything is read, so that the report is of one moment. */
async function allSpans(log: ReadableLog, topics: Topics, from: VerifyOptions['from']): Promise<Spans> {
  const spans: Spans = { bars: [], signals: [], status: [] }
  for (const topic of [topics.bars, topics.signals, topics.status]) {
    if (topic === undefined) continue
    for (let partition = 0; partition < topic.partitions; partition++) {
      const { low, high } = await log.bounds(topic.name, partition, 'read_committed')
      const first = from === 'earliest' ? low : Math.min(high, Math.max(low, await log.offsetAtTime(topic.name, partition, from)))
      spans[topic.kind].push({ from: first, to: high, isCut: first > 0 })
    }
  }
  return spans
}

/** Reads one partition piece by piece. */
class PartitionReader {
  readonly topic: JudgedTopic
  readonly isCut: boolean
  /** Time of the newest record that was read, as the log has it. */
  reachedMs = Number.NEGATIVE_INFINITY
  readonly #reading: Reading
  readonly #partition: number
  readonly #stride: number
  #next: number
  #end: number

  constructor(reading: Reading, topic: JudgedTopic, partition: number) {
    this.#reading = reading
    this.topic = topic
    this.#partition = partition
    const span = reading.spans[topic.kind][partition]
    this.#next = span.from
    this.#end = span.to
    this.isCut = span.isCut
    this.#stride = reading.options.strideOffsets ?? STRIDE_OFFSETS
  }

  get isDone(): boolean {
    return this.#next >= this.#end
  }

  async readStride(onRecord: (record: ReadRecord) => void): Promise<void> {
    const to = Math.min(this.#end, this.#next + this.#stride)
    const stretch = { topic: this.topic.name, partition: this.#partition, from: this.#next, to }
    await this.#reading.reader.read(stretch, (record) => {
      this.reachedMs = Math.max(this.reachedMs, record.timestampMs)
      onRecord(record)
    })
    this.#next = to
  }

  /** Takes what was published since as well. */
  async extend(): Promise<void> {
    const { high } = await this.#reading.log.bounds(this.topic.name, this.#partition, 'read_committed')
    this.#end = Math.max(this.#end, high)
  }
}

type Readers = Record<'bars' | 'signals', PartitionReader>

/** Reads both topics to their ends, always on where the other is ahead in time. */
async function readInStep({ bars, signals }: Readers, judge: PartitionJudge): Promise<void> {
  while (!bars.isDone || !signals.isDone) {
    const reader = signals.isDone || (!bars.isDone && bars.reachedMs <= signals.reachedMs) ? bars : signals
    await reader.readStride((record) => judge.judge(reader.topic, record))
  }
}

/** The ends of two partitions are not of the same moment: a final may have its other just past the end that was judged. */
async function settle(readers: Readers, judge: PartitionJudge, clock: Clock): Promise<void> {
  for (let tries = 0; tries < SETTLE_TRIES; tries++) {
    if (tries > 0) await clock.sleep(SETTLE_PAUSE_MS)
    const lacking = (['bars', 'signals'] as const).filter((side) => judge.match.waits(side === 'bars' ? 'signals' : 'bars'))
    if (lacking.length === 0) return
    for (const side of lacking) {
      const reader = readers[side]
      await reader.extend()
      while (!reader.isDone) await reader.readStride((record) => judge.lookAhead(reader.topic, record))
    }
  }
}
