import { describe, expect, test } from 'vitest'
import type { LogLine } from '../engine.ts'
import type { OutputLog } from './arrivals.ts'
import { PARTS, firstArrivals, recoveryOf, summarize, type Kill, type Recovery } from './recovery.ts'

const KILLED_MS = Date.UTC(2025, 11, 3, 18, 0, 0)
const line = (atMs: number, msg: string, fields: object = {}): LogLine => ({ time: new Date(KILLED_MS + atMs).toISOString(), msg, ...fields })
const live = (task: number, atMs: number, ms: number, fenceMs: number): LogLine => line(atMs, 'task is live', { task, ms, fenceMs })

/** Task 1's record comes last although task 2 is live last. */
const RESTART: LogLine[] = [
  line(-5_000, 'starting'), line(-4_500, 'tasks assigned', { tasks: [1, 2] }), line(-4_300, 'restoring a task', { task: 1, epochs: 99 }), live(1, -4_200, 300, 90),
  line(600, 'starting'), line(1_000, 'tasks assigned', { tasks: [1, 2] }),
  line(1_250, 'restoring a task', { task: 1, epochs: 7 }), line(1_300, 'restoring a task', { task: 2, epochs: 8 }),
  live(1, 1_400, 401, 200), live(2, 1_500, 500, 210),
]
const kill = (lines: LogLine[], tasks = [1, 2]): Kill => ({ killedMs: KILLED_MS, untilMs: KILLED_MS + 60_000, tasks, lines })
const firsts = (...rows: [task: number, atMs: number][]): Map<number, number> => new Map(rows.map(([task, atMs]) => [task, KILLED_MS + atMs]))
const sumOf = ({ parts }: Recovery): number => PARTS.reduce((sum, part) => sum + parts[part], 0)

describe('recoveryOf', () => {
  test('the parts are those of the task whose record comes last, and add up to the whole', () => {
    const recovery = recoveryOf(kill(RESTART), firsts([2, 1_600], [1, 1_700.5]))
    expect(recovery).toEqual({
      firstMs: 1_600, allTasksMs: 1_700.5, epochs: 7,
      parts: { restart: 600, join: 400, attempts: 0, fence: 200, load: 50, replay: 150, commit: 300.5 },
    })
    expect(sumOf(recovery)).toBe(recovery.allTasksMs)
  })

  test('an attempt that failed is a part of its own, and its fence and load are not counted twice', () => {
    const lines = [...RESTART.slice(0, 8), line(1_450, 'task 1: away; the task starts over'), line(1_900, 'restoring a task', { task: 1, epochs: 9 }), live(1, 2_000, 500, 250)]
    const recovery = recoveryOf(kill(lines, [1]), firsts([1, 2_100]))
    expect(recovery.parts).toEqual({ restart: 600, join: 400, attempts: 500, fence: 250, load: 150, replay: 100, commit: 100 })
    expect(recovery.epochs).toBe(9)
    expect(sumOf(recovery)).toBe(2_100)
  })

  test('an instance that was there before does not start, and what it was given before is not this recovery', () => {
    const standby = [line(-9_000, 'starting'), line(-8_000, 'tasks assigned', { tasks: [3] }), line(-7_900, 'restoring a task', { task: 3, epochs: 0 }), live(3, -7_800, 200, 50),
      line(9_500, 'tasks assigned', { tasks: [1] }), line(9_700, 'restoring a task', { task: 1, epochs: 3 }), live(1, 9_800, 300, 100)]
    expect(recoveryOf(kill(standby, [1]), firsts([1, 10_000])).parts)
      .toEqual({ restart: 0, join: 9_500, attempts: 0, fence: 100, load: 100, replay: 100, commit: 200 })
  })

  test('whole ms of the log that overlap by a few are put in order, and the sum stays', () => {
    const lines = [line(600, 'starting'), line(1_000, 'tasks assigned', { tasks: [1] }), line(1_100, 'restoring a task', { task: 1, epochs: 0 }), live(1, 1_200, 202, 103)]
    const recovery = recoveryOf(kill(lines, [1]), firsts([1, 1_300]))
    expect(recovery.parts).toMatchObject({ fence: 103, load: 0, replay: 97 })
    expect(sumOf(recovery)).toBe(1_300)
  })

  test('a log that contradicts itself is refused', () => {
    const lines = [line(600, 'starting'), line(1_000, 'tasks assigned', { tasks: [1] }), line(1_100, 'restoring a task', { task: 1, epochs: 0 }), live(1, 1_200, 200, 150)]
    expect(() => recoveryOf(kill(lines, [1]), firsts([1, 1_300]))).toThrow('load end before it began')
  })

  test('a task without a record, or without its lines, is refused', () => {
    expect(() => recoveryOf(kill(RESTART), firsts([1, 1_700]))).toThrow('no record of task 2')
    expect(() => recoveryOf(kill(RESTART.slice(0, 8)), firsts([2, 1_600], [1, 1_700]))).toThrow('does not say that task 1 was live')
  })
})

describe('firstArrivals', () => {
  const bars = (...rows: [symbol: number, receivedMs: number, madeMs: number][]): OutputLog => {
    const zeros = rows.map(() => 0)
    const column = (at: number): Float64Array => Float64Array.from(rows, (row) => KILLED_MS + row[at])
    return {
      symbols: Uint32Array.from(rows, ([symbol]) => symbol), seconds: Float64Array.from(zeros), finals: Uint8Array.from(zeros), seqs: Float64Array.from(zeros),
      counts: Float64Array.from(zeros), payloads: Uint32Array.from(zeros), receivedMs: column(1), madeMs: column(2),
    }
  }
  const log = bars([0, -100, -110], [0, 20, -5], [1, 900, 850], [0, 800, 790], [0, 850, 840], [2, 700, 690], [1, 70_000, 69_000])

  test('what was made before the kill does not count, nor what belongs to other tasks', () => {
    expect(firstArrivals(log, (symbol) => symbol + 1, kill([]))).toEqual(firsts([1, 800], [2, 900]))
  })

  test('nor what came after the next kill', () => {
    expect(firstArrivals(log, (symbol) => symbol + 1, { ...kill([]), untilMs: KILLED_MS + 900 })).toEqual(firsts([1, 800]))
  })
})

test('p50 and max of each figure over the kills; none is null', () => {
  const of = (ms: number): Recovery => ({ firstMs: ms, allTasksMs: ms + 10, parts: { restart: ms / 2, join: 0, attempts: 0, fence: 0, load: 0, replay: 0, commit: ms / 2 + 10 }, epochs: 3 })
  const each = [of(300), of(100), of(200), of(900)]
  expect(summarize(each)).toMatchObject({ kills: 4, firstMs: { p50: 200, max: 900 }, allTasksMs: { p50: 210, max: 910 }, parts: { restart: { p50: 100, max: 450 } }, epochs: { p50: 3, max: 3 }, each })
  expect(summarize([])).toBeNull()
})
