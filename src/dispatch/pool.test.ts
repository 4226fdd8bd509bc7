import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bundleOf, kernelModule } from '../../test/kernel/kernel-under-test.ts'
import { headerCell } from '../state/layout.ts'
import { TaskMemory } from '../state/task-memory.ts'
import { KernelPool } from './pool.ts'
import { StepFailed } from './step-failed.ts'

const OWNER = headerCell('owner') / 4
const SOMEBODY = 99
let pool: KernelPool
beforeEach(() => {
  pool = new KernelPool(1)
})
afterEach(() => pool.close())

const newTask = () => {
  const task = TaskMemory.create(bundleOf().image)
  return { task, envelope: { key: 'task 0', memory: task.memory, module: kernelModule } }
}

/** Workers start in half a second, and in ten where all cores are taken. */
const TIMEOUT_MS = 60_000

describe('a step by the pool', { timeout: TIMEOUT_MS }, () => {
  it('finds its task on a worker that has seen it, and on a new one', async () => {
    const { task, envelope } = newTask()
    const close = (clockMs: number) => pool.run({ ...envelope, request: { op: 'close', clockMs, bits: 0, opensEpoch: true } })
    const clocks: bigint[] = []
    for (const clockMs of [1, 2]) {
      await close(clockMs)
      clocks.push(task.cell('clockMs'))
    }
    await pool.threads[0].terminate()
    await close(3)
    clocks.push(task.cell('clockMs'))
    expect(clocks).toEqual([1n, 2n, 3n])
  })
})

describe('forget', { timeout: TIMEOUT_MS }, () => {
  it('lets go of the memory of a task that is over, and the next one of the task is found', async () => {
    const { envelope: before } = newTask()
    await pool.run({ ...before, key: 'task 7, memory', request: { op: 'close', clockMs: 1, bits: 0, opensEpoch: true } })
    pool.forget('task 7, ')
    // a kernel that was kept under this key would be of the old memory, whose clock stands at 1
    const { task, envelope } = newTask()
    await pool.run({ ...envelope, key: 'task 7, memory', request: { op: 'close', clockMs: 2, bits: 0, opensEpoch: true } })
    expect(task.cell('clockMs')).toBe(2n)
  })
})

describe('a snapshot by the pool', { timeout: TIMEOUT_MS }, () => {
  it('lets the memory go before its files are there', async () => {
    const { task, envelope } = newTask()
    await pool.run({ ...envelope, request: { op: 'close', clockMs: 1, bits: 0, opensEpoch: true } })
    const { released, files } = pool.snapshot(envelope)
    await released
    expect(Atomics.load(task.i32(), OWNER)).toBe(0)
    expect((await files).length).toBeGreaterThan(0)
  })

  it('fails when a step that never ended holds the memory', async () => {
    const { task, envelope } = newTask()
    Atomics.store(task.i32(), OWNER, SOMEBODY)
    const { released, files } = pool.snapshot(envelope)
    await expect(files).rejects.toThrow(StepFailed)
    await expect(released).rejects.toThrow(StepFailed)
  })

  it('fails when its worker dies, and the pool goes on with another', async () => {
    const { task, envelope } = newTask()
    await pool.run({ ...envelope, request: { op: 'close', clockMs: 1, bits: 0, opensEpoch: true } })
    Atomics.store(task.i32(), OWNER, SOMEBODY) // so that it can't be done before the worker is dead
    const { released, files } = pool.snapshot(envelope)
    const [worker] = pool.threads
    await Promise.all([worker.terminate(), expect(files).rejects.toThrow(StepFailed), expect(released).rejects.toThrow(StepFailed)])
    const { envelope: other } = newTask()
    await pool.run({ ...other, key: 'another task', request: { op: 'close', clockMs: 1, bits: 0, opensEpoch: true } })
  })
})
