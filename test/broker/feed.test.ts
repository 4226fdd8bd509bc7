import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import { marketArrivals } from '../../src/demo/market.ts'
import { openKafkaAppender } from '../../src/kafka/appender.ts'
import { createTopics, readAll, uniqueName, uniqueSettings } from './harness.ts'
import { collectingLogger, kafkaSettings, outputOf } from './kafka-fixtures.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const T0 = Date.parse('2025-12-03T18:32:10Z')
const PARTITIONS = 3

let folder: string
let lines: string[]
let file: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ta-feed-broker-'))
  lines = Array.from({ length: 20 }, (_, i) => marketArrivals(3, T0 + i * 1000))
    .flat()
    .map(({ text }) => text)
  file = join(folder, 'market.jsonl')
  writeFileSync(file, lines.join('\n'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs `ta feed …` as a user does. */
async function taFeed(args: string[], env: Record<string, string>, input = '') {
  const child = spawn(process.execPath, [MAIN, 'feed', ...args], { env: { PATH: process.env.PATH, ...env } })
  child.stdin.on('error', () => {}) // it ended without reading on
  child.stdin.end(input)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}

async function settingsWithTopics(): Promise<Record<string, string>> {
  const env = uniqueSettings()
  const names = [env.TA_TRADES_TOPIC, env.TA_QUOTES_TOPIC, env.TA_BARS1M_TOPIC]
  await createTopics(names.map((name) => ({ name, partitions: PARTITIONS })))
  return env
}

/** Values of one topic by key, in the order of its partition, after a check of key and partition. */
async function valuesByKey(topic: string): Promise<Record<string, string[]>> {
  const values: Record<string, string[]> = {}
  for (const { key, value, partition } of await readAll(topic)) {
    expect(partition).toBe(murmur2Partition(String(key), PARTITIONS))
    ;(values[String(key)] ??= []).push(String(value))
  }
  return values
}

function linesByKey(type: string[]): Record<string, string[]> {
  const values: Record<string, string[]> = {}
  for (const line of lines) {
    const { symbol, payload } = JSON.parse(line) as { symbol: string; payload: { T: string } }
    if (type.includes(payload.T)) (values[symbol] ??= []).push(line)
  }
  return values
}

describe('ta feed', () => {
  it('puts every line byte for byte into its topic, in order, on its partition', async () => {
    const env = await settingsWithTopics()
    const { code, stdout, stderr } = await taFeed([file], env)
    expect([code, stderr]).toEqual([0, ''])
    const { records, seconds } = JSON.parse(stdout) as { records: Record<string, number>; seconds: number }
    expect(records[env.TA_TRADES_TOPIC] + records[env.TA_QUOTES_TOPIC]).toBe(lines.length)
    expect(seconds).toBeGreaterThan(0)
    expect(await valuesByKey(env.TA_TRADES_TOPIC)).toEqual(linesByKey(['t', 'c', 'x']))
    expect(await valuesByKey(env.TA_QUOTES_TOPIC)).toEqual(linesByKey(['q']))
  })

  it('plays at its own pace, moved to now', async () => {
    const env = await settingsWithTopics()
    const { code, stdout } = await taFeed(['-', '--speed', '1', '--shift-to-now'], env, lines.slice(0, 800).join('\n'))
    const { shiftSeconds } = JSON.parse(stdout) as { shiftSeconds: number }
    expect(code).toBe(0)
    const records = await readAll(env.TA_QUOTES_TOPIC)
    expect(records.length).toBeGreaterThan(300)
    for (const { value, timestamp } of records) {
      const { event_ts: eventTs, payload } = JSON.parse(String(value)) as { event_ts: string; payload: { t: string } }
      expect(payload.t).toBe(eventTs)
      // When it was sent, by the producer's own stamp: never before it happened.
      expect(timestamp! - Date.parse(eventTs)).toBeGreaterThanOrEqual(0)
      expect(
        lines.some((line) => line.includes(new Date(Date.parse(eventTs) - shiftSeconds * 1000).toISOString().slice(0, 23))),
      ).toBe(true)
    }
  })

  it('ends in order when stopped', async () => {
    const env = await settingsWithTopics()
    const child = spawn(process.execPath, [MAIN, 'feed', file, '--speed', '0.00001'], { env: { PATH: process.env.PATH, ...env } })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (text) => (stdout += text))
    await new Promise<void>((resolve) =>
      child.stderr
        .on('data', (text) => {
          stderr += text
          if (stderr.includes('due in more than')) resolve()
        })
        .on('close', resolve),
    )
    child.kill('SIGTERM')
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0)
    const { records } = JSON.parse(stdout) as { records: Record<string, number> }
    const sent = (await readAll(env.TA_TRADES_TOPIC)).length + (await readAll(env.TA_QUOTES_TOPIC)).length
    expect(Object.values(records).reduce((sum, count) => sum + count, 0)).toBe(sent)
    expect(sent).toBeGreaterThan(0)
  })

  it('says in one sentence what it can not do', async () => {
    const missing = await taFeed([file], uniqueSettings())
    expect([missing.code, missing.stdout]).toEqual([78, ''])
    expect(missing.stderr).toContain('ta topics apply')
    const unreadable = await taFeed([join(folder, 'nowhere.jsonl')], uniqueSettings())
    expect([unreadable.code, unreadable.stdout]).toEqual([64, ''])
    expect(unreadable.stderr).toContain('nowhere.jsonl')
    const noBroker = await taFeed([file], { TA_KAFKA_BOOTSTRAP: '127.0.0.1:1' })
    expect([noBroker.code, noBroker.stdout]).toEqual([69, ''])
  })
})

describe('openKafkaAppender', () => {
  it('keeps the order of calls under way at once, and says which record the broker refuses', async () => {
    const topic = uniqueName('append')
    await createTopics([{ name: topic, partitions: 1 }])
    const appender = openKafkaAppender(kafkaSettings(), collectingLogger().logger)
    const texts = Array.from({ length: 300 }, (_, i) => `value ${i}`)
    await Promise.all(texts.map((value) => appender.append([outputOf(topic, 0, [{ key: 'k', value }])])))
    expect((await readAll(topic)).map(({ value }) => String(value))).toEqual(texts)
    const tooLarge = appender.append([outputOf(topic, 0, [{ key: 'k', value: randomBytes(1_200_000).toString('base64') }])])
    await expect(tooLarge).rejects.toThrow(/too large/i)
    await expect(appender.append([outputOf(topic, 0, [{ key: 'k', value: 'x' }])])).rejects.toThrow(/too large/i)
    await appender.close()
  })
})
