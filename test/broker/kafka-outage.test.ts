import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalBroker, startLocalBroker } from '../../src/demo/local-broker.ts'
import { openKafka, type KafkaSettings } from '../../src/kafka/log.ts'
import { LogError } from '../../src/ports/log.ts'
import { readAll, uniqueName } from './harness.ts'
import { collectingLogger, columns, consumeUntil, kafkaSettings, outputOf } from './kafka-fixtures.ts'

const PASSWORD = 'correct-horse'
let broker: LocalBroker

beforeAll(async () => {
  broker = await startLocalBroker({ scramUsers: { ta: PASSWORD } })
})
afterAll(() => broker.stop())

const withLogin = (password: string): KafkaSettings =>
  kafkaSettings(
    { bootstrap: broker.saslBootstrap!, security: 'SASL_PLAINTEXT', saslMechanism: 'SCRAM-SHA-512', username: 'ta', password })

describe('connect', () => {
  it('logs in by SCRAM, for the requests that librdkafka does not have, too', async () => {
    const { logger, lines } = collectingLogger()
    const log = openKafka(withLogin(PASSWORD), logger)
    await log.connect(20_000)
    const topic = uniqueName('scram')
    await log.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, config: { 'retention.ms': '-1' } }])
    const [info] = await log.describe([topic])
    expect(info).toMatchObject({ partitions: 1, config: { 'retention.ms': '-1' } })
    await log.deleteRecordsBefore(topic, 0, 0)
    await log.close()
    expect(lines).toEqual([])
  })

  it('says auth for a wrong password, without the password, long before its time is over', async () => {
    const { logger, lines } = collectingLogger()
    const log = openKafka(withLogin('wrong-battery'), logger)
    const startMs = performance.now()
    const failure = await log.connect(60_000).catch((error: unknown) => error as LogError)
    expect(failure).toMatchObject({ name: 'LogError', kind: 'auth', message: expect.stringContaining('refuses the user ta') })
    expect(performance.now() - startMs).toBeLessThan(30_000)
    expect(JSON.stringify([failure, (failure as LogError).message, lines])).not.toContain('wrong-battery')
    await log.close()
  })

  it('says outside for a broker that is not there, when its time is over', async () => {
    const log = openKafka(kafkaSettings({ bootstrap: '127.0.0.1:1' }), collectingLogger().logger)
    const failure = await log.connect(700).catch((error: unknown) => error)
    expect(failure).toMatchObject(
      { name: 'LogError', kind: 'outside', message: expect.stringMatching(/127\.0\.0\.1:1 .*700 ms.*refused/) })
    await log.close()
  })
})

describe('a broker that is killed', () => {
  it('costs a consumer nothing but time, and leaves a transaction either committed or known as something else', async () => {
    const settings = kafkaSettings({ bootstrap: broker.bootstrap })
    const log = openKafka(settings, collectingLogger().logger)
    const topic = uniqueName('outage')
    await log.createTopics([{ name: topic, partitions: 1, replicationFactor: 1, config: {} }])
    const id = uniqueName('task')
    let producer = log.producer(id)
    await producer.init()
    await producer.transact([outputOf(topic, 0, [{ key: 'A', value: 'before' }])])
    const consumer = log.consumer([topic])
    await consumer.assign([{ topic, partition: 0, offset: 0 }])
    expect((await consumeUntil(consumer, (rows) => rows.length === 1)).rows[0].value).toBe('before')

    await broker.kill()
    const during = producer.transact([outputOf(topic, 0, [{ key: 'A', value: 'during' }])]).then(() => 'committed',
      (error: unknown) => (error as LogError).kind)
    const idle = consumer.consume(columns(8), 500)
    expect(await idle).toEqual({ count: 0, ends: [] })
    await broker.restart()
    const outcome = await during
    expect(['committed', 'aborted', 'unknown']).toContain(outcome)
    await producer.close()

    producer = log.producer(id)
    await producer.init()
    await producer.transact([outputOf(topic, 0, [{ key: 'A', value: 'after' }])])
    const { rows } = await consumeUntil(consumer, (found) => found.some(({ value }) => value === 'after'))
    const values = rows.map(({ value }) => value)
    if (outcome === 'committed') expect(values).toEqual(['during', 'after'])
    if (outcome === 'aborted') expect(values).toEqual(['after'])
    expect((await readAll(topic, { broker: broker.bootstrap })).map(({ value }) => String(value))).toEqual(['before', ...values])
    await Promise.all([producer.close(), consumer.close()])
    await log.close()
  })
})
