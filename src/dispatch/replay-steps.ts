/** Steps of a recorded epoch, run as they were then: the same records by the same clock, one after another. */
import { LATE } from '../contract/outcomes.ts'
import { loadBatch, specialsOf } from '../state/kernel.ts'
import type { Kernel } from '../state/kernel.ts'
import type { ReplayCounts, ReplayRequest } from './request.ts'

/** Runs the steps on the kernel's memory. Throws when the kernel traps; the memory is torn then. */
export function replaySteps(kernel: Kernel, { steps, columns }: Pick<ReplayRequest, 'steps' | 'columns'>): ReplayCounts {
  const next = columns.map(() => 0)
  const counts: ReplayCounts = { late: 0, rejected: 0 }
  for (const { topic, rows, clockNs } of steps) {
    const from = next[topic]
    next[topic] += rows
    const source = columns[topic]
    if (source === null || next[topic] > source.offsets.length) throw new RangeError(`a step of ${rows} records without its records`)
    loadBatch(kernel.task, source, from, next[topic])
    kernel.decode(topic, rows, clockNs)
    kernel.apply(rows)
    for (const { outcome } of specialsOf(kernel.task, rows)) counts[outcome === LATE ? 'late' : 'rejected']++
  }
  return counts
}
