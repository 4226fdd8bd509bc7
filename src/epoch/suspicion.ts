/**
 * Finds the record that traps the kernel. A trap leaves the memory torn, so the task is restored and the records come
 * again; a batch that traps twice is halved, and each half that traps again, until one record is left: it is skipped, goes
 * to the DLQ and onto the epoch's skip list. Pure bookkeeping, kept over restores of the task.
 */

interface Range {
  channel: number
  /** Offsets [from, to) among which the record is. */
  from: number
  to: number
  /** Records to apply at once in there. */
  rows: number
  traps: number
}

export class Suspicion {
  #range: Range | null = null
  readonly #skipped: Set<number>[] = [new Set(), new Set(), new Set()]

  /** A step over `rows` records of a channel, offsets [from, to), ended in a trap. Returns the offset to skip once it is certain. */
  noteTrap(channel: number, from: number, to: number, rows: number): number | null {
    const known = this.#range
    const again = known !== null && known.channel === channel && from >= known.from && from < known.to
    const traps = again && rows <= known.rows ? known.traps + 1 : 1
    if (traps >= 2 && rows === 1) {
      this.#skipped[channel].add(from)
      this.#range = null
      return from
    }
    this.#range = { channel, from, to, rows: traps >= 2 ? Math.max(Math.floor(rows / 2), 1) : rows, traps }
    return null
  }

  /** Records of a channel to apply at once from offset `next` on. */
  rowsMax(channel: number, next: number): number {
    const range = this.#range
    if (range === null || range.channel !== channel) return Number.MAX_SAFE_INTEGER
    if (next >= range.to) this.#range = null // all of it has been applied: it wasn't the records
    if (next >= range.to) return Number.MAX_SAFE_INTEGER
    return next < range.from ? Number.MAX_SAFE_INTEGER : range.rows
  }

  /**
   * The offset at which a batch from `next` on has to end: the first that is skipped, or the first that is suspected, or it would be
   * the whole batch again that traps. An offset and not a number of records, as offsets have gaps.
   */
  boundary(channel: number, next: number): number {
    const range = this.#range
    const suspected = range !== null && range.channel === channel && next < range.from ? range.from : Number.POSITIVE_INFINITY
    return Math.min(suspected, this.#nextSkipped(channel, next))
  }

  /** Whether a record was found to trap the kernel. */
  isSkipped(channel: number, offset: number): boolean {
    return this.#skipped[channel].has(offset)
  }

  /** The first offset at or after `next` that is skipped, or +Infinity. */
  #nextSkipped(channel: number, next: number): number {
    let first = Number.POSITIVE_INFINITY
    for (const offset of this.#skipped[channel]) if (offset >= next && offset < first) first = offset
    return first
  }

  /** Offsets that a recorded epoch skipped. */
  static of(skip: readonly { topic: number; offset: number }[]): Suspicion {
    const suspicion = new Suspicion()
    for (const { topic, offset } of skip) suspicion.#skipped[topic].add(offset)
    return suspicion
  }
}
