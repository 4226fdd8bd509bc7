/** Which records a redrive sends where, and which it leaves and why: decided before anything is sent. */
import { isChosen } from './choice.ts'
import type { Choice } from './choice.ts'
import type { RejectedRecord } from './dlq-record.ts'
import { scan, stretchesOf } from './scan.ts'
import type { ReadableLog, Stretch } from './scan.ts'

export interface RedriveOptions {
  dlqTopic: string
  /** Input topics of the job; records of others are left. */
  inputs: readonly string[]
  choice: Choice
  /** Also those that were sent back before. */
  again: boolean
}

/** What becomes of the chosen records of one reason and topic. */
export interface PlanRow {
  reason: string
  topic: string
  chosen: number
  send: number
  /** Sent back before. */
  redriven: number
  /** Only the head of the record is in the DLQ. */
  cut: number
  /** Not of an input topic of this job, or of a partition that is not there. */
  elsewhere: number
}

/** An input partition that gets records. */
export interface Target {
  topic: string
  partition: number
}

export interface PartitionPlan {
  stretch: Stretch
  /** Of the records to send, in order; each one's target is `targets[targetOf[i]]`. */
  offsets: number[]
  targetOf: number[]
}

export interface RedrivePlan {
  /** Most records first. */
  rows: PlanRow[]
  targets: Target[]
  partitions: PartitionPlan[]
}

/** Totals of a plan. */
export function totalsOf({ rows }: RedrivePlan): Omit<PlanRow, 'reason' | 'topic'> {
  const totals = { chosen: 0, send: 0, redriven: 0, cut: 0, elsewhere: 0 }
  for (const row of rows) for (const name of Object.keys(totals) as (keyof typeof totals)[]) totals[name] += row[name]
  return totals
}

/** Reads the DLQ and decides. Throws UserError 78 when there is no such topic, LogError. */
export async function planRedrive(log: ReadableLog, options: RedriveOptions): Promise<RedrivePlan> {
  const { dlqTopic, inputs, choice, again } = options
  const partitionsOf = new Map((await log.describe([...inputs])).map(({ name, partitions }) => [name, partitions]))
  const stretches = await stretchesOf(log, dlqTopic, choice)
  const targets = new Targets(partitionsOf)
  const rows = new Map<string, PlanRow>()
  const partitions: PartitionPlan[] = []
  for (const stretch of stretches) {
    const part = new PartitionChoice(rows, targets)
    const { redriven } = await scan(log, stretch, (record) => {
      if (isChosen(choice, record)) part.add(record)
    })
    const { offsets, targetOf } = part.decide((offset) => !again && redriven.has(offset))
    if (offsets.length > 0) partitions.push({ stretch, offsets, targetOf })
  }
  return { rows: [...rows.values()].sort((a, b) => b.chosen - a.chosen), targets: targets.list, partitions }
}

/** Input partitions by number. */
class Targets {
  readonly list: Target[] = []
  readonly #numbers = new Map<string, number>()
  readonly #partitionsOf: ReadonlyMap<string, number>

  constructor(partitionsOf: ReadonlyMap<string, number>) {
    this.#partitionsOf = partitionsOf
  }

  /** −1 when there is no such input partition. */
  numberOf(topic: string, partition: number): number {
    if (partition >= (this.#partitionsOf.get(topic) ?? 0)) return -1
    const name = `${topic} ${partition}`
    const known = this.#numbers.get(name)
    if (known !== undefined) return known
    this.#numbers.set(name, this.list.length)
    return this.list.push({ topic, partition }) - 1
  }
}

/** The chosen records of one partition, until its end tells which of them were sent back before. */
class PartitionChoice {
  readonly #rows: Map<string, PlanRow>
  readonly #targets: Targets
  readonly #offsets: number[] = []
  readonly #targetOf: number[] = []
  readonly #rowOf: PlanRow[] = []

  constructor(rows: Map<string, PlanRow>, targets: Targets) {
    this.#rows = rows
    this.#targets = targets
  }

  add({ reason, source, place, cut }: RejectedRecord): void {
    const name = `${reason} ${source.topic}`
    const row = this.#rows.get(name)
      ?? { reason, topic: source.topic, chosen: 0, send: 0, redriven: 0, cut: 0, elsewhere: 0 }
    this.#rows.set(name, row)
    row.chosen++
    const target = this.#targets.numberOf(source.topic, source.partition)
    if (target < 0) row.elsewhere++
    else if (cut) row.cut++
    else {
      this.#offsets.push(place.offset)
      this.#targetOf.push(target)
      this.#rowOf.push(row)
    }
  }

  decide(isDone: (offset: number) => boolean): { offsets: number[]; targetOf: number[] } {
    const offsets: number[] = []
    const targetOf: number[] = []
    this.#offsets.forEach((offset, i) => {
      if (isDone(offset)) {
        this.#rowOf[i].redriven++
        return
      }
      this.#rowOf[i].send++
      offsets.push(offset)
      targetOf.push(this.#targetOf[i])
    })
    return { offsets, targetOf }
  }
}
