/** Runs kernel requests in this thread, at once: for tests that drive a task without workers. */
import { replaySteps } from '../../src/dispatch/replay-steps.ts'
import type { Envelope, ReplayCounts, ReplayRequest, SnapshotFile, StepTimes } from '../../src/dispatch/request.ts'
import type { KernelRunner } from '../../src/dispatch/runner.ts'
import { copyTables, encodeTables } from '../../src/state/arrow-tables.ts'
import { Kernel } from '../../src/state/kernel.ts'
import { TaskMemory } from '../../src/state/task-memory.ts'

export class DirectRunner implements KernelRunner {
  readonly #kernels = new WeakMap<WebAssembly.Memory, Kernel>()
  /** Called after each step, before the task looks at what came of it. */
  readonly #after: (task: TaskMemory, envelope: Envelope) => void

  constructor(after: (task: TaskMemory, envelope: Envelope) => void = () => undefined) {
    this.#after = after
  }

  run(envelope: Envelope): Promise<StepTimes> {
    const { request } = envelope
    const kernel = this.#kernelOf(envelope)
    if (request.op === 'copy' || request.op === 'replay') throw new Error(`${request.op} is no step`)
    if (request.opensEpoch) kernel.openEpoch()
    if (request.op === 'apply') {
      kernel.decode(request.topic, request.rows, request.clockNs)
      kernel.apply(request.rows)
    } else kernel.close(request.clockMs, request.bits)
    this.#after(kernel.task, envelope)
    return Promise.resolve({ decodeMs: 0, kernelMs: 0 })
  }

  replay(envelope: Envelope<ReplayRequest>): Promise<ReplayCounts> {
    const kernel = this.#kernelOf(envelope)
    if (envelope.request.opensEpoch) kernel.openEpoch()
    return Promise.resolve(replaySteps(kernel, envelope.request))
  }

  #kernelOf({ memory, module }: Envelope): Kernel {
    const kernel = this.#kernels.get(memory) ?? new Kernel(module, new TaskMemory(memory))
    this.#kernels.set(memory, kernel)
    return kernel
  }

  snapshot({ memory }: Omit<Envelope, 'request'>): { released: Promise<void>; files: Promise<SnapshotFile[]> } {
    const files = encodeTables(copyTables(new TaskMemory(memory)))
    return { released: Promise.resolve(), files: Promise.resolve(files) }
  }

  /** Nothing is kept longer than its memory. */
  forget(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}
