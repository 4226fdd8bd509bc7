/** The epoch topic's partition of one task, read back: where the task stands and how it came there. */
import { readBundle } from '../bundle/bundle.ts'
import { decodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import { BUNDLE_KEY, EPOCH_KEY } from '../epoch/outputs.ts'
import { BugError } from '../contract/errors.ts'
import type { Log } from '../ports/log.ts'

export interface EpochLog {
  /** Epoch records in order, without a gap. */
  records: EpochRecord[]
  /** The records as they stand there, by epoch. */
  raw: Map<number, Buffer>
  /** Bytes of bundles by hash. */
  bundles: Map<string, Buffer>
  /** End of the partition as it was read: what comes later is the present owner's. */
  end: number
}

/** Reads the whole partition read_committed, to the end as it is now: call it after InitProducerId has returned. */
export async function readEpochLog(log: Log, topic: string, partition: number): Promise<EpochLog> {
  const { low, high } = await log.bounds(topic, partition, 'read_committed')
  const found: EpochLog = { records: [], raw: new Map(), bundles: new Map(), end: high }
  await log.read(topic, partition, low, high, ({ key, value, offset }) => {
    if (value === null) return
    if (key?.toString() === BUNDLE_KEY) {
      found.bundles.set(readBundle(value).hash, value)
    } else if (key?.toString() === EPOCH_KEY) {
      const record = decodeEpochRecord(value)
      const before = found.records.at(-1)
      if (record.epoch === 0) {
        // a job that was started anew: what was before does not count
        found.records = [record]
        found.raw = new Map([[0, value]])
        return
      }
      if (before !== undefined && record.epoch !== before.epoch + 1) {
        throw new BugError(5, `${topic} [${partition}] offset ${offset}: epoch ${record.epoch} follows epoch ${before.epoch}`)
      }
      found.records.push(record)
      found.raw.set(record.epoch, value)
    }
  })
  return found
}
