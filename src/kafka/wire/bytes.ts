/** Kafka's primitive types (protocol guide): big-endian numbers, length-prefixed text; the compact ones of flexible versions. */

export class WireWriter {
  readonly #parts: Buffer[] = []

  int8(value: number): this {
    const part = Buffer.alloc(1)
    part.writeInt8(value)
    return this.#push(part)
  }

  int16(value: number): this {
    const part = Buffer.alloc(2)
    part.writeInt16BE(value)
    return this.#push(part)
  }

  int32(value: number): this {
    const part = Buffer.alloc(4)
    part.writeInt32BE(value)
    return this.#push(part)
  }

  int64(value: number): this {
    const part = Buffer.alloc(8)
    part.writeBigInt64BE(BigInt(value))
    return this.#push(part)
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1)
    const text = Buffer.from(value)
    return this.int16(text.length).#push(text)
  }

  bytes(value: Buffer): this {
    return this.int32(value.length).#push(value)
  }

  array<T>(items: readonly T[], write: (item: T) => void): this {
    this.int32(items.length)
    for (const item of items) write(item)
    return this
  }

  /** Unsigned, seven bits a byte, the lowest first. */
  varint(value: number): this {
    let rest = value
    while (rest >= 0x80) {
      this.#push(Buffer.of((rest & 0x7f) | 0x80))
      rest >>>= 7
    }
    return this.#push(Buffer.of(rest))
  }

  compactString(value: string): this {
    const text = Buffer.from(value)
    return this.varint(text.length + 1).#push(text)
  }

  compactArray<T>(items: readonly T[], write: (item: T) => void): this {
    this.varint(items.length + 1)
    for (const item of items) write(item)
    return this
  }

  /** No tagged fields: the end of each structure in a flexible version. */
  noTags(): this {
    return this.varint(0)
  }

  #push(part: Buffer): this {
    this.#parts.push(part)
    return this
  }

  done(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

export class WireReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  int8(): number {
    return this.#bytes.readInt8(this.#skip(1))
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#skip(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#skip(4))
  }

  int64(): number {
    return Number(this.#bytes.readBigInt64BE(this.#skip(8)))
  }

  string(): string | null {
    const length = this.int16()
    if (length < 0) return null
    const start = this.#skip(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  bytes(): Buffer {
    const length = Math.max(0, this.int32())
    const start = this.#skip(length)
    return this.#bytes.subarray(start, start + length)
  }

  array<T>(read: () => T): T[] {
    const length = Math.max(0, this.int32())
    const items: T[] = []
    for (let index = 0; index < length; index++) items.push(read())
    return items
  }

  varint(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.#bytes.readUInt8(this.#skip(1))
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return value >>> 0
      if (shift === 28) throw new RangeError('A length in an answer has more than five bytes')
    }
  }

  compactString(): string | null {
    const length = this.varint() - 1
    if (length < 0) return null
    const start = this.#skip(length)
    return this.#bytes.toString('utf8', start, start + length)
  }

  compactArray<T>(read: () => T): T[] {
    const length = Math.max(0, this.varint() - 1)
    const items: T[] = []
    for (let index = 0; index < length; index++) items.push(read())
    return items
  }

  /** Passes over tagged fields. */
  tags(): void {
    for (let count = this.varint(); count > 0; count--) {
      this.varint()
      this.#skip(this.varint())
    }
  }

  #skip(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw new RangeError(`An answer ends too early, after ${this.#bytes.length} bytes`)
    this.#at = start + length
    return start
  }
}
