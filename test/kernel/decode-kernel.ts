/**
 * The decode and writer part of the kernel, built by itself and put on a memory of its own, with rows as plain objects.
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { buildFieldTrie } from '../../src/bundle/field-trie.ts'
import {
  BATCH_VALUE_BYTES, CONFIG_BASE, CONFIG_CELLS, configCell, DECODED, HEADER_BASE, INPUT, STATE_BASE, TEXT_BASE,
} from '../../src/state/layout.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

interface Exports {
  decodeBatch(topic: number, rows: number, clockNs: bigint): void
  parseNumber(start: number, end: number): number
  parseInteger64(start: number, end: number): number
  parseRfc3339(start: number, end: number): bigint
  parseEpochNumber(start: number, end: number): bigint
  scan(start: number, end: number): number
  writeF64(at: number, value: number): number
  writeI64(at: number, value: bigint): number
  writeStamp(at: number, ns: bigint): number
  writeStampMs(at: number, ms: bigint): number
  writeString(at: number, ptr: number, length: number): number
  INTEGER: { value: number }
  SCRATCH_USED: { value: number }
  SHAPE_CREDIT: { value: number }
}

/** The bytes of the test build: made once for each state of the sources, and kept in the temporary folder. */
export async function kernelBytes(): Promise<Uint8Array<ArrayBuffer>> {
  const hash = createHash('sha256')
  for (const name of readdirSync(join(ROOT, 'assembly'), { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.ts')) hash.update(name).update(readFileSync(join(ROOT, 'assembly', name)))
  }
  hash.update(readFileSync(join(ROOT, 'asconfig.json')))
  const place = join(tmpdir(), `torghut-ta-decode-${hash.digest('hex').slice(0, 20)}.wasm`)
  if (existsSync(place)) return Uint8Array.from(readFileSync(place))
  const folder = mkdtempSync(join(tmpdir(), 'torghut-ta-build-'))
  try {
    const out = join(folder, 'decode.wasm')
    const args = ['assembly/decode/test-entry.ts', '--config', 'asconfig.json', '--target', 'release', '--baseDir', ROOT]
    const { error, stderr } = await asc.main([...args, '--outFile', 'decode.wasm'], {
      writeFile: (name, contents) => {
        if (name.endsWith('.wasm')) writeFileSync(out, contents)
      },
    })
    if (error) throw new Error(`${error.message}\n${stderr.toString()}`)
    renameSync(out, place)
  } finally {
    rmSync(folder, { recursive: true })
  }
  return Uint8Array.from(readFileSync(place))
}

/** One record as it goes in. `key` null: the record has none; `value` null: a tombstone; `cut` and `size` as the log says. */
export interface Input {
  key: Uint8Array | null
  value: Uint8Array | null
  cut?: boolean
  size?: number
}

/** One decoded row; texts as latin-1 of their bytes (they need not be UTF-8), null where there is none. */
export interface Row {
  outcome: number
  reason: number
  kind: number
  isFinal: number
  tape: number
  timeNs: bigint
  seq: string | null
  conditions: bigint
  feed: string | null
  exchange: string | null
  id: string
  newId: string
  n: number[]
  contentHash: bigint
}

export type Config = Partial<Record<(typeof CONFIG_CELLS)[number], bigint>>

export class DecodeKernel {
  readonly wasm: Exports
  readonly memory: WebAssembly.Memory
  readonly bytes: Uint8Array
  readonly view: DataView
  /** Where texts of records may end: behind the values of a batch, or further where a test puts them further. */
  valuesEnd = INPUT.at.values + BATCH_VALUE_BYTES

  private constructor(wasm: Exports, memory: WebAssembly.Memory) {
    this.wasm = wasm
    this.memory = memory
    this.bytes = new Uint8Array(memory.buffer)
    this.view = new DataView(memory.buffer)
  }

  static async load(config: Config = {}, map: Record<string, string> = {}): Promise<DecodeKernel> {
    const memory = new WebAssembly.Memory({ initial: 256, maximum: 32768, shared: true })
    const instance = new WebAssembly.Instance(new WebAssembly.Module(await kernelBytes()), { env: { memory } })
    const kernel = new DecodeKernel(instance.exports as unknown as Exports, memory)
    kernel.configure(config, map)
    return kernel
  }

  configure(config: Config, map: Record<string, string> = {}): void {
    const cells = { maxFutureNs: 1_000_000_000n, ...config }
    for (const [name, value] of Object.entries(cells)) this.view.setBigInt64(configCell(name as keyof Config), value, true)
    const offset = CONFIG_CELLS.length * 8 + 8
    this.view.setBigInt64(configCell('fieldTrieOffset'), BigInt(offset), true)
    this.bytes.set(buildFieldTrie(map), CONFIG_BASE + offset)
  }

  /** Where the kernel's static data ends: the last byte below the header that is not 0. */
  staticEnd(): number {
    let end = HEADER_BASE
    while (end > 0 && this.bytes[end - 1] === 0) end--
    return end
  }

  /** Puts text or bytes where a value of a batch would lie; returns [start, end). What lies behind is `after`. */
  place(text: string | Uint8Array, after = 0x39): [number, number] {
    const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text
    this.bytes.set(bytes, INPUT.at.values)
    this.bytes.fill(after, INPUT.at.values + bytes.length, INPUT.at.values + bytes.length + 64)
    return [INPUT.at.values, INPUT.at.values + bytes.length]
  }

  /** Runs a writer where outputs would lie and returns its text; throws when it wrote past its end or before its start. */
  written(write: (at: number) => number): string {
    const at = STATE_BASE + 64
    this.bytes.fill(0xfe, at - 8, at + 64)
    const end = write(at)
    const around = [...this.bytes.subarray(at - 8, at), ...this.bytes.subarray(end, end + 8)]
    if (around.some((byte) => byte !== 0xfe)) throw new Error('wrote outside')
    return Buffer.from(this.bytes.slice(at, end)).toString('utf8')
  }

  fill(inputs: Input[]): void {
    let keyEnd = 0
    let valueEnd = 0
    this.view.setInt32(INPUT.at.keyEnds, 0, true)
    this.view.setInt32(INPUT.at.valueEnds, 0, true)
    inputs.forEach(({ key, value, cut, size }, row) => {
      if (key) this.bytes.set(key.subarray(0, 40), INPUT.at.keys + keyEnd)
      if (value) this.bytes.set(value, INPUT.at.values + valueEnd)
      keyEnd += Math.min(key?.length ?? 0, 40)
      valueEnd += value?.length ?? 0
      if (valueEnd > BATCH_VALUE_BYTES) throw new Error('the batch is too large')
      this.view.setInt32(INPUT.at.keyEnds + row * 4 + 4, keyEnd, true)
      this.view.setInt32(INPUT.at.valueEnds + row * 4 + 4, valueEnd, true)
      this.view.setInt32(INPUT.at.size + row * 4, size ?? value?.length ?? 0, true)
      this.bytes[INPUT.at.flags + row] = (key ? 0 : 1) | (value ? 0 : 2) | (cut ? 4 : 0)
    })
  }

  decode(topic: number, inputs: Input[], clockNs = -(2n ** 63n)): Row[] {
    this.fill(inputs)
    this.wasm.decodeBatch(topic, inputs.length, clockNs)
    return inputs.map((_, row) => this.row(row))
  }

  private text(pointer: number, length: number, row: number): string | null {
    const size = this.view.getInt32(length + row * 4, true)
    if (size < 0) return null
    const at = this.view.getInt32(pointer + row * 4, true)
    const inBatch = at >= INPUT.at.values && at + size <= this.valuesEnd
    const inTexts = at >= TEXT_BASE && at + size <= TEXT_BASE + BATCH_VALUE_BYTES
    if (size > 0 && !inBatch && !inTexts) throw new Error(`a text lies at ${at}`)
    return Buffer.from(this.bytes.slice(at, at + size)).toString('latin1')
  }

  row(row: number): Row {
    const at = DECODED.at
    const i64 = (column: string): bigint => this.view.getBigInt64(at[column] + row * 8, true)
    const seqKind = this.bytes[at.seqKind + row]
    const bits = (column: string): bigint => BigInt.asUintN(64, i64(column))
    return {
      outcome: this.bytes[at.outcome + row],
      reason: this.bytes[at.reason + row],
      kind: this.bytes[at.kind + row],
      isFinal: this.bytes[at.isFinal + row],
      tape: this.bytes[at.tape + row],
      timeNs: i64('timeNs'),
      seq: seqKind === 0 ? null : seqKind === 1 ? String(i64('seq')) : `f${this.view.getFloat64(at.seq + row * 8, true)}`,
      conditions: bits('conditionsLow') | (bits('conditionsHigh') << 64n),
      feed: this.text(at.feedPtr, at.feedLength, row),
      exchange: this.text(at.exchangePtr, at.exchangeLength, row),
      id: this.text(at.idPtr, at.idLength, row) ?? '',
      newId: this.text(at.newIdPtr, at.newIdLength, row) ?? '',
      n: [0, 1, 2, 3, 4, 5, 6].map((n) => this.view.getFloat64(at[`n${n}`] + row * 8, true)),
      contentHash: i64('contentHash'),
    }
  }
}

/** Seeded 32-bit generator (mulberry32): [0, 1) and integers below n. */
export function seeded(seed: number): { real(): number; below(n: number): number; pick<T>(from: readonly T[]): T } {
  let state = seed >>> 0
  const real = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(real() * n)
  return { real, below, pick: (from) => from[below(from.length)] }
}
