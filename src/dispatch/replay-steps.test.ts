import { describe, expect, it } from 'vitest'
import { CHANNELS, LATE } from '../contract/outcomes.ts'
import { appendRecord, clearColumns } from '../ingest/packing.ts'
import { RecordQueue, recordColumns } from '../ingest/record-queue.ts'
import { CLOSE_ALL, copyOutputs, loadBatch, specialsOf } from '../state/kernel.ts'
import type { Kernel } from '../state/kernel.ts'
import { newKernel, textsOf } from '../../test/kernel/kernel-under-test.ts'
import { randomStream } from '../../test/kernel/random-stream.ts'
import { replaySteps } from './replay-steps.ts'
import type { ReplayCounts, ReplayStep } from './request.ts'

const columns = recordColumns(256, 65_536, 1_048_576)

/** The stream's records as queues, and the steps over them as a live loop would have made them. */
function recorded(seed: number): { queues: RecordQueue[]; steps: ReplayStep[] } {
  const queues = CHANNELS.map(() => new RecordQueue())
  const steps: ReplayStep[] = []
  const offsets = CHANNELS.map(() => 0)
  let clockNs = 1_764_786_730_000_000_000n
  for (const action of randomStream(seed, 200).actions) {
    if (action.do !== 'apply' || action.records.length === 0) continue
    const topic = CHANNELS.indexOf(action.channel)
    clearColumns(columns)
    for (const { key, value } of action.records) {
      const record = { topic, partition: 0, offset: offsets[topic]++, timestampMs: -1, key: key === null ? null : Buffer.from(key), value: Buffer.from(value) }
      expect(appendRecord(columns, record)).toBe(true)
    }
    for (let row = 0; row < columns.count; row++) queues[topic].put(columns, row)
    steps.push({ topic, rows: columns.count, clockNs: (clockNs += 40_000_000n) })
  }
  return { queues, steps }
}

/** What comes out at the end, with the counts. */
function outcome(kernel: Kernel, counts: ReplayCounts): unknown {
  kernel.close(null, CLOSE_ALL)
  return { counts, texts: textsOf(copyOutputs(kernel.task)), digest: copyOutputs(kernel.task).digest }
}

describe('steps of a recorded epoch', () => {
  it.each([1, 2, 3, 4])('come out in one go as they did one by one (stream %d)', (seed) => {
    const one = newKernel()
    const single = recorded(seed)
    const counts: ReplayCounts = { late: 0, rejected: 0 }
    for (const { topic, rows, clockNs } of single.steps) {
      single.queues[topic].peek(rows, (batch, from, to) => loadBatch(one.task, batch, from, to))
      one.decode(topic, rows, clockNs)
      one.apply(rows)
      for (const { outcome: kind } of specialsOf(one.task, rows)) counts[kind === LATE ? 'late' : 'rejected']++
      single.queues[topic].drop(rows)
    }
    const all = newKernel()
    const { queues, steps } = recorded(seed)
    const replayed = replaySteps(all, { steps, columns: queues.map((queue) => (queue.length === 0 ? null : queue.takeOut(queue.length))) })
    const due = outcome(one, counts) as { texts: string[] }
    expect(outcome(all, replayed)).toEqual(due)
    expect(due.texts.length).toBeGreaterThan(0)
  })

  it('are refused without their records', () => {
    expect(() => replaySteps(newKernel(), { steps: [{ topic: 0, rows: 1, clockNs: 0n }], columns: [null, null, null] })).toThrow(RangeError)
  })
})
