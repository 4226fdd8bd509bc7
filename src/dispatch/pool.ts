/**
 * The pool of kernel workers: one request on one task's memory at a time, on whichever worker is free.
 *
 * In:  envelopes. Out: done, or StepFailed when the kernel trapped or the worker died; the memory is torn then.
 * Imports: state, piscina. A dispatch costs about 15 µs.
 */
import { Piscina } from 'piscina'
import type { TableCopy } from '../state/arrow-tables.ts'
import { UNKNOWN_TASK } from './request.ts'
import type { Envelope, Forgotten, Letter, ReplayCounts, ReplayRequest, SnapshotFile, StepTimes } from './request.ts'
import type { KernelRunner } from './runner.ts'
import { StepFailed } from './step-failed.ts'
import { collectSoon } from './collect.ts'
import { copyBuffers } from './transferred.ts'

/** Keys kept of tasks that some worker has been sent: a process has few tasks at a time. */
const SENT_KEPT = 256
/** Tasks that are over and told of: more than come to their end while a worker has nothing to do. */
const FORGOTTEN_KEPT = 64

export class KernelPool implements KernelRunner {
  readonly #pool: Piscina
  readonly #sent = new Set<string>()
  /** Goes along with every request: nobody knows which worker will get it, nor which of them it knows already. */
  #forgotten: Forgotten[] = []
  #forgets = 0
  /** One thread that encodes snapshots, started by the first: an encoding takes some ms a megabyte, and no step waits for it. */
  readonly #encoder: Piscina

  constructor(workers: number) {
    this.#pool = new Piscina({
      filename: new URL('./worker.ts', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
      recordTiming: false,
    })
    this.#encoder = new Piscina({
      filename: new URL('./snapshot-worker.ts', import.meta.url).href,
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      recordTiming: false,
    })
  }

  /** Threads of the pool's workers; they come again by themselves when one dies. */
  get threads(): readonly import('node:worker_threads').Worker[] {
    return this.#pool.threads
  }

  /** A memory and a module cost more to send than a small step takes, so they go along only where a worker does not know the task. */
  async run(envelope: Envelope): Promise<StepTimes> {
    const { key, request } = envelope
    const isKnown = this.#sent.has(key)
    if (!isKnown) this.#noteSent(key)
    const times = (await this.#run(isKnown ? { key, request } : envelope)) as StepTimes | typeof UNKNOWN_TASK
    return times === UNKNOWN_TASK ? ((await this.#run(envelope)) as StepTimes) : times
  }

  forget(keyPrefix: string): void {
    for (const key of this.#sent) if (key.startsWith(keyPrefix)) this.#sent.delete(key)
    const others = this.#forgotten.filter((each) => each.keyPrefix !== keyPrefix).slice(1 - FORGOTTEN_KEPT)
    this.#forgotten = [...others, { nth: ++this.#forgets, keyPrefix }]
    // a worker that waits for work is told by nothing to do: one for each, so all hear of it soon
    const looked = [...this.#pool.threads].map(() => this.#pool.run({ forgotten: this.#forgotten }).catch(() => undefined))
    void Promise.all(looked).then(collectSoon)
  }

  #noteSent(key: string): void {
    this.#sent.add(key)
    if (this.#sent.size > SENT_KEPT) this.#sent.delete(this.#sent.values().next().value as string)
  }

  async replay(envelope: Envelope<ReplayRequest>): Promise<ReplayCounts> {
    const columns = envelope.request.columns.filter((each) => each !== null)
    return (await this.#run(envelope, columns.flatMap((each) => Object.values(each).map(({ buffer }) => buffer as ArrayBuffer)))) as ReplayCounts
  }

  snapshot(envelope: Omit<Envelope, 'request'>): { released: Promise<void>; files: Promise<SnapshotFile[]> } {
    const copies = this.#run({ ...envelope, request: { op: 'copy' } }) as Promise<TableCopy[]>
    return { released: copies.then(() => undefined), files: copies.then((copy) => this.#encode(envelope.key, copy)) }
  }

  async #encode(key: string, copies: TableCopy[]): Promise<SnapshotFile[]> {
    try {
      return (await this.#encoder.run(copies, { transferList: copyBuffers(copies) })) as SnapshotFile[]
    } catch (cause) {
      throw new Error(`the snapshot of ${key} was not encoded: ${cause instanceof Error ? cause.message : String(cause)}`, { cause })
    }
  }

  async #run(envelope: Envelope | Letter, transferList: ArrayBuffer[] = []): Promise<unknown> {
    try {
      return await this.#pool.run({ ...envelope, forgotten: this.#forgotten }, { transferList })
    } catch (cause) {
      throw new StepFailed(`${envelope.request.op} of ${envelope.key}`, { cause })
    }
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#encoder.destroy()])
  }
}
