import { WrongValue } from './kinds.ts'

/** librdkafka properties that the promise of exactly once rests on, under all of their names. */
const KEPT = new Set([
  'transactional.id', 'acks', 'request.required.acks', 'enable.idempotence', 'isolation.level', 'auto.offset.reset',
  'enable.auto.commit', 'auto.commit.enable', 'enable.auto.offset.store', 'group.protocol', 'group.remote.assignor',
  'partition.assignment.strategy', 'enable.partition.eof', 'enable.gapless.guarantee', 'max.in.flight',
  'max.in.flight.requests.per.connection', 'transaction.timeout.ms', 'message.timeout.ms', 'delivery.timeout.ms',
  'delivery.report.only.error',
])

/** Properties that have a setting of their own. */
const OWN: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'TA_KAFKA_BOOTSTRAP',
  'metadata.broker.list': 'TA_KAFKA_BOOTSTRAP',
  'security.protocol': 'TA_KAFKA_SECURITY',
  'sasl.mechanism': 'TA_KAFKA_SASL_MECH',
  'sasl.mechanisms': 'TA_KAFKA_SASL_MECH',
  'sasl.username': 'TA_KAFKA_USERNAME',
  'sasl.password': 'TA_KAFKA_PASSWORD',
  'ssl.ca.location': 'TA_KAFKA_CA_LOCATION',
  'ssl.certificate.location': 'TA_KAFKA_CERT_LOCATION',
  'ssl.key.location': 'TA_KAFKA_KEY_LOCATION',
  'group.id': 'TA_GROUP_ID',
  'group.instance.id': 'TA_INSTANCE_ID',
}

/** One entry of TA_KAFKA_CONFIG; throws WrongValue for what it may not touch. */
export function checkKafkaProperty(property: string, _value: string): void {
  const name = property.trim().toLowerCase()
  if (KEPT.has(name)) throw new WrongValue(`sets ${name}, which exactly once rests on`, 'leave it out')
  if (OWN[name]) throw new WrongValue(`sets ${name}`, `use ${OWN[name]} for it`)
  if (!/^[a-z][a-z0-9._]*$/.test(property)) throw new WrongValue(`sets "${property}"`,
    'names of properties are lower case with dots')
}

/** Whether a property's value is a secret. */
export function isSecretProperty(property: string): boolean {
  return /password|secret|\.pem$|token|oauthbearer\.config|jaas/.test(property)
}
