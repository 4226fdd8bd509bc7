/** Which records of the DLQ are meant: by reason, by input topic, by place in the DLQ. What is not said does not matter. */
import type { RejectedRecord } from './dlq-record.ts'
import { OffsetSet, parseRanges } from './offset-ranges.ts'
import type { OffsetRange } from './offset-ranges.ts'

export interface Choice {
  reasons?: ReadonlySet<string>
  topics?: ReadonlySet<string>
  /** Offsets by partition of the DLQ. */
  places?: ReadonlyMap<number, OffsetSet>
}

export function isChosen({ reasons, topics, places }: Choice, { reason, source, place }: RejectedRecord): boolean {
  return (reasons === undefined || reasons.has(reason))
    && (topics === undefined || topics.has(source.topic))
    && (places === undefined || places.get(place.partition)?.has(place.offset) === true)
}

/**
 * Places such as `0:3,0:7-9,1:4`; a part without a partition has that of the part before it, the first one 0.
 * Undefined when the text is something else.
 */
export function parsePlaces(text: string): Map<number, OffsetSet> | undefined {
  const ranges = new Map<number, OffsetRange[]>()
  let partition = 0
  for (const part of text.split(',')) {
    const [offsets, before] = part.split(':').reverse()
    if (part.split(':').length > 2 || (before !== undefined && !/^\s*\d{1,9}$/.test(before))) return undefined
    const parsed = parseRanges(offsets)
    if (parsed === undefined) return undefined
    if (before !== undefined) partition = Number(before)
    ranges.set(partition, [...(ranges.get(partition) ?? []), ...parsed])
  }
  return new Map([...ranges].map(([number, list]) => [number, new OffsetSet(list)]))
}
