/**
 * LogProducer over librdkafka's transactional producer: one a task.
 *
 * Which error says what (librdkafka 2.12, rdkafka_txnmgr.c):
 * - retriable: the call timed out and goes on in the background; calling again resumes it.
 * - abortable, while messages were flushed: EndTxn(commit) was never sent, so nothing is committed.
 * - abortable, out of EndTxn: "a tricky state since the transaction will have failed locally but the EndTxn(commit) may
 *   have succeeded" (its own comment); so that is `unknown`.
 * - fatal: fenced, or `unknown` once a commit was asked for.
 */
import { LogError, type LogProducer, type OutputColumns } from '../ports/log.ts'
import { NativeCallError, type NativeProducer } from './binding.ts'
import { EventRelay, type KafkaLogger } from './event-relay.ts'
import { transactionalConfig, TRANSACTION_TIMEOUT_MS, type Ingest, type KafkaSettings } from './kafka-config.ts'
import { ERR__FATAL, isFencing, kindOf } from './kafka-errors.ts'
import { producerHandle, type NativeHandle } from './native-handle.ts'
import { queueOutputs, spent } from './publishing.ts'

/** A call holds a pool thread this long at most, and closing waits for it. */
const CALL_MS = 1_000
/** After this a commit that is still under way is of unknown outcome: the broker has timed the transaction out by then. */
const COMMIT_MS = TRANSACTION_TIMEOUT_MS + 2_000
const ABORT_MS = 2_000
/** Serves librdkafka's error events; delivery reports are served by the commit itself. */
const POLL_MS = 500

export class KafkaProducer implements LogProducer {
  readonly #id: string
  readonly #ingest: Ingest
  readonly #handle: NativeHandle<NativeProducer>
  readonly #relay: EventRelay
  #polling: NodeJS.Timeout | undefined
  #failure: LogError | undefined
  /** The transaction that has been begun ahead of time. */
  #begun: Promise<void> | undefined

  constructor(settings: KafkaSettings, logger: KafkaLogger, transactionalId: string) {
    this.#id = transactionalId
    this.#ingest = settings.ingest
    this.#relay = new EventRelay(`producer ${transactionalId}`, logger, settings.password)
    // No delivery callback: the commit tells of failed deliveries, and a report a record would cost more than producing it.
    this.#handle = producerHandle(transactionalConfig(settings, transactionalId), this.#relay)
  }

  async init(): Promise<void> {
    await this.#handle.open()
    this.#polling ??= setInterval(() => {
      if (!this.#handle.closing) this.#handle.native.poll()
    }, POLL_MS).unref()
    for (;;) {
      try {
        await this.#handle.call<void>((done) => this.#handle.native.initTransactions(CALL_MS, done))
        return
      } catch (error) {
        if (this.#handle.closing) {
          throw new LogError('outside', `The producer ${this.#id} was closed before it was ready`, undefined, { cause: error })
        }
        if (!(error instanceof NativeCallError) || !error.isRetriable) {
          throw this.#fail(this.#errorBefore(error, 'Starting the producer'))
        }
        this.#relay.logger.debug({ transactionalId: this.#id, reason: error.message }, 'InitProducerId is still under way')
        // Some retriable errors come at once (no coordinator yet).
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
  }

  prepare(places: { topic: string; partition: number }[]): void {
    const { native } = this.#handle
    if (this.#failure || this.#begun || this.#handle.closing || !native.registerPartitions) return
    this.#begun = this.#begin().then(() => {
      const code = native.registerPartitions!(places)
      if (code !== 0) this.#relay.logger.debug({ transactionalId: this.#id, code }, 'partitions are not registered ahead of time')
    })
    this.#begun.catch(() => undefined)
  }

  #begin(): Promise<void> {
    return this.#handle.call<void>((done) => this.#handle.native.beginTransaction(done))
  }

  async transact(outputs: OutputColumns[], onProduced?: () => void): Promise<void> {
    if (this.#failure) throw spent(this.#failure)
    try {
      await (this.#begun ?? this.#begin())
    } catch (error) {
      throw this.#fail(this.#errorBefore(error, 'Beginning a transaction'))
    }
    this.#begun = undefined
    try {
      await queueOutputs(this.#handle.native, outputs, this.#ingest)
    } catch (error) {
      const cause = await this.#causeOf(error)
      await this.#abort()
      throw this.#fail(this.#errorBefore(cause, 'Producing'))
    }
    onProduced?.()
    await this.#commit()
  }

  /** Producing says of a client that has ended for good no more than that; a call of the transaction says why: fenced, perhaps. */
  async #causeOf(error: unknown): Promise<unknown> {
    if (!(error instanceof NativeCallError) || error.code !== ERR__FATAL) return error
    return await this.#begin().then(() => error, (cause: unknown) => cause)
  }

  async #commit(): Promise<void> {
    const deadlineMs = performance.now() + COMMIT_MS
    let resumed = false
    for (;;) {
      try {
        await this.#handle.call<void>((done) => this.#handle.native.commitTransaction(CALL_MS, done))
        return
      } catch (error) {
        const retriable = error instanceof NativeCallError && error.isRetriable
        if (!retriable) throw this.#fail(await this.#commitError(error, resumed))
        resumed = true
        if (this.#handle.closing || performance.now() > deadlineMs) throw this.#fail(this.#unknown(error))
        await new Promise((resolve) => setTimeout(resolve, 2))
      }
    }
  }

  async #commitError(error: unknown, resumed: boolean): Promise<LogError> {
    if (!(error instanceof NativeCallError)) return this.#unknown(error)
    if (isFencing(error.code)) return this.#errorBefore(error, 'Committing')
    // After a resumed call EndTxn may have been sent, whatever the error speaks of.
    if (!error.isTxnRequiresAbort || resumed || /EndTxn|end transaction/i.test(error.message)) return this.#unknown(error)
    await this.#abort()
    return this.#errorBefore(error, 'Committing')
  }

  /** Frees readers at once. If it fails the next producer's InitProducerId does the same, so a failure costs nothing. */
  async #abort(): Promise<void> {
    try {
      await this.#handle.call<void>((done) => this.#handle.native.abortTransaction(ABORT_MS, done))
    } catch (error) {
      this.#relay.logger.debug({ transactionalId: this.#id, reason: (error as Error).message }, 'The abort was not taken')
    }
  }

  /** Error of a call before EndTxn(commit) can have been sent: known not to be committed. */
  #errorBefore(error: unknown, doing: string): LogError {
    const code = error instanceof NativeCallError ? error.code : Number.NaN
    const kind = kindOf(code, 'aborted')
    return new LogError(kind === 'fenced' || kind === 'authorization' ? kind : 'aborted',
      `${doing} as ${this.#id} failed: ${(error as Error).message}`, undefined, { cause: error })
  }

  #unknown(error: unknown): LogError {
    const { message } = error as Error
    return new LogError('unknown', `Whether the transaction of ${this.#id} was committed is unknown: ${message}`, undefined,
      { cause: error })
  }

  #fail(error: LogError): LogError {
    this.#failure = error
    return error
  }

  close(): Promise<void> {
    clearInterval(this.#polling)
    return this.#handle.close()
  }
}
