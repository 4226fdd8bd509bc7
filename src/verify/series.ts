import type { OutputRecord } from './output-record.ts'
import type { Rule } from './violations.ts'

export type Found = (rule: Rule, offset: number, detail: string) => void

/** What is known of (topic, symbol, window size): a few numbers and the open windows. */
export class Series {
  /** Ends of windows that were published provisionally and have no final yet → offset of the newest such record. */
  readonly open = new Map<number, number>()
  #seqLast: number | undefined
  #finalEndMs = Number.NEGATIVE_INFINITY

  /** seq starts at 1 and rises by 1. `isCut`: the topic's beginning is gone, so it may start higher. `hasGaps`: compaction. */
  judgeSeq(record: OutputRecord, isCut: boolean, hasGaps: boolean, found: Found): void {
    const { seq, offset } = record
    const last = this.#seqLast
    this.#seqLast = seq
    if (last === undefined) {
      if (seq !== 1 && !isCut && !hasGaps) found('seq', offset, `Its first seq is ${seq}, not 1.`)
      return
    }
    if (seq === last + 1 || (hasGaps && seq > last)) return
    const what = seq > last ? `a gap of ${seq - last - 1}` : seq === last ? 'a repeat' : 'a step back'
    found('seq', offset, `After seq ${last} comes ${seq}: ${what}.`)
  }

  /** One final a window, in order; nothing provisional afterwards. Bars only: what was provisional gets its final. */
  judgeWindow(record: OutputRecord, isBars: boolean, found: Found): void {
    const { endMs, size } = record.window!
    if (!record.isFinal) {
      if (endMs === this.#finalEndMs)
        found('provisional_after_final', record.offset, `Window ending ${at(endMs)} was final already.`)
      else if (endMs < this.#finalEndMs) {
        found(
          'provisional_after_final',
          record.offset,
          `Window ending ${at(endMs)} comes after the final of ${at(this.#finalEndMs)}.`,
        )
      } else this.open.set(endMs, record.offset)
      return
    }
    // A minute bar may be revised while it is the newest; a second may not.
    if (endMs === this.#finalEndMs && size === 'PT1S')
      found('two_finals', record.offset, `Window ending ${at(endMs)} has a second final.`)
    if (endMs < this.#finalEndMs) {
      found('final_out_of_order', record.offset, `The final of ${at(endMs)} comes after that of ${at(this.#finalEndMs)}.`)
      return
    }
    this.#finalEndMs = endMs
    this.#closeUpTo(endMs, record.offset, isBars, found)
  }

  #closeUpTo(endMs: number, offset: number, isBars: boolean, found: Found): void {
    for (const [openEndMs, openOffset] of this.open) {
      if (openEndMs > endMs) continue
      this.open.delete(openEndMs)
      if (openEndMs === endMs || !isBars) continue
      const detail = `Window ending ${at(openEndMs)} was provisional at offset ${openOffset}, but the next final is ${at(endMs)}.`
      found('never_final', offset, detail)
    }
  }
}

export function at(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}
