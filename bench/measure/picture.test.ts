import { expect, test } from 'vitest'
import { Latencies } from './latencies.ts'
import { drawPercentiles } from './picture.ts'

const ramp = (count: number): Latencies => {
  const latencies = new Latencies()
  for (let i = 1; i <= count; i++) latencies.add(i)
  return latencies
}
const pointsOf = (svg: string): [number, number][] =>
  (/points="([^"]+)"/.exec(svg) as RegExpExecArray)[1].split(' ').map((pair) => pair.split(',').map(Number) as [number, number])

test('a curve goes right and up, and stays within the picture', () => {
  const points = pointsOf(drawPercentiles('title', 'subtitle', [{ name: 'a', latencies: ramp(1_000) }]))
  expect(points.length).toBeGreaterThan(100)
  points.slice(1).forEach(([x, y], i) => {
    expect(x).toBeGreaterThanOrEqual(points[i][0])
    expect(y).toBeLessThanOrEqual(points[i][1])
  })
  const [x, y] = points[points.length - 1]
  expect(x).toBeCloseTo(836, 0)
  expect(y).toBeGreaterThanOrEqual(56)
})

test('p90 of a thousand lies a third of the way, and its latency on the scale', () => {
  const svg = drawPercentiles('t', 's', [{ name: 'a', latencies: ramp(1_000) }])
  const atP90 = pointsOf(svg)[40]
  expect(atP90[0]).toBeCloseTo(64 + (836 - 64) / 3, 0)
  // 1 ms to 1,000 ms from bottom to top: 900 ms is 0.985 of the way
  expect(atP90[1]).toBeCloseTo(378 - (Math.log10(900) / 3) * (378 - 56), 0)
})

test('says the figures of each curve, leaves empty ones out, and keeps names from being markup', () => {
  const svg = drawPercentiles('a < b', 's', [{ name: 'one', latencies: ramp(10) }, { name: 'left out', latencies: new Latencies() }])
  expect(svg).toContain('one: p50 5.0, p99 10 ms (10)')
  expect(svg).not.toContain('left out')
  expect(svg).toContain('a &lt; b')
  expect(() => drawPercentiles('t', 's', [])).toThrow(RangeError)
})
