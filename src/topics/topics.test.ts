import { describe, expect, it } from 'vitest'
import type { TopicInfo } from '../ports/log.ts'
import { readSettings } from '../settings/settings.ts'
import { findTopicProblems, wantedTopics } from './findings.ts'
import { assertTopics, planTopics } from './topics.ts'

const settings = readSettings({})
const brokerDefaults = { 'cleanup.policy': 'delete', 'retention.ms': '604800000', 'retention.bytes': '-1',
  'max.message.bytes': '1048588' }

/** All topics as `ta topics apply` makes them, with some changed; `null` takes one away. */
function infos(changes: Record<string, Partial<TopicInfo> | null> = {}, partitions = 4): TopicInfo[] {
  return wantedTopics(settings).map(({ name, config }) => {
    const change = changes[name]
    const right = { name, partitions, replicationFactor: 1, config: { ...brokerDefaults, ...config } }
    if (change === null) return { ...right, partitions: 0, replicationFactor: 0, config: {} }
    return { ...right, ...change, config: { ...right.config, ...change?.config } }
  })
}

describe('findTopicProblems', () => {
  it('finds nothing wrong with what apply makes', () => {
    expect(findTopicProblems(settings, infos())).toEqual([])
  })

  it('lets the DLQ and the late topic have any number of partitions', () => {
    expect(findTopicProblems(settings, infos({ 'ta.dlq.v1': { partitions: 1 }, 'ta.late.v1': { partitions: 9 } }))).toEqual([])
  })

  it.each<[string, Parameters<typeof infos>[0], string, boolean, string[]]>([
    ['missing', { 'ta.signals.v1': null }, 'missing', true,
      ['ta.signals.v1', 'TA_SIGNALS_TOPIC', 'does not exist', 'ta topics apply']],
    ['unequal', { 'torghut.quotes.v1': { partitions: 1 } }, 'unequal', true,
      ['torghut.quotes.v1', 'has 1 partition but', 'torghut.trades.v1', 'has 4']],
    ['epochs unequal', { 'ta.epochs.v1': { partitions: 3 } }, 'unequal', true, ['ta.epochs.v1', '3 partitions', '4']],
    ['compacted input', { 'torghut.trades.v1': { config: { 'cleanup.policy': 'compact,delete' } } }, 'compacted', true,
      ['cleanup.policy=compact,delete', 'kafka-configs.sh']],
    ['compacted output', { 'ta.bars.1s.v1': { config: { 'cleanup.policy': 'compact' } } }, 'compacted', false, ['each symbol']],
    ['compacted epochs', { 'ta.epochs.v1': { config: { 'cleanup.policy': 'compact' } } }, 'compacted', true, ['recovery']],
    ['epochs that age', { 'ta.epochs.v1': { config: { 'retention.ms': '604800000' } } }, 'retention', false, ['retention.ms=-1']],
    ['epochs that overflow', { 'ta.epochs.v1': { config: { 'retention.bytes': '1000' } } }, 'retention', false,
      ['retention.bytes=-1']],
    ['small DLQ', { 'ta.dlq.v1': { config: { 'max.message.bytes': '900000' } } }, 'message_bytes', true,
      ['max.message.bytes=965536', 'TA_DLQ_MAX_BYTES']],
    ['small late topic', { 'ta.late.v1': { config: { 'max.message.bytes': '900000' } } }, 'message_bytes', true, ['965536']],
  ])('finds: %s', (_name, changes, kind, blocksRun, parts) => {
    const findings = findTopicProblems(settings, infos(changes))
    expect(findings).toHaveLength(1)
    expect(findings[0]).toMatchObject({ topic: Object.keys(changes ?? {})[0], kind, blocksRun })
    for (const part of parts) expect(findings[0].sentence).toContain(part)
  })

  it('takes configuration that the broker does not tell as right', () => {
    expect(findTopicProblems(settings, infos().map((info) => ({ ...info, config: {} })))).toEqual([])
  })

  it('leaves out topics that are off', () => {
    const off = readSettings({ TA_QUOTES_TOPIC: '', TA_BARS1M_TOPIC: '', TA_STATUS_TOPIC: '', TA_LATE_TOPIC: '' })
    expect(wantedTopics(off).map(({ name }) => name)).toEqual([
      'torghut.trades.v1', 'ta.bars.1s.v1', 'ta.signals.v1', 'ta.epochs.v1', 'ta.dlq.v1',
    ])
  })
})

describe('assertTopics', () => {
  it('stops the engine for what blocks it and hands on the rest', async () => {
    const describeAs = (changes: Parameters<typeof infos>[0]) => ({ describe: async () => infos(changes) })
    const compacted = { config: { 'cleanup.policy': 'compact' } }
    await expect(assertTopics(describeAs({ 'ta.bars.1s.v1': compacted }), settings)).resolves.toHaveLength(1)
    await expect(assertTopics(describeAs({ 'ta.bars.1s.v1': compacted, 'ta.dlq.v1': null, 'torghut.trades.v1': compacted }),
      settings))
      .rejects.toMatchObject({ exitCode: 78, message: expect.stringMatching(/^2 things are wrong with the topics:\n/) })
  })
})

describe('planTopics', () => {
  const nothing = infos(Object.fromEntries(wantedTopics(settings).map(({ name }) => [name, null])))

  it('makes all topics with what they need', () => {
    const plan = planTopics(settings, nothing, { partitions: 6, replicationFactor: 3 })
    expect(plan).toHaveLength(9)
    expect(plan.every(({ partitions, replicationFactor }) => partitions === 6 && replicationFactor === 3)).toBe(true)
    expect(plan.find(({ name }) => name === 'ta.epochs.v1')?.config).toEqual({
      'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1', 'min.insync.replicas': '2',
    })
    expect(planTopics(settings, nothing)[0]).toMatchObject({ partitions: 4, replicationFactor: -1 })
  })

  it('follows the topics that are there', () => {
    const plan = planTopics(settings, infos({ 'ta.epochs.v1': null, 'ta.dlq.v1': null }, 12))
    expect(plan.map(({ name, partitions, replicationFactor }) => [name, partitions, replicationFactor]))
      .toEqual([['ta.epochs.v1', 12, 1], ['ta.dlq.v1', 12, 1]])
  })

  it('refuses to guess between topics that do not agree, or against them', () => {
    const unequal = infos({ 'torghut.quotes.v1': { partitions: 2 }, 'ta.dlq.v1': null })
    expect(() => planTopics(settings, unequal)).toThrow(/torghut.quotes.v1 .* has 2 partitions but/)
    expect(() => planTopics(settings, infos({ 'ta.dlq.v1': null }),
      { partitions: 8 })).toThrow(/can't get 8: leave --partitions out/)
  })
})
