/** Reads the DLQ from end to end, read_committed, a partition after the other. */
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { Log } from '../ports/log.ts'
import type { Choice } from './choice.ts'
import { readDlqRecord } from './dlq-record.ts'
import type { RejectedRecord } from './dlq-record.ts'
import { OffsetSet } from './offset-ranges.ts'
import type { OffsetRange } from './offset-ranges.ts'

export type ReadableLog = Pick<Log, 'describe' | 'bounds' | 'read'>

/** [from, to) of one partition of the DLQ. */
export interface Stretch {
  topic: string
  partition: number
  from: number
  to: number
}

export interface Scanned {
  /** Offsets of this partition that marks say were sent back. */
  redriven: OffsetSet
  /** Records that are not the engine's. */
  others: number
}

/** What has to be read for a choice: its partitions, from the first offset that it names on. Throws UserError 78 without the topic. */
export async function stretchesOf(log: ReadableLog, topic: string, { places }: Choice): Promise<Stretch[]> {
  const [{ partitions }] = await log.describe([topic])
  if (partitions === 0) {
    const sentence = `There is no topic ${topic} (TA_DLQ_TOPIC) on the broker; 'ta topics apply' creates what is missing.`
    throw new UserError(EXIT_SETTINGS, sentence)
  }
  const stretches: Stretch[] = []
  for (let partition = 0; partition < partitions; partition++) {
    const chosen = places?.get(partition)
    if (places !== undefined && chosen === undefined) continue
    const { low, high } = await log.bounds(topic, partition, 'read_committed')
    // a mark comes after what it marks
    stretches.push({ topic, partition, from: Math.min(Math.max(low, chosen?.ranges[0].from ?? low), high), to: high })
  }
  return stretches
}

/** Reads one partition; `visit` sees each rejected record in order, before it is known which of them a later mark names. */
export async function scan(log: ReadableLog, stretch: Stretch, visit: (record: RejectedRecord) => void): Promise<Scanned> {
  const { topic, partition, from, to } = stretch
  const redriven: OffsetRange[] = []
  let others = 0
  await log.read(topic, partition, from, to, (record) => {
    const read = readDlqRecord(record)
    if (read.kind === 'rejected') visit(read.record)
    else if (read.kind === 'mark') redriven.push(...read.redriven)
    else others++
  })
  return { redriven: new OffsetSet(redriven), others }
}
