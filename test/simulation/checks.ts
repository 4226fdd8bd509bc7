/** What must be true of the broker's content after a schedule, whatever happened on the way. */
import { decodeEpochRecord } from '../../src/epoch/epoch-record.ts'
import type { EpochRecord } from '../../src/epoch/epoch-record.ts'
import { OUTCOMES } from '../../src/contract/outcomes.ts'
import type { Entry, PartitionLog, Transaction } from '../../src/simulation/partition-log.ts'
import type { SimulatedBroker } from '../../src/simulation/simulated-broker.ts'
import { readOutput } from './reference.ts'
import type { Reference } from './reference.ts'

export const INPUTS = ['trades', 'quotes', 'bars1m'] as const
export const OUTPUTS = { bars: 'bars', signals: 'signals', status: 'status', late: 'late', dlq: 'dlq', epochs: 'epochs' } as const

const decoded = new WeakMap<Buffer, EpochRecord>()

/** Decodes each record once: the same ones are looked at again and again. */
export function epochRecordOf(value: Buffer): EpochRecord {
  const known = decoded.get(value) ?? decodeEpochRecord(value)
  decoded.set(value, known)
  return known
}

/** Readable entries of a partition, in order; also those that were deleted since. */
export function readable(log: PartitionLog): { offset: number; entry: Entry }[] {
  const stable = log.stable
  const found: { offset: number; entry: Entry }[] = []
  for (let offset = 0; offset < stable; offset++) if (log.isReadable(offset)) found.push({ offset, entry: log.entries[offset] })
  return found
}

export function epochRecords(log: PartitionLog): { record: EpochRecord; transaction: Transaction }[] {
  return readable(log)
    .filter(({ entry }) => entry.key?.toString() === 'epoch')
    .map(({ entry }) => ({ record: epochRecordOf(entry.value as Buffer), transaction: entry.transaction as Transaction }))
}

/** Everything has become final, as in an undisturbed run. Throws an Error that says what is wrong. */
export function checkOutputs(broker: SimulatedBroker, reference: Reference, partitions: number): void {
  const finals = checkTasks(broker, partitions)
  const specials = new Map<string, string>()
  for (let partition = 0; partition < partitions; partition++) {
    checkCounts(partition, epochRecords(broker.partition(OUTPUTS.epochs, partition)).at(-1)?.record, reference.counts[partition])
  }
  for (const topic of [OUTPUTS.late, OUTPUTS.dlq]) noteSpecials(broker, topic, specials)
  checkSame('finals', finals, reference.finals)
  checkSame('late and rejected records', specials, reference.specials)
}

/** What has been published so far is in order. Returns the finals. */
export function checkTasks(broker: SimulatedBroker, partitions: number): Map<string, string> {
  const finals = new Map<string, string>()
  for (let partition = 0; partition < partitions; partition++) {
    const epochs = epochRecords(broker.partition(OUTPUTS.epochs, partition))
    checkEpochs(broker, partition, epochs.map(({ record }) => record))
    checkAtomicity(broker, partition, epochs)
    for (const topic of ['bars', 'signals'] as const) checkSeries(broker.partition(topic, partition), topic, finals)
    checkStatus(broker.partition(OUTPUTS.status, partition), epochs.at(-1)?.record.statusSeq ?? 0)
  }
  return finals
}

/** Epochs from 0 on without a gap; each goes on where the one before ended; clocks and watermark never go back. */
function checkEpochs(broker: SimulatedBroker, partition: number, records: EpochRecord[]): void {
  const logs = INPUTS.map((topic) => broker.partition(topic, partition))
  let before: EpochRecord | undefined
  for (const record of records) {
    const where = `task ${partition} epoch ${record.epoch}`
    if (record.epoch !== (before?.epoch ?? -1) + 1) fail(`${where} follows epoch ${before?.epoch}`)
    if (before !== undefined) {
      record.consumed.forEach(({ to, count }, channel) => {
        const from = (before as EpochRecord).consumed[channel].to
        let there = 0
        for (let offset = from; offset < to; offset++) if (logs[channel].isReadable(offset)) there += 1
        if (to >= from && there === count) return
        fail(`${where}: ${count} records of ${INPUTS[channel]} in [${from}, ${to}), where there are ${there}`)
      })
      let clockMs = before.clockCloseMs
      for (const at of [...record.steps.map((step) => step.clockMs), record.clockCloseMs]) {
        if (at < clockMs) fail(`${where}: its clock goes back from ${clockMs} to ${at}`)
        clockMs = at
      }
      const goesOn = before.epoch === 0 || record.watermarkBeforeNs === before.watermarkAfterNs
      if (!goesOn) fail(`${where}: its watermark doesn't begin where the one before ended`)
      if (record.watermarkAfterNs < record.watermarkBeforeNs) fail(`${where}: its watermark goes back`)
    }
    before = record
  }
}

/** A transaction holds the outputs and the record of one epoch, and what the record says of them is true. */
function checkAtomicity(broker: SimulatedBroker, partition: number, epochs: ReturnType<typeof epochRecords>): void {
  const counts = new Map<Transaction, Record<string, number>>()
  for (const topic of Object.values(OUTPUTS)) {
    for (const { entry } of readable(broker.partition(topic, topic === 'late' || topic === 'dlq' ? 0 : partition))) {
      const { transaction } = entry
      if (transaction === null) fail(`${topic} [${partition}]: a record outside of any transaction`)
      if (!transaction.transactionalId.endsWith(`-${partition}`)) continue
      const of = counts.get(transaction) ?? {}
      counts.set(transaction, of)
      const name = topic === 'epochs' ? (entry.key as Buffer).toString() : topic
      of[name] = (of[name] ?? 0) + 1
    }
  }
  const known = new Map(epochs.map(({ record, transaction }) => [transaction, record]))
  if (known.size !== epochs.length) fail(`task ${partition}: two epochs in one transaction`)
  for (const [transaction, of] of counts) {
    const record = known.get(transaction)
    if (record === undefined) fail(`task ${partition}: outputs without an epoch's record: ${JSON.stringify(of)}`)
    const said = { bars: record.bars, signals: record.signals, late: record.late, dlq: record.rejected }
    for (const [name, count] of Object.entries(said)) {
      const held = of[name] ?? 0
      if (held === count) continue
      fail(`task ${partition} epoch ${record.epoch} says ${count} records of ${name}, its transaction holds ${held}`)
    }
  }
}

function checkCounts(partition: number, last: EpochRecord | undefined, expected: number[]): void {
  const counts = last?.counts ?? []
  const differs = expected.findIndex((count, i) => counts[i] !== count)
  if (differs < 0) return
  const outcome = OUTCOMES[differs % OUTCOMES.length]
  const input = INPUTS[Math.floor(differs / OUTCOMES.length)]
  fail(`task ${partition}: ${counts[differs]} ${outcome} of ${input}, undisturbed ${expected[differs]}`)
}

/** seq rises by one from 1; one final a window, in order, and nothing of a window after its final; ingest_ts never goes back. */
function checkSeries(log: PartitionLog, topic: string, finals: Map<string, string>): void {
  const seqs = new Map<string, number>()
  const lastFinal = new Map<string, string>()
  let ingestMs = 0
  for (const { offset, entry } of readable(log)) {
    const output = readOutput((entry.value as Buffer).toString())
    const where = `${topic} [${log.partition}] offset ${offset} (${output.key})`
    const series = `${output.symbol} ${output.size}`
    const expected = (seqs.get(series) ?? 0) + 1
    if (output.seq !== expected) fail(`${where}: seq ${output.seq}, expected ${expected}`)
    seqs.set(series, expected)
    const madeMs = Date.parse(output.ingestTs)
    if (madeMs < ingestMs) fail(`${where}: ingest_ts goes back to ${output.ingestTs}`)
    ingestMs = madeMs
    const revises = output.size === 'PT1M' && output.start === lastFinal.get(series)
    const last = lastFinal.get(series) ?? ''
    if (output.start <= last && !revises) fail(`${where}: comes after the final of ${last}`)
    if (!output.isFinal) continue
    lastFinal.set(series, output.start)
    if (!output.retracted) finals.set(`${topic} ${output.key}`, output.payload)
  }
}

function checkStatus(log: PartitionLog, last: number): void {
  let seq = 0
  for (const { offset, entry } of readable(log)) {
    const at = (JSON.parse((entry.value as Buffer).toString()) as { seq: number }).seq
    if (at !== seq + 1) fail(`status [${log.partition}] offset ${offset}: seq ${at} follows ${seq}`)
    seq = at
  }
  if (seq !== last) fail(`status [${log.partition}] ends at seq ${seq}, the last epoch's record says ${last}`)
}

/** Copies by what they are copies of; each exactly once, byte for byte. */
function noteSpecials(broker: SimulatedBroker, topic: string, specials: Map<string, string>): void {
  for (const { entry } of readable(broker.partition(topic, 0))) {
    const header = Object.fromEntries(entry.headers.map(({ name, value }) => [name, value]))
    const channel = INPUTS.indexOf(header['ta-topic'] as (typeof INPUTS)[number])
    const log = broker.partition(header['ta-topic'], Number(header['ta-partition']))
    const offset = Number(header['ta-offset'])
    const place = readable(log).findIndex((found) => found.offset === offset)
    const key = `${channel} ${log.partition} ${place}`
    if (specials.has(key)) fail(`${topic}: two copies of ${log.topic} [${log.partition}] offset ${offset}`)
    const isSame = (entry.value as Buffer).equals(log.entries[offset].value as Buffer)
    if (!isSame) fail(`${topic}: the copy of ${log.topic} offset ${offset} is another`)
    specials.set(key, header['ta-reason'])
  }
}

function checkSame(what: string, found: Map<string, string>, expected: Map<string, string>): void {
  for (const [key, value] of found) {
    if (!expected.has(key)) fail(`${what}: ${key} is there, undisturbed it is not: ${value}`)
    if (expected.get(key) !== value) fail(`${what}: ${key} is ${value}, undisturbed ${expected.get(key)}`)
  }
  for (const [key, value] of expected) if (!found.has(key)) fail(`${what}: ${key} is missing (${value})`)
}

function fail(what: string): never {
  throw new Error(what)
}
