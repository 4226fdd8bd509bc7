/** TA_FIELD_MAP against what lies in the inputs when the engine starts. */
import { describe, expect, it } from 'vitest'
import { quoteRecord, tradeRecord } from '../model/records.ts'
import { eventually, startEngine } from './engine-process.ts'
import type { EngineProcess } from './engine-process.ts'
import { metricCounts, newJob, send, tailOf, valuesOf } from './engine-job.ts'
import type { Job, StatusOutput, Tail } from './engine-job.ts'

const T0 = Date.parse('2025-12-03T18:32:10Z')
const at = (seconds: number): string => new Date(T0 + seconds * 1000).toISOString()
/** As the tests' map asks for them: the price has moved. */
const moved = (i: number): { key: string; value: string } => tradeRecord({ t: at(i), i, price: 10 + i, p: undefined })
const old = (i: number): { key: string; value: string } => tradeRecord({ t: at(i), i })

async function mappedJob(map: Record<string, string>, trades: { key: string; value: string }[]): Promise<Job> {
  const job = await newJob({ partitions: 2, env: {
    TA_FIELD_MAP: JSON.stringify(map), TA_SESSION: 'utc-day', TA_SOURCE_LAG_MAX_MS: '0', TA_STATUS_INTERVAL_MS: '200', TA_WATERMARK_IDLE_TIMEOUT_MS: '500',
  } })
  await send(job, [
    ...trades.map((record) => ({ topic: job.env.TA_TRADES_TOPIC, ...record })), { topic: job.env.TA_QUOTES_TOPIC, ...quoteRecord({ t: at(0) }) },
  ])
  return job
}

const reasonsOf = (tail: Tail, job: Job, from = 0): string[] =>
  valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC].slice(from)).map(({ payload }) => payload.reason)

async function counted(engine: EngineProcess, outcome: string, count: number): Promise<void> {
  await eventually(async () => metricCounts(await engine.metrics())[outcome] >= count || undefined, () => `not ${count} ${outcome}:\n${engine.stderr}`)
}

describe('TA_FIELD_MAP at the start', () => {
  it('is warned of in log and status where no record has a field, until one has been applied', async () => {
    const job = await mappedJob({ price: 'payload.price', exchange: 'payload.venue' }, [old(1), old(2)])
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    const sentence = `TA_FIELD_MAP maps price to "payload.price", but none of the 2 newest records of ${job.env.TA_TRADES_TOPIC} has a number there ` +
      '(partition '
    await tail.until(() => reasonsOf(tail, job).some((reason) => reason.includes(sentence)), () => `a status with the sentence:\n${engine.stderr}`)
    const reason = reasonsOf(tail, job).find((text) => text.includes(sentence))!
    expect(reason).toMatch(/, offset 1: payload has T, S, i, x, p, s, c, z, t\): correct the path, or every trade is rejected/)
    expect(reason).not.toContain('exchange')
    const warnings = engine.log.filter(({ msg }) => msg.startsWith('TA_FIELD_MAP'))
    expect(warnings.map(({ level, msg }) => [level, msg.slice(0, 30), msg.includes('or it counts as absent')])).toEqual([
      ['warn', 'TA_FIELD_MAP maps price to "pa', false], ['warn', 'TA_FIELD_MAP maps exchange to ', true],
    ])
    await counted(engine, 'rejected', 2)

    // the source changes over, as the map already has
    await send(job, [{ topic: job.env.TA_TRADES_TOPIC, ...moved(5) }])
    await counted(engine, 'applied', 2)
    const from = tail.records[job.env.TA_STATUS_TOPIC].length
    await tail.until(() => reasonsOf(tail, job, from).some((text) => !text.includes('TA_FIELD_MAP')), 'a status without the sentence')
    expect((await engine.stop()).code).toBe(0)
  })

  it('is right without a word where the newest records have the fields, whatever older ones had', async () => {
    const job = await mappedJob({ price: 'payload.price' }, [old(1), moved(2), moved(3)])
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    await counted(engine, 'applied', 3)
    const from = tail.records[job.env.TA_STATUS_TOPIC].length
    await tail.until(() => reasonsOf(tail, job, from).length >= 2, 'status')
    expect((await engine.stop()).code).toBe(0)
    expect(engine.log.filter(({ msg }) => msg.includes('TA_FIELD_MAP'))).toEqual([])
    expect(reasonsOf(tail, job).filter((reason) => reason.includes('TA_FIELD_MAP'))).toEqual([])
  })

  it('is not checked against an empty topic, and says so', async () => {
    const job = await mappedJob({ bid_price: 'payload.bid', price: 'payload.p' }, [])
    const engine = await startEngine(job.env).ready()
    const { msg } = await engine.logged((line) => line.msg.includes('was not checked'))
    expect(msg).toBe(`TA_FIELD_MAP was not checked against ${job.env.TA_TRADES_TOPIC}: it holds no records`)
    await engine.logged((line) => line.level === 'warn' && line.msg.startsWith('TA_FIELD_MAP maps bid_price to "payload.bid", but the newest record of'))
    expect((await engine.stop()).code).toBe(0)
  })
})
