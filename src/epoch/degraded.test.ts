import { describe, expect, it } from 'vitest'
import { healthOf } from './degraded.ts'
import type { HealthView } from './degraded.ts'
import { RecentGrowth } from './recent-growth.ts'

const well: HealthView = {
  market: { state: 'open', forMs: 3_600_000 }, sourceLagMs: 200, sourceLagMaxMs: 30_000, snapshotProblem: '', snapshotAgeMs: 9_000,
  snapshotIntervalMs: 10_000, recent: { records: 10_000, rejected: 0, future: 0 }, maxFutureMs: 1_000, leadMs: 0, pausedShare: 0, wrongFields: [],
  calendar: null,
}
const open = { state: 'open', forMs: 3_600_000 } as const

describe('healthOf', () => {
  it.each<[string, Partial<HealthView>, string[]]>([
    ['all is well', {}, []],
    ['nothing was read or stored yet', { sourceLagMs: null, snapshotAgeMs: null, recent: { records: 0, rejected: 0, future: 0 } }, []],
    ['the source lags just so', { sourceLagMs: 30_000 }, []],
    ['the source lags', { sourceLagMs: 30_100 }, ['source lag 30.1 s']],
    ['the market has just opened after a quiet morning', { sourceLagMs: 500_000, market: { state: 'open', forMs: 30_000 } }, []],
    ['nothing has come since the open', { sourceLagMs: 500_000, market: { state: 'open', forMs: 30_001 } }, ['source lag 500.0 s']],
    ['the source may be quiet for so long', { sourceLagMs: 500_000, sourceLagMaxMs: 600_000 }, []],
    ['the source is never judged', { sourceLagMs: 5e9, sourceLagMaxMs: 0 }, []],
    ['a crypto feed is silent', { sourceLagMs: 40_000, market: { state: 'continuous', forMs: Number.POSITIVE_INFINITY } }, ['source lag 40.0 s']],
    ...(['pre', 'post', 'overnight', 'closed', 'holiday'] as const).map((state): [string, Partial<HealthView>, string[]] =>
      [`the source is silent: ${state}`, { sourceLagMs: 5e7, market: { state, forMs: 5e6 } }, []]),
    ['two snapshots were missed', { snapshotAgeMs: 30_001 }, ['snapshot age 30.0 s']],
    ['a snapshot is three intervals old', { snapshotAgeMs: 30_000 }, []],
    ['the store is gone', { snapshotAgeMs: 45_000, snapshotProblem: 'no bucket' }, ['snapshot age 45.0 s', 'snapshot: no bucket']],
    ['one record in a hundred is rejected', { recent: { records: 100, rejected: 1, future: 0 } }, []],
    ['more are', { recent: { records: 200, rejected: 3, future: 0 } }, ['DLQ rate 1.5 %: 3 of 200 records in the last minute were rejected']],
    ['all are', { recent: { records: 1, rejected: 1, future: 0 } }, ['DLQ rate 100.0 %: 1 of 1 records in the last minute were rejected']],
    ['inputs were paused half the time', { pausedShare: 0.5 }, []],
    ['inputs were paused longer', { pausedShare: 0.75 }, ['backpressure: inputs were paused 75.0 % of the last 10 s']],
    ['a stamp was a bit ahead', { leadMs: 250 }, []],
    ['a stamp was ahead', { leadMs: 640 }, ['clock skew: event times up to 0.6 s past this clock']],
    ['one stamp was far ahead', { recent: { records: 10_000, rejected: 1, future: 1 }, leadMs: 0 }, []],
    ['many were', { recent: { records: 100, rejected: 40, future: 40 }, leadMs: 640 }, [
      'DLQ rate 40.0 %: 40 of 100 records in the last minute were rejected',
      'clock skew: 40 of 100 records in the last minute are stamped more than 1.0 s past this clock',
    ]],
    ['the field map is wrong', { wrongFields: ['price is nowhere'] }, ['price is nowhere']],
    ['the calendar is over', { calendar: { text: 'it ended', over: true } }, ['it ended']],
    ['several things', { market: open, sourceLagMs: 60_000, snapshotProblem: 'x', pausedShare: 1 }, [
      'snapshot: x', 'source lag 60.0 s', 'backpressure: inputs were paused 100.0 % of the last 10 s',
    ]],
  ])('%s', (_name, more, reasons) => expect(healthOf({ ...well, ...more })).toEqual({ reasons, warnings: [] }))

  it('only warns of a calendar that ends soon', () => {
    expect(healthOf({ ...well, calendar: { text: 'it ends', over: false } })).toEqual({ reasons: [], warnings: ['it ends'] })
  })
})

describe('RecentGrowth', () => {
  it('tells the growth since the last sample before the window', () => {
    const growth = new RecentGrowth(1_000, 0, [5])
    expect(growth.note(100, [6])).toEqual({ ms: 100, by: [1] })
    expect(growth.note(900, [10])).toEqual({ ms: 900, by: [5] })
    expect(growth.note(1_100, [10])).toEqual({ ms: 1_000, by: [4] })
    expect(growth.note(2_500, [10])).toEqual({ ms: 1_400, by: [0] })
    expect(growth.note(9_000, [30])).toEqual({ ms: 6_500, by: [20] })
  })

  it('takes samples that are close together as one, and forgets nothing by it', () => {
    const growth = new RecentGrowth(60_000, 0, [0, 0])
    let last = { ms: 0, by: [0, 0] }
    for (let ms = 1; ms <= 300_000; ms++) last = growth.note(ms, [ms, 2 * ms])
    expect(last.ms).toBeGreaterThanOrEqual(60_000)
    expect(last.ms).toBeLessThan(62_000)
    expect(last.by).toEqual([last.ms, 2 * last.ms])
  })
})
