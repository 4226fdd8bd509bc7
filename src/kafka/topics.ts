/** Topics: what they are, and making them. */
import { LogError, type TopicInfo } from '../ports/log.ts'
import { binding, NativeCallError, type NativeError, type NativeMetadata } from './binding.ts'
import type { KafkaLogger } from './event-relay.ts'
import { connectionConfig, type KafkaSettings } from './kafka-config.ts'
import { asLogError, ERR_TOPIC_ALREADY_EXISTS } from './kafka-errors.ts'
import { bootstrapAddresses, describeTopicConfigs, withBroker } from './wire/requests.ts'

const REQUEST_MS = 10_000

/**
 * Adds settings to metadata. Where the broker doesn't tell them (rights, an unusual login), `config` is empty and the log
 * says so.
 */
export async function describeTopics(settings: KafkaSettings, logger: KafkaLogger,
  topics: NativeMetadata['topics']): Promise<TopicInfo[]> {
  const names = topics.filter(({ partitions }) => partitions.length > 0).map(({ name }) => name)
  let configs = new Map<string, Record<string, string>>()
  if (names.length > 0) {
    try {
      configs = await withBroker(settings, bootstrapAddresses(settings.bootstrap), REQUEST_MS,
        (connection) => describeTopicConfigs(connection, names))
    } catch (error) {
      logger.warn({ reason: (error as Error).message }, "Topics' settings can't be read and are not checked")
    }
  }
  return topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.length,
    replicationFactor: partitions.length === 0 ? 0 : Math.min(...partitions.map(({ replicas }) => replicas.length)),
    config: configs.get(name) ?? {},
  }))
}

/** Creates topics one by one; one that is there already is left as it is. */
export async function createTopics(
  settings: KafkaSettings,
  topics: { name: string; partitions: number; replicationFactor: number; config: Record<string, string> }[]): Promise<void> {
  const admin = new (binding().AdminClient)(connectionConfig(settings))
  const code = admin.connect()
  if (code !== 0) throw new LogError('outside', `The Kafka admin client can't be set up: ${binding().err2str(code)}`)
  try {
    for (const { name, partitions, replicationFactor, config } of topics) {
      const error = await new Promise<NativeError | null | undefined>((resolve) => {
        const topic = { topic: name, num_partitions: partitions, replication_factor: replicationFactor, config }
        admin.createTopic(topic, REQUEST_MS, resolve)
      })
      if (error && error.code !== ERR_TOPIC_ALREADY_EXISTS) {
        throw asLogError(new NativeCallError(error), `Creating ${name}`, { topic: name })
      }
    }
  } finally {
    admin.disconnect()
  }
}
