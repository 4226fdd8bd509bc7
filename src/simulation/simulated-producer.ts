/** LogProducer of a simulated process: the same errors, in the same places, as the one over librdkafka has. */
import { LogError } from '../ports/log.ts'
import type { LogProducer, OutputColumns } from '../ports/log.ts'
import type { Effect, Fate, SimulatedProcess } from './process.ts'
import type { SimulatedBroker } from './simulated-broker.ts'

/** After this a caller gives a call up whose answer doesn't come. */
const PATIENCE_MS = 1_500
const INIT_RETRY_MS = 50
/** Closing waits so long for calls under way. */
const CLOSE_MS = 5_000

export class SimulatedProducer implements LogProducer {
  readonly #process: SimulatedProcess
  readonly #broker: SimulatedBroker
  readonly #id: string
  #epoch = 0
  #failure: LogError | null = null
  #closed = false
  #busy = false
  #preparing: Promise<void> = Promise.resolve()
  readonly #underWay = new Set<Promise<unknown>>()

  constructor(process: SimulatedProcess, broker: SimulatedBroker, transactionalId: string) {
    this.#process = process
    this.#broker = broker
    this.#id = transactionalId
  }

  async init(): Promise<void> {
    for (;;) {
      if (this.#closed) throw new LogError('outside', `The producer ${this.#id} was closed before it was ready`)
      const fate = this.#process.fate()
      // a request that is under way for seconds is fenced by none: it takes effect when it arrives
      if (this.#process.random.chance(this.#process.faults.slowInit)) {
        fate.answerMs += this.#process.random.between(200, 3_000)
        this.#process.tally.note('InitProducerId slow')
      }
      try {
        this.#epoch = await this.#call<number>('InitProducerId', fate, (answer) => {
          this.#broker.transactions.init(this.#id, answer)
        })
        return
      } catch (error) {
        if (!(error instanceof LogError) || error.kind !== 'unknown') throw error
        await this.#process.clock.sleep(INIT_RETRY_MS)
      }
    }
  }

  prepare(): void {
    if (this.#failure !== null || this.#closed) return
    this.#preparing = this.#call<void>('AddPartitionsToTxn', this.#process.fate(), (answer, refuse) => {
      this.#broker.transactions.register({ transactionalId: this.#id, epoch: this.#epoch, by: this.#process.name }, answer, refuse)
    }).catch((error: LogError) => {
      if (error.kind === 'fenced') this.#failure ??= error
    })
  }

  async transact(outputs: OutputColumns[], onProduced?: () => void): Promise<void> {
    if (this.#failure !== null) {
      const { kind, message } = this.#failure
      throw new LogError(kind === 'fenced' ? 'fenced' : 'aborted', `The producer is spent since: ${message}`)
    }
    if (this.#busy) throw new Error(`two transactions of ${this.#id} at once`)
    this.#busy = true
    try {
      await this.#transact(outputs, onProduced)
    } catch (error) {
      this.#failure = error as LogError
      throw error
    } finally {
      this.#busy = false
    }
  }

  async #transact(outputs: OutputColumns[], onProduced?: () => void): Promise<void> {
    const { random, faults } = this.#process
    await this.#preparing // a client sends nothing else of a transaction while this is under way
    if (this.#failure !== null) throw this.#failure
    const breaksAt = random.chance(faults.aborted) ? random.integer(0, outputs.length + 1) : -1
    if (breaksAt >= 0) this.#process.tally.note('transaction broken by its producer')
    try {
      // one request a partition, side by side; their order at the broker is chance
      await Promise.all(outputs.map((columns, i) => (breaksAt === i ? this.#refused() : this.#produce(columns))))
    } catch (error) {
      if ((error as LogError).kind === 'fenced') throw error
      await this.#abort()
      throw new LogError('aborted', `Producing as ${this.#id} failed: ${(error as Error).message}`)
    }
    onProduced?.()
    if (breaksAt === outputs.length) {
      await this.#abort()
      throw new LogError('aborted', `Committing as ${this.#id} failed: a delivery timed out`)
    }
    await this.#commit()
  }

  async #refused(): Promise<void> {
    await this.#process.clock.sleep(this.#process.latencyMs())
    throw new LogError('outside', 'a delivery timed out')
  }

  async #produce(columns: OutputColumns): Promise<void> {
    const log = this.#broker.partition(columns.topic, columns.partition)
    await this.#call<void>('Produce', this.#process.fate(), (answer, refuse) => {
      const writer = { transactionalId: this.#id, epoch: this.#epoch, by: this.#process.name }
      this.#broker.transactions.produce(writer, log, columns, answer, refuse)
    }, columns.topic)
  }

  async #commit(): Promise<void> {
    const { random, faults } = this.#process
    const fate: Fate = { ...this.#process.fate(), lost: null }
    if (random.chance(faults.commitRequestLost)) fate.lost = 'request'
    else if (random.chance(faults.commitAnswerLost)) fate.lost = 'answer'
    else if (random.chance(faults.commitLate)) {
      // it arrives when the caller has long given up, perhaps when its successor is at work already
      fate.lost = 'answer'
      fate.sendMs = PATIENCE_MS + random.between(0, 1_000)
      this.#process.tally.note('commit late')
    }
    await this.#end('EndTxn', fate, true)
  }

  /** As best one can. */
  async #abort(): Promise<void> {
    try {
      await this.#end('AbortTxn', this.#process.fate(), false)
    } catch {
      // the next producer's InitProducerId does the same
    }
  }

  #end(name: string, fate: Fate, commit: boolean): Promise<void> {
    return this.#call<void>(name, fate, (answer, refuse) => {
      this.#broker.transactions.end(this.#id, this.#epoch, commit, answer, refuse)
    })
  }

  async #call<T>(name: string, fate: Fate, effect: Effect<T>, what = ''): Promise<T> {
    if (this.#closed) throw new LogError('unknown', `The producer ${this.#id} is closed`)
    const lost = (): LogError => new LogError('unknown', `Whether ${name} of ${this.#id} came to pass is unknown`)
    const call = this.#process.call(name, `${this.#id}@${this.#epoch} ${what}`, fate, PATIENCE_MS, lost, effect)
    this.#underWay.add(call)
    try {
      return await call
    } finally {
      this.#underWay.delete(call)
    }
  }

  /** Calls under way come to their end; no other begins. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.race([Promise.allSettled(this.#underWay), this.#process.clock.sleep(CLOSE_MS)])
    await this.#process.clock.sleep(this.#process.latencyMs())
  }
}
