/**
 * The log, simulated: Kafka's transactions, fencing, isolation and groups over virtual time, with faults from a seed.
 * One a process; all share a SimulatedBroker.
 */
import { LogError } from '../ports/log.ts'
import type { Log, LogConsumer, LogGroup, LogProducer, LogRecord, Position, TopicInfo } from '../ports/log.ts'
import { SimulatedGroup } from './group-coordinator.ts'
import type { SimulatedProcess } from './process.ts'
import type { SimulatedBroker } from './simulated-broker.ts'
import { SimulatedConsumer } from './simulated-consumer.ts'
import { SimulatedProducer } from './simulated-producer.ts'

const PATIENCE_MS = 800

export class SimulatedLog implements Log {
  readonly #process: SimulatedProcess
  readonly #broker: SimulatedBroker
  readonly #instance: string

  constructor(process: SimulatedProcess, broker: SimulatedBroker, instance: string) {
    this.#process = process
    this.#broker = broker
    this.#instance = instance
  }

  #call<T>(name: string, what: string, effect: () => T): Promise<T> {
    return this.#callLater(name, what, (answer) => answer(effect()))
  }

  #callLater<T>(name: string, what: string, effect: (answer: (value: T) => void) => void): Promise<T> {
    const lost = (): LogError => new LogError('outside', `${name} of ${what} failed: no broker answers`)
    return this.#process.call<T>(name, what, this.#process.fate(), PATIENCE_MS, lost, (answer, refuse) => {
      try {
        effect(answer)
      } catch (error) {
        refuse(error)
      }
    })
  }

  async connect(): Promise<void> {
    await this.#call('Metadata', 'cluster', () => undefined)
  }

  async describe(topics: string[]): Promise<TopicInfo[]> {
    return await this.#call('Metadata', topics.join(), () => topics.map((name) => this.#broker.describe(name)))
  }

  async createTopics(): Promise<void> {
    throw new LogError('authorization', 'A simulated broker has its topics from the start')
  }

  async bounds(
    topic: string, partition: number, isolation: 'read_committed' | 'read_uncommitted',
  ): Promise<{ low: number; high: number }> {
    return await this.#call('ListOffsets', `${topic} [${partition}]`, () => {
      const log = this.#broker.partition(topic, partition)
      return { low: log.low, high: isolation === 'read_committed' ? log.stable : log.high }
    })
  }

  async offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    return await this.#call('ListOffsets', `${topic} [${partition}]`, () => {
      const log = this.#broker.partition(topic, partition)
      const found = log.entries.findIndex(({ timestampMs }, offset) => offset >= log.low && timestampMs >= timeMs)
      return found < 0 ? log.stable : found
    })
  }

  async committed(group: string, partitions: { topic: string; partition: number }[]): Promise<number[]> {
    return await this.#call('OffsetFetch', group, () => {
      return partitions.map(({ topic, partition }) => this.#broker.committedOffsets.get(`${topic}/${partition}`) ?? -1)
    })
  }

  async transactionBegan(transactionalId: string): Promise<number | null> {
    return await this.#call('DescribeTransactions', transactionalId, () => this.#broker.transactions.began(transactionalId))
  }

  async deleteRecordsBefore(topic: string, partition: number, offset: number): Promise<void> {
    await this.#call('DeleteRecords', `${topic} [${partition}] < ${offset}`, () => {
      this.#broker.partition(topic, partition).deleteBefore(offset)
    })
  }

  /** The records are handed over one by one only when all have come: a connection that fails hands over none. */
  async read(topic: string, partition: number, from: number, to: number, onRecord: (record: LogRecord) => void): Promise<void> {
    if (from >= to) return
    const records = await this.#callLater<LogRecord[]>('Read', `${topic} [${partition}] [${from}, ${to})`, (answer) => {
      const log = this.#broker.partition(topic, partition)
      if (from < log.low) {
        throw new LogError('out_of_range', `${topic} [${partition}] has nothing at offset ${from} any more`, { topic, partition })
      }
      const look = (): void => {
        if (log.stable < to) log.onceChanged(look)
        else answer(this.#readable(topic, partition, from, to))
      }
      look()
    })
    for (const record of records) onRecord(record)
  }

  #readable(topic: string, partition: number, from: number, to: number): LogRecord[] {
    const log = this.#broker.partition(topic, partition)
    const records: LogRecord[] = []
    for (let offset = from; offset < to; offset++) {
      if (!log.isReadable(offset)) continue
      const { timestampMs, key, value, headers } = log.entries[offset]
      records.push({ topic, partition, offset, timestampMs, key, value, headers })
    }
    return records
  }

  consumer(topics: string[]): LogConsumer {
    return new SimulatedConsumer(this.#process, this.#broker, topics)
  }

  producer(transactionalId: string): LogProducer {
    return new SimulatedProducer(this.#process, this.#broker, transactionalId)
  }

  group(): LogGroup {
    return new SimulatedGroup(this.#process, this.#broker.group, this.#instance, (positions: Position[]) => {
      for (const { topic, partition, offset } of positions) this.#broker.committedOffsets.set(`${topic}/${partition}`, offset)
    })
  }

  async close(): Promise<void> {
    await this.#process.clock.sleep(this.#process.latencyMs())
  }
}
