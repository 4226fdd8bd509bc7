/** Listing and plan as tables of cells, for people; the first row is the head. */
import type { Listing, TimedPlace } from './listing.ts'
import type { RedrivePlan } from './redrive-plan.ts'

const placeText = ({ partition, offset }: { partition: number; offset: number }): string => `${partition}:${offset}`
const timedText = (at: TimedPlace): string => `${placeText(at)} ${at.time}`

/** A row for each reason and input topic. */
export function groupCells({ groups }: Listing): string[][] {
  return [
    ['REASON', 'TOPIC', 'RECORDS', 'REDRIVEN', 'CUT', 'BYTES', 'FIRST', 'LAST'],
    ...groups.map(({ reason, topic, records, redriven, cut, bytes, first, last }) =>
      [reason, topic, ...[records, redriven, cut, bytes].map(String), timedText(first), timedText(last)]),
  ]
}

/** A row for each record that is shown. */
export function recordCells({ newest }: Listing): string[][] {
  return [
    ['PLACE', 'TIME', 'REASON', 'FROM', 'SIZE', 'KEY', 'HEAD'],
    ...newest.map((record) => {
      const { source, reason, time, sizeBytes, cut, redriven, key, head } = record
      const size = `${sizeBytes}${cut ? ' (cut)' : ''}${redriven ? ' (redriven)' : ''}`
      return [placeText(record), time, reason, `${source.topic} ${placeText(source)}`, size, key ?? 'null', head ?? 'null']
    }),
  ]
}

/** A row for each reason and input topic that is chosen. */
export function planCells({ rows }: RedrivePlan): string[][] {
  return [
    ['REASON', 'TOPIC', 'CHOSEN', 'SEND', 'REDRIVEN', 'CUT', 'ELSEWHERE'],
    ...rows.map(({ reason, topic, ...counts }) =>
      [reason, topic, ...[counts.chosen, counts.send, counts.redriven, counts.cut, counts.elsewhere].map(String)]),
  ]
}
