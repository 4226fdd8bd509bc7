/** Whether the native client has the calls that patches/ adds to it. */
import { UserError } from '../contract/errors.ts'
import { EXIT_SETTINGS } from '../contract/exit-codes.ts'
import { binding, type Binding } from './binding.ts'
import type { Ingest } from './kafka-config.ts'

/** Throws UserError (78) where packed columns are asked for and the client was built without them. */
export function requireIngest(ingest: Ingest, { KafkaConsumer, Producer }: Binding = binding()): void {
  if (ingest === 'events' || ('consumeColumns' in KafkaConsumer.prototype && 'produceColumns' in Producer.prototype)) return
  throw new UserError(EXIT_SETTINGS,
    'TA_INGEST is columns, but the Kafka client was built without packed columns (patches/): run bin/setup.mjs, or set TA_INGEST=events')
}
