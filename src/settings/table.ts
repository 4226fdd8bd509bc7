/**
 * The one table of settings: name, kind, default, check, text. Docs, `ta config`, errors and the type Settings are made
 * from it. Keys are what the code says, names what the environment says.
 */
import { checkFieldPath } from './field-map.ts'
import { checkKafkaProperty } from './kafka-config.ts'
import {
  checkBootstrap, checkHttpUrl, checkKafkaName, checkPlainName, checkToken, choice, flag, map, topic, whole, words,
  type Definition,
} from './kinds.ts'
import { checkCalendar, checkSaleConditions } from './market-files.ts'
import { snapshotPlace } from './snapshot-place.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
const off = { emptyMeansOff: true }
const secret = { secret: true }
const affects = { affectsResults: true }

const broker = {
  kafkaBootstrap: words('TA_KAFKA_BOOTSTRAP', 'host:port,…', '', 'Brokers to connect to first', {}, checkBootstrap),
  kafkaSecurity: choice('TA_KAFKA_SECURITY', ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'], 'PLAINTEXT',
    'How to talk to the brokers'),
  kafkaSaslMech: choice('TA_KAFKA_SASL_MECH', ['SCRAM-SHA-512', 'SCRAM-SHA-256', 'PLAIN'], 'SCRAM-SHA-512', 'SASL mechanism'),
  kafkaUsername: words('TA_KAFKA_USERNAME', 'text', '', 'SASL user'),
  kafkaPassword: words('TA_KAFKA_PASSWORD', 'text', '', 'SASL password', secret),
  kafkaCaLocation: words('TA_KAFKA_CA_LOCATION', 'file', '', 'PEM file with the certificate authorities to trust'),
  kafkaCertLocation: words('TA_KAFKA_CERT_LOCATION', 'file', '', "PEM file with the client's certificate"),
  kafkaKeyLocation: words('TA_KAFKA_KEY_LOCATION', 'file', '', "PEM file with the client's key"),
  kafkaConfig: map('TA_KAFKA_CONFIG', 'JSON object', 'More librdkafka properties, but for those that exactly once rests on', {},
    checkKafkaProperty),
}

const identity = {
  groupId: words('TA_GROUP_ID', 'text', 'torghut-ta', 'Consumer group; also the name of the job', {}, checkPlainName),
  instanceId: words('TA_INSTANCE_ID', 'text', { text: "the host's name", of: (host) => host.hostname },
    'Stable name of this instance: a restart under the same name moves nothing', {}, checkKafkaName),
  transactionalIdPrefix: words('TA_TRANSACTIONAL_ID_PREFIX', 'text',
    { text: '`<group>-`', of: (_host, { groupId }) => `${groupId}-` },
    "Start of the tasks' transactional ids; the same in all instances of a job", {}, checkPlainName),
  leaveOnStop: flag('TA_LEAVE_ON_STOP', false, 'Leave the group when stopped, so that others take over at once'),
  autoOffsetReset: choice('TA_AUTO_OFFSET_RESET', ['latest', 'earliest'], 'latest', 'Where a task that never ran begins'),
}

const topics = {
  tradesTopic: topic('TA_TRADES_TOPIC', 'torghut.trades.v1', 'Input: trades, corrections, cancels'),
  quotesTopic: topic('TA_QUOTES_TOPIC', 'torghut.quotes.v1', 'Input: quotes', off),
  bars1mTopic: topic('TA_BARS1M_TOPIC', 'torghut.bars.1m.v1', 'Input: minute bars', off),
  microbarsTopic: topic('TA_MICROBARS_TOPIC', 'ta.bars.1s.v1', 'Output: one-second bars'),
  signalsTopic: topic('TA_SIGNALS_TOPIC', 'ta.signals.v1', 'Output: signals'),
  statusTopic: topic('TA_STATUS_TOPIC', 'ta.status.v1', 'Output: status of each task', off),
  lateTopic: topic('TA_LATE_TOPIC', 'ta.late.v1', 'Output: late records', off),
  dlqTopic: topic('TA_DLQ_TOPIC', 'ta.dlq.v1', 'Output: rejected records, byte for byte'),
  epochsTopic: topic('TA_EPOCHS_TOPIC', 'ta.epochs.v1', "The epochs' own records; never shared between jobs"),
}

const input = {
  fieldMap: map('TA_FIELD_MAP', 'JSON object', 'Paths of source fields that are elsewhere, such as `{"event_ts":"payload.t"}`',
    affects, checkFieldPath, ['string']),
  latenessMs: whole('TA_MAX_OUT_OF_ORDER_MS', 2_000, [0, HOUR_MS], 'Lateness: how far records may be out of order', affects),
  watermarkIdleTimeoutMs: whole('TA_WATERMARK_IDLE_TIMEOUT_MS', 5_000, [1, HOUR_MS],
    'After this without a record a partition is not waited for'),
  maxFutureMs: whole('TA_MAX_FUTURE_MS', { text: '`1000`, but at most the lateness',
    of: (_host, { latenessMs }) => Math.min(1_000, Number(latenessMs)) },
    [0, HOUR_MS], 'Records stamped further past the clock are rejected; at most the lateness', affects),
  maxSymbols: whole('TA_MAX_SYMBOLS', 20_000, [1, 1_000_000], 'Symbols a task; records of more are rejected', affects),
  dlqMaxBytes: whole('TA_DLQ_MAX_BYTES', 900_000, [65_536, 1_048_576],
    'Rejected records longer than this go to the DLQ cut to 64 KiB'),
  quoteDedupe: choice('TA_QUOTE_DEDUPE', ['seq', 'event_ts'], 'seq',
    'What makes two quotes the same, besides symbol and event time', affects),
  ingest: choice('TA_INGEST', ['columns', 'events'], 'columns',
    'How records pass to and from the Kafka client: packed columns, or, for one that was built without patches/, an event a record'),
}

const results = {
  provisional: flag('TA_PROVISIONAL', true, 'Publish bars and signals before they are final, too', affects),
  provisionalDelayMs: whole('TA_PROVISIONAL_DELAY_MS', 0, [0, 60_000], "From a window's end to its first provisional records",
    affects),
  provisionalRefreshMs: whole('TA_PROVISIONAL_REFRESH_MS', 250, [1, 60_000],
    'Shortest time between provisional records of one window', affects),
  provisionalMaxAgeMs: whole('TA_PROVISIONAL_MAX_AGE_MS', 10_000, [0, HOUR_MS],
    'Windows that ended longer ago get no provisional records', affects),
  quoteStaleAfterMs: whole('TA_QUOTE_STALE_AFTER_MS', 15_000, [0, DAY_MS], 'Age at which a quote is flagged stale; 0 = never',
    affects),
  session: choice('TA_SESSION', ['us-equity', 'us-equity-extended', 'utc-day'], 'us-equity', 'When session VWAP starts anew',
    affects),
  saleConditions: choice('TA_SALE_CONDITIONS', ['all', 'alpaca'], 'all',
    "Which trades count: each, or by Alpaca's minute-bar rules", affects),
  saleConditionsFile: words('TA_SALE_CONDITIONS_FILE', 'file', '',
    "Table of sale conditions in place of Alpaca's, in the form of `src/market/sale-conditions.json`", affects, checkSaleConditions),
  outputFormat: choice('TA_OUTPUT_FORMAT', ['json', 'avro'], 'json', 'Format of the outputs'),
  schemaRegistryUrl: words('TA_SCHEMA_REGISTRY_URL', 'URL', '', 'Schema registry, for Avro', {}, checkHttpUrl),
  schemaRegistryUsername: words('TA_SCHEMA_REGISTRY_USERNAME', 'text', '', "Schema registry's user"),
  schemaRegistryPassword: words('TA_SCHEMA_REGISTRY_PASSWORD', 'text', '', "Schema registry's password", secret),
  schemaRegistryCaLocation: words('TA_SCHEMA_REGISTRY_CA_LOCATION', 'file', '',
    'PEM file with the authorities to trust for the registry'),
  schemaRegistryRegister: flag('TA_SCHEMA_REGISTRY_REGISTER', true, 'Register the schemas; false only looks them up'),
}

const engine = {
  epochMaxMs: whole('TA_EPOCH_MAX_MS', 500, [10, 10_000], 'Longest time between commits of a task'),
  epochMs: whole('TA_EPOCH_MS', { text: '`20`, but at most the longest',
    of: (_host, { epochMaxMs }) => Math.min(20, Number(epochMaxMs)) },
    [1, 10_000], 'Shortest time between commits of a task'),
  statusIntervalMs: whole('TA_STATUS_INTERVAL_MS', 5_000, [100, HOUR_MS], 'Time between status records of a task'),
  sourceLagMaxMs: whole('TA_SOURCE_LAG_MAX_MS', 30_000, [0, DAY_MS],
    'Source lag above which status says degraded while the market is open; 0 = never'),
  calendar: words('TA_CALENDAR', 'file', '',
    "Trading calendar (holidays, half days) in place of the product's own, in the form of `src/market/calendar.json`; for status alone",
    {}, checkCalendar),
  workers: whole('TA_WORKERS', { text: 'cores − 1, at least 1', of: (host) => Math.min(Math.max(host.cores - 1, 1), 256) },
    [1, 256],
    'Threads that run the kernels'),
  onDivergence: choice('TA_ON_DIVERGENCE', ['stop', 'continue'], 'stop',
    'What to do when a replayed epoch comes out otherwise than recorded'),
}

const snapshots = {
  snapshotUri: words('TA_SNAPSHOT_URI', 'URI', '', 'Where snapshots lie: `file:///folder` or `s3://bucket/prefix`', {},
    snapshotPlace),
  snapshotIntervalMs: whole('TA_SNAPSHOT_INTERVAL_MS', 10_000, [100, DAY_MS], 'Time between snapshots of a task'),
  snapshotMinPauseMs: whole('TA_SNAPSHOT_MIN_PAUSE_MS', 2_000, [0, HOUR_MS],
    'Shortest time from the end of a snapshot to the next'),
  snapshotRetain: whole('TA_SNAPSHOT_RETAIN', 5, [1, 1_000], 'Snapshots kept of each task'),
  s3Endpoint: words('TA_S3_ENDPOINT', 'URL', '', "S3 server; empty = AWS's own", {}, checkHttpUrl),
  s3Region: words('TA_S3_REGION', 'text', 'us-east-1', 'S3 region'),
  s3PathStyle: flag('TA_S3_PATH_STYLE', { text: 'true with an endpoint of your own',
    of: (_host, { s3Endpoint }) => s3Endpoint !== '' },
    'Bucket in the path instead of the host name'),
  s3AccessKey: words('TA_S3_ACCESS_KEY', 'text', '', "S3 access key; empty = AWS's usual chain", secret),
  s3SecretKey: words('TA_S3_SECRET_KEY', 'text', '', 'S3 secret key', secret),
}

const outside = {
  httpHost: words('TA_HTTP_HOST', 'host', '127.0.0.1', 'Address to serve health, metrics and console on'),
  httpPort: whole('TA_HTTP_PORT', 8_080, [0, 65_535], 'Port for them; 0 = any free one'),
  httpToken: words('TA_HTTP_TOKEN', 'text', '', 'Bearer token asked for by all but `/livez` and `/readyz`; empty = none',
    secret, checkToken),
  logLevel: choice('TA_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'fatal'], 'info',
    'Least weight of what is logged'),
}

/** Sections of the table, in the order of the docs. */
export const SECTIONS: readonly (readonly [title: string, definitions: Readonly<Record<string, Definition<unknown>>>])[] = [
  ['Brokers', broker], ['Identity', identity], ['Topics', topics], ['Input and event time', input], ['Results', results],
  ['Engine', engine], ['Snapshots', snapshots], ['HTTP and logs', outside],
]

export const TABLE = { ...broker, ...identity, ...topics, ...input, ...results, ...engine, ...snapshots, ...outside }

export type SettingKey = keyof typeof TABLE

/** All settings with their values. */
export type Settings = { readonly [K in SettingKey]: (typeof TABLE)[K] extends Definition<infer T> ? T : never }
