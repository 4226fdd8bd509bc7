/**
 * The epoch's own record: everything that replay needs to do the epoch again and to know that it came out the same.
 * Written to the epoch topic in the transaction of the outputs it speaks of.
 *
 * Format (little-endian): magic `TAEP`, version u16, then the fields below in order; u64 for offsets and counts, i64 for times
 * (ms or ns as named), u8-length-prefixed text; CRC-32 of all before it at the end. The bundle's record is `TABN…`
 * (src/bundle/bundle.ts) with the key `bundle`. Invariants 2, 3, 4, 5.
 */
import { crc32 } from 'node:zlib'

/** Records [from, to) of one topic, judged by one clock, in the order in which they were applied. */
export interface Step {
  /** Channel number: 0 trades, 1 quotes, 2 bars. */
  topic: number
  to: number
  clockMs: number
}

/** What an epoch consumed of one channel: up to offset `to`, so many records, with this running hash of keys and values. */
export interface Consumed {
  to: number
  count: number
  hash: bigint
}

/** Whose epochs they are: a job that finds another's on its epoch topic must not go on from them. */
export interface JobIdentity {
  group: string
  tradesTopic: string
  /** Of the trades topic: with more of them symbols belong to other tasks. */
  partitions: number
}

/** An input that was dropped, and how far it had been consumed. */
export interface LeftInput {
  topic: string
  to: number
}

export interface EpochRecord {
  job: JobIdentity
  /** Input topics by channel; '' is off. */
  inputs: readonly string[]
  /** Inputs of before: one that comes back goes on from there. */
  left: readonly LeftInput[]
  task: number
  epoch: number
  instance: string
  /** SHA-256 of the bundle, hex. */
  bundle: string
  steps: Step[]
  consumed: Consumed[]
  clockCloseMs: number
  /** Bits handed to the kernel: who is idle or off. */
  idle: number
  watermarkBeforeNs: bigint
  watermarkAfterNs: bigint
  /** Outcomes so far, channel by channel, in the order of OUTCOMES. */
  counts: number[]
  bars: number
  signals: number
  late: number
  rejected: number
  /** Digest of outputs and special records, and those of bars and signals alone; see assembly/outputs.ts. */
  digest: bigint
  barsDigest: bigint
  signalsDigest: bigint
  /** seq of the task's last status record. */
  statusSeq: number
  /** The task began by `latest` (said by epoch 0). */
  latestStart: boolean
  /** Offsets that the kernel traps on: never handed to it. */
  skip: { topic: number; offset: number }[]
}

const MAGIC = 0x5045_4154 // "TAEP" in little-endian
const VERSION = 3
export const CHANNEL_COUNT = 3
const COUNTS = 15

/** Bytes of an epoch record. */
export function encodeEpochRecord(record: EpochRecord): Buffer {
  const out = new Writer(1536 + record.steps.length * 17 + record.skip.length * 9)
  out.u32(MAGIC)
  out.u16(VERSION)
  out.text(record.job.group)
  out.text(record.job.tradesTopic)
  out.u32(record.job.partitions)
  for (const topic of record.inputs) out.text(topic)
  out.u32(record.left.length)
  for (const { topic, to } of record.left) {
    out.text(topic)
    out.u64(to)
  }
  out.u32(record.task)
  out.u64(record.epoch)
  out.text(record.instance)
  out.text(record.bundle)
  out.u32(record.steps.length)
  for (const step of record.steps) {
    out.u8(step.topic)
    out.u64(step.to)
    out.f64(step.clockMs)
  }
  for (const consumed of record.consumed) {
    out.f64(consumed.to)
    out.u64(consumed.count)
    out.i64(consumed.hash)
  }
  out.f64(record.clockCloseMs)
  out.u8(record.idle)
  out.i64(record.watermarkBeforeNs)
  out.i64(record.watermarkAfterNs)
  for (const count of record.counts) out.u64(count)
  for (const count of [record.bars, record.signals, record.late, record.rejected]) out.u32(count)
  for (const digest of [record.digest, record.barsDigest, record.signalsDigest]) out.i64(digest)
  out.u64(record.statusSeq)
  out.u8(record.latestStart ? 1 : 0)
  out.u32(record.skip.length)
  for (const { topic, offset } of record.skip) {
    out.u8(topic)
    out.u64(offset)
  }
  return out.sealed()
}

/** Reads an epoch record. Throws RangeError when the bytes are no whole one. */
export function decodeEpochRecord(bytes: Buffer): EpochRecord {
  if (bytes.length < 16 || bytes.readUInt32LE(0) !== MAGIC) throw new RangeError('no epoch record')
  const body = bytes.subarray(0, bytes.length - 4)
  if (crc32(body) !== bytes.readUInt32LE(bytes.length - 4)) throw new RangeError('epoch record with a wrong checksum')
  const from = new Reader(body, 4)
  const version = from.u16()
  if (version !== VERSION) throw new RangeError(`epoch record of version ${version}, this program reads ${VERSION}`)
  return {
    job: { group: from.text(), tradesTopic: from.text(), partitions: from.u32() },
    inputs: Array.from({ length: CHANNEL_COUNT }, () => from.text()),
    left: from.list(() => ({ topic: from.text(), to: from.u64() })),
    task: from.u32(),
    epoch: from.u64(),
    instance: from.text(),
    bundle: from.text(),
    steps: from.list(() => ({ topic: from.u8(), to: from.u64(), clockMs: from.f64() })),
    consumed: Array.from({ length: CHANNEL_COUNT }, () => ({ to: from.f64(), count: from.u64(), hash: from.i64() })),
    clockCloseMs: from.f64(),
    idle: from.u8(),
    watermarkBeforeNs: from.i64(),
    watermarkAfterNs: from.i64(),
    counts: Array.from({ length: COUNTS }, () => from.u64()),
    bars: from.u32(),
    signals: from.u32(),
    late: from.u32(),
    rejected: from.u32(),
    digest: from.i64(),
    barsDigest: from.i64(),
    signalsDigest: from.i64(),
    statusSeq: from.u64(),
    latestStart: from.u8() === 1,
    skip: from.list(() => ({ topic: from.u8(), offset: from.u64() })),
  }
}

/** The inputs of the epoch after `last`, and what has been dropped by then. The trades topic never changes: it makes the job. */
export function inputsAfter(last: EpochRecord, inputs: readonly string[]): Pick<EpochRecord, 'inputs' | 'left'> {
  const dropped = last.inputs.flatMap((topic, channel): LeftInput[] =>
    (topic === '' || inputs.includes(topic) ? [] : [{ topic, to: last.consumed[channel].to }]))
  return { inputs, left: [...last.left.filter(({ topic }) => !inputs.includes(topic)), ...dropped] }
}

class Writer {
  #bytes: Buffer
  #at = 0
  constructor(capacity: number) {
    this.#bytes = Buffer.alloc(capacity)
  }
  u8(value: number): void {
    this.#at = this.#bytes.writeUInt8(value, this.#at)
  }
  u16(value: number): void {
    this.#at = this.#bytes.writeUInt16LE(value, this.#at)
  }
  u32(value: number): void {
    this.#at = this.#bytes.writeUInt32LE(value, this.#at)
  }
  u64(value: number): void {
    this.#at = this.#bytes.writeBigUInt64LE(BigInt(value), this.#at)
  }
  i64(value: bigint): void {
    this.#at = this.#bytes.writeBigInt64LE(BigInt.asIntN(64, value), this.#at)
  }
  f64(value: number): void {
    this.#at = this.#bytes.writeDoubleLE(value, this.#at)
  }
  text(value: string): void {
    const length = Buffer.byteLength(value)
    if (length > 255) throw new RangeError(`text of ${length} bytes in an epoch record, 255 is the most`)
    this.u8(length)
    this.#at += this.#bytes.write(value, this.#at)
  }
  sealed(): Buffer {
    this.u32(crc32(this.#bytes.subarray(0, this.#at)))
    return this.#bytes.subarray(0, this.#at)
  }
}

class Reader {
  readonly #bytes: Buffer
  #at: number
  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }
  u8(): number {
    return this.#bytes.readUInt8(this.#at++)
  }
  u16(): number {
    return this.#bytes.readUInt16LE((this.#at += 2) - 2)
  }
  u32(): number {
    return this.#bytes.readUInt32LE((this.#at += 4) - 4)
  }
  u64(): number {
    return Number(this.#bytes.readBigUInt64LE((this.#at += 8) - 8))
  }
  i64(): bigint {
    return this.#bytes.readBigInt64LE((this.#at += 8) - 8)
  }
  f64(): number {
    return this.#bytes.readDoubleLE((this.#at += 8) - 8)
  }
  text(): string {
    const length = this.u8()
    return this.#bytes.toString('utf8', this.#at, (this.#at += length))
  }
  list<T>(read: () => T): T[] {
    return Array.from({ length: this.u32() }, read)
  }
}
