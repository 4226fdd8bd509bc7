/**
 * One librdkafka client from open to close. Traps that it keeps away from everyone else (read in node-rdkafka 3.6.1's
 * src/*.cc):
 * - only `consume` and the queries take the connection's lock; a transaction call under way while `disconnect` runs is
 *   a use after free. So every asynchronous call is counted, and closing waits for all of them.
 * - callbacks must be removed after `disconnect`, not before: closing a member needs its rebalance callback.
 * - the client keeps the event loop alive until `disconnect` has called back.
 */
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import {
  binding, NativeCallError, type Callback, type NativeClient, type NativeConsumer, type NativePartition, type NativeProducer,
} from './binding.ts'
import type { EventRelay } from './event-relay.ts'
import { splitConfig, type NativeConfig } from './kafka-config.ts'

export type RebalanceCallback = (code: number, partitions: NativePartition[]) => void
export interface HandleCallbacks {
  rebalance_cb?: RebalanceCallback
  offset_commit_cb?: (code: number | undefined, partitions: NativePartition[]) => void
  delivery_cb?: (error: Error | null, report: { topic: string; partition: number }) => void
}

/** One librdkafka client from `open` to `close`. */
export class NativeHandle<C extends NativeClient> {
  readonly native: C
  readonly #relay: EventRelay
  readonly #callbacks: object
  readonly #underWay = new Set<Promise<unknown>>()
  #opening: Promise<void> | undefined
  #closing: Promise<void> | undefined

  constructor(native: C, relay: EventRelay, callbacks: HandleCallbacks = {}) {
    this.native = native
    this.#relay = relay
    const { delivery_cb, ...global } = callbacks
    // A client that is being closed has nothing more to complain of.
    const event: Record<string, unknown> = {
      event_cb: (kind: string, data: unknown) => this.#closing || relay.onEvent(kind, data),
    }
    if (delivery_cb) event['delivery_cb'] = delivery_cb
    this.#callbacks = { global, topic: {}, event }
  }

  get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Creates librdkafka's instance and its threads; it connects by itself, for as long as it takes. */
  open(): Promise<void> {
    this.#opening ??= this.#open()
    return this.#opening
  }

  async #open(): Promise<void> {
    this.native.configureCallbacks(true, this.#callbacks)
    await this.#count<unknown>((done) => this.native.connect(done))
  }

  /** Runs one asynchronous native call; rejects with NativeCallError. */
  async call<T>(start: (done: Callback<T>) => void): Promise<T> {
    if (this.#closing) throw new NativeCallError({ message: 'The Kafka client is closed', code: ERR__DESTROY })
    await this.open()
    return this.#count(start)
  }

  #count<T>(start: (done: Callback<T>) => void): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      start((error, result) => (error ? reject(new NativeCallError(error)) : resolve(result)))
    })
    this.#underWay.add(promise)
    // The rejection is the caller's; here only the end of the call counts.
    promise.then(() => this.#underWay.delete(promise), () => this.#underWay.delete(promise))
    return promise
  }

  /** Waits for calls under way, then disconnects; gives up with a warning after `timeoutMs` each. */
  close(timeoutMs = 5_000): Promise<void> {
    this.#closing ??= this.#close(timeoutMs)
    return this.#closing
  }

  async #close(timeoutMs: number): Promise<void> {
    if (!this.#opening) return
    const idle = Promise.allSettled([this.#opening, ...this.#underWay])
    if (!(await within(idle, timeoutMs))) {
      // Disconnecting now would free what a pool thread still uses.
      this.#relay.logger.warn({}, 'A Kafka client is still busy and is left to end with the process')
      return
    }
    const disconnected = new Promise<void>((resolve) => this.native.disconnect(() => resolve()))
    if (!(await within(disconnected, timeoutMs))) {
      this.#relay.logger.warn({}, 'A Kafka client does not end and is left to end with the process')
      return
    }
    this.native.configureCallbacks(false, this.#callbacks)
  }
}

const ERR__DESTROY = -197

/** True when `promise` settled within `timeoutMs`. */
export async function within(promise: Promise<unknown>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), timeoutMs)
  })
  try {
    return await Promise.race([promise.then(() => true, () => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** Opens a consumer; a property that librdkafka refuses is a UserError that names it. */
export function consumerHandle(config: NativeConfig, relay: EventRelay,
  callbacks: HandleCallbacks = {}): NativeHandle<NativeConsumer> {
  const { delivery_cb: _, ...global } = callbacks
  const { client, topic } = splitConfig(config)
  return new NativeHandle(make(() => new (binding().KafkaConsumer)({ ...client, ...global }, topic)), relay, callbacks)
}

/** Opens a producer; a property that librdkafka refuses is a UserError that names it. */
export function producerHandle(config: NativeConfig, relay: EventRelay,
  callbacks: HandleCallbacks = {}): NativeHandle<NativeProducer> {
  const { client, topic } = splitConfig(config)
  return new NativeHandle(make(() => new (binding().Producer)(client, topic)), relay, callbacks)
}

function make<C>(create: () => C): C {
  try {
    return create()
  } catch (error) {
    throw new UserError(EXIT_SETTINGS,
      `The Kafka client refuses a setting, most likely of TA_KAFKA_CONFIG: ${(error as Error).message}; correct or remove it`,
      { cause: error })
  }
}
