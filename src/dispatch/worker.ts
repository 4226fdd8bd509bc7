/**
 * The workers' entry file: runs one request on a task's shared memory. Any worker can run any task; each keeps its
 * kernel instances by key. The owner word is set before the memory is touched and cleared after it, so that a worker that
 * dies half-way leaves a mark (design, "Worker"). No clock, no environment, no randomness here or below (invariant 1).
 */
import { threadId } from 'node:worker_threads'
import { move, transferableSymbol, valueSymbol } from 'piscina'
import { Kernel } from '../state/kernel.ts'
import { encodeTables, copyTables } from '../state/arrow-tables.ts'
import { headerCell } from '../state/layout.ts'
import { TaskMemory } from '../state/task-memory.ts'
import type { Envelope, SnapshotFile } from './request.ts'

const KERNELS_KEPT = 64
const OWNER = headerCell('owner') / 4
const kernels = new Map<string, Kernel>()

function kernelOf({ key, memory, module }: Envelope): Kernel {
  const kept = kernels.get(key)
  if (kept !== undefined) return kept
  const kernel = new Kernel(module, new TaskMemory(memory))
  kernels.set(key, kernel)
  if (kernels.size > KERNELS_KEPT) kernels.delete(kernels.keys().next().value as string)
  return kernel
}

/** Takes the memory for this thread. Throws when somebody holds it: a step that never ended. */
function own(task: TaskMemory): void {
  if (Atomics.compareExchange(task.i32(), OWNER, 0, threadId) !== 0) throw new Error('the memory is held by a step that never ended')
}

/** Lets the memory go and wakes who waits for that. */
function release(task: TaskMemory): void {
  Atomics.store(task.i32(), OWNER, 0)
  Atomics.add(task.i32(), OWNER + 1, 1)
  Atomics.notify(task.i32(), OWNER + 1)
}

export default function run(envelope: Envelope): unknown {
  const kernel = kernelOf(envelope)
  const { request } = envelope
  own(kernel.task)
  if (request.op === 'snapshot') {
    const copy = copyTables(kernel.task)
    release(kernel.task)
    return transferred(encodeTables(copy))
  }
  if (request.opensEpoch) kernel.openEpoch()
  if (request.op === 'apply') {
    kernel.decode(request.topic, request.rows, request.clockNs)
    kernel.apply(request.rows)
  } else {
    kernel.close(request.clockMs, request.bits)
  }
  release(kernel.task)
  return undefined
}

/** Hands the files over without a copy. */
function transferred(files: SnapshotFile[]): unknown {
  return move({
    get [transferableSymbol]() {
      return files.map((file) => file.bytes.buffer)
    },
    get [valueSymbol]() {
      return files
    },
  } as never)
}
