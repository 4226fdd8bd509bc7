/** The epoch topic's partition of one task, read back: where the task stands and how it came there. */
import { readBundle } from '../bundle/bundle.ts'
import { decodeEpochRecord } from '../epoch/epoch-record.ts'
import type { EpochRecord, JobIdentity } from '../epoch/epoch-record.ts'
import { BUNDLE_KEY, EPOCH_KEY } from '../epoch/outputs.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_BUG, EXIT_SETTINGS } from '../contract/exit-codes.ts'
import type { Log, LogRecord } from '../ports/log.ts'

export interface EpochLog {
  /** Epoch records in order, without a gap, all of one job. */
  records: EpochRecord[]
  /** The records as they stand there, by epoch. */
  raw: Map<number, Buffer>
  /** Bytes of bundles by hash. */
  bundles: Map<string, Buffer>
  /** End of the partition as it was read: what comes later is the present owner's. */
  end: number
}

/**
 * Reads the whole partition read_committed, to the end as it is now: call it after InitProducerId has returned. Throws UserError when
 * what stands there can't be gone on from: another job's epochs, epochs out of order, or no epochs at all but something else.
 */
export async function readEpochLog(log: Log, topic: string, partition: number, job: JobIdentity): Promise<EpochLog> {
  const { low, high } = await log.bounds(topic, partition, 'read_committed')
  const found: EpochLog = { records: [], raw: new Map(), bundles: new Map(), end: high }
  // judged after the read: what a callback throws counts as a failed read, and that is tried again
  let fault: UserError | null = null
  await log.read(topic, partition, low, high, (record) => {
    fault = note(found, record, job, fault)
  })
  if (fault !== null) throw fault as UserError
  return found
}

/** Takes one record in. Gives why what is there by now can't be gone on from, in the first record that shows it; null while it can. */
function note(found: EpochLog, { topic, partition, offset, key, value }: LogRecord, job: JobIdentity, fault: UserError | null): UserError | null {
  const name = key?.toString()
  if (value === null || (name !== BUNDLE_KEY && name !== EPOCH_KEY)) return fault
  const where = `${topic} [${partition}] offset ${offset}`
  let record: EpochRecord
  try {
    if (name === BUNDLE_KEY) {
      found.bundles.set(readBundle(value).hash, value)
      return fault
    }
    record = decodeEpochRecord(value)
  } catch (error) {
    return fault ?? new UserError(EXIT_SETTINGS, `${where} can't be read: ${error instanceof Error ? error.message : String(error)}. ` +
      'Run the program that wrote it, give this job a TA_EPOCHS_TOPIC of its own, or start anew with ta reset.', { cause: error })
  }
  // a job that was started anew: what was before does not count
  if (record.epoch === 0) Object.assign(found, { records: [], raw: new Map() })
  else if (fault !== null) return fault
  const foreign = strangerOf(record.job, job)
  if (foreign !== null) return new UserError(EXIT_SETTINGS, `${topic} [${partition}] holds epochs of ${foreign}`)
  const before = found.records.at(-1)
  if (before !== undefined && record.epoch !== before.epoch + 1) {
    return new UserError(EXIT_BUG, `${where}: epoch ${record.epoch} follows epoch ${before.epoch}, so two owners have written there without fencing each ` +
      'other, or records were lost. Stop every instance, give all of them the same TA_TRANSACTIONAL_ID_PREFIX, and start anew with ta reset.')
  }
  found.records.push(record)
  found.raw.set(record.epoch, value)
  return null
}

/** In what another job is another, and what to do; null when it is this one. */
export function strangerOf(theirs: JobIdentity, ours: JobIdentity): string | null {
  if (theirs.group !== ours.group) {
    return `the group ${theirs.group}, here TA_GROUP_ID is ${ours.group}: give each job its own TA_EPOCHS_TOPIC, or start anew with ta reset.`
  }
  if (theirs.tradesTopic !== ours.tradesTopic) {
    return `${theirs.tradesTopic}, here TA_TRADES_TOPIC is ${ours.tradesTopic}: give each job its own TA_GROUP_ID and TA_EPOCHS_TOPIC, or start anew with ta reset.`
  }
  if (theirs.partitions > ours.partitions) {
    return `a job of ${theirs.partitions} partitions, and ${ours.tradesTopic} had ${ours.partitions} when this process began: ` +
      'run it again if partitions were added since then, else start anew with ta reset.'
  }
  if (theirs.partitions !== ours.partitions) {
    return `a job of ${theirs.partitions} partitions, and ${ours.tradesTopic} has ${ours.partitions} now, so that symbols belong to other tasks: ` +
      'start anew with ta reset.'
  }
  return null
}
