import { isUtf8 } from 'node:buffer'
import type { Readable } from 'node:stream'
import type { Channel } from '../contract/outcomes.ts'
import { UserError } from '../contract/errors.ts'
import { EXIT_USAGE } from '../contract/exit-codes.ts'
import { nameOf, readLines } from './lines.ts'
import { isObject, routeEnvelope } from './route.ts'
import type { FieldMap } from './route.ts'

/** One envelope on its way from a file to a topic. */
export interface FeedRecord {
  channel: Channel
  /** The record's key; undefined for a line that can't be routed (`rawBad`). */
  symbol: string | undefined
  /** Event time, ms since the epoch; NaN when there is none. */
  eventTimeMs: number
  line: Buffer
  /** No envelope: goes out byte for byte with a null key. */
  rawBad: boolean
}

/** Records one after another, with a look at the next one. */
export interface RecordSource {
  /** The next record, without taking it; undefined at the end. */
  readonly head: FeedRecord | undefined
  /** Takes the next record. A promise only when something has to be waited for. */
  advance(): Promise<void> | undefined
}

export interface SourceOptions {
  fieldMap: FieldMap
  /** Send lines that can't be routed instead of stopping at them. */
  rawBad: boolean
  stdin?: Readable
}

/**
 * The records of files. Files whose first records go to the same topic stand one after another, as one log; such logs
 * are read in step by event time, so that a trades file and a quotes file reach the engine together (a quotes partition
 * that gets nothing while trades run would count as idle). Within a log the file's order is kept, whatever its times.
 */
export class FeedSource implements RecordSource {
  readonly #logs: FileLog[]

  private constructor(logs: FileLog[]) {
    this.#logs = logs
  }

  /** Opens all files, so that one that can't be read is said before anything is sent. Throws UserError (64). */
  static async open(paths: string[], options: SourceOptions): Promise<FeedSource> {
    const files = paths.map((path) => new FileCursor(path, options))
    const logs = new Map<Channel, FileLog>()
    for (const file of files) {
      await file.advance()
      if (file.head === undefined) continue
      const log = logs.get(file.head.channel)
      if (log === undefined) logs.set(file.head.channel, new FileLog(file))
      else log.push(file)
    }
    return new FeedSource([...logs.values()])
  }

  /** The next record, without taking it; undefined at the end. */
  get head(): FeedRecord | undefined {
    return this.#next()?.head
  }

  /** Takes the next record. A promise only when a file has to be read on. */
  advance(): Promise<void> | undefined {
    return this.#next()?.advance()
  }

  #next(): FileLog | undefined {
    let next: FileLog | undefined
    for (const log of this.#logs) {
      if (log.head === undefined) continue
      // A record without a time waits for nobody.
      if (next === undefined || !(log.head.eventTimeMs >= next.head!.eventTimeMs)) next = log
    }
    return next
  }
}

/** Files one after another. */
class FileLog {
  readonly #files: FileCursor[]

  constructor(first: FileCursor) {
    this.#files = [first]
  }

  push(file: FileCursor): void {
    this.#files.push(file)
  }

  get head(): FeedRecord | undefined {
    return this.#files[0]?.head
  }

  advance(): Promise<void> | undefined {
    const file = this.#files[0]
    const pending = file.advance()
    if (pending !== undefined) return pending.then(() => this.#dropEnded(file))
    this.#dropEnded(file)
    return undefined
  }

  #dropEnded(file: FileCursor): void {
    if (file.head === undefined) this.#files.shift()
  }
}

/** Reads one file record by record. */
class FileCursor {
  head: FeedRecord | undefined
  readonly #path: string
  readonly #options: SourceOptions
  readonly #chunks: AsyncGenerator<{ firstNumber: number; lines: Buffer[] }>
  #lines: Buffer[] = []
  #firstNumber = 1
  #at = 0

  constructor(path: string, options: SourceOptions) {
    this.#path = path
    this.#options = options
    this.#chunks = readLines(path, options.stdin)
  }

  advance(): Promise<void> | undefined {
    this.head = this.#takeRead()
    return this.head === undefined ? this.#readOn() : undefined
  }

  async #readOn(): Promise<void> {
    while (this.head === undefined) {
      const chunk = await this.#chunks.next()
      if (chunk.done === true) return
      this.#lines = chunk.value.lines
      this.#firstNumber = chunk.value.firstNumber
      this.#at = 0
      this.head = this.#takeRead()
    }
  }

  #takeRead(): FeedRecord | undefined {
    while (this.#at < this.#lines.length) {
      const line = this.#lines[this.#at++]
      if (!isBlank(line)) return this.#parse(line)
    }
    return undefined
  }

  #parse(line: Buffer): FeedRecord {
    const envelope = parseObject(line)
    const route = envelope === undefined ? undefined : routeEnvelope(envelope, this.#options.fieldMap)
    if (route?.symbol !== undefined) return { ...route, line, rawBad: false }
    if (this.#options.rawBad)
      return { channel: route?.channel ?? 'trades', symbol: undefined, eventTimeMs: Number.NaN, line, rawBad: true }
    const number = this.#firstNumber + this.#at - 1
    const what =
      envelope === undefined
        ? 'is no JSON object'
        : route === undefined
          ? 'says neither payload.T nor channel, so it has no topic'
          : 'names no symbol, so it has no key'
    throw new UserError(
      EXIT_USAGE,
      `${nameOf(this.#path)} line ${number} ${what}; mend the file, or pass --raw-bad to send such lines as they are.`,
    )
  }
}

function parseObject(line: Buffer): Record<string, unknown> | undefined {
  if (!isUtf8(line)) return undefined
  try {
    const value: unknown = JSON.parse(line.toString('utf8'))
    return isObject(value) ? value : undefined
  } catch {
    // Not JSON: the caller says so with file and line.
    return undefined
  }
}

function isBlank(line: Buffer): boolean {
  for (const byte of line) if (byte !== 32 && byte !== 9 && byte !== 13) return false
  return true
}
