/** Corrections and cancels on a real broker: what they change while a second is open, and where they go when it is final. */
import { describe, expect, it } from 'vitest'
import { faultsOfAll } from '../golden/schemas.ts'
import { cancelRecord, correctionRecord, tradeRecord } from '../model/records.ts'
import type { TestRecord } from '../model/records.ts'
import { startEngine } from './engine-process.ts'
import { Tail, expectVerified, headersOf, newJob, outputsOf, send, tailOf, valuesOf } from './engine-job.ts'
import type { Input, Job, Output } from './engine-job.ts'

/** Quotes off: trades alone move the watermark, and their silence closes the last windows. */
const TRADES_ALONE = { TA_QUOTES_TOPIC: '', TA_WATERMARK_IDLE_TIMEOUT_MS: '1000' }

const inputOf = ({ env }: Job, record: TestRecord): Input => ({ topic: env.TA_TRADES_TOPIC, ...record })
const stamp = (timeMs: number): string => new Date(timeMs).toISOString()
const barsOf = (tail: Tail, { env }: Job): Output[] => valuesOf(tail.records[env.TA_MICROBARS_TOPIC])
const signalsOf = (tail: Tail, { env }: Job): Output[] => valuesOf(tail.records[env.TA_SIGNALS_TOPIC])

describe('a cancel of a second\'s only trade', () => {
  it('after the second was shown takes it back, provisionally and as final, and there is no final signal', async () => {
    // long enough for the cancel to come in time, however slow the machine is
    const job = await newJob({ partitions: 1, env: { ...TRADES_ALONE, TA_MAX_OUT_OF_ORDER_MS: '6000' } })
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    const timeMs = Date.now()
    const endMs = (Math.floor(timeMs / 1000) + 1) * 1000
    await send(job, [inputOf(job, tradeRecord({ t: stamp(timeMs), i: 7 }))])
    await tail.until(() => barsOf(tail, job).length >= 1 && signalsOf(tail, job).length >= 1, 'the provisional records')
    await send(job, [inputOf(job, cancelRecord({ t: stamp(endMs), i: 7 }))])
    await tail.until(() => barsOf(tail, job).some(({ is_final: isFinal }) => isFinal), 'the final retraction')
    expect((await engine.stop()).code).toBe(0)

    const { bars, signals } = await outputsOf(job)
    const end = stamp(endMs).replace('.000Z', 'Z')
    const nothing = { o: null, h: null, l: null, c: null, v: 0, vwap: null, count: 0, t: end, retracted: true }
    expect(bars.map(({ seq, is_final: isFinal, feed, event_ts: eventTs }) => [seq, isFinal, feed, eventTs])).toEqual(
      [[1, false, 'sip', end], [2, false, 'sip', end], [3, true, 'sip', end]])
    expect(bars.map(({ payload }) => payload)).toEqual([expect.objectContaining({ c: 100, count: 1 }), nothing, nothing])
    expect(signals.map(({ seq, is_final: isFinal }) => [seq, isFinal])).toEqual([[1, false]])
    expect(faultsOfAll('ta.bars.1s.v1', bars)).toEqual([])
    await expectVerified(job)
  })
})

describe('fixes of old trades', () => {
  it('change an open second; of a final one, or of no trade at all, they go to the late topic as they came', async () => {
    const job = await newJob({ partitions: 1, env: { ...TRADES_ALONE, TA_PROVISIONAL: 'false' } })
    const t0 = Math.floor(Date.now() / 1000) * 1000 - 60_000
    const at = (seconds: number): string => stamp(t0 + seconds * 1000)
    const records = [
      tradeRecord({ t: at(0.1), i: 1, p: 100, s: 10 }),
      tradeRecord({ t: at(0.2), i: 2, p: 90, s: 10 }),
      tradeRecord({ t: at(0.3), i: 3, p: 101, s: 10 }),
      cancelRecord({ t: at(1), i: 2 }),
      correctionRecord({ t: at(1.1), oi: 3, ci: 4, cp: 102, cs: 30 }),
      correctionRecord({ t: at(1.2), oi: 3, ci: 4, cp: 102, cs: 30 }), // again: a duplicate
      cancelRecord({ t: at(1.3), i: 99 }), // of no trade
      tradeRecord({ t: at(4), i: 5 }),
      cancelRecord({ t: at(4.1), i: 1 }), // its second is final
      correctionRecord({ t: at(4.2), oi: 4, ci: 6, cp: 1 }),
    ]
    await send(job, records.map((record) => inputOf(job, record)))
    const tail = await tailOf(job)
    const engine = await startEngine(job.env).ready()
    await tail.until(() => barsOf(tail, job).length >= 2, 'two final bars')
    const late = await Tail.open([job.env.TA_LATE_TOPIC], 1)
    await late.until(() => late.records[job.env.TA_LATE_TOPIC].length >= 3, 'what is late')
    expect((await engine.stop()).code).toBe(0)

    const { bars, signals } = await outputsOf(job)
    const first = { o: 100, h: 102, l: 100, c: 102, v: 40, vwap: 101.5, count: 2 }
    expect(bars.map(({ payload }) => payload)).toMatchObject([first, { c: 100, count: 1 }])
    expect(signals.length).toBe(2)
    const copies = late.records[job.env.TA_LATE_TOPIC]
    const headers = (offset: number) => ({ 'ta-reason': 'late', 'ta-topic': job.env.TA_TRADES_TOPIC, 'ta-partition': '0', 'ta-offset': `${offset}` })
    expect(copies.map(headersOf)).toEqual([6, 8, 9].map(headers))
    expect(copies.map(({ key, value }) => [String(key), String(value)])).toEqual([6, 8, 9].map((i) => [records[i].key, records[i].value]))
    await expectVerified(job)
  })
})
