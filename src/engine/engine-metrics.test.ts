/** What an engine observes of each commit, as the real serving thread shows it. */
import { afterEach, describe, expect, it } from 'vitest'
import { MINUTE_BAR_FIELDS } from '../contract/metrics.ts'
import type { ClosedEpoch } from '../epoch/task-state.ts'
import { Serving } from '../serve/serving.ts'
import { OUTPUT_FINAL, OUTPUT_MINUTE } from '../state/kernel.ts'
import { EngineMetrics } from './engine-metrics.ts'

const SECOND = 1_764_786_720
const TOPICS = { bars: 'bars', signals: 'signals', late: '', dlq: '', status: '' }
const NOTHING = { counters: [], gauges: [], tasks: [] }

const servings: Serving[] = []
afterEach(() => Promise.all(servings.splice(0).map((serving) => serving.close())))

async function serve(): Promise<Serving> {
  const serving = new Serving({ host: '127.0.0.1', port: 0, token: '', build: { version: '1.2.3', node: process.version, kernel: 'abc' } })
  servings.push(serving)
  await serving.listen()
  return serving
}

/** An epoch that published these windows; the rest of it is empty. */
function closed(windows: { second: number; flags: number }[]): ClosedEpoch {
  const none = MINUTE_BAR_FIELDS.map(() => 0)
  return {
    outputs: { seconds: Float64Array.from(windows, ({ second }) => second), flags: Uint8Array.from(windows, ({ flags }) => flags) },
    outcomes: [], conflicts: 0, minuteChecks: { equal: none, differs: none, skipped: none, difference: none }, record: { late: 0, rejected: 0 },
  } as unknown as ClosedEpoch
}

/** The histogram of ages with this label once something is in it: how many in all, and how many up to a second. */
async function agesOf(serving: Serving, final: boolean, count: number): Promise<{ count: number; upToOneSecond: number }> {
  const sample = (text: string, what: string): number => Number(text.split('\n').find((line) => line.startsWith(`ta_event_to_commit_seconds_${what} `))?.split(' ')[1])
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${serving.port}/metrics`)).text()
    const found = sample(text, `count{final="${final}"}`)
    if (found >= count) return { count: found, upToOneSecond: sample(text, `bucket{le="1",final="${final}"}`) }
  }
}

describe('ages of what was committed', () => {
  it('are told of each record, finals and provisional ones apart, of a second and not of a minute', async () => {
    const serving = await serve()
    const metrics = new EngineMetrics(serving, TOPICS)
    metrics.committed(closed([
      ...Array.from({ length: 1_500 }, () => ({ second: SECOND, flags: 0 })),
      { second: SECOND - 2, flags: OUTPUT_FINAL }, { second: SECOND, flags: 0 }, { second: SECOND - 2, flags: OUTPUT_FINAL },
      { second: SECOND - 60, flags: OUTPUT_FINAL | OUTPUT_MINUTE },
    ]), 5, (SECOND + 1) * 1000 + 30)
    serving.report(NOTHING)
    expect(await agesOf(serving, false, 1_501)).toEqual({ count: 1_501, upToOneSecond: 1_501 })
    expect(await agesOf(serving, true, 2)).toEqual({ count: 2, upToOneSecond: 0 })
  })

  it('are told once of each window where old data is caught up and an epoch has thousands of records', async () => {
    const serving = await serve()
    const metrics = new EngineMetrics(serving, TOPICS)
    const windows = Array.from({ length: 5_000 }, (_, i) => ({ second: SECOND + (i % 7), flags: i % 14 < 7 ? OUTPUT_FINAL : 0 }))
    metrics.committed(closed(windows), 5, (SECOND + 100) * 1000)
    serving.report(NOTHING)
    expect((await agesOf(serving, true, 7)).count).toBe(7)
    expect((await agesOf(serving, false, 7)).count).toBe(7)
  })
})
