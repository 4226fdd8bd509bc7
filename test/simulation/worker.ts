/**
 * A thread that runs schedules: those of the seeds it is given, one after the other, and tells of each that fails. With
 * `mutant` set, the sources are changed on their way in, before anything is loaded.
 */
import { registerHooks } from 'node:module'
import { parentPort, workerData } from 'node:worker_threads'
import type { MessagePort } from 'node:worker_threads'
import type { Mutant } from './mutants.ts'

export interface WorkerTask {
  /** Run in this order. */
  seeds: readonly number[]
  traced: boolean
  /** Ends at the first failure. */
  stopsAtFailure: boolean
  mutant: Mutant | null
  /** Seed that is being run: tells that a thread hangs, and where. */
  current: Int32Array
}

export interface WorkerReport {
  schedules: number
  events: number
  epochs: number
  /** How often each kind of fault came. */
  tally: [string, number][]
  failures: { seed: number; failure: string; trace: string[] }[]
}

const task = workerData as WorkerTask

/** Replaces exact text of one file; text that isn't there is an error, so that no mutant dies unnoticed when code changes. */
function mutate({ name, changes }: Mutant): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context)
      const mine = changes.filter(({ file }) => url.endsWith(`/src/${file}`))
      if (mine.length === 0) return loaded
      let source = String(typeof loaded.source === 'string' ? loaded.source : Buffer.from(loaded.source as Uint8Array).toString())
      for (const { file, text, other } of mine) {
        const times = source.split(text).length - 1
        if (times !== 1) throw new Error(`mutant "${name}": src/${file} has to hold this exactly once, not ${times} times: ${text}`)
        source = source.replace(text, () => other)
      }
      return { ...loaded, source }
    },
  })
}

if (task.mutant !== null) mutate(task.mutant)
const { runSchedule } = await import('./schedule.ts')
const { openKernels } = await import('./kernels.ts')
const { Tally } = await import('../../src/simulation/tally.ts')

const kernels = openKernels()
const tally = new Tally()
const report: WorkerReport = { schedules: 0, events: 0, epochs: 0, tally: [], failures: [] }
/** What nobody awaited failed: the schedule's failure, as in production it ends the process. */
let unhandled: string | null = null
process.on('unhandledRejection', (error) => (unhandled ??= `unhandled: ${error instanceof Error ? error.stack : String(error)}`))

for (const seed of task.seeds) {
  Atomics.store(task.current, 0, seed)
  const result = await runSchedule(seed, kernels, task.traced)
  const failure = unhandled ?? result.failure
  unhandled = null
  report.schedules += 1
  report.events += result.events
  report.epochs += result.epochs
  tally.add(result.tally)
  if (failure === null && !task.traced) continue
  report.failures.push({ seed, failure: failure ?? '', trace: result.trace })
  if (task.stopsAtFailure && failure !== null) break
}
report.tally = [...tally.counts]
;(parentPort as MessagePort).postMessage(report)
