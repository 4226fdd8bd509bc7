/** What lies in the DLQ: by reason and input topic, and the newest records with the head of their bytes. */
import { isChosen } from './choice.ts'
import type { Choice } from './choice.ts'
import type { Place, RejectedRecord } from './dlq-record.ts'
import { bytesText } from './bytes-text.ts'
import { scan, stretchesOf } from './scan.ts'
import type { ReadableLog, Stretch } from './scan.ts'

/** Bytes of key and value that are shown. */
const HEAD_BYTES = 160

/** A record's place in the DLQ and when it was written there (RFC 3339). */
export interface TimedPlace extends Place {
  time: string
}

export interface ListingGroup {
  reason: string
  topic: string
  records: number
  redriven: number
  /** Those of which only the head is there. */
  cut: number
  /** True length of all values. */
  bytes: number
  first: TimedPlace
  last: TimedPlace
}

export interface ListedRecord extends TimedPlace {
  reason: string
  source: { topic: string; partition: number; offset: number }
  /** Texts of bytes: what can't be printed is escaped; null where the record has none. */
  key: string | null
  head: string | null
  sizeBytes: number
  cut: boolean
  redriven: boolean
}

export interface Listing {
  topic: string
  /** What was looked at, [from, to). */
  partitions: Omit<Stretch, 'topic'>[]
  /** Most records first. */
  groups: ListingGroup[]
  /** Oldest first. */
  newest: ListedRecord[]
  /** Records that are not the engine's. */
  others: number
}

/** Reads the whole DLQ; `limit` is how many of the newest chosen records are shown. */
export async function listDlq(log: ReadableLog, topic: string, choice: Choice, limit: number): Promise<Listing> {
  const stretches = await stretchesOf(log, topic, choice)
  const groups = new Map<string, ListingGroup>()
  const newest: { record: ListedRecord; timestampMs: number }[] = []
  let others = 0
  for (const stretch of stretches) {
    const part = new PartitionListing(limit)
    const scanned = await scan(log, stretch, (record) => {
      if (isChosen(choice, record)) part.add(record)
    })
    part.markRedriven((offset) => scanned.redriven.has(offset))
    for (const [name, group] of part.groups) groups.set(name, merged(groups.get(name), group))
    newest.push(...part.newest)
    others += scanned.others
  }
  newest.sort((a, b) => a.timestampMs - b.timestampMs)
  return {
    topic,
    partitions: stretches.map(({ partition, from, to }) => ({ partition, from, to })),
    groups: [...groups.values()].sort((a, b) => b.records - a.records || compare(a.reason, b.reason) || compare(a.topic, b.topic)),
    newest: limit === 0 ? [] : newest.slice(-limit).map(({ record }) => record),
    others,
  }
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** One partition's part. Which records were sent back is known at its end only, so each one's group is kept until then. */
class PartitionListing {
  readonly groups = new Map<string, ListingGroup>()
  newest: { record: ListedRecord; timestampMs: number }[] = []
  readonly #limit: number
  readonly #offsets: number[] = []
  readonly #groupOf: ListingGroup[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(record: RejectedRecord): void {
    const { reason, source, place, timestampMs, sizeBytes, cut } = record
    const at: TimedPlace = { ...place, time: new Date(Math.max(timestampMs, 0)).toISOString() }
    const name = `${reason} ${source.topic}`
    const one = { reason, topic: source.topic, records: 1, redriven: 0, cut: Number(cut), bytes: sizeBytes, first: at, last: at }
    const group = this.groups.get(name)
    if (group === undefined) this.groups.set(name, one)
    else Object.assign(group, merged(group, one), { first: group.first, last: at })
    this.#offsets.push(place.offset)
    this.#groupOf.push(group ?? one)
    if (this.#limit === 0) return
    this.newest.push({ record: listed(record, at), timestampMs })
    if (this.newest.length >= 2 * this.#limit + 64) this.newest = this.newest.slice(-this.#limit)
  }

  markRedriven(isRedriven: (offset: number) => boolean): void {
    this.#offsets.forEach((offset, i) => {
      if (isRedriven(offset)) this.#groupOf[i].redriven++
    })
    for (const { record } of this.newest) record.redriven = isRedriven(record.offset)
  }
}

function listed({ reason, source, key, value, sizeBytes, cut }: RejectedRecord, at: TimedPlace): ListedRecord {
  const head = (bytes: Buffer | null): string | null => (bytes === null ? null : bytesText(bytes.subarray(0, HEAD_BYTES)))
  return { ...at, reason, source, key: head(key), head: head(value), sizeBytes, cut, redriven: false }
}

function merged(a: ListingGroup | undefined, b: ListingGroup): ListingGroup {
  if (a === undefined) return b
  return {
    ...a,
    records: a.records + b.records,
    redriven: a.redriven + b.redriven,
    cut: a.cut + b.cut,
    bytes: a.bytes + b.bytes,
    first: a.first.time <= b.first.time ? a.first : b.first,
    last: a.last.time > b.last.time ? a.last : b.last,
  }
}
