/**
 * The pool of kernel workers: one request on one task's memory at a time, on whichever worker is free.
 *
 * In:  envelopes. Out: done, or StepFailed when the kernel trapped or the worker died; the memory is torn then.
 * Imports: state, piscina. A dispatch costs about 15 µs.
 */
import { Piscina } from 'piscina'
import { headerCell } from '../state/layout.ts'
import type { Envelope, ReplayCounts, ReplayRequest, SnapshotFile, StepTimes } from './request.ts'
import type { KernelRunner } from './runner.ts'
import { StepFailed } from './step-failed.ts'

/** Count of times that a worker let the memory go: the upper half of the owner's cell. */
const RELEASES = headerCell('owner') / 4 + 1

export class KernelPool implements KernelRunner {
  readonly #pool: Piscina

  constructor(workers: number) {
    this.#pool = new Piscina({
      filename: new URL('./worker.ts', import.meta.url).href,
      minThreads: workers,
      maxThreads: workers,
      idleTimeout: Number.POSITIVE_INFINITY,
      concurrentTasksPerWorker: 1,
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
    const files = this.#run({ ...envelope, request: { op: 'snapshot' } }) as Promise<SnapshotFile[]>
    const copied = Promise.race([released(envelope.memory), files.then(() => undefined)])
    // a worker that died with the memory wakes nobody: the wait for it would keep the memory for ever
    files.catch(() => wakeWaiters(envelope.memory))
    return { released: copied, files }
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
    await this.#pool.destroy()
  }
}

function wakeWaiters(memory: WebAssembly.Memory): void {
  const words = new Int32Array(memory.buffer)
  Atomics.add(words, RELEASES, 1)
  Atomics.notify(words, RELEASES)
}

/** Resolves once a worker has taken the memory and let it go again. */
async function released(memory: WebAssembly.Memory): Promise<void> {
  const words = new Int32Array(memory.buffer)
  const before = Atomics.load(words, RELEASES)
  while (Atomics.load(words, RELEASES) === before) await Atomics.waitAsync(words, RELEASES, before).value
}
