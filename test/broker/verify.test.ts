import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import type { VerifyReport } from '../../src/verify/verify.ts'
import { createTopics, uniqueName, uniqueSettings } from './harness.ts'
import { openLog, outputOf } from './kafka-fixtures.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const PARTITIONS = 2
const T0 = Date.parse('2025-12-03T18:32:10Z')
const iso = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z')

const log = openLog()
afterAll(() => log.close())

/** Runs `ta verify …` as a user does. */
async function taVerify(args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, 'verify', ...args], { env: { PATH: process.env.PATH, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}

async function settingsWithTopics(): Promise<Record<string, string>> {
  const env = uniqueSettings()
  const names = [env.TA_MICROBARS_TOPIC, env.TA_SIGNALS_TOPIC, env.TA_STATUS_TOPIC]
  await createTopics(names.map((name) => ({ name, partitions: PARTITIONS })))
  return env
}

/** The final bar and signal of one second, in one transaction's columns. */
function second(env: Record<string, string>, symbol: string, seq: number) {
  const endMs = T0 + seq * 1000
  const window = { size: 'PT1S', step: 'PT1S', start: iso(endMs - 1000), end: iso(endMs) }
  const head = {
    ingest_ts: iso(endMs),
    event_ts: iso(endMs),
    feed: 'sip',
    symbol,
    seq,
    is_final: true,
    source: 'ta',
    window,
    version: 1,
  }
  const bar = { ...head, channel: 'bars_1s', payload: { o: 1, h: 2, l: 1, c: 2, v: 3, vwap: 1.5, count: 2, t: iso(endMs) } }
  const signal = { ...head, channel: 'signals', payload: { signal_quality_flag: 'ok' } }
  const partition = murmur2Partition(symbol, PARTITIONS)
  return [
    outputOf(env.TA_MICROBARS_TOPIC, partition, [{ key: symbol, value: JSON.stringify(bar) }]),
    outputOf(env.TA_SIGNALS_TOPIC, partition, [{ key: symbol, value: JSON.stringify(signal) }]),
  ]
}

describe('ta verify', () => {
  it('reads what is committed, and ends with 70 once a promise is broken', async () => {
    const env = await settingsWithTopics()
    const empty = await taVerify([], env)
    expect([empty.code, empty.stderr]).toEqual([0, ''])
    expect(empty.stdout).toContain('Nothing was published yet')

    const producer = log.producer(uniqueName('verify'))
    await producer.init()
    for (let seq = 1; seq <= 5; seq++)
      await producer.transact(['AAPL', 'NVDA', 'KO'].flatMap((symbol) => second(env, symbol, seq)))
    const right = await taVerify(['--json'], env)
    expect([right.code, right.stderr]).toEqual([0, ''])
    expect(JSON.parse(right.stdout)).toMatchObject({
      ok: true,
      windows: 15,
      violationCount: 0,
      topics: [{ records: 15, symbols: 3 }, { records: 15 }, { records: 0 }],
    })

    await producer.transact(second(env, 'KO', 7))
    await producer.close()
    const broken = await taVerify([], env)
    expect([broken.code, broken.stderr]).toEqual([70, ''])
    expect(broken.stdout).toContain('KO: After seq 5 comes 7: a gap of 1.')
    const { violationsByRule } = JSON.parse((await taVerify(['--json'], env)).stdout) as VerifyReport
    expect(violationsByRule).toEqual({ seq: 2 })
  })

  it('does not count what a transaction took back', async () => {
    const env = await settingsWithTopics()
    const id = uniqueName('verify')
    const first = log.producer(id)
    await first.init()
    await first.transact(second(env, 'AAPL', 1))
    // Refused as too large in mid-transaction: what went before it is aborted with it.
    const tooLarge = outputOf(env.TA_MICROBARS_TOPIC, 0, [{ key: 'AAPL', value: 'x'.repeat(3_000_000) }])
    await expect(first.transact([...second(env, 'AAPL', 2), tooLarge])).rejects.toMatchObject({ kind: 'aborted' })
    await first.close()
    const next = log.producer(id)
    await next.init()
    await next.transact(second(env, 'AAPL', 2))
    await next.close()
    const { code, stdout } = await taVerify(['--json'], env)
    expect([code, (JSON.parse(stdout) as VerifyReport).windows]).toEqual([0, 2])
  })

  it('says in one sentence what it can not do', async () => {
    const env = await settingsWithTopics()
    const missing = await taVerify([], { ...env, TA_SIGNALS_TOPIC: 'nowhere' })
    expect([missing.code, missing.stdout]).toEqual([78, ''])
    expect(missing.stderr).toContain('no topic nowhere')
    expect((await taVerify(['--from', 'soon'], env)).code).toBe(64)
    expect((await taVerify([], { ...env, TA_KAFKA_BOOTSTRAP: '127.0.0.1:1' })).code).toBe(69)
  })
})
