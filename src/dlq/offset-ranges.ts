/** Offsets as people and headers write them: `3,7-9` (both ends count); inside of the code ranges are [from, to). */
export interface OffsetRange {
  from: number
  to: number
}

const RANGE = /^(\d{1,15})(?:-(\d{1,15}))?$/

/** Ranges of a text, or undefined when it is none. */
export function parseRanges(text: string): OffsetRange[] | undefined {
  const ranges: OffsetRange[] = []
  for (const part of text.split(',')) {
    const match = RANGE.exec(part.trim())
    if (match === null) return undefined
    const from = Number(match[1])
    const to = Number(match[2] ?? match[1]) + 1
    if (to <= from) return undefined
    ranges.push({ from, to })
  }
  return ranges
}

/** Text of ascending offsets, neighbours put together. */
export function rangesText(offsets: readonly number[]): string {
  const parts: string[] = []
  for (let i = 0; i < offsets.length;) {
    let last = i
    while (last + 1 < offsets.length && offsets[last + 1] === offsets[last] + 1) last++
    parts.push(last === i ? `${offsets[i]}` : `${offsets[i]}-${offsets[last]}`)
    i = last + 1
  }
  return parts.join(',')
}

/** A set of offsets, kept as ranges in order that don't touch. */
export class OffsetSet {
  readonly ranges: readonly OffsetRange[]

  constructor(ranges: readonly OffsetRange[]) {
    const merged: OffsetRange[] = []
    for (const { from, to } of ranges.toSorted((a, b) => a.from - b.from)) {
      const last = merged.at(-1)
      if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to)
      else merged.push({ from, to })
    }
    this.ranges = merged
  }

  has(offset: number): boolean {
    let low = 0
    let high = this.ranges.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.ranges[middle].to <= offset) low = middle + 1
      else high = middle
    }
    return low < this.ranges.length && this.ranges[low].from <= offset
  }
}
