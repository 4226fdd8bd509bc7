/** Schedules over threads: each takes every nth seed. */
import { Worker } from 'node:worker_threads'
import type { Mutant } from './mutants.ts'
import type { WorkerReport, WorkerTask } from './worker.ts'

/** A schedule takes some tens of ms; one that takes longer than this never ends. */
const HANGS_MS = 30_000

const NOTHING: WorkerReport = { schedules: 0, events: 0, epochs: 0, failures: [] }

/** Runs one thread until `stop`; rejects when it dies. A schedule that never ends is a failure and the last of its thread. */
export async function runWorker(task: Omit<WorkerTask, 'current'>, stop?: AbortSignal): Promise<WorkerReport> {
  const current = new Int32Array(new SharedArrayBuffer(4))
  const workerData: WorkerTask = { ...task, current }
  const env = { ...process.env, NODE_OPTIONS: '' }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData, execArgv: [], env })
  let watch: NodeJS.Timeout | undefined
  try {
    return await new Promise<WorkerReport>((resolve, reject) => {
      worker.once('message', resolve)
      worker.once('error', reject)
      worker.once('exit', (code) => reject(new Error(`a simulation thread ended with ${code}`)))
      stop?.addEventListener('abort', () => resolve(NOTHING))
      let seen = -1
      watch = setInterval(() => {
        const seed = Atomics.load(current, 0)
        if (seed === seen) resolve({ ...NOTHING, failures: [{ seed, failure: `no end after ${HANGS_MS} ms of real time`, trace: [] }] })
        seen = seed
      }, HANGS_MS)
    })
  } finally {
    clearInterval(watch)
    await worker.terminate()
  }
}

/** Runs the schedules of seeds [from, from + count) on `threads` threads. */
export async function runSchedules(from: number, count: number, threads: number): Promise<WorkerReport> {
  const reports = await Promise.all(Array.from({ length: threads }, (_, thread) => {
    return runWorker({ from: from + thread, to: from + count, step: threads, traced: false, stopsAtFailure: false, mutant: null })
  }))
  const sum = (name: 'schedules' | 'events' | 'epochs'): number => reports.reduce((total, report) => total + report[name], 0)
  return {
    schedules: sum('schedules'), events: sum('events'), epochs: sum('epochs'),
    failures: reports.flatMap(({ failures }) => failures).sort((a, b) => a.seed - b.seed),
  }
}

/** The first failure among seeds [1, most], or null: two threads, the odd seeds and the even ones. */
export async function firstFailure(mutant: Mutant | null, most: number): Promise<WorkerReport['failures'][number] | null> {
  const stop = new AbortController()
  const reports = await Promise.all([1, 2].map(async (from) => {
    const report = await runWorker({ from, to: 1 + most, step: 2, traced: false, stopsAtFailure: true, mutant }, stop.signal)
    if (report.failures.length > 0) stop.abort()
    return report
  }))
  return reports.flatMap(({ failures }) => failures).at(0) ?? null
}
