/** Opens the real log. The library behind it is loaded here and now, as only some commands need it. */
import type { Logger } from '../logging/logger.ts'
import type { Log } from '../ports/log.ts'
import type { Settings } from '../settings/settings.ts'

/** A log that has not connected yet: `connect` comes next, `close` at the end. */
export async function openLog(settings: Settings, logger: Logger): Promise<Log> {
  const { openKafka } = await import('../kafka/log.ts')
  return openKafka({
    bootstrap: settings.kafkaBootstrap,
    security: settings.kafkaSecurity,
    saslMechanism: settings.kafkaSaslMech,
    username: settings.kafkaUsername,
    password: settings.kafkaPassword,
    caLocation: settings.kafkaCaLocation,
    certLocation: settings.kafkaCertLocation,
    keyLocation: settings.kafkaKeyLocation,
    groupId: settings.groupId,
    instanceId: settings.instanceId,
    config: settings.kafkaConfig,
  }, logger)
}
