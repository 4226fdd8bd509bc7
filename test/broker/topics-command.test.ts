import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { createTopics, uniqueSettings } from './harness.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

/** Runs `ta topics …` as a user does. */
async function taTopics(args: string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [MAIN, 'topics', ...args], { env: { PATH: process.env.PATH, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => stdout += text)
  child.stderr.setEncoding('utf8').on('data', (text) => stderr += text)
  const code = await new Promise((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}

describe('ta topics', () => {
  it('finds what is missing, makes it, and finds nothing any more', async () => {
    const env = uniqueSettings()
    const before = await taTopics(['check', '--json'], env)
    expect([before.code, JSON.parse(before.stdout).findings.length]).toEqual([78, 9])
    expect(before.stderr).toContain(`topic ${env.TA_SIGNALS_TOPIC} (TA_SIGNALS_TOPIC) does not exist`)

    const applied = await taTopics(['apply', '--partitions', '2'], env)
    expect(applied).toMatchObject({ code: 0, stderr: '' })
    expect(applied.stdout).toMatch(new RegExp(`^${env.TA_EPOCHS_TOPIC} +epochs +2 +1 +created$`, 'm'))

    const after = await taTopics(['check', '--json'], env)
    expect([after.code, after.stderr, JSON.parse(after.stdout).findings]).toEqual([0, '', []])
    const again = await taTopics(['apply', '--json'], env)
    expect(JSON.parse(again.stdout).topics.every(({ state }: { state: string }) => state === 'ok')).toBe(true)
  })

  it('tells unequal counts, compaction and short retention from the real broker', async () => {
    const env = uniqueSettings({ TA_QUOTES_TOPIC: '', TA_BARS1M_TOPIC: '', TA_STATUS_TOPIC: '', TA_LATE_TOPIC: '' })
    await createTopics([
      { name: env.TA_TRADES_TOPIC, partitions: 3, config: { 'cleanup.policy': 'compact' } },
      { name: env.TA_SIGNALS_TOPIC, partitions: 1 },
      { name: env.TA_EPOCHS_TOPIC, partitions: 3 },
    ])
    const checked = await taTopics(['check', '--json'], env)
    expect(checked.code).toBe(78)
    const kinds = JSON.parse(checked.stdout).findings.map(({ kind, topic }: { kind: string; topic: string }) => [topic, kind])
    expect(kinds).toEqual([
      [env.TA_MICROBARS_TOPIC, 'missing'], [env.TA_DLQ_TOPIC, 'missing'], [env.TA_SIGNALS_TOPIC, 'unequal'],
      [env.TA_TRADES_TOPIC, 'compacted'], [env.TA_EPOCHS_TOPIC, 'retention'],
    ])
    expect(await taTopics(['apply'], env)).toMatchObject({ code: 78, stdout: '' })
  })

  it('says that there is no broker', async () => {
    const ended = await taTopics(['check'], { ...uniqueSettings(), TA_KAFKA_BOOTSTRAP: '127.0.0.1:1' })
    expect([ended.code, ended.stdout]).toEqual([69, ''])
    expect(ended.stderr).toContain('127.0.0.1:1')
  })
})
