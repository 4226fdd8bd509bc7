/**
 * A job of the engine on the test broker: its own topics and group, input put there, outputs as they become readable to a
 * read_committed reader, and the same records through `ta replay`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KafkaConsumer, LibrdKafkaError, Message } from 'node-rdkafka'
import { afterAll, afterEach, expect } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import type { OutputEnvelope } from '../golden/expected.ts'
import { type Environment, eventually, lastWords, runTa, startEngine } from './engine-process.ts'
import { bootstrap, createTopics, readAll, uniqueName, uniqueSettings } from './harness.ts'

const kafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka')

export const OUTCOMES = ['applied', 'duplicate', 'late', 'filtered', 'rejected'] as const
/** Over a restart of the broker on a busy machine, too. */
const FLUSH_MS = 90_000
const CONSUME_WAIT_MS = 50
const CONSUME_RECORDS_MAX = 10_000
/** More than any record of these tests. */
const MESSAGE_BYTES_MAX = 8_000_000

/** An output record as a consumer gets it. */
export interface Output extends OutputEnvelope {
  ingest_ts: string
  feed: string | null
  source: string
  version: number
}

export interface StatusOutput {
  symbol: string
  seq: number
  ingest_ts: string
  payload: { counts: Record<string, number>; status: string; reason: string; epoch: number; [field: string]: unknown }
}

export interface Job {
  env: Environment
  partitions: number
  /** Folder for files and snapshots, removed at the end. */
  folder: string
}

const folders: string[] = []
/** A folder that is gone after the test file. */
export function newFolder(): string {
  folders.push(mkdtempSync(join(tmpdir(), 'ta-engine-')))
  return folders.at(-1)!
}
afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

export interface JobOptions {
  partitions?: number
  /** More settings, or others. */
  env?: Environment
  /** Configuration of the input topics. */
  inputConfig?: Record<string, string>
}

/** Settings and topics of a new job: reads from the beginning, no minute bars, no snapshots unless asked for. */
export async function newJob({ partitions = 4, env: more = {}, inputConfig }: JobOptions = {}): Promise<Job> {
  const env = uniqueSettings({ TA_BARS1M_TOPIC: '', TA_AUTO_OFFSET_RESET: 'earliest', TA_INSTANCE_ID: 'one', ...more })
  if (inputConfig) {
    const names = [env.TA_TRADES_TOPIC, env.TA_QUOTES_TOPIC, env.TA_BARS1M_TOPIC].filter((name) => name !== '')
    await createTopics(names.map((name) => ({ name, partitions, config: inputConfig })), env.TA_KAFKA_BOOTSTRAP)
  }
  const applied = await runTa(['topics', 'apply', ...(inputConfig ? [] : ['--partitions', String(partitions)])], env)
  expect([applied.code, applied.stderr]).toEqual([0, ''])
  return { env, partitions, folder: newFolder() }
}

/** A record for an input topic; `partition` where it is not the key's. */
export interface Input {
  topic: string
  key: string | null
  value: string | Buffer | null
  partition?: number
}

/** Produces to the inputs, in order in each partition; resolves when all is acknowledged. */
export class InputProducer {
  readonly #producer: InstanceType<typeof kafka.Producer>
  readonly #partitions: number

  private constructor(producer: InstanceType<typeof kafka.Producer>, partitions: number) {
    this.#producer = producer
    this.#partitions = partitions
  }

  static async open(job: Job): Promise<InputProducer> {
    const producer = new kafka.Producer({
      'bootstrap.servers': job.env.TA_KAFKA_BOOTSTRAP, 'enable.idempotence': true, 'linger.ms': 1,
      'message.max.bytes': MESSAGE_BYTES_MAX, 'reconnect.backoff.max.ms': 500,
    })
    await connected((done) => producer.connect({}, done))
    producer.setPollInterval(20)
    return new InputProducer(producer, job.partitions)
  }

  async send(records: Input[]): Promise<void> {
    for (const { topic, key, value, partition } of records) {
      const to = partition ?? (key === null ? 0 : murmur2Partition(key, this.#partitions))
      this.#producer.produce(topic, to, typeof value === 'string' ? Buffer.from(value) : value, key)
    }
    await new Promise<void>((resolve, reject) => {
      this.#producer.flush(FLUSH_MS, (error: LibrdKafkaError | null) => (error ? reject(error) : resolve()))
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#producer.disconnect(() => resolve()))
  }
}

/** Produces some records and closes. */
export async function send(job: Job, records: Input[]): Promise<void> {
  const producer = await InputProducer.open(job)
  await producer.send(records)
  await producer.close()
}

/** Everything that is committed to some topics, as it becomes readable; order is kept within a partition. */
export class Tail {
  readonly records: Record<string, Message[]> = {}
  readonly #consumer: KafkaConsumer
  #closed = false
  #watchers: (() => void)[] = []
  #running: Promise<void> = Promise.resolve()

  private constructor(consumer: KafkaConsumer) {
    this.#consumer = consumer
  }

  /** Reads from the beginning. */
  static async open(topics: string[], partitions: number, broker = bootstrap()): Promise<Tail> {
    const consumer = new kafka.KafkaConsumer({
      'bootstrap.servers': broker, 'group.id': uniqueName('tail'), 'isolation.level': 'read_committed',
      'enable.auto.commit': false, 'fetch.wait.max.ms': 20, 'fetch.message.max.bytes': MESSAGE_BYTES_MAX,
    }, { 'auto.offset.reset': 'earliest' })
    await connected((done) => consumer.connect({}, done))
    const tail = new Tail(consumer)
    for (const topic of topics) tail.records[topic] = []
    consumer.setDefaultConsumeTimeout(CONSUME_WAIT_MS)
    const numbers = Array.from({ length: partitions }, (_, partition) => partition)
    consumer.assign(topics.flatMap((topic) => numbers.map((partition) => ({ topic, partition, offset: 0 }))))
    tail.#running = tail.#run()
    tails.push(tail)
    return tail
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      const messages = await new Promise<Message[]>((resolve) => {
        this.#consumer.consume(CONSUME_RECORDS_MAX, (error, found) => resolve(error ? [] : found))
      })
      for (const message of messages) this.records[message.topic].push(message)
      if (messages.length > 0) for (const watcher of this.#watchers.splice(0)) watcher()
    }
  }

  /** Resolves once `enough` holds, looked at whenever something came. */
  async until(enough: () => boolean, what: string | (() => string), patienceMs = 60_000): Promise<void> {
    const deadlineMs = performance.now() + patienceMs
    while (!enough()) {
      const leftMs = deadlineMs - performance.now()
      const seen = () => Object.entries(this.records).map(([topic, { length }]) => `${topic}: ${length}`).join(', ')
      if (leftMs <= 0) throw new Error(`${typeof what === 'string' ? what : what()} did not come (${seen()})`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs)
        this.#watchers.push(() => {
          clearTimeout(timer)
          resolve()
        })
      })
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#running
    await new Promise<void>((resolve) => this.#consumer.disconnect(() => resolve()))
  }
}

const tails: Tail[] = []
afterEach(() => Promise.all(tails.splice(0).map((tail) => tail.close())))

/** A tail of a job's outputs. */
export function tailOf({ env, partitions }: Job): Promise<Tail> {
  const topics = [env.TA_MICROBARS_TOPIC, env.TA_SIGNALS_TOPIC, env.TA_STATUS_TOPIC].filter((topic) => topic !== '')
  return Tail.open(topics, partitions, env.TA_KAFKA_BOOTSTRAP)
}

const parsed = new WeakMap<Message, unknown>()
/** The records' values, parsed. */
export function valuesOf<T = Output>(messages: Message[]): T[] {
  return messages.map((message) => {
    if (!parsed.has(message)) parsed.set(message, JSON.parse(String(message.value)))
    return parsed.get(message) as T
  })
}

export interface Outputs {
  bars: Output[]
  signals: Output[]
  status: StatusOutput[]
}

/** All outputs of a job as they are on the broker now; keys and partitions are checked on the way. */
export async function outputsOf({ env, partitions }: Job): Promise<Outputs> {
  const read = async (topic: string) => (topic === '' ? [] : await readAll(topic, { broker: env.TA_KAFKA_BOOTSTRAP }))
  const bars = await read(env.TA_MICROBARS_TOPIC)
  const signals = await read(env.TA_SIGNALS_TOPIC)
  const status = await read(env.TA_STATUS_TOPIC)
  for (const message of [...bars, ...signals]) {
    const { symbol } = valuesOf([message])[0]
    expect([String(message.key), message.partition]).toEqual([symbol, murmur2Partition(symbol, partitions)])
  }
  for (const message of status) {
    expect([String(message.key), valuesOf([message])[0].symbol]).toEqual(Array(2).fill(`_task-${message.partition}`))
  }
  return { bars: valuesOf(bars), signals: valuesOf(signals), status: valuesOf<StatusOutput>(status) }
}

export interface Replayed {
  bars: Output[]
  signals: Output[]
  /** Outcomes summed over the channels. */
  counts: Record<string, number>
  /** Outcomes by channel. */
  channels: Record<string, Record<string, number>>
  finals: number
}

/** `ta replay` of the job's settings over files. */
export async function replay({ env, partitions }: Job, files: string[]): Promise<Replayed> {
  const out = newFolder()
  const ended = await runTa(['replay', ...files, '--partitions', String(partitions), '--out', out], env)
  expect([ended.code, ended.stderr]).toEqual([0, ''])
  const summary = JSON.parse(ended.stdout) as { counts: Record<string, Record<string, number>>; bars: number; signals: number }
  const counts = Object.fromEntries(OUTCOMES.map((outcome) =>
    [outcome, Object.values(summary.counts).reduce((sum, channel) => sum + channel[outcome], 0)]))
  const rows = (topic: string) => readJsonl<Output>(join(out, `${topic}.jsonl`))
  const [bars, signals] = [rows(env.TA_MICROBARS_TOPIC), rows(env.TA_SIGNALS_TOPIC)]
  expect([bars.length, signals.length]).toEqual([summary.bars, summary.signals])
  return { bars, signals, counts, channels: summary.counts, finals: bars.length + signals.length }
}

function readJsonl<T>(path: string): T[] {
  return readFileSync(path, 'utf8').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as T)
}

/** The records of the job's inputs, as files for `ta replay`: a topic's partitions one after another. */
export async function dumpInputs({ env, folder }: Job): Promise<string[]> {
  const files: string[] = []
  for (const topic of [env.TA_TRADES_TOPIC, env.TA_QUOTES_TOPIC, env.TA_BARS1M_TOPIC].filter((name) => name !== '')) {
    const file = join(folder, `${topic}.jsonl`)
    const lines = (await readAll(topic, { broker: env.TA_KAFKA_BOOTSTRAP })).map(({ value }) => `${String(value)}\n`)
    writeFileSync(file, lines.join(''))
    files.push(file)
  }
  return files
}

/**
 * What a final says that the input decides, by symbol and window; `seq` only where no provisional record can have moved it.
 * Text, so that a comparison is byte for byte.
 */
export function finalsOf(records: Output[], { seq }: { seq: boolean }): Map<string, string> {
  const finals = new Map<string, string>()
  for (const record of records.filter(({ is_final: isFinal }) => isFinal)) {
    const key = `${record.symbol} ${record.window.size} ${record.window.end}`
    if (finals.has(key)) throw new Error(`${record.channel} ${key}: two finals`)
    finals.set(key, JSON.stringify({ ...record, ingest_ts: '', seq: seq ? record.seq : 0 }))
  }
  return finals
}

/** Finals that differ between a run and a replay, in words; none when all are the same. */
export function finalDifferences(live: Output[], replayed: Output[], options: { seq: boolean }): string[] {
  const [actual, expected] = [finalsOf(live, options), finalsOf(replayed, options)]
  const found: string[] = []
  for (const [key, text] of expected) {
    const other = actual.get(key)
    if (other === undefined) found.push(`${key} is missing`)
    else if (other !== text) found.push(`${key}:\n  live   ${other}\n  replay ${text}`)
  }
  for (const key of actual.keys()) if (!expected.has(key)) found.push(`${key} is not in the replay`)
  return found.slice(0, 10)
}

/** How many finals a tail has seen on bars and signals. */
export function finalCount(tail: Tail, { env }: Job): number {
  const finals = (topic: string) => valuesOf(tail.records[topic]).filter(({ is_final: isFinal }) => isFinal).length
  return finals(env.TA_MICROBARS_TOPIC) + finals(env.TA_SIGNALS_TOPIC)
}

/** Outcomes summed over channels, from the values of /metrics. */
export function metricCounts(metrics: Map<string, number>): Record<string, number> {
  const channels = ['trades', 'quotes', 'bars']
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, channels.reduce((sum, channel) =>
    sum + (metrics.get(`ta_input_records_total{channel="${channel}",outcome="${outcome}"}`) ?? 0), 0)]))
}

/** Outcomes summed over tasks, from the newest status record of each. */
export function statusCounts(status: StatusOutput[]): Record<string, number> {
  const newest = new Map(status.toSorted((a, b) => a.seq - b.seq).map((record) => [record.symbol, record.payload.counts]))
  const sum = (outcome: string) => [...newest.values()].reduce((total, counts) => total + counts[outcome], 0)
  return Object.fromEntries(OUTCOMES.map((outcome) => [outcome, sum(outcome)]))
}

export const totalOf = (counts: Record<string, number>): number => Object.values(counts).reduce((a, b) => a + b, 0)

/** Headers of a record by name. */
export const headersOf = ({ headers }: Message): Record<string, string> =>
  Object.fromEntries((headers ?? []).flatMap((header) => Object.entries(header)).map(([name, value]) => [name, String(value)]))

/** Late and rejected records lie on their topics once each: as many as are counted, none from the same place twice. */
export async function expectSpecialsOnce({ env }: Job, counts: Record<string, number>): Promise<void> {
  for (const [topic, outcome] of [[env.TA_LATE_TOPIC, 'late'], [env.TA_DLQ_TOPIC, 'rejected']]) {
    const records = (await readAll(topic, { broker: env.TA_KAFKA_BOOTSTRAP })).map(headersOf)
    const places = records.map((headers) => `${headers['ta-topic']} ${headers['ta-partition']} ${headers['ta-offset']}`)
    expect([outcome, records.length, new Set(places).size]).toEqual([outcome, counts[outcome], counts[outcome]])
  }
}

/** `ta verify` of the job's outputs: nothing to complain of. */
export async function expectVerified({ env }: Job): Promise<void> {
  const ended = await runTa(['verify'], env)
  if (ended.code !== 0) throw new Error(`ta verify ends with ${ended.code}:\n${ended.stdout}${ended.stderr}`)
}

/** `ta feed` of files to its end. */
export async function feed({ env }: Job, args: string[]): Promise<void> {
  const ended = await runTa(['feed', ...args], env)
  if (ended.code !== 0) throw new Error(`ta feed: ${lastWords(ended).msg}`)
}

function connected(connect: (done: (error: LibrdKafkaError) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => connect((error) => (error ? reject(error) : resolve())))
}

/** Runs the engine, with other settings where they are given, until it has counted and published so much; gives its counts. */
export async function runUntil(job: Job, records: number, more: Record<string, string> = {}, finals = 0): Promise<Record<string, number>> {
  const engine = startEngine({ ...job.env, ...more })
  if (finals > 0) {
    const tail = await tailOf(job)
    await tail.until(() => finalCount(tail, job) >= finals, () => `${finals} finals:\n${engine.stderr}\n`)
  }
  const counts = await eventually(async () => {
    if (!engine.running) throw new Error(`the engine ended:\n${engine.stderr}`)
    const now = metricCounts(await engine.metrics().catch(() => new Map<string, number>()))
    return totalOf(now) >= records ? now : undefined
  }, () => `not all records are counted:\n${engine.stderr}`)
  expect((await engine.stop()).code).toBe(0)
  return counts
}
