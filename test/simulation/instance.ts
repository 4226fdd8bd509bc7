/** One engine of a schedule under its stable name: the real Engine over simulated ports, as often as it is started. */
import { Engine } from '../../src/engine/engine.ts'
import type { Bundle } from '../../src/bundle/bundle.ts'
import type { Logger } from '../../src/logging/logger.ts'
import { recordColumns } from '../../src/ingest/record-queue.ts'
import type { Faults } from '../../src/simulation/faults.ts'
import { SimulatedProcess } from '../../src/simulation/process.ts'
import type { Random } from '../../src/simulation/random.ts'
import type { SimulatedBroker } from '../../src/simulation/simulated-broker.ts'
import { SimulatedLog } from '../../src/simulation/simulated-log.ts'
import { SimulatedStore } from '../../src/simulation/simulated-store.ts'
import type { StoredObjects } from '../../src/simulation/simulated-store.ts'
import type { Tally } from '../../src/simulation/tally.ts'
import { readSettings } from '../../src/settings/settings.ts'
import type { Settings } from '../../src/settings/settings.ts'
import { InThreadRunner } from './in-thread-runner.ts'
import { EPOCH_MS } from './market.ts'

export interface Surroundings {
  broker: SimulatedBroker
  stored: StoredObjects
  random: Random
  faults: Faults
  tally: Tally
  trace(process: string, text: string): void
  /** An engine has ended by an error. */
  failed(instance: Instance, error: unknown): void
}

export const ENVIRONMENT = {
  TA_KAFKA_BOOTSTRAP: 'simulated:9092', TA_GROUP_ID: 'job', TA_AUTO_OFFSET_RESET: 'earliest', TA_SNAPSHOT_URI: 'file:///simulated',
  TA_TRADES_TOPIC: 'trades', TA_QUOTES_TOPIC: 'quotes', TA_BARS1M_TOPIC: 'bars1m', TA_MICROBARS_TOPIC: 'bars',
  TA_SIGNALS_TOPIC: 'signals', TA_STATUS_TOPIC: 'status', TA_LATE_TOPIC: 'late', TA_DLQ_TOPIC: 'dlq', TA_EPOCHS_TOPIC: 'epochs', TA_SESSION: 'utc-day',
}

/** Serving without a thread: nobody asks. */
const SERVING = { turn: () => undefined, setReady: () => undefined, observe: () => undefined, report: () => undefined }

/** A process that has ended by itself lives on for a while, so that it shows if something of it still works. */
const LINGER_MS = 3_000
const RESTART_MS = 500
/** Less than a turn may bring after an absence: what does not fit comes with the next one. */
const READ_RECORDS = 96
const READ_VALUE_BYTES = 65_536

/** What the engine says when it has to do something about a fault, and as what it is counted. */
const REACTIONS = [
  ['restoring a task', 'task restored'], ['task starts over', 'task started over'], ['starting over as new', 'task was fenced'],
  ['is passed over', 'snapshot passed over'], ['was not stored', 'snapshot not stored'], ['another bundle takes over', 'bundle changed'],
  ['a record traps the kernel', 'record skipped'], ['did not end within', 'task left to recovery'],
] as const

export class Instance {
  readonly name: string
  readonly settings: Settings
  process: SimulatedProcess | null = null
  bundle: Bundle
  running = false
  /** Whoever ends is started again. */
  keptUp = false
  #stop = new AbortController()
  #starts = 0
  readonly #around: Surroundings

  constructor(around: Surroundings, number: number, bundle: Bundle, environment: Record<string, string>) {
    this.#around = around
    this.name = `i${number}`
    this.bundle = bundle
    const host = { hostname: this.name, cores: 2 }
    this.settings = readSettings({ ...ENVIRONMENT, ...environment, TA_INSTANCE_ID: this.name }, { command: 'run', host })
  }

  start(): void {
    if (this.running) return
    const { broker, stored, random, faults, tally } = this.#around
    const wall = { epochMs: EPOCH_MS, skewMs: random.between(-300, 300) }
    const process = new SimulatedProcess(`${this.name}.${++this.#starts}`, broker.scheduler, random.fork(), faults, wall, tally)
    this.process = process
    this.running = true
    this.#stop = new AbortController()
    const trace = (text: string): void => this.#around.trace(process.name, text)
    // a task that a broker holds up isn't waited for; the process's end ends it
    let isLeft = false
    const failed = (error: Error): void => this.#around.failed(this, error)
    process.onCall = (call, what) => {
      trace(`${call} ${what}`)
      const publishes = call === 'Produce' || call === 'EndTxn'
      if (process.ended && publishes && !isLeft) failed(new Error(`it publishes after its end: ${call} ${what}`))
    }
    process.onKilled = () => {
      trace('KILLED')
      this.running = false
      if (this.keptUp) broker.scheduler.after(RESTART_MS, () => this.start())
    }
    trace('START')
    const engine = new Engine({
      settings: this.settings, bundle: this.bundle, clock: process.clock,
      logger: loggerTo((level, text, fields) => {
        isLeft ||= text.includes('did not end within')
        this.#logged(trace, level, text, fields)
      }),
      log: new SimulatedLog(process, broker, this.name),
      store: new SimulatedStore(process, stored),
      runner: new InThreadRunner(process, failed),
      serving: SERVING as never,
      trimMemory: () => undefined,
      columns: recordColumns(READ_RECORDS, READ_RECORDS * 8, READ_VALUE_BYTES),
    })
    engine.run(this.#stop.signal).then(
      () => this.#ended(process, null),
      (error: unknown) => this.#ended(process, error),
    )
  }

  #ended(process: SimulatedProcess, error: unknown): void {
    process.ended = true
    if (!process.alive) return
    this.#around.trace(process.name, error === null ? 'ENDED' : `FAILED ${(error as Error).stack}`)
    process.onKilled = () => undefined
    this.running = false
    process.after(LINGER_MS, () => process.kill())
    if (error !== null) this.#around.failed(this, error)
    else if (this.keptUp) this.start()
  }

  /** A replay that diverges is a failure, though an older snapshot may help the engine on: nothing here makes one diverge. */
  #logged(trace: (text: string) => void, level: string, text: string, fields: object): void {
    trace(`${level} ${text} ${JSON.stringify(fields)}`)
    for (const [said, kind] of REACTIONS) if (text.includes(said)) this.#around.tally.note(kind)
    if (text.includes('does not come out as recorded')) this.#around.failed(this, new Error(text))
    if (text === 'restoring a task') this.#assertSound(fields as { task: number; from: string })
  }

  /** Nobody restores from a snapshot with a file that was damaged, whatever would come of it. */
  #assertSound({ task, from }: { task: number; from: string }): void {
    const epoch = /^snapshot of epoch (\d+)$/.exec(from)?.[1]
    const folder = `${this.settings.groupId}/task-${task}/${epoch?.padStart(12, '0')}/`
    const damaged = [...this.#around.stored.corrupted].find((key) => key.startsWith(folder))
    if (damaged !== undefined) this.#around.failed(this, new Error(`task ${task} is restored with the damaged ${damaged}`))
  }

  /** SIGTERM. */
  stop(): void {
    this.#around.trace(this.name, 'SIGTERM')
    this.#stop.abort()
  }
}

function loggerTo(log: (level: string, text: string, fields: object) => void): Logger {
  const at = (level: string) => (fields: object, text: string) => log(level, text, fields)
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') } as unknown as Logger
}
