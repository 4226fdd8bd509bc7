/** What a task says of itself on the status topic when something is wrong: each reason comes while it holds, and goes. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it } from 'vitest'
import { faultsOfAll } from '../golden/schemas.ts'
import { tradeRecord } from '../model/records.ts'
import { eventually, startEngine } from './engine-process.ts'
import type { EngineProcess } from './engine-process.ts'
import { newJob, send, tailOf, valuesOf } from './engine-job.ts'
import type { Job, StatusOutput, Tail } from './engine-job.ts'

const OLD = '2025-12-03T18:32:10Z'
const FAR_AHEAD = '2100-01-01T00:00:00Z'

/** Resolves to the first status, after those already there, that `fits`. */
async function statusThat(fits: (payload: StatusOutput['payload']) => boolean, { tail, job, engine }: { tail: Tail; job: Job; engine: EngineProcess }): Promise<StatusOutput['payload']> {
  const records = tail.records[job.env.TA_STATUS_TOPIC]
  const from = records.length
  const found = (): StatusOutput['payload'] | undefined =>
    valuesOf<StatusOutput>(records.slice(from)).map(({ payload }) => payload).find(fits)
  await tail.until(() => found() !== undefined, () => `status, the last: ${String(records.at(-1)?.value)}\n${engine.stderr}\n`)
  return found()!
}

const sendTrades = (job: Job, records: { key: string; value: string }[]): Promise<void> =>
  send(job, records.map((record) => ({ topic: job.env.TA_TRADES_TOPIC, ...record })))

describe('status', () => {
  it('is degraded for snapshots, a silent source, rejected records and stamps past the clock, as long as it is so', async () => {
    const job = await newJob({ partitions: 1 })
    const store = join(job.folder, 'store')
    mkdirSync(store)
    Object.assign(job.env, {
      TA_SESSION: 'utc-day', TA_STATUS_INTERVAL_MS: '200', TA_WATERMARK_IDLE_TIMEOUT_MS: '500', TA_SNAPSHOT_URI: String(pathToFileURL(store)),
      TA_SNAPSHOT_INTERVAL_MS: '300', TA_SNAPSHOT_MIN_PAUSE_MS: '0',
    })
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    const watch = { tail, job, engine }
    // a machine that is busy may be late with its first snapshots, and says so
    const well = await statusThat(({ snapshot_age_ms: age, status }) => age !== null && status === 'ok', watch)
    expect(well).toMatchObject({ status: 'ok', reason: '', source_lag_ms: null, market_session_state: 'continuous' })

    // a file where the store's folder was
    renameSync(store, `${store}.away`)
    writeFileSync(store, '')
    const trade = (i: number, t = OLD): { key: string; value: string } => tradeRecord({ t, i })
    const bad = { key: 'AAPL', value: 'no JSON' }
    await sendTrades(job, [trade(1), trade(2), trade(3), bad, bad, trade(4, FAR_AHEAD), trade(5, FAR_AHEAD)])
    const ill = await statusThat(({ reason }) => ['snapshot age', 'snapshot: ', 'source lag', 'DLQ rate', 'clock skew'].every((each) => reason.includes(each)), watch)
    expect(ill.status).toBe('degraded')
    const reasons = ill.reason.split('; ')
    expect(reasons[0]).toMatch(/^snapshot age \d+\.\d s$/)
    expect(reasons).toContain('DLQ rate 57.1 %: 4 of 7 records in the last minute were rejected')
    expect(reasons).toContain('clock skew: 2 of 7 records in the last minute are stamped more than 1.0 s past this clock')
    expect(reasons).toContainEqual(expect.stringMatching(/^source lag \d+\.\d s$/))
    const rows = await eventually(async () => {
      const { tasks } = JSON.parse((await engine.get('/status')).text) as { tasks: { reason: string }[] }
      return tasks[0].reason.includes('DLQ rate') ? tasks : undefined
    }, () => '/status has no reason')
    expect(rows[0].reason).toContain('source lag')

    rmSync(store)
    renameSync(`${store}.away`, store)
    await sendTrades(job, [trade(6, new Date().toISOString())])
    // what is counted over a minute may still be there, the rest is gone
    const better = await statusThat(({ reason }) => !/snapshot|source lag/.test(reason), watch)
    expect(better.reason).toMatch(/^(DLQ rate 50\.0 %: 4 of 8 [^;]*; clock skew: 2 of 8 [^;]*)?$/)
    expect((await engine.stop()).code).toBe(0)
    expect(faultsOfAll('ta.status.v1', valuesOf(tail.records[job.env.TA_STATUS_TOPIC]))).toEqual([])
  })

  it('warns of a calendar that has ended, and says so in the log', async () => {
    const job = await newJob({ partitions: 1 })
    const calendar = join(job.folder, 'calendar.json')
    const days = [{ date: '2018-01-01', kind: 'holiday', name: "New Year's Day", basis: 'published' }]
    writeFileSync(calendar, JSON.stringify({ from: '2018-01-01', to: '2018-12-31', days }))
    Object.assign(job.env, { TA_CALENDAR: calendar, TA_STATUS_INTERVAL_MS: '200' })
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    const { status } = await statusThat(({ reason }) => reason.startsWith('the trading calendar ended on 2018-12-31, so holidays'), { tail, job, engine })
    expect(status).toBe('degraded')
    expect((await engine.stop()).code).toBe(0)
    const warnings = engine.log.filter(({ msg }) => msg.startsWith('the trading calendar ended on 2018-12-31'))
    expect(warnings.map(({ level }) => level)).toEqual(['warn'])
  })
})
