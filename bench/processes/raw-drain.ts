/**
 * The limit of a drain: reads the inputs through the same consumer as the engine, and writes as many records as the engine would,
 * of the same size, in transactions after as many inputs, with a small record for each. It looks into nothing.
 */
import { openLog } from '../../src/commands/open-log.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import { openLogger } from '../../src/logging/logger.ts'
import type { LogProducer, OutputColumns } from '../../src/ports/log.ts'
import { readSettings } from '../../src/settings/settings.ts'
import type { Settings } from '../../src/settings/settings.ts'
import { nowMs, runChild } from './child.ts'

export interface RawDrainConfig {
  env: Record<string, string>
  partitions: number
  /** Records to read, and bars (as many signals) to write for them. */
  inputs: number
  bars: number
}

export interface RawDrainResult {
  outputs: number
  liveMs: number
  endMs: number
  cpuSeconds: number
  liveCpuSeconds: number
  residentBytes: number
}

/** Sizes of the engine's outputs in bytes, about. */
const BAR_BYTES = 350
const SIGNAL_BYTES = 700
const EPOCH_BYTES = 400

/** Inputs of a partition after which a transaction goes out: about what the engine has in one while it catches up. */
const TRANSACTION_INPUTS = 16_384

const cpu = (): number => process.cpuUsage().user / 1e6 + process.cpuUsage().system / 1e6

const made = new Map<number, OutputColumns>()

/** Records of a size; their bytes are made once, as making them is not what is measured. */
function outputOf(topic: string, partition: number, count: number, bytes: number): OutputColumns {
  let columns = made.get(bytes)
  if (columns === undefined || columns.count < count) made.set(bytes, columns = columnsOf(Math.max(2 * count, 1_024), bytes))
  return { ...columns, topic, partition, count }
}

/** Text that lz4 finds as much to save in as in the engine's: the same pattern again and again, with other numbers. */
function columnsOf(count: number, bytes: number): OutputColumns {
  const ends = (size: number): Int32Array => Int32Array.from({ length: count }, (_, row) => (row + 1) * size)
  const text = (_: number, i: number): number => 32 + (((i % bytes) * 7 + (i % 5 === 0 ? Math.floor(i / bytes) * 31 : 0)) % 90)
  return {
    topic: '', partition: 0, count,
    keys: new Uint8Array(count * 6).fill(83), keyEnds: ends(6), values: new Uint8Array(count * bytes).map(text), valueEnds: ends(bytes),
  }
}

/** One partition's transactions, one after the other, each with what was read since. */
class Task {
  read = 0
  #committing: Promise<void> | null = null
  outputs = 0
  #rest = 0
  readonly #producer: LogProducer
  readonly #partition: number
  readonly #settings: Settings
  readonly #barsPerInput: number

  constructor(producer: LogProducer, partition: number, settings: Settings, barsPerInput: number) {
    this.#producer = producer
    this.#partition = partition
    this.#settings = settings
    this.#barsPerInput = barsPerInput
  }

  get isCommitting(): boolean {
    return this.#committing !== null
  }

  commit(): void {
    const due = this.read * this.#barsPerInput + this.#rest
    const bars = Math.floor(due)
    this.#rest = due - bars
    this.read = 0
    const { microbarsTopic, signalsTopic, epochsTopic } = this.#settings
    const records = [outputOf(microbarsTopic, this.#partition, bars, BAR_BYTES), outputOf(signalsTopic, this.#partition, bars, SIGNAL_BYTES),
      outputOf(epochsTopic, this.#partition, 1, EPOCH_BYTES)].filter(({ count }) => count > 0)
    this.outputs += 2 * bars
    this.#committing = this.#producer.transact(records).then(() => {
      this.#committing = null
    })
  }

  async finish(): Promise<void> {
    await this.#committing
    if (this.read > 0) this.commit()
    await this.#committing
    await this.#producer.close()
  }
}

runChild<RawDrainConfig, RawDrainResult>(async ({ env, partitions, inputs, bars }, _stop, ready) => {
  const settings = readSettings(env, { command: 'run' })
  const log = await openLog(settings, openLogger({ level: 'error' }))
  await log.connect(30_000)
  const tasks = await Promise.all(Array.from({ length: partitions }, async (_, partition) => {
    const producer = log.producer(`${settings.groupId}-raw-${partition}`)
    await producer.init()
    return new Task(producer, partition, settings, bars / inputs)
  }))
  const topics = [settings.tradesTopic, settings.quotesTopic]
  const consumer = log.consumer(topics)
  const [liveMs, liveCpu] = [nowMs(), cpu()]
  await consumer.assign(topics.flatMap((topic) => tasks.map((_, partition) => ({ topic, partition, offset: 0 }))))
  ready()
  const into = recordColumns(16_384, 1_048_576, 16_777_216)
  for (let read = 0; read < inputs;) {
    const { count } = await consumer.consume(into, 100)
    read += count
    for (let row = 0; row < count; row++) tasks[into.partitions[row]].read++
    for (const task of tasks) if (task.read >= TRANSACTION_INPUTS && !task.isCommitting) task.commit()
  }
  await Promise.all(tasks.map((task) => task.finish()))
  const [endMs, endCpu] = [nowMs(), cpu()]
  await consumer.close()
  await log.close()
  return {
    outputs: tasks.reduce((sum, task) => sum + task.outputs, 0), liveMs, endMs, cpuSeconds: endCpu, liveCpuSeconds: endCpu - liveCpu,
    residentBytes: process.memoryUsage.rss(),
  }
})
