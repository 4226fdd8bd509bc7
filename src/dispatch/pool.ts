/**
 * The pool of kernel workers: one request on one task's memory at a time, on whichever worker is free.
 *
 * In:  envelopes. Out: done, or StepFailed when the kernel trapped or the worker died; the memory is torn then.
 * Imports: state, piscina. A dispatch costs about 15 µs.
 */
import { Piscina } from 'piscina'
import type { TableCopy } from '../state/arrow-tables.ts'
import type { Envelope, ReplayCounts, ReplayRequest, SnapshotFile, StepTimes } from './request.ts'
import type { KernelRunner } from './runner.ts'
import { StepFailed } from './step-failed.ts'
import { copyBuffers } from './transferred.ts'

export class KernelPool implements KernelRunner {
  readonly #pool: Piscina
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

  async run(envelope: Envelope): Promise<StepTimes> {
    return (await this.#run(envelope)) as StepTimes
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

  async #run(envelope: Envelope, transferList: ArrayBuffer[] = []): Promise<unknown> {
    try {
      return await this.#pool.run(envelope, { transferList })
    } catch (cause) {
      throw new StepFailed(`${envelope.request.op} of ${envelope.key}`, { cause })
    }
  }

  /** Ends the workers. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.destroy(), this.#encoder.destroy()])
  }
}
