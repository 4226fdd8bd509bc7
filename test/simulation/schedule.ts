/**
 * One schedule: a seed's market, faults and mishaps over real engines and simulated ports, then a time without faults in
 * which everything has to become final, then the checks.
 */
import type { Bundle } from '../../src/bundle/bundle.ts'
import type { EpochRecord } from '../../src/epoch/epoch-record.ts'
import { EPOCH_KEY } from '../../src/epoch/outputs.ts'
import { NO_FAULTS, drawFaults } from '../../src/simulation/faults.ts'
import type { Faults } from '../../src/simulation/faults.ts'
import { Random } from '../../src/simulation/random.ts'
import { Scheduler } from '../../src/simulation/scheduler.ts'
import { SimulatedBroker } from '../../src/simulation/simulated-broker.ts'
import type { StoredObjects } from '../../src/simulation/simulated-store.ts'
import { Tally } from '../../src/simulation/tally.ts'
import { checkOutputs, checkTasks, epochRecordOf, epochRecords, INPUTS } from './checks.ts'
import { leaveSnapshots } from './earlier-life.ts'
import { Instance } from './instance.ts'
import type { Surroundings } from './instance.ts'
import { EPOCH_MS, makeMarket } from './market.ts'
import type { Market } from './market.ts'
import { planMishaps } from './mishaps.ts'
import type { Stage } from './mishaps.ts'
import { referenceOf } from './reference.ts'
import type { Reference } from './reference.ts'
import { DELETED, planRetention } from './retention.ts'

export interface ScheduleResult {
  seed: number
  /** Why it failed; null when all is well. */
  failure: string | null
  virtualMs: number
  events: number
  epochs: number
  /** How often each kind of fault, and of what the engine does about it, came. */
  tally: Map<string, number>
  trace: string[]
}

export interface Kernels {
  /** Bundles with the same results: a change from one to the other may happen at any restart. */
  bundles: Bundle[]
  module: WebAssembly.Module
}

/** After the last fault everything has to be final within this much virtual time. */
const LIVENESS_MS = 60_000
const LOOK_MS = 100
/** In every so-manieth seed inputs are deleted before they are read. */
const RETENTION_EVERY = 25
/** In every so-manieth seed an earlier life of the job has left its snapshots. */
const EARLIER_LIFE_EVERY = 4
const TRANSACTION_TIMEOUT_MS = 10_000
const REST_MS = 2 * TRANSACTION_TIMEOUT_MS + 1_000

export async function runSchedule(seed: number, kernels: Kernels, traced = false): Promise<ScheduleResult> {
  const schedule = new Schedule(seed, kernels, traced)
  return await schedule.run()
}

class Schedule {
  readonly #seed: number
  readonly #kernels: Kernels
  readonly #random: Random
  readonly #scheduler = new Scheduler()
  readonly #market: Market
  readonly #reference: Reference
  /** Records by partition. */
  readonly #records: number[]
  readonly #broker: SimulatedBroker
  readonly #stored: StoredObjects = { objects: new Map(), outage: false, corruptions: 0, corrupted: new Set() }
  readonly #faults: Faults
  readonly #tally = new Tally()
  readonly #instances: Instance[] = []
  readonly #trace: string[] = []
  readonly #traced: boolean
  #failure: string | null = null
  /** How the engine has to end, where it can't go on. */
  #expected: RegExp | null = null
  #isDone = false
  #isCalm = false

  constructor(seed: number, kernels: Kernels, traced: boolean) {
    this.#seed = seed
    this.#kernels = kernels
    this.#traced = traced
    this.#random = new Random(seed)
    this.#market = makeMarket(this.#random.fork())
    this.#reference = referenceOf(this.#market, kernels.bundles[0], kernels.module)
    this.#records = this.#reference.newestMs.map(() => 0)
    for (const { partition } of this.#market.records) this.#records[partition] += 1
    this.#faults = drawFaults(this.#random.fork())
    const { partitions } = this.#market
    const each = Object.fromEntries([...INPUTS, 'bars', 'signals', 'status', 'epochs'].map((topic) => [topic, partitions]))
    this.#broker = new SimulatedBroker(this.#scheduler, this.#random.fork(), { ...each, late: 1, dlq: 1 }, {
      transactionTimeoutMs: TRANSACTION_TIMEOUT_MS, sessionTimeoutMs: this.#random.pick([3_000, 10_000]), tradesTopic: 'trades',
    }, this.#tally)
  }

  #note(process: string, text: string): void {
    if (this.#traced) this.#trace.push(`${this.#scheduler.nowMs.toFixed(2).padStart(10)} ${process} ${text}`)
  }

  #startInstances(): void {
    const random = this.#random.fork()
    const around: Surroundings = {
      broker: this.#broker, stored: this.#stored, random, faults: this.#faults, tally: this.#tally,
      trace: (process, text) => this.#note(process, text),
      failed: (instance, error) => {
        this.#failure ??= `${instance.name} ended: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`
      },
    }
    const environment = {
      TA_EPOCH_MAX_MS: random.pick(['100', '500']), TA_SNAPSHOT_INTERVAL_MS: random.pick(['1000', '3000', '10000']),
      TA_SNAPSHOT_MIN_PAUSE_MS: '200', TA_SNAPSHOT_RETAIN: random.pick(['1', '2', '5']),
      TA_LEAVE_ON_STOP: random.pick(['true', 'false']),
    }
    // where one before it is kept and good
    if (environment.TA_SNAPSHOT_RETAIN !== '1' && this.#faults.storeTorn === 0 && random.chance(0.3)) this.#stored.corruptions = 1
    const count = random.pick([1, 1, 2])
    for (let number = 0; number < count; number++) {
      const instance = new Instance(around, number, this.#kernels.bundles[0], environment)
      this.#instances.push(instance)
      this.#scheduler.after(number === 0 ? 0 : random.between(0, this.#market.endMs / 2), () => instance.start())
    }
  }

  async run(): Promise<ScheduleResult> {
    this.#feed()
    this.#startInstances()
    const stage: Stage = {
      broker: this.#broker, scheduler: this.#scheduler, stored: this.#stored, instances: this.#instances,
      bundles: this.#kernels.bundles,
      isCalm: () => this.#isCalm, note: (text) => this.#note('-', text),
    }
    const { endMs } = this.#market
    const mishaps = this.#seed % RETENTION_EVERY === 0
      ? planRetention(this.#random.fork(), endMs, stage, () => (this.#expected = DELETED))
      : planMishaps(this.#random.fork(), endMs, stage)
    for (const { kind } of mishaps) this.#tally.note(kind)
    if (this.#seed % EARLIER_LIFE_EVERY === 0) {
      leaveSnapshots(this.#random.fork(), this.#stored, this.#market.partitions, this.#kernels.bundles[0].hash)
      this.#tally.note('earlier life')
    }
    const lastMs = Math.max(endMs, ...mishaps.map(({ untilMs }) => untilMs)) + 500
    this.#scheduler.after(lastMs, () => this.#calm())
    const livenessMs = this.#market.isPoisoned ? 2 * LIVENESS_MS : LIVENESS_MS // finding the record takes restores
    let settled = false
    let tally = this.#tally.counts
    try {
      settled = await this.#scheduler.run(() => this.#isDone || this.#failure !== null, lastMs + livenessMs)
      if (!settled) this.#failure = `not everything was final ${livenessMs} ms after the last fault: ${this.#progress()}`
      tally = new Map(this.#tally.counts) // what follows happens to nobody
      await this.#bringToRest()
      if (this.#traced) this.#traceEpochs()
      this.#check()
    } catch (error) {
      this.#failure = (error as Error).message
    }
    return {
      seed: this.#seed, failure: this.#failure, virtualMs: this.#scheduler.nowMs, events: this.#scheduler.events,
      epochs: this.#epochs(), tally, trace: this.#trace,
    }
  }

  #check(): void {
    if (this.#expected !== null) {
      const said = this.#failure ?? 'nothing'
      this.#failure = this.#expected.test(said) ? null : `it had to end with ${String(this.#expected)}, but said: ${said}`
      checkTasks(this.#broker, this.#market.partitions)
    } else if (this.#failure === null) {
      checkOutputs(this.#broker, this.#reference, this.#market.partitions)
    }
  }

  /** Nobody is left, and whatever was under way is decided: markers written, open transactions timed out. */
  async #bringToRest(): Promise<void> {
    for (const instance of this.#instances) {
      instance.keptUp = false
      instance.process?.kill()
    }
    await this.#scheduler.run(() => false, this.#scheduler.nowMs + REST_MS)
  }

  #traceEpochs(): void {
    for (let partition = 0; partition < this.#market.partitions; partition++) {
      for (const { record } of epochRecords(this.#broker.partition('epochs', partition))) {
        const { epoch, instance, consumed, clockCloseMs, idle, watermarkAfterNs, bars, late, rejected } = record
        const to = consumed.map((channel) => channel.to).join(' ')
        this.#trace.push(
          `task ${partition} epoch ${epoch} by ${instance}: to ${to}, clock ${clockCloseMs - EPOCH_MS}, idle ${idle}, ` +
          `watermark ${Number(watermarkAfterNs / 1_000_000n) - EPOCH_MS}, ${bars} bars, ${late} late, ${rejected} rejected`,
        )
      }
    }
  }

  #epochs(): number {
    let epochs = 0
    for (let partition = 0; partition < this.#market.partitions; partition++) {
      try {
        epochs += epochRecords(this.#broker.partition('epochs', partition)).length
      } catch {
        return -1 // not even readable: the checks say so
      }
    }
    return epochs
  }

  #feed(): void {
    for (const { atMs, channel, partition, key, value, gap } of this.#market.records) {
      this.#scheduler.after(atMs, () => {
        if (gap > 0) this.#broker.appendAborted(INPUTS[channel], partition, Buffer.from('{}'), gap)
        this.#broker.append(INPUTS[channel], partition, Buffer.from(key), Buffer.from(value))
      })
    }
  }

  /** From now on nothing goes wrong any more, and everybody is up. */
  #calm(): void {
    this.#note('-', 'CALM')
    this.#isCalm = true
    Object.assign(this.#faults, { ...NO_FAULTS })
    this.#stored.outage = false
    for (const instance of this.#instances) {
      if (instance.process !== null) instance.process.killPoint = null
      instance.process?.wake()
      instance.process?.cut(false)
      instance.keptUp = true
      instance.start()
    }
    this.#look()
  }

  #look(): void {
    this.#isDone = this.#isFinal()
    if (!this.#isDone) this.#scheduler.after(LOOK_MS, () => this.#look())
  }

  /** All is consumed and no window is open, by the last epoch's record of each task. */
  #isFinal(): boolean {
    return this.#reference.newestMs.every((newestMs, partition) => {
      const last = lastEpoch(this.#broker, partition)
      if (last === null || consumedOf(last) < this.#records[partition]) return false
      // without a window there is nothing to close, and the watermark may never have begun
      return newestMs === 0 || last.watermarkAfterNs >= BigInt(newestMs) * 1_000_000n
    })
  }

  #progress(): string {
    const tasks = Array.from({ length: this.#market.partitions }, (_, partition) => {
      const last = lastEpoch(this.#broker, partition)
      const consumed = last === null ? 0 : consumedOf(last)
      const watermark = `watermark ${last?.watermarkAfterNs}, idle ${last?.idle}`
      return `task ${partition}: epoch ${last?.epoch}, ${consumed} of ${this.#records[partition]} records, ${watermark}`
    })
    const instances = this.#instances.map(({ name, running }) => `${name} ${running ? 'runs' : 'is down'}`)
    return [...tasks, ...instances].join('; ')
  }
}

function lastEpoch(broker: SimulatedBroker, partition: number): EpochRecord | null {
  const log = broker.partition('epochs', partition)
  for (let offset = log.stable - 1; offset >= 0; offset--) {
    const { key, value } = log.entries[offset]
    if (log.isReadable(offset) && key?.toString() === EPOCH_KEY) return epochRecordOf(value as Buffer)
  }
  return null
}

const consumedOf = (record: EpochRecord): number => record.counts.reduce((sum, count) => sum + count, 0)
