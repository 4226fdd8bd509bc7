import type { OutputColumns } from '../ports/log.ts'
import { FLAG_KEY_NULL } from '../ports/log.ts'

/** A batch goes out when it holds as much: about what one produce request takes (1 MB), and few enough calls a second. */
export const BATCH_BYTES_MAX = 1_000_000
export const BATCH_RECORDS_MAX = 5_000

/** Gathers records for several partitions into packed columns. */
export class OutputBatch {
  #lanes = new Map<string, Lane>()
  #bytes = 0
  #records = 0

  get records(): number {
    return this.#records
  }

  get isFull(): boolean {
    return this.#bytes >= BATCH_BYTES_MAX || this.#records >= BATCH_RECORDS_MAX
  }

  /** `key` null makes a record without a key. The bytes are kept by reference until `take`. */
  add(topic: string, partition: number, key: string | null, value: Buffer): void {
    const name = `${partition} ${topic}`
    let lane = this.#lanes.get(name)
    if (lane === undefined) {
      lane = { topic, partition, keys: [], values: [], hasNullKey: false }
      this.#lanes.set(name, lane)
    }
    lane.keys.push(key === null ? null : Buffer.from(key))
    lane.values.push(value)
    lane.hasNullKey ||= key === null
    this.#bytes += value.length
    this.#records++
  }

  /** What was gathered, packed; the batch is empty afterwards. */
  take(): OutputColumns[] {
    const outputs = [...this.#lanes.values()].map(pack)
    this.#lanes = new Map()
    this.#bytes = 0
    this.#records = 0
    return outputs
  }
}

interface Lane {
  topic: string
  partition: number
  keys: (Buffer | null)[]
  values: Buffer[]
  hasNullKey: boolean
}

const NO_BYTES = Buffer.alloc(0)

function pack(lane: Lane): OutputColumns {
  const keys = lane.keys.map((key) => key ?? NO_BYTES)
  const outputs: OutputColumns = {
    topic: lane.topic,
    partition: lane.partition,
    count: lane.values.length,
    keys: Buffer.concat(keys),
    keyEnds: endsOf(keys),
    values: Buffer.concat(lane.values),
    valueEnds: endsOf(lane.values),
  }
  if (lane.hasNullKey) outputs.flags = Uint8Array.from(lane.keys, (key) => (key === null ? FLAG_KEY_NULL : 0))
  return outputs
}

function endsOf(parts: Buffer[]): Int32Array {
  const ends = new Int32Array(parts.length)
  let end = 0
  for (let i = 0; i < parts.length; i++) {
    end += parts[i].length
    ends[i] = end
  }
  return ends
}
