/** Schedules over threads: each takes every nth seed. */
import { Worker } from 'node:worker_threads'
import { Tally } from '../../src/simulation/tally.ts'
import type { Mutant } from './mutants.ts'
import type { WorkerReport, WorkerTask } from './worker.ts'

/** A schedule takes some tens of ms; one that takes longer than this never ends. */
const HANGS_MS = 60_000

const NOTHING: WorkerReport = { schedules: 0, events: 0, epochs: 0, tally: [], failures: [] }

/** Runs one thread to its end; rejects when it dies. A schedule that never ends is a failure and the last of its thread. */
export async function runWorker(task: Omit<WorkerTask, 'current'>): Promise<WorkerReport> {
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
  const seeds = Array.from({ length: count }, (_, i) => from + i)
  const reports = await Promise.all(Array.from({ length: threads }, (_, thread) => {
    const mine = seeds.filter((_, i) => i % threads === thread)
    return runWorker({ seeds: mine, traced: false, stopsAtFailure: false, mutant: null })
  }))
  const sum = (name: 'schedules' | 'events' | 'epochs'): number => reports.reduce((total, report) => total + report[name], 0)
  const tally = new Tally()
  for (const report of reports) tally.add(report.tally)
  return {
    schedules: sum('schedules'), events: sum('events'), epochs: sum('epochs'), tally: [...tally.counts].sort(),
    failures: reports.flatMap(({ failures }) => failures).sort((a, b) => a.seed - b.seed),
  }
}

/** The first failure among seeds [1, most], or null. */
export async function firstFailure(mutant: Mutant | null, most: number): Promise<WorkerReport['failures'][number] | null> {
  const seeds = Array.from({ length: most }, (_, i) => i + 1)
  const { failures } = await runWorker({ seeds, traced: false, stopsAtFailure: true, mutant })
  return failures.at(0) ?? null
}
