/**
 * An epoch that does not come out as recorded (invariant 3), in words: what differs, with both values, and where the outputs do, the first
 * record and its columns, as what the epoch published lies on the output topics.
 *
 * In:  the recorded epoch, the epoch as it came out now, the log. Out: words. Imports: ports, contract, epoch, state.
 */
import { CHANNELS, OUTCOMES } from '../contract/outcomes.ts'
import type { EpochRecord } from '../epoch/epoch-record.ts'
import type { Clock } from '../ports/clock.ts'
import type { Log } from '../ports/log.ts'
import type { Outputs } from '../state/kernel.ts'
import { outputDifference } from './output-difference.ts'
import { publishedOf } from './published.ts'

/** Longest time to look for the column: a divergence is told without it if need be. */
const LOOK_UP_MS = 15_000

type Part = 'bars' | 'signals'
const PARTS: readonly Part[] = ['bars', 'signals']

export interface Difference {
  text: string
  /** Outputs that are not what was published. */
  parts: readonly Part[]
}

/** Bars, then signals, as an epoch's end gives them. */
export type OutputValues = Pick<Outputs, 'bars' | 'signals' | 'values' | 'valueEnds'>

export interface LookUp {
  log: Log
  clock: Clock
  /** Topics of the outputs. */
  outputs: Readonly<Record<Part, string>>
}

/** What differs between a recorded epoch and its replay, with both values; null when nothing does. */
export function differenceOf(record: EpochRecord, again: EpochRecord): Difference | null {
  const plain = (text: string): Difference => ({ text, parts: [] })
  for (const [channel, { count, hash }] of record.consumed.entries()) {
    const now = again.consumed[channel]
    if (now.count !== count) return plain(`${CHANNELS[channel]}: ${count} records then, ${now.count} now`)
    if (now.hash !== hash) return plain(`${CHANNELS[channel]}: input hash ${hex(hash)} then, ${hex(now.hash)} now`)
  }
  const numbers = (['bars', 'signals', 'late', 'rejected'] as const).filter((name) => again[name] !== record[name])
  if (numbers.length > 0) {
    return { text: numbers.map((name) => `${name}: ${record[name]} then, ${again[name]} now`).join('; '), parts: differingParts(record, again) }
  }
  if (again.watermarkAfterNs !== record.watermarkAfterNs) return plain(`watermark: ${record.watermarkAfterNs} ns then, ${again.watermarkAfterNs} ns now`)
  const counts = record.counts.findIndex((count, i) => again.counts[i] !== count)
  if (counts >= 0) return plain(`${outcomeName(counts)}: ${record.counts[counts]} then, ${again.counts[counts]} now`)
  const parts = differingParts(record, again)
  if (parts.length > 0) {
    const digests = parts.map((name) => `output digest of ${name}: ${hex(record[`${name}Digest`])} then, ${hex(again[`${name}Digest`])} now`)
    return { text: digests.join('; '), parts }
  }
  const rest = 'output digest of late and rejected records'
  return again.digest === record.digest ? null : plain(`${rest}: ${hex(record.digest)} then, ${hex(again.digest)} now`)
}

const differingParts = (record: EpochRecord, again: EpochRecord): Part[] => PARTS.filter((name) => again[`${name}Digest`] !== record[`${name}Digest`])
const outcomeName = (i: number): string => `${CHANNELS[Math.floor(i / OUTCOMES.length)]} ${OUTCOMES[i % OUTCOMES.length]}`
const hex = (value: bigint): string => BigInt.asUintN(64, value).toString(16).padStart(16, '0')

/**
 * The difference with the first record and its columns, or with why they can't be told. Never rejects, and takes no longer than
 * LOOK_UP_MS, or until `stop`: what the broker does must not hide a divergence.
 */
export async function withColumns(
  lookUp: LookUp, record: EpochRecord, difference: Difference, outputs: OutputValues, stop: AbortSignal,
): Promise<string> {
  const { clock } = lookUp
  const ended = new AbortController()
  const texts = [difference.text]
  const looked = (async () => {
    for (const part of difference.parts) {
      const text = await columnsOf(lookUp, record, part, outputs, ended.signal)
      if (!ended.signal.aborted) texts.push(text)
    }
  })()
  const late = clock.sleep(LOOK_UP_MS, AbortSignal.any([ended.signal, stop])).then(() => {
    if (!ended.signal.aborted) texts.push("its columns can't be told, as what was published was not read in time")
  })
  await Promise.race([looked, late])
  ended.abort()
  return texts.join('; ')
}

async function columnsOf({ log, outputs: topics }: LookUp, record: EpochRecord, part: Part, outputs: OutputValues, stop: AbortSignal): Promise<string> {
  const topic = topics[part]
  const where = `${topic} [${record.task}]`
  const computed = valuesOf(outputs, part)
  try {
    const wanted = { topic, partition: record.task, clockMs: record.clockCloseMs, count: record[part] }
    const published = await publishedOf(log, wanted, computed, stop)
    if (typeof published === 'string') return published
    const first = outputDifference(published, computed)
    if (first !== null) return `the first of the ${part} that differs from ${where}: ${first}`
    const { values: { length }, isWhole } = published
    return isWhole ? `the ${length} ${part} on ${where} are the same as those computed now: it is the record that differs from what was published`
      : `of its ${record[part]} ${part} ${length} are still on ${where}, and they are the same as those computed now`
  } catch (error) {
    // whatever it is, the divergence has to be told
    return `its columns can't be told, as ${where} can't be read: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** Values of an epoch's bars or signals, as they would be published. */
function valuesOf({ bars, signals, values, valueEnds }: OutputValues, part: Part): Buffer[] {
  const [from, to] = part === 'bars' ? [0, bars] : [bars, bars + signals]
  return Array.from({ length: to - from }, (_, i) => {
    const at = from + i
    return Buffer.from(values.subarray(at === 0 ? 0 : valueEnds[at - 1], valueEnds[at]))
  })
}
