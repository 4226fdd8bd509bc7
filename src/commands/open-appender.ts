/** Opens the real appender; the library behind it is loaded here and now. */
import type { Logger } from '../logging/logger.ts'
import type { Appender } from '../ports/appender.ts'
import type { Settings } from '../settings/settings.ts'

/** An appender that has not connected yet; `close` comes at the end. */
export async function openAppender(settings: Settings, logger: Logger): Promise<Appender> {
  const { openKafkaAppender } = await import('../kafka/appender.ts')
  return openKafkaAppender(
    {
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
    },
    logger,
  )
}
