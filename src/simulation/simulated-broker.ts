/** The cluster of a simulation: topics, transactions, the group. Shared by every simulated process; it never dies. */
import type { TopicInfo } from '../ports/log.ts'
import { LogError } from '../ports/log.ts'
import { GroupCoordinator } from './group-coordinator.ts'
import { PartitionLog } from './partition-log.ts'
import type { Entry, Transaction } from './partition-log.ts'
import type { Random } from './random.ts'
import type { Scheduler } from './scheduler.ts'
import { Tally } from './tally.ts'
import { TransactionCoordinator } from './transaction-coordinator.ts'

export interface BrokerOptions {
  transactionTimeoutMs: number
  sessionTimeoutMs: number
  /** Topic that the group deals out. */
  tradesTopic: string
}

export class SimulatedBroker {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly transactions: TransactionCoordinator
  readonly group: GroupCoordinator
  readonly #topics = new Map<string, PartitionLog[]>()
  readonly committedOffsets = new Map<string, number>()

  constructor(
    scheduler: Scheduler, random: Random, topics: Readonly<Record<string, number>>, options: BrokerOptions, tally = new Tally(),
  ) {
    this.scheduler = scheduler
    this.random = random
    for (const [topic, partitions] of Object.entries(topics)) {
      this.#topics.set(topic, Array.from({ length: partitions }, (_, partition) => new PartitionLog(topic, partition)))
    }
    this.transactions = new TransactionCoordinator(scheduler, random, options.transactionTimeoutMs, tally)
    this.group = new GroupCoordinator(scheduler, random, topics[options.tradesTopic], options.sessionTimeoutMs, tally)
  }

  /** Throws LogError `missing` for a partition that there isn't. */
  partition(topic: string, partition: number): PartitionLog {
    const log = this.#topics.get(topic)?.[partition]
    if (log === undefined) throw new LogError('missing', `There is no ${topic} [${partition}]`, { topic, partition })
    return log
  }

  describe(name: string): TopicInfo {
    return { name, partitions: this.#topics.get(name)?.length ?? 0, replicationFactor: 1, config: { 'cleanup.policy': 'delete' } }
  }

  /** Appends one record outside of any transaction: what a source does. */
  append(topic: string, partition: number, key: Buffer | null, value: Buffer | null): void {
    const timestampMs = this.scheduler.nowMs
    this.partition(topic, partition).append([{ kind: 'data', transaction: null, timestampMs, key, value, headers: [], by: 'source' }])
  }

  /** Appends records of a transaction that is aborted: gaps in the offsets that readers see. */
  appendAborted(topic: string, partition: number, value: Buffer, records: number): void {
    const log = this.partition(topic, partition)
    const timestampMs = this.scheduler.nowMs
    const transaction: Transaction = {
      transactionalId: 'source', producerEpoch: 0, by: 'source', state: 'aborted', startedMs: timestampMs, partitions: new Set([log]),
    }
    const entry: Entry = { kind: 'data', transaction, timestampMs, key: null, value, headers: [], by: 'source' }
    log.append(Array.from({ length: records }, () => entry))
    log.mark(transaction, this.scheduler.nowMs)
  }
}
