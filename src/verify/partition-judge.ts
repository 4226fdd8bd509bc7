import { murmur2Partition } from '../contract/partition.ts'
import { FinalMatch } from './final-match.ts'
import { parseOutput } from './output-record.ts'
import type { DecodeValue, OutputKind, OutputRecord } from './output-record.ts'
import { Series } from './series.ts'
import type { ReadRecord } from './stretch-reader.ts'
import type { Rule, Violations } from './violations.ts'

/** One output topic as verify reads it. */
export interface JudgedTopic {
  kind: OutputKind
  name: string
  partitions: number
  /** Compaction removes records, so seq may jump ahead. */
  isCompacted: boolean
  counts: TopicCounts
  /** Partition on which each symbol was seen first. */
  partitionOf: Map<string, number>
}

export interface TopicCounts {
  records: number
  finals: number
  provisionals: number
  symbols: number
}

export interface JudgeOptions {
  decode: DecodeValue
  violations: Violations
  /** The inputs are not dealt out by Kafka's default partitioner. */
  anyPartition: boolean
}

/** Judges the records of one partition of the bars and the signals topic, or of the status topic, in the order of each. */
export class PartitionJudge {
  readonly match: FinalMatch
  retracted = 0
  readonly #partition: number
  readonly #options: JudgeOptions
  readonly #isCut: Record<OutputKind, boolean>
  readonly #series: Record<OutputKind, Map<string, Series>> = { bars: new Map(), signals: new Map(), status: new Map() }

  /** `isCut`: topics whose beginning is gone or not read. */
  constructor(
    partition: number,
    isCut: Record<OutputKind, boolean>,
    topicNames: { bars: string; signals: string },
    options: JudgeOptions,
  ) {
    this.#partition = partition
    this.#options = options
    this.#isCut = isCut
    this.match = new FinalMatch(isCut, (side, symbol, offset, detail) => {
      const rule = side === 'bars' ? 'bar_without_signal' : 'signal_without_bar'
      options.violations.add({ rule, topic: topicNames[side], partition, offset, symbol, detail })
    })
  }

  /** Judges the next record of a topic. */
  judge(topic: JudgedTopic, record: ReadRecord): void {
    topic.counts.records++
    const parsed = parseOutput(record, topic.kind, this.#options.decode)
    if (typeof parsed === 'string') {
      this.#found(topic, 'malformed', record.offset, record.key?.toString() ?? null, `The record is malformed: ${parsed}.`)
      return
    }
    topic.counts[parsed.isFinal ? 'finals' : 'provisionals']++
    this.#judgePlace(topic, parsed)
    const series = this.#seriesOf(topic, parsed)
    const found = (rule: Rule, offset: number, detail: string) => this.#found(topic, rule, offset, parsed.symbol, detail)
    series.judgeSeq(parsed, this.#isCut[topic.kind], topic.isCompacted, found)
    if (topic.kind === 'status') return
    series.judgeWindow(parsed, topic.kind === 'bars', found)
    this.#matchFinal(topic.kind, parsed)
  }

  /** Takes a record that came after the end that is judged, only to find the other of a final. */
  lookAhead(topic: JudgedTopic, record: ReadRecord): void {
    const parsed = parseOutput(record, topic.kind, this.#options.decode)
    if (typeof parsed === 'string' || topic.kind === 'status' || !isSecondFinal(parsed)) return
    this.match.lookAhead(topic.kind, parsed.symbol, parsed.window!.endMs, parsed.offset, parsed.isRetracted)
  }

  /** Ends of windows that are provisional still, of bars alone. */
  *openEndsMs(): Generator<number> {
    for (const series of this.#series.bars.values()) yield* series.open.keys()
  }

  #matchFinal(kind: 'bars' | 'signals', record: OutputRecord): void {
    if (!isSecondFinal(record)) return
    if (record.isRetracted) this.retracted++
    if (kind === 'bars') this.match.bar(record.symbol, record.window!.endMs, record.offset, record.isRetracted)
    else this.match.signal(record.symbol, record.window!.endMs, record.offset)
  }

  #judgePlace(topic: JudgedTopic, { symbol, offset }: OutputRecord): void {
    const known = topic.partitionOf.get(symbol)
    if (known === this.#partition) return
    if (known !== undefined) {
      this.#found(topic, 'two_partitions', offset, symbol, `The symbol is on partition ${known} and on ${this.#partition}.`)
      // Said once a partition, not once a record.
      topic.partitionOf.set(symbol, this.#partition)
      return
    }
    topic.partitionOf.set(symbol, this.#partition)
    topic.counts.symbols++
    if (topic.kind === 'status' ? symbol === `_task-${this.#partition}` : this.#options.anyPartition) return
    const expected = topic.kind === 'status' ? undefined : murmur2Partition(symbol, topic.partitions)
    if (expected === this.#partition) return
    const detail =
      expected === undefined
        ? `A task's status belongs on its own partition, not on ${this.#partition}.`
        : `Kafka's default partitioner puts the symbol on ${expected}, not on ${this.#partition} (see --any-partition).`
    this.#found(topic, 'wrong_partition', offset, symbol, detail)
  }

  #seriesOf(topic: JudgedTopic, record: OutputRecord): Series {
    const all = this.#series[topic.kind]
    const key = `${record.window?.size ?? ''} ${record.symbol}`
    let series = all.get(key)
    if (series === undefined) {
      series = new Series()
      all.set(key, series)
    }
    return series
  }

  #found(topic: JudgedTopic, rule: Rule, offset: number, symbol: string | null, detail: string): void {
    this.#options.violations.add({ rule, topic: topic.name, partition: this.#partition, offset, symbol, detail })
  }
}

function isSecondFinal(record: OutputRecord): boolean {
  return record.isFinal && record.window!.size === 'PT1S'
}
