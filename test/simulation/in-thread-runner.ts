/**
 * Runs the real kernel in this thread, in virtual time, with the worker's protocol: owner word set, step, owner word cleared.
 * A worker can die, or the kernel trap, in the middle of a step: the owner word stays set and the memory half-written.
 */
import { replaySteps } from '../../src/dispatch/replay-steps.ts'
import type { Envelope, ReplayCounts, ReplayRequest, SnapshotFile, StepTimes } from '../../src/dispatch/request.ts'
import type { KernelRunner } from '../../src/dispatch/runner.ts'
import { StepFailed } from '../../src/dispatch/step-failed.ts'
import type { Effect, Fate, SimulatedProcess } from '../../src/simulation/process.ts'
import { copyTables, encodeTables } from '../../src/state/arrow-tables.ts'
import { Kernel } from '../../src/state/kernel.ts'
import { INPUT, headerCell } from '../../src/state/layout.ts'
import { TaskMemory } from '../../src/state/task-memory.ts'
import { POISON } from './market.ts'

const OWNER = headerCell('owner') / 4
const WORKER = 7
const INJECTED = 'a trap of the simulation'
interface Batch {
  task: string
  channel: number
  from: number
  to: number
}

/** So many chance traps without a record to blame are still no bug to the engine. */
const EPOCH_HITS_MOST = 2

const kernels = new WeakMap<WebAssembly.Memory, { kernel: Kernel; module: WebAssembly.Module }>()

export class InThreadRunner implements KernelRunner {
  readonly #process: SimulatedProcess
  /** Told when the kernel traps by itself: an assertion in it. */
  readonly #onTrap: (error: Error) => void
  /** Batches that an injected trap has hit. */
  readonly #hit: Batch[] = []
  /** Traps at epochs' ends, by task. */
  readonly #epochHits = new Map<string, number>()

  constructor(process: SimulatedProcess, onTrap: (error: Error) => void) {
    this.#process = process
    this.#onTrap = onTrap
  }

  async run(envelope: Envelope): Promise<StepTimes> {
    await this.#call<void>('Step', envelope, (answer, refuse) => {
      try {
        this.#step(envelope)
        answer()
      } catch (cause) {
        if (cause instanceof WebAssembly.RuntimeError && cause.message !== INJECTED) this.#onTrap(cause)
        refuse(new StepFailed(`${envelope.request.op} of a task`, { cause }))
      }
    })
    return { decodeMs: 0, kernelMs: 0 }
  }

  /** Recorded steps: a worker may die in them. What was recorded did not trap the kernel, and does not when it is run again. */
  async replay(envelope: Envelope<ReplayRequest>): Promise<ReplayCounts> {
    return await this.#call<ReplayCounts>('Replay', envelope, (answer, refuse) => {
      const { random, faults, tally } = this.#process
      try {
        const { memory, module, request } = envelope
        const kernel = kernelOf(memory, module)
        own(kernel.task)
        const dies = random.chance(faults.workerDies)
        if (dies) tally.note('worker died in a step')
        if (request.opensEpoch) kernel.openEpoch()
        const { steps, columns } = request
        const counts = replaySteps(kernel, { steps: dies ? steps.slice(0, random.integer(0, steps.length + 1)) : steps, columns })
        if (dies) throw new Error('the worker died')
        release(kernel.task)
        answer(counts)
      } catch (cause) {
        if (cause instanceof WebAssembly.RuntimeError) this.#onTrap(cause)
        refuse(new StepFailed('replay of a task', { cause }))
      }
    })
  }

  #step({ key, memory, module, request }: Envelope): void {
    const { random, faults, tally } = this.#process
    const kernel = kernelOf(memory, module)
    own(kernel.task)
    const dies = random.chance(faults.workerDies)
    const traps = random.chance(faults.kernelTraps) && !(request.op === 'close' ? this.#wouldDamn(key) : this.#wouldBlame(key, kernel.task, request))
    const broken = dies ? new Error('the worker died') : traps ? new WebAssembly.RuntimeError(INJECTED) : null
    if (broken !== null) tally.note(dies ? 'worker died in a step' : 'kernel trapped')
    if (request.op === 'copy' || request.op === 'replay') throw new Error(`${request.op} is no step`)
    if (request.opensEpoch) kernel.openEpoch()
    if (request.op === 'apply') {
      if (holdsPoison(kernel.task, request.rows)) {
        tally.note('poison trapped the kernel')
        throw new WebAssembly.RuntimeError(INJECTED)
      }
      kernel.decode(request.topic, request.rows, request.clockNs)
      kernel.apply(broken === null ? request.rows : random.integer(0, request.rows + 1))
    } else if (broken === null || random.chance(0.5)) {
      kernel.close(request.clockMs, request.bits)
    }
    if (broken !== null) throw broken
    release(kernel.task)
  }

  /** Whether a trap now would make an epoch's end look like one that always traps. Else notes that it was hit. */
  #wouldDamn(key: string): boolean {
    const task = key.split(',')[0]
    const hits = (this.#epochHits.get(task) ?? 0) + 1
    if (hits > EPOCH_HITS_MOST) return true
    this.#epochHits.set(task, hits)
    return false
  }

  /**
   * Whether a trap now would make a sound record look like one that always traps: alone in its batch, and hit before. Else notes
   * the batch as hit.
   */
  #wouldBlame(key: string, memory: TaskMemory, request: Envelope['request']): boolean {
    if (request.op !== 'apply' || request.rows === 0) return false
    const offset = (row: number): number => Number(memory.i64()[INPUT.at.offset / 8 + row])
    const batch = { task: key.split(',')[0], channel: request.topic, from: offset(0), to: offset(request.rows - 1) + 1 }
    const before = this.#hit.some(({ task, channel, from, to }) => {
      return task === batch.task && channel === batch.channel && batch.from < to && from < batch.to
    })
    if (before && request.rows === 1) return true
    this.#hit.push(batch)
    return false
  }

  snapshot(envelope: Omit<Envelope, 'request'>): { released: Promise<void>; files: Promise<SnapshotFile[]> } {
    const copy = this.#call<ReturnType<typeof copyTables>>('Copy', envelope, (answer, refuse) => {
      try {
        const { task } = kernelOf(envelope.memory, envelope.module)
        own(task)
        const tables = copyTables(task)
        release(task)
        answer(tables)
      } catch (cause) {
        refuse(new StepFailed('snapshot of a task', { cause }))
      }
    })
    const files = copy.then(async (tables) => {
      await this.#process.clock.sleep(this.#process.random.between(0.5, 20))
      return encodeTables(tables)
    })
    return { released: copy.then(() => undefined), files }
  }

  #call<T>(name: string, envelope: { key: string }, effect: Effect<T>): Promise<T> {
    const { random } = this.#process
    // a copy may have to wait for a worker: nothing may change the memory meanwhile
    const sendMs = random.between(0.01, name === 'Copy' ? 4 : 0.3)
    const fate: Fate = { sendMs, answerMs: random.between(0.01, 0.5), lost: null, local: true }
    return this.#process.call<T>(name, envelope.key, fate, 0, () => new Error('not lost'), (answer, refuse) => {
      // workers die with their process
      if (this.#process.alive) effect(answer, refuse)
    })
  }

  /** Nothing is kept longer than its memory. */
  forget(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }
}

function kernelOf(memory: WebAssembly.Memory, module: WebAssembly.Module): Kernel {
  const kept = kernels.get(memory)
  if (kept?.module === module) return kept.kernel
  const kernel = new Kernel(module, new TaskMemory(memory))
  kernels.set(memory, { kernel, module })
  return kernel
}

function holdsPoison(task: TaskMemory, rows: number): boolean {
  const { values, valueEnds } = INPUT.at
  const end = task.i32()[valueEnds / 4 + rows]
  const { buffer } = task.bytes()
  return Buffer.from(buffer, values, end).includes(POISON)
}

function own(task: TaskMemory): void {
  const holder = Atomics.compareExchange(task.i32(), OWNER, 0, WORKER)
  if (holder !== 0) throw new Error('the memory is held by a step that never ended')
}

function release(task: TaskMemory): void {
  Atomics.store(task.i32(), OWNER, 0)
}
