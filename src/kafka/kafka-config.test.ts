import { describe, expect, it } from 'vitest'
import { UserError } from '../contract/errors.ts'
import {
  connectionConfig, fetcherConfig, memberConfig, queryConfig, RESERVED_PROPERTIES, splitConfig, transactionalConfig,
    type KafkaSettings,
} from './kafka-config.ts'

const SETTINGS: KafkaSettings = { bootstrap: 'k:9092', security: 'PLAINTEXT', groupId: 'g', instanceId: 'i', config: {},
  ingest: 'columns' }

describe('Kafka configuration', () => {
  it('lets the user change what the promise does not rest on, and nothing else', () => {
    const config = Object.fromEntries(RESERVED_PROPERTIES.map((name) => [name, 'other']))
    const settings = { ...SETTINGS, config: { ...config, 'linger.ms': 50, 'fetch.wait.max.ms': 7, 'session.timeout.ms': 20_000 } }
    expect(transactionalConfig(settings, 'x')).toMatchObject({
      'transactional.id': 'x', acks: 'all', 'enable.idempotence': true, 'transaction.timeout.ms': 10_000, 'linger.ms': 50,
    })
    expect(fetcherConfig(settings)).toMatchObject({
      'isolation.level': 'read_committed', 'auto.offset.reset': 'error', 'enable.auto.commit': false, 'group.id': 'g',
        'group.protocol': 'classic',
      'enable.partition.eof': true, 'fetch.wait.max.ms': 7,
    })
    expect(memberConfig(settings)).toMatchObject({
      'group.instance.id': 'i', 'group.protocol': 'classic', 'partition.assignment.strategy': 'cooperative-sticky',
        'session.timeout.ms': 20_000,
    })
    expect(queryConfig(settings, 'read_uncommitted', 'other')).toMatchObject(
      { 'isolation.level': 'read_uncommitted', 'group.id': 'other' })
  })

  it("hands topics' properties over apart: the binding drops them from the client's", () => {
    const { client, topic } = splitConfig(fetcherConfig(SETTINGS))
    expect(topic).toEqual({ 'auto.offset.reset': 'error' })
    expect(client).not.toHaveProperty('auto.offset.reset')
    expect(splitConfig(transactionalConfig(SETTINGS, 'x')).topic).toEqual({ acks: 'all', 'message.timeout.ms': 9_000 })
  })

  it('gives credentials and certificates only where the protocol has them', () => {
    const all = { username: 'u', password: 'p', caLocation: '/ca', certLocation: '/cert', keyLocation: '/key' }
    const names = (security: KafkaSettings['security']) =>
      Object.keys(connectionConfig({ ...SETTINGS, ...all, security })).filter((name) => /^(sasl|ssl)\./.test(name))
    expect(names('PLAINTEXT')).toEqual([])
    expect(names('SASL_PLAINTEXT')).toEqual(['sasl.mechanisms', 'sasl.username', 'sasl.password'])
    expect(names('SSL')).toEqual(['ssl.ca.location', 'ssl.certificate.location', 'ssl.key.location'])
    expect(names('SASL_SSL')).toHaveLength(6)
    expect(connectionConfig({ ...SETTINGS, security: 'SASL_SSL' })).toMatchObject(
      { 'sasl.mechanisms': 'SCRAM-SHA-512', 'security.protocol': 'sasl_ssl' })
  })

  it('refuses a property that is an object', () => {
    expect(() => connectionConfig({ ...SETTINGS, config: { 'a.b': {} } })).toThrow(UserError)
  })
})
