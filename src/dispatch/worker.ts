/**
 * The workers' entry file: runs one request on a task's shared memory. Any worker can run any task; each keeps its
 * kernel instances by key. The owner word is set before the memory is touched and cleared after it, so that a worker that
 * dies half-way leaves a mark (design, "Worker"). What the kernel computes follows from its arguments and the memory alone
 * (invariant 1); the time that is taken here goes to metrics and nowhere else.
 */
import { threadId } from 'node:worker_threads'
import { Kernel } from '../state/kernel.ts'
import { collectNow } from './collect.ts'
import { replaySteps } from './replay-steps.ts'
import { copyTables } from '../state/arrow-tables.ts'
import { headerCell } from '../state/layout.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { TRAP } from './step-failed.ts'
import { copyBuffers, transferred } from './transferred.ts'
import { UNKNOWN_TASK } from './request.ts'
import type { Envelope, Forgotten, Letter, Message, StepTimes } from './request.ts'

const KERNELS_KEPT = 64
const OWNER = headerCell('owner') / 4
const kernels = new Map<string, Kernel>()
/** The last one of those told that is done. */
let forgotten = 0

/** Drops the kernels of tasks that are over, and with them their memories. */
function forget(told: readonly Forgotten[]): void {
  let isAny = false
  for (const { nth, keyPrefix } of told) {
    if (nth <= forgotten) continue
    forgotten = nth
    for (const key of kernels.keys()) if (key.startsWith(keyPrefix)) isAny = kernels.delete(key)
  }
  if (isAny) collectNow()
}

function kernelOf(envelope: Envelope | Letter): Kernel | null {
  const { key } = envelope
  const kept = kernels.get(key)
  if (kept !== undefined) return kept
  if (!('memory' in envelope)) return null
  const kernel = new Kernel(envelope.module, new TaskMemory(envelope.memory))
  kernels.set(key, kernel)
  if (kernels.size > KERNELS_KEPT) kernels.delete(kernels.keys().next().value as string)
  return kernel
}

/** Takes the memory for this thread. Throws when somebody holds it: a step that never ended. */
function own(task: TaskMemory): void {
  if (Atomics.compareExchange(task.i32(), OWNER, 0, threadId) !== 0) throw new Error('the memory is held by a step that never ended')
}

function release(task: TaskMemory): void {
  Atomics.store(task.i32(), OWNER, 0)
}

export default function run(message: Message): unknown {
  forget(message.forgotten)
  if (message.key === undefined) return undefined
  try {
    return runRequest(message as Envelope | Letter)
  } catch (error) {
    // a RuntimeError loses its class on the way to the main thread
    if (error instanceof WebAssembly.RuntimeError) throw new Error(`${TRAP}${error.message}`, { cause: error })
    throw error
  }
}

function runRequest(envelope: Envelope | Letter): unknown {
  const kernel = kernelOf(envelope)
  if (kernel === null) return UNKNOWN_TASK
  const { request } = envelope
  own(kernel.task)
  if (request.op === 'copy') {
    const copies = copyTables(kernel.task)
    release(kernel.task)
    return transferred(copies, copyBuffers(copies))
  }
  if (request.opensEpoch) kernel.openEpoch()
  if (request.op === 'replay') {
    const counts = replaySteps(kernel, request)
    release(kernel.task)
    return counts
  }
  const times: StepTimes = { decodeMs: 0, kernelMs: 0 }
  const startedMs = performance.now()
  if (request.op === 'apply') {
    kernel.decode(request.topic, request.rows, request.clockNs)
    times.decodeMs = performance.now() - startedMs
    kernel.apply(request.rows)
  } else {
    kernel.close(request.clockMs, request.bits)
  }
  times.kernelMs = performance.now() - startedMs - times.decodeMs
  release(kernel.task)
  return times
}
