/**
 * Envelope files as topics' logs: the lines of each channel in the order of the files given, with offsets from 0 in each
 * partition. Each channel is read in a pass of its own, so that the topics can be read in step, whatever the files hold.
 */
import { CHANNELS } from '../contract/outcomes.ts'
import type { Channel } from '../contract/outcomes.ts'
import { murmur2Partition } from '../contract/partition.ts'
import { readLines } from '../feed/lines.ts'
import { isObject, routeEnvelope } from '../feed/route.ts'
import type { FieldMap } from '../feed/route.ts'

/** A longer symbol is rejected whatever its key is. */
const KEY_BYTES_KEPT = 64

/** One line as a record of its topic. */
export interface FileRecord {
  partition: number
  offset: number
  key: Buffer | null
  value: Buffer
}

/** Where a line belongs: a line that is no envelope goes to the trades topic, where it is rejected. */
function placeOf(line: Buffer, fieldMap: FieldMap): { channel: Channel; symbol: string | undefined } {
  try {
    const envelope: unknown = JSON.parse(line.toString('utf8'))
    const route = isObject(envelope) ? routeEnvelope(envelope, fieldMap) : undefined
    return { channel: route?.channel ?? 'trades', symbol: route?.symbol }
  } catch {
    return { channel: 'trades', symbol: undefined } // not JSON: the engine says so, by its outcome
  }
}

/** Reads one channel's lines of all files, in order. */
export class ChannelLog {
  readonly channel: Channel
  readonly #lines: AsyncGenerator<Buffer>
  readonly #fieldMap: FieldMap
  readonly #offsets: number[]
  ended = false

  constructor(channel: Channel, files: string[], partitions: number, fieldMap: FieldMap) {
    this.channel = channel
    this.#fieldMap = fieldMap
    this.#offsets = new Array<number>(partitions).fill(0)
    this.#lines = allLines(files)
  }

  /** The next record of this channel, or undefined at the end. */
  async next(): Promise<FileRecord | undefined> {
    for (;;) {
      const { value: line, done } = await this.#lines.next()
      if (done === true) {
        this.ended = true
        return undefined
      }
      if (line.length === 0) continue
      const { channel, symbol } = placeOf(line, this.#fieldMap)
      if (channel !== this.channel) continue
      const key = symbol === undefined ? null : Buffer.from(symbol)
      const partition = key === null ? 0 : murmur2Partition(key, this.#offsets.length)
      return { partition, offset: this.#offsets[partition]++, key: key?.subarray(0, KEY_BYTES_KEPT) ?? null, value: line }
    }
  }
}

async function* allLines(files: string[]): AsyncGenerator<Buffer> {
  for (const file of files) for await (const { lines } of readLines(file)) yield* lines
}

/** Logs of every channel. */
export function channelLogs(files: string[], partitions: number, fieldMap: FieldMap): ChannelLog[] {
  return CHANNELS.map((channel) => new ChannelLog(channel, files, partitions, fieldMap))
}
