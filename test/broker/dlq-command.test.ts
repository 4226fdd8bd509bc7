/** `ta dlq` as an outsider sees it: what was rejected is listed, the cause is mended, and the records come back and count. */
import type { Message } from 'node-rdkafka'
import { describe, expect, it } from 'vitest'
import { murmur2Partition } from '../../src/contract/partition.ts'
import { lastWords, runTa } from './engine-process.ts'
import {
  expectVerified, headersOf, newJob, outputsOf, runUntil, send,
} from './engine-job.ts'
import type { Input, Job } from './engine-job.ts'
import { readAll } from './harness.ts'

interface Listed {
  groups: { reason: string; topic: string; records: number; redriven: number; cut: number }[]
  newest: { partition: number; offset: number; reason: string; source: object; key: string | null; head: string | null; sizeBytes: number; redriven: boolean }[]
}

const at = (seconds: number): string => `2025-12-03T18:32:${seconds.toFixed(3).padStart(6, '0')}Z`
let nextId = 1
/** Symbols that lie on a partition of two. */
const symbolsOf = (partition: number): string[] =>
  Array.from({ length: 26 }, (_, n) => String.fromCharCode(65 + n).repeat(3)).filter((symbol) => murmur2Partition(symbol, 2) === partition)

function trade({ env }: Job, symbol: string, seconds: number, payload: object = {}): Input {
  const event_ts = at(seconds)
  const full = { T: 't', S: symbol, i: nextId++, x: 'V', p: 10, s: 100, c: ['@'], t: event_ts, z: 'C', ...payload }
  const value = JSON.stringify({ ingest_ts: event_ts, event_ts, feed: 'iex', channel: 'trades', symbol, seq: nextId, payload: full })
  return { topic: env.TA_TRADES_TOPIC, key: symbol, value }
}

async function dlq(job: Job, args: string[]): Promise<{ code: number; stdout: string; says: string }> {
  const ended = await runTa(['dlq', ...args], job.env)
  return { code: ended.code ?? -1, stdout: ended.stdout, says: ended.stderr === '' ? '' : String(lastWords(ended).msg) }
}

async function list(job: Job, ...args: string[]): Promise<Listed> {
  const { code, stdout, says } = await dlq(job, ['list', '--json', ...args])
  expect([code, says]).toEqual([0, ''])
  return JSON.parse(stdout) as Listed
}

const bytes = ({ value }: Message): string | null => (value === null || value === undefined ? null : String(value))

describe('a rejected record', () => {
  it('is listed, comes back byte for byte once its cause is mended, and is applied; not twice', async () => {
    const job = await newJob({ partitions: 2, env: { TA_MAX_SYMBOLS: '1', TA_PROVISIONAL: 'false', TA_WATERMARK_IDLE_TIMEOUT_MS: '60000', TA_QUOTES_TOPIC: '' } })
    const topic = job.env.TA_TRADES_TOPIC
    const [first, ...others] = symbolsOf(0)
    const [elsewhere] = symbolsOf(1)
    const good = { ...trade(job, first, 1), partition: 0 }
    const over = others.slice(0, 2).map((symbol, i) => ({ ...trade(job, symbol, 1.25 + i / 10), partition: 0 }))
    // prices are elsewhere since yesterday
    const moved = { ...trade(job, elsewhere, 1.5, { p: undefined, price: 12.5 }), partition: 1 }
    const hopeless: Input[] = [{ topic, key: null, value: null, partition: 1 }, { topic, key: 'E', value: '', partition: 1 }]
    await send(job, [good, ...over, moved, ...hopeless])
    expect(await runUntil(job, 6)).toMatchObject({ applied: 1, rejected: 5 })

    const { groups, newest } = await list(job)
    expect(groups.map(({ reason, records, redriven }) => [reason, records, redriven]).sort())
      .toEqual([['missing_field', 1, 0], ['not_json', 2, 0], ['too_many_symbols', 2, 0]])
    expect(newest.map(({ reason, source, key, sizeBytes }) => [reason, source, key, sizeBytes]).sort()).toEqual([
      ['missing_field', { topic, partition: 1, offset: 0 }, elsewhere, moved.value!.length],
      ['not_json', { topic, partition: 1, offset: 1 }, null, 0],
      ['not_json', { topic, partition: 1, offset: 2 }, 'E', 0],
      ...over.map(({ key, value }, i) => ['too_many_symbols', { topic, partition: 0, offset: 1 + i }, key, value!.length]),
    ])
    expect((await list(job, '--reason', 'too_many_symbols', '--limit', '1')).newest.map(({ head }) => head)).toEqual([String(over[1].value).slice(0, 160)])

    const chosen = ['redrive', '--reason', 'too_many_symbols,missing_field']
    expect(await dlq(job, [...chosen, '--dry-run'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/too_many_symbols +\S+ +2 +2 +0 +0 +0/) })
    expect(await dlq(job, chosen)).toMatchObject({ code: 64, says: 'Nothing was sent: say --yes to send 3 records back.' })
    expect((await list(job)).groups.some(({ redriven }) => redriven > 0)).toBe(false)
    const sent = await dlq(job, [...chosen, '--yes', '--json'])
    expect([sent.code, JSON.parse(sent.stdout)]).toMatchObject([0, { chosen: 3, send: 3, sent: 3, transactions: 2, gone: 0 }])
    expect(JSON.parse((await dlq(job, [...chosen, '--yes', '--json'])).stdout)).toMatchObject({ chosen: 3, redriven: 3, sent: 0 })

    const back = (await readAll(topic, { broker: job.env.TA_KAFKA_BOOTSTRAP })).filter((message) => headersOf(message)['ta-redriven'] !== undefined)
    expect(back.map((message) => [message.partition, String(message.key), bytes(message)]).sort())
      .toEqual([...over, moved].map(({ partition, key, value }) => [partition, key, value]).sort())
    // one cause is mended: the record with the other comes back to the DLQ, and from there again
    const mended = { TA_MAX_SYMBOLS: '100' }
    expect(await runUntil(job, 3, mended)).toMatchObject({ applied: 2, rejected: 1 })
    const again = await dlq(job, ['redrive', '--reason', 'missing_field', '--yes', '--json'])
    expect(JSON.parse(again.stdout)).toMatchObject({ chosen: 2, redriven: 1, sent: 1 })
    const both = { ...mended, TA_FIELD_MAP: JSON.stringify({ price: 'payload.price' }), TA_WATERMARK_IDLE_TIMEOUT_MS: '500' }
    expect(await runUntil(job, 1, both, 8)).toMatchObject({ applied: 1, rejected: 0 })
    await expectVerified(job)
    const { bars } = await outputsOf(job)
    expect(bars.map(({ symbol, payload }) => [symbol, (payload as { c: number }).c]).sort()).toEqual([[first, 10], [others[0], 10], [others[1], 10], [elsewhere, 12.5]].sort())
  })

  it('of which only the head is there is said and counted, and can come from another job', async () => {
    const job = await newJob({ partitions: 1, env: { TA_QUOTES_TOPIC: '', TA_DLQ_MAX_BYTES: '65536' } })
    const topic = job.env.TA_TRADES_TOPIC
    await send(job, [
      { topic, key: 'A', value: 'x'.repeat(65_537) }, { topic, key: null, value: null }, { topic, key: '', value: '' },
      { topic, key: 'A', value: Buffer.from([0x1b, 0xff, 0x00, 0x7b]) },
    ])
    expect(await runUntil(job, 4)).toMatchObject({ rejected: 4 })
    expect((await list(job)).groups).toMatchObject([{ reason: 'not_json', topic, records: 4, cut: 1 }])
    const text = await dlq(job, ['list'])
    expect(text.stdout).toContain('65537 (cut)')
    expect(text.stdout).toContain('\\u{1b}\\xff\\u{0}{')
    const cutOne = (await list(job)).newest.find(({ sizeBytes }) => sizeBytes > 65_536)!
    expect(await dlq(job, ['redrive', '--offsets', `${cutOne.partition}:0-${cutOne.offset + 3}`, '--yes']))
      .toMatchObject({ code: 64, says: expect.stringContaining('of the 4 records chosen 1 can\'t be sent back') })
    const all = await dlq(job, ['redrive', '--all', '--yes', '--json'])
    expect([all.code, JSON.parse(all.stdout)]).toMatchObject([0, { chosen: 4, send: 3, cut: 1, sent: 3 }])
    const back = (await readAll(topic, { broker: job.env.TA_KAFKA_BOOTSTRAP })).slice(4)
    expect(back.map(({ key, value }) => [key === null || key === undefined ? null : String(key), value ?? null]))
      .toEqual([[null, null], ['', Buffer.from('')], ['A', Buffer.from([0x1b, 0xff, 0x00, 0x7b])]])
    const other = { ...job, env: { ...job.env, TA_TRADES_TOPIC: `${topic}.other` } }
    expect(await dlq(other, ['redrive', '--all', '--again', '--yes'])).toMatchObject({ code: 64, says: expect.stringContaining('4 come from a topic or partition that is no input of this job') })
    expect(await dlq(job, ['redrive', '--offsets', '0:99', '--yes'])).toMatchObject({ code: 64, says: expect.stringContaining('no rejected record at these offsets') })
  })
})

describe('what is asked for wrongly', () => {
  it.each([
    [['redrive'], 64, 'ta dlq redrive needs to know which records: --reason, --topic, --offsets or --all'],
    [['redrive', '--all', '--reason', 'future'], 64, '--all chooses every record: leave it out, or --reason, --topic and --offsets'],
    [['redrive', '--all', '--yes', '--dry-run'], 64, '--dry-run sends nothing and --yes does: give one of them'],
    [['list', '--reason', 'bad_prise'], 64, 'There is no reason "bad_prise", did you mean bad_price?'],
    [['list', '--offsets', 'x'], 64, '--offsets takes places of the DLQ such as 0:12,0:20-25, not "x"'],
    [['list', '--yes'], 64, '--yes belongs to ta dlq redrive'],
    [['redrive', '--all', '--limit', '3'], 64, '--limit belongs to ta dlq list'],
    [['drop'], 64, 'ta dlq takes list or redrive, not "drop"'],
  ])('%j ends with %i', async (args, code, says) => {
    expect(await dlq({ env: {}, partitions: 1, folder: '' }, args)).toMatchObject({ code, says })
  })

  it('as a topic that is not there ends with 78, and an empty DLQ with 0', async () => {
    const job = await newJob({ partitions: 1 })
    const missing = { ...job, env: { ...job.env, TA_DLQ_TOPIC: 'nowhere' } }
    expect(await dlq(missing, ['list'])).toMatchObject({ code: 78, says: expect.stringContaining('There is no topic nowhere (TA_DLQ_TOPIC)') })
    expect(await dlq(job, ['list'])).toMatchObject({ code: 0, stdout: `${job.env.TA_DLQ_TOPIC} has no such record.\n` })
    expect(await dlq(job, ['redrive', '--all', '--yes'])).toMatchObject({ code: 0, stdout: expect.stringContaining('0 sent back') })
  })
})
