/** Opens the real log and the real appender. The library behind them is loaded here and now, as only some commands need it. */
import type { KafkaSettings } from '../kafka/log.ts'
import type { Logger } from '../logging/logger.ts'
import type { Appender } from '../ports/appender.ts'
import type { Log } from '../ports/log.ts'
import type { Settings } from '../settings/settings.ts'

/** A log that has not connected yet: `connect` comes next, `close` at the end. */
export async function openLog(settings: Settings, logger: Logger): Promise<Log> {
  const { openKafka } = await import('../kafka/log.ts')
  return openKafka(kafkaSettings(settings), logger)
}

/** An appender that has not connected yet; `close` comes at the end. */
export async function openAppender(settings: Settings, logger: Logger): Promise<Appender> {
  const { openKafkaAppender } = await import('../kafka/appender.ts')
  return openKafkaAppender(kafkaSettings(settings), logger)
}

function kafkaSettings(settings: Settings): KafkaSettings {
  return {
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
    ingest: settings.ingest,
  }
}
