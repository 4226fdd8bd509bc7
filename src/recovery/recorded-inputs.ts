/**
 * The inputs that recorded epochs consumed, where they are not those of today: one may have been switched off or on since, or be another
 * topic now. Each epoch is run again with its own; what comes after it begins where an input stood when it was dropped, or where the settings say.
 *
 * In:  epoch records, the log. Out: stretches of epochs with the same inputs, positions, records in queues. Imports: ports, ingest, epoch.
 */
import { CHANNELS } from '../contract/outcomes.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { appendRecord } from '../ingest/packing.ts'
import { recordColumns } from '../ingest/record-queue.ts'
import type { RecordQueue } from '../ingest/record-queue.ts'
import { LogError } from '../ports/log.ts'
import type { Log } from '../ports/log.ts'

/** A channel that is not read now. */
export const NOT_READ = null
/** Where each channel is to be read from; −1: off, or where TA_AUTO_OFFSET_RESET says. */
export type Positions = (number | typeof NOT_READ)[]

/** Recorded epochs, one after another, with the same inputs. */
export interface Stretch {
  inputs: readonly string[]
  records: EpochRecord[]
  /** Where each channel stands before the first of them; −1 where it is off. */
  from: number[]
}

/** The epochs after `basis`, cut where an input changed. The first is that of `basis` itself, perhaps of no epoch. */
export function stretchesOf(basis: EpochRecord, after: readonly EpochRecord[]): Stretch[] {
  const stretches: Stretch[] = [{ inputs: basis.inputs, records: [], from: basis.consumed.map(({ to }) => to) }]
  let last = basis
  for (const record of after) {
    if (!sameInputs(record.inputs, last.inputs)) {
      // the first epoch of new inputs has no step: it says where they begin
      stretches.push({ inputs: record.inputs, records: [], from: record.consumed.map(({ to }) => to) })
    }
    stretches.at(-1)!.records.push(record)
    last = record
  }
  return stretches
}

export const sameInputs = (one: readonly string[], other: readonly string[]): boolean => one.every((topic, channel) => topic === other[channel])

/** Where the present inputs go on after `last`: where they stood, or were dropped; else −1. */
export function positionsNow(last: EpochRecord, inputs: readonly string[]): number[] {
  return inputs.map((topic, channel) => {
    if (topic === '') return -1
    return topic === last.inputs[channel] ? last.consumed[channel].to : last.left.find((each) => each.topic === topic)?.to ?? -1
  })
}

/**
 * What of a stretch is read by the engine's own reader: the channels whose topic is today's. The others' records are put into their
 * queues by `fill`.
 */
export function readable({ inputs, from }: Stretch, now: readonly string[]): Positions {
  return from.map((position, channel) => (inputs[channel] === now[channel] ? position : NOT_READ))
}

/** Puts all records that the stretch consumed from topics that are no inputs today into the queues. Throws UserError where they are gone. */
export async function fill(log: Log, partition: number, stretch: Stretch, now: readonly string[], queues: readonly RecordQueue[]): Promise<void> {
  for (const [channel, topic] of stretch.inputs.entries()) {
    if (topic === now[channel]) continue
    const [queue, from] = [queues[channel], stretch.from[channel]]
    queue.start(from)
    const to = stretch.records.at(-1)?.consumed[channel].to ?? from
    if (topic === '' || to <= from) continue
    try {
      await log.read(topic, partition, from, to, ({ offset, timestampMs, key, value }) => {
        const columns = recordColumns(1, key?.length ?? 0, (value?.length ?? 0) + 64)
        if (!appendRecord(columns, { topic: 0, partition, offset, timestampMs, key, value })) throw new RangeError(`record ${offset} of ${topic} does not fit`)
        queue.put(columns, 0)
      })
    } catch (error) {
      if (!(error instanceof LogError) || error.kind !== 'missing') throw error
      throw new UserError(EXIT_SETTINGS, `Recorded epochs of task ${partition} consumed ${CHANNELS[channel]} from ${topic} [${partition}] and have to be run again, but that topic ` +
        'is gone: bring it back, or start anew with ta reset.', { cause: error })
    }
    queue.reachedEnd(to)
  }
}
