/**
 * One partition as the broker keeps it: an append-only list of entries, each with its offset; control records have offsets,
 * too. Read committed ends at the last stable offset: the first record of a transaction that isn't decided here yet.
 */
import type { Header } from '../ports/log.ts'

export interface Transaction {
  transactionalId: string
  producerEpoch: number
  /** Name of the process that began it. */
  by: string
  state: 'open' | 'committing' | 'aborting' | 'committed' | 'aborted'
  startedMs: number
  partitions: Set<PartitionLog>
}

export interface Entry {
  kind: 'data' | 'control'
  /** Null: written outside of any transaction. */
  transaction: Transaction | null
  timestampMs: number
  key: Buffer | null
  value: Buffer | null
  headers: Header[]
  /** Name of the writing process. */
  by: string
}

export class PartitionLog {
  readonly topic: string
  readonly partition: number
  /** Index is offset; entries below `low` are kept for the checks alone. */
  readonly entries: Entry[] = []
  low = 0
  /** Undecided transactions and their first offset here. */
  readonly #undecided = new Map<Transaction, number>()
  readonly #waiting = new Set<() => void>()

  constructor(topic: string, partition: number) {
    this.topic = topic
    this.partition = partition
  }

  get high(): number {
    return this.entries.length
  }

  /** Last stable offset. */
  get stable(): number {
    let stable = this.high
    for (const first of this.#undecided.values()) stable = Math.min(stable, first)
    return stable
  }

  append(entries: Entry[]): void {
    for (const entry of entries) {
      const { transaction } = entry
      if (transaction !== null && !this.#undecided.has(transaction)) {
        this.#undecided.set(transaction, this.high)
        transaction.partitions.add(this)
      }
      this.entries.push(entry)
    }
    this.#changed()
  }

  /** The coordinator's marker: from here on the transaction's records are readable, or never. */
  mark(transaction: Transaction, nowMs: number): void {
    if (!this.#undecided.delete(transaction)) return
    this.entries.push({
      kind: 'control', transaction, timestampMs: nowMs, key: null, value: null, headers: [], by: 'coordinator',
    })
    this.#changed()
  }

  deleteBefore(offset: number): void {
    this.low = Math.max(this.low, Math.min(offset, this.stable))
  }

  /** Whether a read_committed reader gets it; `offset` is below the stable one. */
  isReadable(offset: number): boolean {
    const { kind, transaction } = this.entries[offset]
    return kind === 'data' && (transaction === null || transaction.state === 'committing' || transaction.state === 'committed')
  }

  /** Calls back once something has changed here: more records, or one more decision. Returns how to call it off. */
  onceChanged(run: () => void): () => void {
    this.#waiting.add(run)
    return () => this.#waiting.delete(run)
  }

  #changed(): void {
    const waiting = [...this.#waiting]
    this.#waiting.clear()
    for (const run of waiting) run()
  }
}
