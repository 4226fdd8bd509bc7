/**
 * Appender over librdkafka's idempotent producer: acks=all, in order, each record once. Only failed deliveries are reported
 * to JavaScript (a report a record would cost more than producing it); that nothing is left in librdkafka's queue after a
 * flush says that the rest arrived.
 */
import type { LogError, OutputColumns } from '../ports/log.ts'
import type { Appender } from '../ports/appender.ts'
import { binding, NativeCallError, type NativeProducer } from './binding.ts'
import { EventRelay, type KafkaLogger } from './event-relay.ts'
import { appenderConfig, type Ingest, type KafkaSettings } from './kafka-config.ts'
import { asLogError, ERR__TIMED_OUT } from './kafka-errors.ts'
import { producerHandle, type NativeHandle } from './native-handle.ts'
import { requireIngest } from './patched-client.ts'
import { queueOutputs } from './publishing.ts'

/** A live feed wants each record soon; at full speed batches fill before this is over. */
const LINGER_MS = 2
/** A flush holds a pool thread this long at most. */
const FLUSH_MS = 500
/** Serves librdkafka's error events while nothing is sent. */
const POLL_MS = 500

interface Waiting {
  resolve: () => void
  reject: (error: LogError) => void
}

/** Opens an appender; it connects by itself when it is first used. Throws TypeError for a property that librdkafka refuses. */
export function openKafkaAppender(settings: KafkaSettings, logger: KafkaLogger): Appender {
  return new KafkaAppender(settings, logger)
}

class KafkaAppender implements Appender {
  readonly #ingest: Ingest
  readonly #handle: NativeHandle<NativeProducer>
  readonly #polling: NodeJS.Timeout
  /** Ends when all earlier calls are in librdkafka's queue: a full queue must not change the order of calls. */
  #queueing: Promise<void> = Promise.resolve()
  #waiting: Waiting[] = []
  #isFlushing = false
  #failure: LogError | undefined

  constructor(settings: KafkaSettings, logger: KafkaLogger) {
    requireIngest(settings.ingest)
    this.#ingest = settings.ingest
    const relay = new EventRelay('appender', logger, settings.password)
    // A broker that has just started makes a producer wait for its id; librdkafka asks again by itself.
    relay.onLog = ({ fac, message }) => fac === 'GETPID' && message.endsWith('retrying')
    this.#handle = producerHandle({ ...appenderConfig(settings), 'linger.ms': LINGER_MS }, relay, {
      delivery_cb: (error, report) => {
        if (error) this.#failure ??= asLogError(new NativeCallError(error), 'Delivering a record', report)
      },
    })
    this.#polling = setInterval(() => {
      if (!this.#handle.closing && this.#waiting.length > 0) this.#handle.native.poll()
    }, POLL_MS).unref()
  }

  append(outputs: OutputColumns[]): Promise<void> {
    const queued = this.#queueing.then(async () => {
      if (this.#failure) throw this.#failure
      await this.#handle.open()
      await queueOutputs(this.#handle.native, outputs, this.#ingest)
    })
    // A failure is told by each call's own promise.
    this.#queueing = queued.catch(() => {})
    return queued.then(
      () => this.#untilDelivered(),
      (error: unknown) => {
        this.#failure ??= asLogError(error, 'Appending')
        throw this.#failure
      },
    )
  }

  #untilDelivered(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject })
      if (!this.#isFlushing) void this.#flushAll()
    })
  }

  /** One flush at a time, whatever the number of calls under way: each answers those whose records were queued before it. */
  async #flushAll(): Promise<void> {
    this.#isFlushing = true
    while (this.#waiting.length > 0) {
      const served = this.#waiting.length
      const isEmpty = await this.#flush()
      if (!isEmpty && !this.#failure) continue
      for (const { resolve, reject } of this.#waiting.splice(0, this.#failure ? this.#waiting.length : served)) {
        if (this.#failure) reject(this.#failure)
        else resolve()
      }
    }
    this.#isFlushing = false
  }

  async #flush(): Promise<boolean> {
    try {
      await this.#handle.call<void>((done) => this.#handle.native.flush(FLUSH_MS, done))
      // A failed delivery is told by another handle of the loop, maybe later in this same round.
      await new Promise((resolve) => setImmediate(resolve))
      return true
    } catch (error) {
      // Not delivered yet: the message timeout ends that, with a delivery report. The binding drops a flush's code.
      if ((error as Error).message === binding().err2str(ERR__TIMED_OUT)) return false
      this.#failure ??= asLogError(error, 'Sending what was appended')
      return false
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#polling)
    await this.#handle.close()
  }
}
