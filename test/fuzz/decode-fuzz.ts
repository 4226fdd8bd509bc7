/**
 * Mutated records against the decoder. Who is right says a strict JSON parser with the contract's field rules
 * (test/kernel/decode-model.ts): what it rejects is rejected here, for the same reason; what it accepts gives the same fields.
 *
 * Each case follows from its own seed alone. Its record lies at an address of any alignment or at the memory's very end, with poison
 * before and after it, and among others in a batch; neither may be seen in what comes out. Nothing but decoded columns, scratch and texts changes.
 */
import { RECORD_BYTES_MAX, UNDECIDED } from '../../src/contract/outcomes.ts'
import { BATCH_VALUE_BYTES, CONFIG_BASE, CONFIG_BYTES, HEADER_BASE, INPUT, STATE_BASE } from '../../src/state/layout.ts'
import { seeded } from '../kernel/decode-kernel.ts'
import type { DecodeKernel, Input, Row } from '../kernel/decode-kernel.ts'
import { decodeModel } from '../kernel/decode-model.ts'
import type { ModelSettings } from '../kernel/decode-model.ts'
import { utf8 } from '../kernel/decode-records.ts'
import type { Seed } from './corpus.ts'
import { copyOf, write } from './json-tree.ts'
import type { Random, Untidiness } from './json-tree.ts'
import { anyValue, bulky, changedBytes, changedText, changedTree } from './mutations.ts'

export interface Case {
  seed: number
  topic: number
  settings: number
  input: Input
}

const NONE: ModelSettings = { clockNs: null, maxFutureNs: 1_000_000_000n, map: {} }
/** Settings that a case may be under; most are under the first. */
export const SETTINGS: readonly ModelSettings[] = [
  NONE,
  { ...NONE, clockNs: 1_764_786_730_000_000_000n },
  { ...NONE, clockNs: 1_764_786_729_045_123_456n, maxFutureNs: 0n },
  { ...NONE, map: { event_ts: 'payload.t', price: 'payload.price', symbol: 'payload.S', type: 'channel' } },
  { ...NONE, map: { id: 'payload.c', conditions: 'payload.i', exchange: 'channel', feed: 'payload.x', seq: 'payload', is_final: 'payload.p' } },
  { ...NONE, map: { price: 'data.trade.price', size: 'payload.payload.s', tape: 'payload.é', event_ts: 'ts' } },
]

/**
 * What may lie around a record in memory: what would complete it, had the decoder looked there, or spoil it, or lead it on and
 * on. Repeated as often as it takes.
 */
const POISON = ['\0', ' ', '"', ',', '0', '9', '\\', ']', 'e', '}', '\x80', '\xbf', '\xff', '","a":"', '],[', ',"p":1', 'x"},{"y":"', '\\u00', '.5', '.', 'e+5']
  .map((text) => Buffer.from(text, 'latin1'))
/** Bytes behind a record that the decoder may load, though not look at (src/state/layout.ts: behind the values). */
const SLACK_BYTES = 64
const BULK_ONE_IN = 2_500

/** The case of a seed: a record of the corpus, changed in tree, text and bytes, under a topic, a key and settings. */
export function caseOf(seed: number, corpus: readonly Seed[]): Case {
  const random = seeded(Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995)
  const from = random.pick(corpus)
  const topic = random.below(8) === 0 ? random.below(3) : from.topic
  const settings = random.below(4) > 0 ? 0 : random.below(SETTINGS.length)
  const value = valueOf(from, random)
  const input: Input = { key: keyOf(from, random), value }
  if (random.below(400) === 0) input.value = null
  if (random.below(400) === 0) input.cut = true
  if (random.below(400) === 0) input.size = random.pick([RECORD_BYTES_MAX, RECORD_BYTES_MAX + 1])
  return { seed, topic, settings, input }
}

function valueOf({ tree: good }: Seed, random: Random): Uint8Array {
  const tree = changedTree(copyOf(good), random.pick([0, 0, 0, 1, 1, 1, 2, 2, 4]), random)
  if (random.below(BULK_ONE_IN) === 0) return utf8(bulky(tree, bulkBytes(random), random))
  const how: Untidiness = random.below(3) > 0 ? { space: 0, escape: 0 } : { space: random.real() / 4, escape: random.real() / 3 }
  if (random.below(60) === 0) tree.list.push(['symbol', random.pick(SYMBOLS)])
  let written = random.below(150) === 0 ? write(anyValue(random), random, how) : write(tree, random, how)
  for (let n = random.pick([0, 0, 0, 0, 0, 0, 1, 2]); n > 0; n--) written = changedText(written, random)
  let bytes = utf8(written)
  for (let n = random.pick([0, 0, 0, 0, 0, 0, 1, 1, 2, 4]); n > 0; n--) bytes = changedBytes(bytes, random)
  return bytes.subarray(0, RECORD_BYTES_MAX + 2)
}

/** At and past the limits of a symbol's length. */
const SYMBOLS = ['', 'x', 'x'.repeat(32), 'x'.repeat(33), 'é'.repeat(16), 'é'.repeat(17), '\u0000', '\ud800', 'x'.repeat(600)]

const bulkBytes = (random: Random): number => random.pick([1_000, 60_000, 300_000, RECORD_BYTES_MAX - 400 + random.below(800)])

function keyOf({ symbol }: Seed, random: Random): Uint8Array | null {
  const wrong = random.below(60)
  if (wrong === 0) return null
  if (wrong === 1) return utf8(random.pick(['', symbol.slice(1), `${symbol} `, `${symbol}\u0000`, symbol.toLowerCase(), 'x'.repeat(100)]))
  return utf8(symbol)
}

export interface Difference {
  seed: number
  /** What differs, and where. */
  what: string
  record: string
  /** Fewer bytes that differ, too. */
  shrunk: string
}

export interface FuzzResult {
  cases: number
  /** How many cases came to each `outcome reason`. */
  outcomes: Map<string, number>
}

const CHUNK = 500

/** Runs cases [first, first + count); throws with seed and record at the first difference. */
export function fuzz(kernel: DecodeKernel, corpus: readonly Seed[], first: number, count: number, name: string): FuzzResult {
  const outcomes = new Map<string, number>()
  const fuzzer = new Fuzzer(kernel)
  for (let from = 0; from < count; from += CHUNK) {
    const cases = Array.from({ length: Math.min(CHUNK, count - from) }, (_, i) => caseOf(first + from + i, corpus))
    for (const rows of Map.groupBy(cases, ({ topic, settings }) => topic * SETTINGS.length + settings).values()) {
      const found = fuzzer.run(rows, outcomes)
      if (found !== undefined) throw new Error(sentence(found, name))
    }
  }
  fuzzer.restore()
  return { cases: count, outcomes }
}

function sentence({ seed, what, record, shrunk }: Difference, name: string): string {
  return `${what}\nagain: TA_FUZZ_SEED=${seed} TA_FUZZ_CASES=1 npm run test:fuzz -- -t '${name}'\nrecord: ${record}\nshrunk: ${shrunk}`
}

class Fuzzer {
  readonly #kernel: DecodeKernel
  #settings = -1
  /** The config area under each settings: making a field trie takes a third of a second. */
  readonly #images = new Map<number, Uint8Array>()

  constructor(kernel: DecodeKernel) {
    this.#kernel = kernel
  }

  /** Cases of one topic under the same settings, each alone and all in batches. */
  run(cases: readonly Case[], outcomes: Map<string, number>): Difference | undefined {
    this.#configure(cases[0].settings)
    const untouched = this.#untouched()
    const expected = cases.map((each) => decodeModel(each.topic, each.input, SETTINGS[each.settings]))
    const hashes = new Map<string, bigint>()
    for (const [i, each] of cases.entries()) {
      const { row, content } = expected[i]
      const shown = `${row.outcome === UNDECIDED ? 'kept' : 'dropped'} ${row.reason}`
      outcomes.set(shown, (outcomes.get(shown) ?? 0) + 1)
      const what = this.#differs(each, row, content, hashes)
      if (what !== '') return this.#difference(each, what)
    }
    for (const [from, to] of batches(cases)) {
      const inputs = cases.slice(from, to).map(({ input }) => input)
      const rows = this.#kernel.decode(cases[from].topic, inputs, SETTINGS[cases[from].settings].clockNs ?? undefined)
      for (const [i, row] of rows.entries()) {
        const what = rowDifference(row, expected[from + i].row)
        if (what !== '') return this.#difference(cases[from + i], `in a batch of ${inputs.length}: ${what}`)
      }
    }
    if (Buffer.compare(untouched, this.#untouched()) !== 0) return this.#difference(cases[0], 'config, header or what lies behind the texts was written to')
    return undefined
  }

  restore(): void {
    this.#kernel.configure({})
  }

  #configure(settings: number): void {
    if (settings === this.#settings) return
    this.#settings = settings
    const image = this.#images.get(settings)
    if (image !== undefined) {
      this.#kernel.bytes.set(image, CONFIG_BASE)
      return
    }
    const { maxFutureNs, map } = SETTINGS[settings]
    this.#kernel.configure({ maxFutureNs }, map)
    this.#images.set(settings, this.#kernel.bytes.slice(CONFIG_BASE, CONFIG_BASE + CONFIG_BYTES))
  }

  /** A copy of what a decoder has no business to write: all below the inputs but its cursor, and the bytes behind the texts. */
  #untouched(): Buffer {
    const { bytes } = this.#kernel
    const state = bytes.slice(STATE_BASE, STATE_BASE + 4_096)
    return Buffer.concat([bytes.slice(HEADER_BASE + 1_024, HEADER_BASE + 2_048), bytes.slice(CONFIG_BASE, CONFIG_BASE + CONFIG_BYTES), state])
  }

  /** What is wrong with the case alone, '' when nothing is. */
  #differs({ seed, topic, input, settings }: Case, row: Row, content: string | null, hashes: Map<string, bigint>): string {
    const random = seeded(seed)
    const large = (input.value?.length ?? 0) > 10_000
    const poisons = large || random.below(20) > 0 ? [random.pick(POISON), random.pick(POISON)] : POISON
    for (const poison of poisons) {
      // at the memory's end a decoder that walks on traps
      const start = random.below(2) === 0 ? this.#lastStart(input) : random.below(64)
      const got = this.#decodeAt(topic, input, start, poison, SETTINGS[settings].clockNs)
      if (typeof got === 'string') return got
      const what = rowDifference(got, row)
      if (what !== '') return `at ${start}, with ${JSON.stringify(poison.toString('latin1'))} around it: ${what}`
      if ((got.contentHash === 0n) !== (content === null)) return `content hash ${got.contentHash} for ${content}`
      if (content === null) continue
      if ((hashes.get(content) ?? got.contentHash) !== got.contentHash) return `content hash ${got.contentHash} is not that of the same content`
      hashes.set(content, got.contentHash)
    }
    return ''
  }

  /** Where a record begins that ends as near to the memory's end as one may. */
  #lastStart({ value }: Input): number {
    return this.#kernel.bytes.length - SLACK_BYTES - (value?.length ?? 0) - INPUT.at.values
  }

  /** The one record at `start` of the values, poison around it and its key; its row, or how the kernel trapped. */
  #decodeAt(topic: number, { key, value, cut, size }: Input, start: number, poison: Buffer, clockNs: bigint | null): Row | string {
    const { bytes, view, wasm } = this.#kernel
    const length = value?.length ?? 0
    const { at } = INPUT
    const from = at.values + start
    bytes.fill(poison[0], Math.max(from - 64, at.values), from)
    if (value !== null) bytes.set(value, from)
    for (let n = 0; n < SLACK_BYTES; n++) bytes[from + length + n] = poison[n % poison.length]
    const keyLength = Math.min(key?.length ?? 0, 40)
    if (key !== null) bytes.set(key.subarray(0, 40), at.keys)
    bytes.fill(poison[0], at.keys + keyLength, at.keys + keyLength + 48)
    view.setInt32(at.keyEnds, 0, true)
    view.setInt32(at.keyEnds + 4, keyLength, true)
    view.setInt32(at.valueEnds, start, true)
    view.setInt32(at.valueEnds + 4, start + length, true)
    view.setInt32(at.size, size ?? length, true)
    bytes[at.flags] = (key ? 0 : 1) | (value ? 0 : 2) | (cut ? 4 : 0)
    this.#kernel.valuesEnd = bytes.length
    try {
      wasm.decodeBatch(topic, 1, clockNs ?? -(2n ** 63n))
    } catch (error) {
      return `the kernel traps: ${(error as Error).message}`
    }
    return this.#kernel.row(0)
  }

  #difference(each: Case, what: string): Difference {
    const shown = (value: Uint8Array | null): string =>
      (value === null ? 'null' : `${JSON.stringify(Buffer.from(value.subarray(0, 4_000)).toString('latin1'))} (latin1, ${value.length} bytes)`)
    const { seed, topic, settings, input } = each
    const key = input.key === null ? 'null' : JSON.stringify(Buffer.from(input.key).toString('latin1'))
    return { seed, what, record: `topic ${topic}, settings ${settings}, key ${key}, value ${shown(input.value)}`, shrunk: shown(this.#shrunk(each)) }
  }

  /** Takes pieces out, halves first, for as long as kernel and model differ. */
  #shrunk(each: Case): Uint8Array | null {
    let value = each.input.value
    if (value === null) return null
    const differs = (bytes: Uint8Array): boolean => {
      const input = { ...each.input, value: bytes }
      const { row, content } = decodeModel(each.topic, input, SETTINGS[each.settings])
      return this.#differs({ ...each, input }, row, content, new Map()) !== ''
    }
    for (let piece = value.length >> 1, tries = 3_000; piece > 0 && tries > 0; piece >>= 1) {
      for (let at = 0; at < value.length && tries > 0; tries--) {
        const without: Uint8Array = Uint8Array.from([...value.subarray(0, at), ...value.subarray(at + piece)])
        if (differs(without)) value = without
        else at += piece
      }
    }
    return value
  }
}

/** Runs of cases that fit a batch. */
function batches(cases: readonly Case[]): [number, number][] {
  const runs: [number, number][] = []
  let bytes = 0
  for (const [i, { input }] of cases.entries()) {
    const size = input.value?.length ?? 0
    const last = runs.at(-1)
    if (last !== undefined && bytes + size <= BATCH_VALUE_BYTES / 2) last[1] = i + 1
    else {
      runs.push([i, i + 1])
      bytes = 0
    }
    bytes += size
  }
  return runs
}

/** The first field in which two rows differ, in words; the content hash aside. */
export function rowDifference(kernel: Row, model: Row): string {
  for (const name of Object.keys(model) as (keyof Row)[]) {
    if (name === 'contentHash') continue
    const [a, b] = [kernel[name], model[name]]
    const same = name === 'n' ? model.n.every((value, i) => Object.is(value, kernel.n[i])) : Object.is(a, b)
    if (!same) return `${name}: kernel ${text(a)}, model ${text(b)}`
  }
  return ''
}

const text = (value: unknown): string => JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part))
