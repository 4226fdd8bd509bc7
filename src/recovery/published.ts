/**
 * The records that one epoch has published on an output topic, read back from its end: whatever replay finds wrong lies after a
 * snapshot, so it is near. Records of an epoch carry its clock as `ingest_ts`, which never goes back on a partition.
 *
 * In:  the log, a topic, an epoch's record. Out: values. Imports: ports, the comparison.
 */
import type { Log } from '../ports/log.ts'
import { sharedCount } from './output-difference.ts'
import type { Published } from './output-difference.ts'

/** Offsets looked at first; each further stretch is longer by STRETCH_FACTOR. */
const STRETCH_FIRST = 4_096
const STRETCH_FACTOR = 4
/** How far back it is looked: some minutes of 20,000 symbols, ten seconds of reading. */
const OFFSETS_MOST = 1_048_576

/** What is wanted: so many records of this clock on one partition. */
export interface Wanted {
  topic: string
  partition: number
  clockMs: number
  count: number
}

interface Found {
  offset: number
  value: Buffer
}

/**
 * Those records, or why there are none to compare, in words. `computed` tells epochs of one clock apart: they lie apart as well, as
 * each was a transaction. Rejects as the log does. Begins no further stretch once `stop` is aborted.
 */
export async function publishedOf(log: Log, wanted: Wanted, computed: Buffer[], stop: AbortSignal): Promise<Published | string> {
  const { topic, partition, clockMs, count } = wanted
  const where = `${topic} [${partition}]`
  if (count === 0) return { values: [], isWhole: true }
  const { low, high } = await log.bounds(topic, partition, 'read_committed')
  let found: Found[] = []
  let isBefore = false
  for (let [from, to, span] = [high, high, STRETCH_FIRST]; from > low && !isBefore; to = from, span *= STRETCH_FACTOR) {
    stop.throwIfAborted()
    if (high - from >= OFFSETS_MOST) return `what it published lies more than ${OFFSETS_MOST} offsets before the end of ${where}, too far back to be compared`
    from = Math.max(low, high - span)
    const stretch: Found[] = []
    await log.read(topic, partition, from, to, ({ offset, value }) => {
      const ms = ingestMs(value)
      if (value !== null && ms === clockMs) stretch.push({ offset, value })
      isBefore ||= ms < clockMs
    })
    found = [...stretch, ...found]
  }
  if (found.length > 0) return chosen(found, count, computed)
  return isBefore || low === 0 ? `none of the ${count} records that it published is on ${where}`
    : `the ${count} records that it published are no longer on ${where}, which begins at offset ${low}`
}

/** Of those with the epoch's clock the ones that it published itself. */
function chosen(found: Found[], count: number, computed: Buffer[]): Published {
  const values = (records: Found[]): Buffer[] => records.map(({ value }) => value)
  if (found.length === count) return { values: values(found), isWhole: true }
  const whole = transactionsOf(found).filter(({ length }) => length === count).map(values)
  const shared = whole.map((each) => sharedCount(each, computed))
  const best = whole[shared.lastIndexOf(Math.max(...shared))] as Buffer[] | undefined
  return best === undefined ? { values: values(found), isWhole: false } : { values: best, isWhole: true }
}

/** Runs of offsets without a gap: a marker lies between two transactions. */
function transactionsOf(found: Found[]): Found[][] {
  const runs: Found[][] = []
  for (const [i, record] of found.entries()) {
    if (i === 0 || record.offset !== found[i - 1].offset + 1) runs.push([])
    runs[runs.length - 1].push(record)
  }
  return runs
}

/** When a record says that it was made, ms; NaN where it says nothing of the kind. */
function ingestMs(value: Buffer | null): number {
  const stamp = value === null ? null : /"ingest_ts":"([^"]+)"/.exec(value.toString('latin1', 0, 128))
  return stamp === null ? Number.NaN : Date.parse(stamp[1])
}
