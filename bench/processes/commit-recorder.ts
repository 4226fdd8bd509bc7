/**
 * Loaded into a measured engine before its program: notes of each transaction when its epoch was ended, how long it took from there
 * until the commit was known, and how long of that the transaction; exactly, where the engine's own histogram has buckets. The program
 * itself has nothing of it.
 */
import { appendFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import type { EngineMetrics } from '../../src/engine/engine-metrics.ts'
import type { ClosedEpoch, TaskState } from '../../src/epoch/task-state.ts'
import { commitLine } from '../measure/commits.ts'

/** Some dozens of lines at a time: whoever reads the file needs no end in order. */
const WRITE_MS = 1_000

async function record(path: string): Promise<void> {
  const program = pathToFileURL(process.argv[1])
  const { EngineMetrics: Metrics } = await import(new URL('engine/engine-metrics.ts', program).href) as { EngineMetrics: { prototype: EngineMetrics } }
  const { TaskState: State } = await import(new URL('epoch/task-state.ts', program).href) as { TaskState: { prototype: TaskState } }
  const endedMs = new WeakMap<ClosedEpoch, number>()
  let lines = ''
  const { close } = State.prototype
  State.prototype.close = async function (this: TaskState, ...args) {
    const startedMs = performance.now()
    const closed = await close.apply(this, args)
    endedMs.set(closed, startedMs)
    return closed
  }
  const { committed } = Metrics.prototype
  Metrics.prototype.committed = function (this: EngineMetrics, closed, transactionMs, clockMs) {
    const fromMs = endedMs.get(closed)
    if (fromMs === undefined) throw new Error('an epoch was committed that was not closed')
    lines += commitLine({ endedMs: performance.timeOrigin + fromMs, ms: performance.now() - fromMs, transactionMs })
    committed.call(this, closed, transactionMs, clockMs)
  }
  const write = (): void => {
    appendFileSync(path, lines)
    lines = ''
  }
  setInterval(write, WRITE_MS).unref()
  process.on('exit', write)
}

if (isMainThread && process.env.BENCH_COMMITS_FILE) await record(process.env.BENCH_COMMITS_FILE)
