/**
 * From kills, the engine's log and what was received to recoveries and their parts. Pure: a run only notes, and the sums are
 * done here afterwards.
 */
import type { LogLine } from '../engine.ts'
import type { OutputLog } from './arrivals.ts'

/**
 * The parts of a recovery, one after the other: the process's start up to its first line; broker and group, until the task is dealt
 * out (of another instance: the session timeout before all); attempts at the task that failed; InitProducerId; the epoch log and
 * what the snapshot takes longer than InitProducerId, beside which it is loaded; recorded epochs run again; the first new epoch.
 */
export const PARTS = ['restart', 'join', 'attempts', 'fence', 'load', 'replay', 'commit'] as const
export type Part = (typeof PARTS)[number]

/** A kill −9, and what of the successor's log and of the outputs belongs to it: until the next one. Times in ms since 1970. */
export interface Kill {
  killedMs: number
  untilMs: number
  /** Those of the killed instance. */
  tasks: number[]
  /** Of the successor's log. */
  lines: LogLine[]
}

/** From the kill on, ms. */
export interface Recovery {
  /** First new record of any of the tasks. */
  firstMs: number
  /** First new records of all of them. */
  allTasksMs: number
  /** Of the way of the task whose first record came last; they add up to `allTasksMs`. */
  parts: Record<Part, number>
  /** Recorded epochs that this task ran again. */
  epochs: number
}

/** The log has whole ms, and clocks of two processes are a little apart. */
const CLOCKS_APART_MS = 5

/** When the first record of each task came that was made after the kill: what was committed before may still be on its way then. */
export function firstArrivals(bars: OutputLog, taskOf: (symbol: number) => number, { killedMs, untilMs, tasks }: Kill): Map<number, number> {
  const firsts = new Map<number, number>()
  for (let row = 0; row < bars.receivedMs.length; row++) {
    const receivedMs = bars.receivedMs[row]
    if (receivedMs < killedMs || receivedMs >= untilMs || bars.madeMs[row] <= killedMs) continue
    const task = taskOf(bars.symbols[row])
    if (tasks.includes(task) && receivedMs < (firsts.get(task) ?? Number.POSITIVE_INFINITY)) firsts.set(task, receivedMs)
  }
  return firsts
}

/** Throws when a task had no record, or the log does not tell its way in order. */
export function recoveryOf(kill: Kill, firsts: ReadonlyMap<number, number>): Recovery {
  const without = kill.tasks.filter((task) => !firsts.has(task))
  if (without.length > 0) throw new Error(`no record of task ${without.join(', ')} came after the kill`)
  const [lastTask, lastMs] = [...firsts].reduce((last, each) => (each[1] > last[1] ? each : last))
  const { marks, epochs } = wayOf(kill, lastTask, lastMs)
  const parts = Object.fromEntries(PARTS.map((part, i) => [part, marks[i + 1] - marks[i]])) as Record<Part, number>
  return { firstMs: Math.min(...firsts.values()) - kill.killedMs, allTasksMs: lastMs - kill.killedMs, parts, epochs }
}

/** When each part began, and the last one's end. */
function wayOf({ killedMs, lines }: Kill, task: number, firstMs: number): { marks: number[]; epochs: number } {
  const between = (fromMs: number, toMs: number, msg: string, isOf: (line: LogLine) => boolean): LogLine | undefined =>
    lines.filter((line) => line.msg === msg && isOf(line) && Date.parse(line.time) >= fromMs - CLOCKS_APART_MS && Date.parse(line.time) <= toMs + CLOCKS_APART_MS).at(-1)
  const needed = (line: LogLine | undefined, what: string): LogLine => {
    if (line === undefined) throw new Error(`the log does not say that task ${task} was ${what} between the kill and its first record`)
    return line
  }
  const isOfTask = (line: LogLine): boolean => line.task === task
  const live = needed(between(killedMs, firstMs, 'task is live', isOfTask), 'live')
  const liveMs = Date.parse(live.time)
  const assignedMs = Date.parse(needed(between(killedMs, liveMs, 'tasks assigned', ({ tasks }) => (tasks as number[]).includes(task)), 'assigned').time)
  // an instance that was there before has no start
  const starting = between(killedMs, assignedMs, 'starting', () => true)
  const startedMs = starting === undefined ? killedMs : Date.parse(starting.time)
  const begunMs = liveMs - Number(live.ms)
  const attemptMs = begunMs - assignedMs > CLOCKS_APART_MS ? begunMs : assignedMs
  const fencedMs = attemptMs + Number(live.fenceMs)
  const restoring = needed(between(attemptMs, liveMs, 'restoring a task', isOfTask), 'restored')
  const marks = [killedMs, startedMs, assignedMs, attemptMs, fencedMs, Date.parse(restoring.time), liveMs, firstMs]
  for (let i = 1; i < marks.length; i++) {
    if (!(marks[i] >= marks[i - 1] - CLOCKS_APART_MS)) throw new Error(`the log of task ${task} has ${PARTS[i - 1]} end before it began: ${marks.join(' ')}`)
    marks[i] = Math.max(marks[i], marks[i - 1])
  }
  return { marks, epochs: Number(restoring.epochs) }
}

export interface Spread {
  p50: number
  max: number
}

/** Of several kills. Each figure has its own p50: those of the parts need not add up to the whole's. */
export interface Recoveries {
  kills: number
  firstMs: Spread
  allTasksMs: Spread
  parts: Record<Part, Spread>
  epochs: Spread
  each: Recovery[]
}

/** The lower one of the two in the middle; NaN for none. */
export function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
}

/** Null for none. */
export function summarize(each: Recovery[]): Recoveries | null {
  if (each.length === 0) return null
  const spread = (pick: (recovery: Recovery) => number): Spread => {
    const values = each.map(pick)
    return { p50: medianOf(values), max: Math.max(...values) }
  }
  return {
    kills: each.length, firstMs: spread(({ firstMs }) => firstMs), allTasksMs: spread(({ allTasksMs }) => allTasksMs),
    parts: Object.fromEntries(PARTS.map((part) => [part, spread(({ parts }) => parts[part])])) as Record<Part, Spread>,
    epochs: spread(({ epochs }) => epochs), each,
  }
}
