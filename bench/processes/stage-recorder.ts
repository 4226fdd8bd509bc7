/**
 * Loaded into a profiled engine before its program: notes when each stage of each task's epochs was over and how long it took, and
 * writes them as Chrome trace events at the end. The program itself has nothing of it.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import type { EpochStage } from '../../src/contract/metrics.ts'
import type { EngineMetrics } from '../../src/engine/engine-metrics.ts'
import type { LiveTask } from '../../src/epoch/live-task.ts'

/** Events are some tens of bytes: enough for minutes. */
const EVENTS_MAX = 1_000_000

interface TraceEvent {
  name: string
  ph: 'X' | 'M'
  pid: number
  tid: number
  /** µs. */
  ts?: number
  dur?: number
  args?: Record<string, unknown>
}

/** Trace events lie in lanes: a task's stages overlap (an epoch commits while the next one is gathered), so each has its own. */
const LANES: readonly EpochStage[] = ['gather', 'decode', 'kernel', 'encode', 'produce', 'commit']

async function record(path: string): Promise<void> {
  const program = pathToFileURL(process.argv[1])
  const { EngineMetrics: Metrics } = await import(new URL('engine/engine-metrics.ts', program).href) as { EngineMetrics: { prototype: EngineMetrics } }
  const { LiveTask: Task } = await import(new URL('epoch/live-task.ts', program).href) as { LiveTask: { prototype: LiveTask } }
  const taskOf = new AsyncLocalStorage<number>()
  const events: TraceEvent[] = []
  const lanes = new Set<number>()
  /** Of each task: a step's decode and kernel are told together, when both are over. */
  const decodes = new Map<number, TraceEvent>()
  const { stage } = Metrics.prototype
  const { run } = Task.prototype
  Task.prototype.run = function (this: LiveTask, ...args) {
    return taskOf.run(this.state.partition, () => run.apply(this, args))
  }
  Metrics.prototype.stage = function (this: EngineMetrics, name, ms) {
    const task = taskOf.getStore()
    if (task !== undefined && events.length < EVENTS_MAX) {
      const tid = task * 10 + LANES.indexOf(name)
      if (!lanes.has(tid)) {
        lanes.add(tid)
        events.push({ name: 'thread_name', ph: 'M', pid: process.pid, tid, args: { name: `task ${task} ${name}` } })
      }
      const event = { name, ph: 'X' as const, pid: process.pid, tid, ts: (performance.now() - ms) * 1000, dur: ms * 1000 }
      events.push(event)
      const decode = decodes.get(task)
      if (name === 'decode') decodes.set(task, event)
      else if (name === 'kernel' && decode?.ts !== undefined) decode.ts -= event.dur
    }
    stage.call(this, name, ms)
  }
  process.on('exit', () => writeFileSync(path, JSON.stringify({ traceEvents: events })))
}

const { BENCH_STAGES_FILE: path } = process.env
if (isMainThread && path !== undefined) await record(path)
