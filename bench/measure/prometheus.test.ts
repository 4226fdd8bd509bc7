import { expect, test } from 'vitest'
import { histogramBetween, parseMetrics, sumOf } from './prometheus.ts'

const text = (fast: number, slow: number): string => `# HELP ta_epoch_seconds Time
# TYPE ta_epoch_seconds histogram
ta_epoch_seconds_bucket{le="0.1",stage="commit"} ${fast}
ta_epoch_seconds_bucket{le="1",stage="commit"} ${fast + slow}
ta_epoch_seconds_bucket{le="+Inf",stage="commit"} ${fast + slow}
ta_epoch_seconds_sum{stage="commit"} ${fast * 0.05 + slow * 0.5}
ta_epoch_seconds_count{stage="commit"} ${fast + slow}
ta_epoch_seconds_count{stage="kernel"} 7
process_resident_memory_bytes 1024
`

test('reads series, and sums those that have the labels', () => {
  const samples = parseMetrics(text(9, 1))
  expect(samples.get('process_resident_memory_bytes')).toBe(1024)
  expect(sumOf(samples, 'ta_epoch_seconds_count')).toBe(17)
  expect(sumOf(samples, 'ta_epoch_seconds_count', 'stage="kernel"')).toBe(7)
})

test('a histogram is that of the time between two looks', () => {
  const found = histogramBetween(parseMetrics(text(100, 100)), parseMetrics(text(300, 101)), 'ta_epoch_seconds', 'stage="commit"')
  expect(found.count).toBe(201)
  expect(found.mean).toBeCloseTo((200 * 0.05 + 0.5) / 201, 12)
  expect(found.p99AtMost).toBe(0.1)
})
