/** Records of one partition of the DLQ on their way back, as the columns of one transaction, and the mark that names them. */
import { FLAG_KEY_NULL, FLAG_VALUE_NULL } from '../ports/log.ts'
import type { Header, OutputColumns } from '../ports/log.ts'
import { RECORD_HEADERS } from '../contract/record-headers.ts'
import { rangesText } from './offset-ranges.ts'
import type { Target } from './redrive-plan.ts'

/** A transaction's bounds: far below what its 10 s can carry, and a mark of 1,000 single offsets has some 10 KB. */
export const BATCH_RECORDS_MAX = 1_000
export const BATCH_BYTES_MAX = 4 * 1_048_576

interface Waiting {
  key: Buffer | null
  value: Buffer | null
  headers: Header[]
}

export class RedriveBatch {
  readonly #targets: readonly Target[]
  readonly #dlq: Target
  #waiting = new Map<number, Waiting[]>()
  #offsets: number[] = []
  #bytes = 0

  /** `dlq`: the partition that the records come from. */
  constructor(targets: readonly Target[], dlq: Target) {
    this.#targets = targets
    this.#dlq = dlq
  }

  get records(): number {
    return this.#offsets.length
  }

  get isFull(): boolean {
    return this.records >= BATCH_RECORDS_MAX || this.#bytes >= BATCH_BYTES_MAX
  }

  /** Offsets ascend; key and value are kept until `take`. */
  add(target: number, offset: number, key: Buffer | null, value: Buffer | null): void {
    const headers = [{ name: RECORD_HEADERS.redriven, value: `${this.#dlq.partition}:${offset}` }]
    const list = this.#waiting.get(target)
    if (list === undefined) this.#waiting.set(target, [{ key, value, headers }])
    else list.push({ key, value, headers })
    this.#offsets.push(offset)
    this.#bytes += (key?.length ?? 0) + (value?.length ?? 0)
  }

  /** The transaction's columns; the batch is empty again. */
  take(): OutputColumns[] {
    const mark = { key: null, value: null, headers: [{ name: RECORD_HEADERS.redriven, value: rangesText(this.#offsets) }] }
    const columns = [...this.#waiting].map(([target, records]) => columnsOf(this.#targets[target], records))
    this.#waiting = new Map()
    this.#offsets = []
    this.#bytes = 0
    return [...columns, columnsOf(this.#dlq, [mark])]
  }
}

function columnsOf({ topic, partition }: Target, records: readonly Waiting[]): OutputColumns {
  let keyEnd = 0
  let valueEnd = 0
  const bytes = (pieces: (Buffer | null)[]): Buffer => Buffer.concat(pieces.filter((piece) => piece !== null))
  return {
    topic,
    partition,
    count: records.length,
    keys: bytes(records.map(({ key }) => key)),
    keyEnds: Int32Array.from(records, ({ key }) => (keyEnd += key?.length ?? 0)),
    values: bytes(records.map(({ value }) => value)),
    valueEnds: Int32Array.from(records, ({ value }) => (valueEnd += value?.length ?? 0)),
    flags: Uint8Array.from(records, ({ key, value }) => (key === null ? FLAG_KEY_NULL : 0) | (value === null ? FLAG_VALUE_NULL : 0)),
    headers: records.map(({ headers }) => headers),
  }
}
