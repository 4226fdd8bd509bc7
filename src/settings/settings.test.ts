import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { settingsMarkdown } from './markdown.ts'
import { editDistance, nearestName } from './nearest-name.ts'
import { describeSettings, readSettings, resolveSettings, secretsOf, SettingsError,
  type Environment } from './settings.ts'
import { snapshotPlace } from './snapshot-place.ts'
import { TABLE } from './table.ts'

/** Files as the product has them: a table of sale conditions, and one that is none. */
const TABLE_FILE = join(import.meta.dirname, '../market/sale-conditions.json')
const OTHER_FILE = join(import.meta.dirname, '../market/calendar.json')

const host = { hostname: 'pod-0', cores: 4 }
const read = (env: Environment, command?: string) => readSettings(env, { host, command })

/** Lines of what is wrong. */
function problemsOf(env: Environment, command?: string): string[] {
  return resolveSettings(env, { host, command }).problems.map(({ name, problem, right }) => `${name} ${problem}: ${right}`)
}

describe('readSettings', () => {
  it('gives the defaults of the contract', () => {
    expect(read({})).toMatchObject({
      tradesTopic: 'torghut.trades.v1', epochsTopic: 'ta.epochs.v1', groupId: 'torghut-ta', instanceId: 'pod-0',
      transactionalIdPrefix: 'torghut-ta-', autoOffsetReset: 'latest', leaveOnStop: false, latenessMs: 2_000, maxFutureMs: 1_000,
      epochMs: 20, epochMaxMs: 500, snapshotIntervalMs: 10_000, snapshotMinPauseMs: 2_000, snapshotRetain: 5, workers: 3,
      httpHost: '127.0.0.1', httpPort: 8_080, quoteStaleAfterMs: 15_000, dlqMaxBytes: 900_000, maxSymbols: 20_000,
      provisional: true, provisionalDelayMs: 0, provisionalRefreshMs: 250, provisionalMaxAgeMs: 10_000, statusIntervalMs: 5_000,
      watermarkIdleTimeoutMs: 5_000, s3Region: 'us-east-1', s3PathStyle: false, outputFormat: 'json', fieldMap: {},
      kafkaConfig: {},
    })
  })

  it('derives what depends on other settings', () => {
    const settings = read({ TA_GROUP_ID: 'job', TA_S3_ENDPOINT: 'http://127.0.0.1:9000', TA_MAX_OUT_OF_ORDER_MS: '500',
      TA_EPOCH_MAX_MS: '10' })
    expect(settings).toMatchObject({ transactionalIdPrefix: 'job-', s3PathStyle: true, maxFutureMs: 500, epochMs: 10 })
  })

  it('takes empty as off for optional topics and as not set for the rest', () => {
    const settings = read({ TA_QUOTES_TOPIC: '', TA_LATE_TOPIC: ' ', TA_TRADES_TOPIC: '', TA_EPOCH_MS: '' })
    expect(settings).toMatchObject({ quotesTopic: '', lateTopic: '', tradesTopic: 'torghut.trades.v1', epochMs: 20 })
  })

  it('names everything that is wrong at once', () => {
    let error: unknown
    try {
      read({ TA_KAFKA_BOOTSTRP: 'x:1', TA_EPOCH_MS: 'abc', TA_PROVISIONAL: 'maybe', TA_SESSION: 'us-equty' }, 'run')
    } catch (caught) {
      error = caught
    }
    expect(error).toBeInstanceOf(SettingsError)
    const { message, exitCode } = error as SettingsError
    expect(exitCode).toBe(78)
    expect(message.split('\n')).toEqual([
      '5 settings are wrong:',
      '  TA_KAFKA_BOOTSTRP is no setting: did you mean TA_KAFKA_BOOTSTRAP?',
      '  TA_PROVISIONAL "maybe" is neither true nor false: give true or false',
      '  TA_SESSION "us-equty" is not one of us-equity, us-equity-extended, utc-day: did you mean us-equity?',
      '  TA_EPOCH_MS "abc" is no whole number: give a whole number from 1 to 10000',
      '  TA_KAFKA_BOOTSTRAP is not set, and ta run needs it: give host:port,…',
    ])
  })

  it.each<[string, Environment, RegExp]>([
    ['future past lateness', { TA_MAX_FUTURE_MS: '2001' }, /^TA_MAX_FUTURE_MS 2001 is more than the lateness/],
    ['epoch past its longest', { TA_EPOCH_MS: '600' }, /^TA_EPOCH_MS 600 is more than TA_EPOCH_MAX_MS/],
    ['cert without key', { TA_KAFKA_CERT_LOCATION: import.meta.filename },
      /^TA_KAFKA_KEY_LOCATION is not set, but TA_KAFKA_CERT_LOCATION is/],
    ['missing file', { TA_KAFKA_CA_LOCATION: '/no/such.pem' }, /^TA_KAFKA_CA_LOCATION "\/no\/such.pem" does not exist/],
    ['folder for a file', { TA_KAFKA_CA_LOCATION: tmpdir() }, /is no file/],
    ['same topic twice', { TA_LATE_TOPIC: 'ta.dlq.v1' }, /^TA_DLQ_TOPIC "ta.dlq.v1" is the topic of TA_LATE_TOPIC/],
    ['topic name', { TA_DLQ_TOPIC: 'a b' }, /^TA_DLQ_TOPIC "a b" is no name that Kafka takes/],
    ['half an S3 key', { TA_S3_ACCESS_KEY: 'AKIA' }, /^TA_S3_SECRET_KEY is not set, but TA_S3_ACCESS_KEY is/],
    ['kept property', { TA_KAFKA_CONFIG: '{"enable.idempotence":false}' },
      /^TA_KAFKA_CONFIG sets enable.idempotence, which exactly once/],
    ['property with a setting', { TA_KAFKA_CONFIG: '{"group.id":"x"}' }, /use TA_GROUP_ID/],
    ['config that is no JSON', { TA_KAFKA_CONFIG: '{' }, /^TA_KAFKA_CONFIG is no JSON/],
    ['config that is a list', { TA_KAFKA_CONFIG: '[]' }, /^TA_KAFKA_CONFIG is no JSON object/],
    ['unknown field', { TA_FIELD_MAP: '{"evnt_ts":"t"}' },
      /^TA_FIELD_MAP maps "evnt_ts", which is no field: did you mean event_ts/],
    ['path that is no text', { TA_FIELD_MAP: '{"price":5}' }, /^TA_FIELD_MAP has no text for "price"/],
    ['bad path', { TA_FIELD_MAP: '{"price":"payload..p"}' }, /^TA_FIELD_MAP gives price the path "payload..p"/],
    ['bad bootstrap', { TA_KAFKA_BOOTSTRAP: 'a:9092,b:x' }, /^TA_KAFKA_BOOTSTRAP .*the broker "b:x"/],
    ['port out of range', { TA_HTTP_PORT: '70000' }, /^TA_HTTP_PORT "70000" is too large: give a whole number from 0 to 65535/],
    ['negative', { TA_EPOCH_MS: '-1' }, /^TA_EPOCH_MS "-1" is no whole number/],
    ['relative snapshot folder', { TA_SNAPSHOT_URI: 'file://x/y' },
      /^TA_SNAPSHOT_URI "file:\/\/x\/y" is a file URI without an absolute path/],
    ['bad bucket', { TA_SNAPSHOT_URI: 's3://A/b' }, /the bucket "A"/],
    ['calendar that is none', { TA_CALENDAR: import.meta.filename }, /^TA_CALENDAR ".*settings.test.ts" holds no JSON: give a calendar like/],
    ['calendar that is missing', { TA_CALENDAR: '/no/such.json' }, /^TA_CALENDAR "\/no\/such.json" does not exist: give a file/],
    ['sale conditions that are none', { TA_SALE_CONDITIONS: 'alpaca', TA_SALE_CONDITIONS_FILE: OTHER_FILE }, /^TA_SALE_CONDITIONS_FILE ".*" has the key/],
    ['sale conditions without use', { TA_SALE_CONDITIONS_FILE: TABLE_FILE }, /^TA_SALE_CONDITIONS_FILE is set, but TA_SALE_CONDITIONS is all/],
    ['service link', { TA_HTTP_PORT: 'tcp://10.0.0.1:8080' }, /enableServiceLinks: false/],
    ['registry with a password', { TA_SCHEMA_REGISTRY_URL: 'http://u:secret@h' },
      /^TA_SCHEMA_REGISTRY_URL holds a name or password/],
  ])('refuses: %s', (_name, env, expected) => {
    const problems = problemsOf(env)
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(expected)
  })

  it('asks for user and password where SASL is on', () => {
    expect(problemsOf({ TA_KAFKA_SECURITY: 'SASL_SSL' }).map((line) => line.split(' ')[0])).toEqual(['TA_KAFKA_USERNAME',
      'TA_KAFKA_PASSWORD'])
  })

  it('says that avro is not written yet and asks for a registry', () => {
    expect(problemsOf({ TA_OUTPUT_FORMAT: 'avro' }).map((line) => line.split(' ')[0])).toEqual(['TA_OUTPUT_FORMAT',
      'TA_SCHEMA_REGISTRY_URL'])
  })

  it('takes a right TLS and SASL set-up', () => {
    const pem = join(mkdtempSync(join(tmpdir(), 'ta-settings-')), 'ca.pem')
    writeFileSync(pem, 'x')
    expect(problemsOf({
      TA_KAFKA_BOOTSTRAP: 'a:9092, [::1]:9093', TA_KAFKA_SECURITY: 'SASL_SSL', TA_KAFKA_USERNAME: 'u', TA_KAFKA_PASSWORD: 'p\n',
      TA_KAFKA_CA_LOCATION: pem, TA_KAFKA_CERT_LOCATION: pem, TA_KAFKA_KEY_LOCATION: pem, TA_SNAPSHOT_URI: 's3://bucket/a/b/',
      TA_KAFKA_CONFIG: '{"fetch.wait.max.ms":10,"ssl.key.password":"k"}', TA_FIELD_MAP: '{"event_ts":"payload.t"}',
    }, 'run')).toEqual([])
  })

  it("passes over Kubernetes' links to services", () => {
    expect(problemsOf({ TA_SERVICE_HOST: '10.0.0.1', TA_SERVICE_PORT: '80', TA_PORT: 'tcp://10.0.0.1:80',
      TA_PORT_80_TCP_ADDR: '10.0.0.1' })).toEqual([])
    expect(problemsOf({ TA_PORT: '80' })).toHaveLength(1)
  })
})

describe('secrets', () => {
  const env = {
    TA_KAFKA_PASSWORD: 'hunter2hunter2', TA_HTTP_TOKEN: 'tok-en-1', TA_S3_ACCESS_KEY: 'AKIAX', TA_S3_SECRET_KEY: 's3cr3t',
    TA_KAFKA_CONFIG: '{"ssl.key.password":"keypw","linger.ms":"1"}', TA_SCHEMA_REGISTRY_PASSWORD: 'regpw',
  }
  const secrets = ['hunter2hunter2', 'tok-en-1', 'AKIAX', 's3cr3t', 'keypw', 'regpw']

  it('are masked in what is shown', () => {
    const text = JSON.stringify(describeSettings(resolveSettings(env, { host })))
    for (const secret of secrets) expect(text).not.toContain(secret)
    expect(text).toContain('linger.ms')
  })

  it('are all known, to keep them out of the logs', () => {
    expect(secretsOf(env).sort()).toEqual([...secrets].sort())
  })

  it('never stand in an error', () => {
    const wrong = { TA_HTTP_TOKEN: 'my secret token', TA_KAFKA_CONFIG: '{"ssl.key.password":"keypw",',
      TA_KAFKA_BOOTSTRAP: 'u:hunter2@h:1' }
    const text = problemsOf(wrong).join('\n')
    expect(text.split('\n')).toHaveLength(3)
    expect(text).not.toMatch(/my secret|keypw|hunter2/)
  })
})

describe('the table', () => {
  it('is what docs/settings.md says', () => {
    const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8')
    expect(page, 'run: ta config --docs > docs/settings.md').toBe(settingsMarkdown())
  })

  it('has each name once, and each default passes its own check', () => {
    const definitions = Object.values(TABLE)
    expect(new Set(definitions.map(({ name }) => name)).size).toBe(definitions.length)
    for (const { name, default: value, parse } of definitions) {
      if (typeof value === 'object' || value === '') continue
      expect(parse(String(value)), name).toBe(value)
    }
  })
})

describe('snapshotPlace', () => {
  it('takes URIs apart', () => {
    expect(snapshotPlace('file:///var/lib/ta')).toEqual({ kind: 'file', folder: '/var/lib/ta' })
    expect(snapshotPlace('s3://bucket')).toEqual({ kind: 's3', bucket: 'bucket', prefix: '' })
    expect(snapshotPlace('s3://bucket/a/b/')).toEqual({ kind: 's3', bucket: 'bucket', prefix: 'a/b' })
  })
})

describe('nearestName', () => {
  it('counts a swap once', () => {
    expect(editDistance('abcd', 'acbd')).toBe(1)
    expect(editDistance('kitten', 'sitting')).toBe(3)
    expect(editDistance('', 'abc')).toBe(3)
  })

  it('suggests nothing for what is like nothing', () => {
    expect(nearestName('zzzzzzzz', ['run', 'demo'])).toBeUndefined()
  })
})
