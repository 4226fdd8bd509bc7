/** What a person gets wrong, and what is not there: the exit code, and one sentence that says what to do. */
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type LocalBroker, startLocalBroker } from '../../src/demo/local-broker.ts'
import { type Ended, type Environment, lastWords, runTa, startEngine } from './engine-process.ts'
import { type Input, type Job, finalCount, newFolder, newJob, send, tailOf } from './engine-job.ts'
import { createTopics, uniqueSettings } from './harness.ts'

const PASSWORD = 'correct-horse-7f3a'
const WRONG_PASSWORD = 'wrong-battery-91c2'
const AWAY = '127.0.0.1:1'

const run = (env: Environment): Promise<Ended> => runTa(['run'], { TA_HTTP_PORT: '0', ...env })

/** It ended with this code and one sentence, which is given; nothing on stdout but data, no secret anywhere. */
function sentenceOf(ended: Ended, code: number): string {
  const { msg } = lastWords(ended)
  expect([ended.code, msg]).toEqual([code, expect.any(String)])
  expect(ended.stdout + ended.stderr).not.toMatch(new RegExp(`${PASSWORD}|${WRONG_PASSWORD}`))
  return msg
}

const oneLine = (text: string): string => {
  expect(text).not.toContain('\n')
  return text
}

/** Settings whose topics are there, but for those that the test makes itself. */
async function settingsWith(
  topics: Record<string, number>, configs: Record<string, Record<string, string>> = {},
): Promise<Environment> {
  const env = uniqueSettings({ TA_BARS1M_TOPIC: '' })
  const counts: Record<string, number> = {
    TA_TRADES_TOPIC: 2, TA_QUOTES_TOPIC: 2, TA_MICROBARS_TOPIC: 2, TA_SIGNALS_TOPIC: 2, TA_STATUS_TOPIC: 2, TA_EPOCHS_TOPIC: 2,
    TA_DLQ_TOPIC: 1, TA_LATE_TOPIC: 1, ...topics,
  }
  const epochs = { 'retention.ms': '-1', 'retention.bytes': '-1' }
  await createTopics(Object.entries(counts).filter(([, partitions]) => partitions > 0).map(([setting, partitions]) =>
    ({ name: env[setting], partitions, config: configs[setting] ?? (setting === 'TA_EPOCHS_TOPIC' ? epochs : {}) })))
  return env
}

describe('topics that do not fit', () => {
  it('end the engine with 78: one that is missing', async () => {
    const env = await settingsWith({ TA_SIGNALS_TOPIC: 0 })
    const sentence = oneLine(sentenceOf(await run(env), 78))
    const due = `topic ${env.TA_SIGNALS_TOPIC} (TA_SIGNALS_TOPIC) does not exist: create it, or let ta topics apply do so`
    expect(sentence).toBe(due)
  })

  it('end the engine with 78: one with fewer partitions', async () => {
    const env = await settingsWith({ TA_QUOTES_TOPIC: 1 })
    const sentence = oneLine(sentenceOf(await run(env), 78))
    for (const part of [env.TA_QUOTES_TOPIC, 'TA_QUOTES_TOPIC', '1 partition ', '2']) expect(sentence).toContain(part)
  })

  it('end the engine with 78: an input that is compacted', async () => {
    const compacted = await settingsWith({}, { TA_TRADES_TOPIC: { 'cleanup.policy': 'compact' } })
    const sentence = oneLine(sentenceOf(await run(compacted), 78))
    for (const part of [compacted.TA_TRADES_TOPIC, 'cleanup.policy=compact']) expect(sentence).toContain(part)
  })

  it('are warned of when the epoch topic forgets, and the engine runs', async () => {
    const forgetful = await settingsWith({}, { TA_EPOCHS_TOPIC: { 'retention.ms': '3600000' } })
    const engine = startEngine(forgetful)
    await engine.logged(() => engine.log.some(({ level, msg }) => level === 'warn' && msg.includes('retention.ms=3600000')))
    await engine.ready()
    expect((await engine.stop()).code).toBe(0)
  })
})

describe('settings that can not work', () => {
  it('are all named at once with 78, before anything connects', async () => {
    const ended = await run({
      TA_KAFKA_BOOTSTRAP: 'nonsense', TA_EPOCH_MS: 'often', TA_PROVISIONAL: 'maybe', TA_SESSION: 'mars', TA_MAX_FUTURE_MS: '5000',
      TA_TRADES_TOPIC: 'a b', TA_KAFKA_PASSWORD: PASSWORD, TA_KAFKA_CONFIG: '{"acks":"1"}',
    })
    const sentence = sentenceOf(ended, 78)
    for (const name of ['BOOTSTRAP', 'EPOCH_MS', 'PROVISIONAL', 'SESSION', 'MAX_FUTURE_MS', 'TRADES_TOPIC', 'KAFKA_CONFIG']) {
      expect(sentence).toContain(name)
    }
    expect(ended.stderr).not.toContain('trying again')
  })

  it('end with 78: no broker is named, and a port that is taken', async () => {
    expect(sentenceOf(await run({}), 78)).toContain('TA_KAFKA_BOOTSTRAP')
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    try {
      const sentence = oneLine(sentenceOf(await run({ ...uniqueSettings(), TA_HTTP_PORT: String(port) }), 78))
      expect(sentence).toContain(String(port))
      expect(sentence).toContain('TA_HTTP_PORT')
    } finally {
      server.close()
    }
  })
})

describe('a wrong command line', () => {
  it('ends with 64 and says what is meant', async () => {
    const folder = newFolder()
    mkdirSync(join(folder, 'sub'))
    const env = uniqueSettings()
    const cases: [string[], RegExp][] = [
      [['rum'], /no command "rum", did you mean run\?/],
      [['run', '--fast'], /no option --fast/],
      [['run', 'now'], /"now"/],
      [['feed'], /file/],
      [['feed', join(folder, 'absent.jsonl')], /absent\.jsonl/],
      [['feed', join(folder, 'sub')], /sub/],
      [['feed', join(folder, 'absent.jsonl'), '--speed', 'fast'], /--speed/],
      [['replay', join(folder, 'absent.jsonl'), '--out', join(folder, 'out')], /absent\.jsonl/],
      [['topics', 'aply'], /did you mean apply/],
    ]
    for (const [args, words] of cases) {
      expect([args, oneLine(sentenceOf(await runTa(args, env), 64))]).toEqual([args, expect.stringMatching(words)])
    }
  })

  it('ends with 64 for a file that holds no envelopes, with the line', async () => {
    const file = join(newFolder(), 'bad.jsonl')
    writeFileSync(file, '{"channel":"trades","symbol":"A","payload":{"T":"t"}}\nno envelope\n')
    const { env } = await newJob({ partitions: 1 })
    expect(oneLine(sentenceOf(await runTa(['feed', file], env), 64))).toMatch(/bad\.jsonl.*2/)
  })
})

describe('empty topics', () => {
  it('are fine: the engine is ready, ta verify has nothing to say against them', async () => {
    const job = await newJob({ partitions: 2 })
    const engine = await startEngine(job.env).ready()
    expect((await engine.stop()).code).toBe(0)
    const { code, stderr } = await runTa(['verify'], job.env)
    expect([code, stderr]).toEqual([0, ''])
  })
})

/** One trade and what comes of it, as proof that the engine works. */
async function expectWorks(job: Job): Promise<void> {
  const tail = await tailOf(job)
  const t = '2025-12-03T18:32:10.5Z'
  const value = JSON.stringify({ event_ts: t, symbol: 'AAA', payload: { T: 't', i: 1, p: 10, s: 1, t } })
  await send(job, [{ topic: job.env.TA_TRADES_TOPIC, key: 'AAA', value } satisfies Input])
  await tail.until(() => finalCount(tail, job) >= 2, 'a final bar and signal')
}

describe('a broker that is not there', () => {
  it('ends other commands with 69', async () => {
    const file = join(newFolder(), 'one.jsonl')
    writeFileSync(file, '{"channel":"trades","symbol":"A","event_ts":"2025-12-03T18:32:10Z","payload":{"T":"t"}}\n')
    const env = { ...uniqueSettings(), TA_KAFKA_BOOTSTRAP: AWAY }
    const commands = [['topics', 'check'], ['topics', 'apply'], ['feed', file], ['verify']]
    const all = await Promise.all(commands.map((args) => runTa(args, env)))
    for (const ended of all) expect(oneLine(sentenceOf(ended, 69))).toContain(AWAY)
  })

  it('is tried again by ta run for as long as it takes, visibly, until it works', async () => {
    const broker = await startLocalBroker()
    try {
      const env = { TA_KAFKA_BOOTSTRAP: broker.bootstrap, TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' }
      const job = await newJob({ partitions: 2, env })
      await broker.kill()
      const engine = startEngine(job.env)
      const { level, msg } = await engine.logged((line) => line.msg.includes('trying again'))
      expect([level, oneLine(msg)]).toEqual(['warn', expect.stringContaining(broker.bootstrap)])
      const ready = await engine.get('/readyz')
      expect([ready.status, ready.text]).toEqual([503, expect.stringContaining(broker.bootstrap)])
      expect((await engine.get('/livez')).status).toBe(200)
      await engine.logged(() => engine.log.filter((line) => line.msg.includes('trying again')).length >= 2)
      await broker.restart()
      await engine.ready()
      await expectWorks(job)
      expect((await engine.stop()).code).toBe(0)
    } finally {
      await broker.stop()
    }
  })

  it('does not keep ta run from ending at SIGTERM', async () => {
    const engine = startEngine({ ...uniqueSettings(), TA_KAFKA_BOOTSTRAP: AWAY })
    await engine.logged((line) => line.msg.includes('trying again'))
    const { code, ms } = await engine.stop()
    expect(code).toBe(0)
    expect(ms).toBeLessThan(4_000) // it does not wait for the try that is under way
  })
})

describe('a wrong password', () => {
  let broker: LocalBroker
  beforeAll(async () => {
    broker = await startLocalBroker({ scramUsers: { ta: PASSWORD } })
  })
  afterAll(() => broker.stop())

  const login = (password: string): Environment => ({
    TA_KAFKA_BOOTSTRAP: broker.saslBootstrap!, TA_KAFKA_SECURITY: 'SASL_PLAINTEXT', TA_KAFKA_SASL_MECH: 'SCRAM-SHA-512',
    TA_KAFKA_USERNAME: 'ta', TA_KAFKA_PASSWORD: password,
  })

  it('ends other commands with 78', async () => {
    const file = join(newFolder(), 'one.jsonl')
    writeFileSync(file, '{"channel":"trades","symbol":"A","event_ts":"2025-12-03T18:32:10Z","payload":{"T":"t"}}\n')
    const env = { ...uniqueSettings(), ...login(WRONG_PASSWORD) }
    const all = await Promise.all([['topics', 'check'], ['feed', file], ['verify']].map((args) => runTa(args, env)))
    for (const ended of all) expect(oneLine(sentenceOf(ended, 78))).toContain('refuses the user ta')
  })

  it('is said by ta run, which tries again', async () => {
    const engine = startEngine({ ...uniqueSettings(), ...login(WRONG_PASSWORD) })
    const refusals = () => engine.log.filter(({ msg }) => msg.includes('refuses the user ta') && msg.includes('trying again'))
    await engine.logged(() => refusals().length >= 2)
    const ready = await engine.get('/readyz')
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining('refuses the user ta')])
    expect((await engine.stop()).code).toBe(0)
    expect(engine.stderr).not.toMatch(new RegExp(WRONG_PASSWORD))
  })

  it('is not said of the right one', async () => {
    const job = await newJob({ partitions: 1, env: { ...login(PASSWORD), TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' } })
    const engine = await startEngine(job.env).ready()
    // the test's own clients know nothing of passwords and come in by the other door
    await expectWorks({ ...job, env: { ...job.env, TA_KAFKA_BOOTSTRAP: broker.bootstrap } })
    const { code } = await engine.stop()
    expect([code, engine.stderr.includes(PASSWORD)]).toEqual([0, false])
  })
})
