/** What is asked of partitions and brokers through librdkafka: metadata, bounds, offsets by time, committed offsets. */
import { LogError } from '../ports/log.ts'
import type { NativeConsumer, NativeMetadata, NativePartition } from './binding.ts'
import { EventRelay, isRefusal, type KafkaLogger } from './event-relay.ts'
import { DEFAULT_MECHANISM, queryConfig, type KafkaSettings } from './kafka-config.ts'
import { asLogError } from './kafka-errors.ts'
import { askMetadata } from './known-topics.ts'
import { consumerHandle, type NativeHandle } from './native-handle.ts'
import type { BrokerAddress } from './wire/requests.ts'

type Isolation = 'read_committed' | 'read_uncommitted'
type Place = { topic: string; partition: number }

const REQUEST_MS = 10_000
/** One try of a connection; between tries a refused password is looked for. */
const TRY_MS = 250
const OFFSET_INVALID = -1001

export class PartitionQueries {
  readonly #settings: KafkaSettings
  readonly #relay: EventRelay
  /** librdkafka answers a query of a partition's end by the client's own isolation level, hence a client for each. */
  readonly #handles = new Map<Isolation, NativeHandle<NativeConsumer>>()

  constructor(settings: KafkaSettings, logger: KafkaLogger) {
    this.#settings = settings
    this.#relay = new EventRelay('client', logger, settings.password)
    // Made at once: a property that librdkafka refuses is known before anything connects.
    this.#handle('read_committed')
  }

  #handle(isolation: Isolation): NativeHandle<NativeConsumer> {
    let handle = this.#handles.get(isolation)
    if (!handle) {
      handle = consumerHandle(queryConfig(this.#settings, isolation), this.#relay)
      this.#handles.set(isolation, handle)
    }
    return handle
  }

  async connect(timeoutMs: number): Promise<void> {
    const { bootstrap, security } = this.#settings
    const handle = this.#handle('read_committed')
    const deadlineMs = performance.now() + timeoutMs
    this.#relay.authError = undefined
    try {
      await handle.open()
    } catch (error) {
      // Certificate and key files are read here.
      throw new LogError('auth', `The Kafka client can't be set up for ${security}: ${(error as Error).message}`, undefined,
        { cause: error })
    }
    for (;;) {
      const restMs = deadlineMs - performance.now()
      try {
        await askMetadata(handle, { allTopics: false, timeout: Math.max(1, Math.min(TRY_MS, Math.ceil(restMs))) })
        return
      } catch (error) {
        if (handle.closing) throw new LogError('outside', 'The log was closed while it connected', undefined, { cause: error })
        if (this.#relay.authError) throw this.#refused(this.#relay.authError)
        if (deadlineMs - performance.now() <= 0) {
          const reason = this.#relay.lastLine ?? (error as Error).message
          // the client repeats a line only every 30 s: a refusal from before this try is the last that was heard
          if (isRefusal(reason)) throw this.#refused(reason)
          throw new LogError('outside',
            `No Kafka broker at ${bootstrap} answered within ${timeoutMs} ms (${security}): ${reason}`, undefined,
              { cause: error })
        }
      }
    }
  }

  #refused(reason: string): LogError {
    const { bootstrap, security, username, saslMechanism } = this.#settings
    const login = `${security}, ${saslMechanism || DEFAULT_MECHANISM}`
    return new LogError('auth', security.startsWith('SASL')
      ? `The broker at ${bootstrap} refuses the user ${username ?? ''} (${login}), check name, password and mechanism: ${reason}`
      : `The broker at ${bootstrap} and this client don't trust each other (${security}), check the certificates: ${reason}`)
  }

  /** Metadata of each topic, in the order asked for; a topic that doesn't exist has no partitions. */
  async metadata(topics: readonly string[]): Promise<NativeMetadata['topics']> {
    const handle = this.#handle('read_committed')
    const found: NativeMetadata['topics'] = []
    for (const topic of topics) {
      try {
        const { topics: answers } = await askMetadata(handle, { topic, allTopics: false, timeout: REQUEST_MS })
        found.push(answers.find(({ name }) => name === topic) ?? { name: topic, partitions: [] })
      } catch (error) {
        const failure = asLogError(error, `Describing ${topic}`, { topic })
        if (failure.kind !== 'missing') throw failure
        found.push({ name: topic, partitions: [] })
      }
    }
    return found
  }

  /** Waits until brokers know of topics that were just created: their answer to the creation comes before that. */
  async untilThere(topics: readonly string[]): Promise<void> {
    const deadlineMs = performance.now() + REQUEST_MS
    for (;;) {
      const missing = (await this.metadata(topics)).filter(({ partitions }) =>
        partitions.length === 0 || partitions.some(({ leader }) => leader < 0))
      if (missing.length === 0) return
      if (performance.now() > deadlineMs) throw new LogError('outside', `${missing[0].name} was created, but is not there yet`,
        { topic: missing[0].name })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }

  /** Where the partition's leader listens. */
  async leader(topic: string, partition: number): Promise<BrokerAddress> {
    const handle = this.#handle('read_committed')
    try {
      const { topics, brokers } = await askMetadata(handle, { topic, allTopics: false, timeout: REQUEST_MS })
      const info = topics.find(({ name }) => name === topic)?.partitions.find(({ id }) => id === partition)
      if (!info) throw new LogError('missing', `There is no partition ${partition} of ${topic}`, { topic, partition })
      const broker = brokers.find(({ id }) => id === info.leader)
      if (!broker) throw new LogError('outside', `${topic} [${partition}] has no leader at present`, { topic, partition })
      return { host: broker.host, port: broker.port }
    } catch (error) {
      throw asLogError(error, `Finding the leader of ${topic} [${partition}]`, { topic, partition })
    }
  }

  async bounds(topic: string, partition: number, isolation: Isolation): Promise<{ low: number; high: number }> {
    const handle = this.#handle(isolation)
    try {
      const { lowOffset, highOffset } = await handle.call<{ lowOffset: number; highOffset: number }>((done) =>
        handle.native.queryWatermarkOffsets(topic, partition, REQUEST_MS, done))
      return { low: lowOffset, high: highOffset }
    } catch (error) {
      throw asLogError(error, `Asking for the bounds of ${topic} [${partition}]`, { topic, partition })
    }
  }

  async offsetAtTime(topic: string, partition: number, timeMs: number): Promise<number> {
    const handle = this.#handle('read_committed')
    const doing = `Looking for ${new Date(timeMs).toISOString()} in ${topic} [${partition}]`
    const [answer] = await this.#ask(doing, { topic, partition }, (done) =>
      handle.native.offsetsForTimes([{ topic, partition, offset: timeMs }], REQUEST_MS, done))
    // A negative answer says "after the last record".
    if (answer.offset !== undefined && answer.offset >= 0) return answer.offset
    return (await this.bounds(topic, partition, 'read_committed')).high
  }

  async committed(group: string, partitions: Place[]): Promise<number[]> {
    const handle = consumerHandle(queryConfig(this.#settings, 'read_committed', group), this.#relay)
    try {
      await handle.open()
      const answers = await this.#ask(`Asking for the offsets of the group ${group}`, undefined, (done) =>
        handle.native.committed(partitions.map(({ topic, partition }) => ({ topic, partition })), REQUEST_MS, done), handle)
      return answers.map(({ offset }) => (offset === undefined || offset === OFFSET_INVALID || offset < 0 ? -1 : offset))
    } finally {
      await handle.close()
    }
  }

  async #ask(
    doing: string, where: Place | undefined, start: (done: (error: any, result: (NativePartition | Error)[]) => void) => void,
    handle = this.#handle('read_committed')): Promise<NativePartition[]> {
    try {
      const answers = await handle.call<(NativePartition | Error)[]>(start)
      return answers.map((answer) => {
        if (answer instanceof Error) throw answer
        return answer
      })
    } catch (error) {
      throw asLogError(error, doing, where)
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#handles.values()].map((handle) => handle.close()))
  }
}
