import { expect, test } from 'vitest'
import { cpuSeconds, cpuSecondsByThread, cpuSecondsOf, residentBytes } from './cpu.ts'

test('reads a stat line whatever the name of the process', () => {
  expect(cpuSecondsOf('42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 1 0 0')).toBe(3)
})

test('this process takes time and memory', () => {
  const before = cpuSeconds(process.pid)
  const untilMs = performance.now() + 60
  let sum = 0
  while (performance.now() < untilMs || !(cpuSeconds(process.pid) > before)) sum += Math.sqrt(sum + 1)
  expect(cpuSeconds(process.pid)).toBeGreaterThan(before)
  expect(residentBytes(process.pid)).toBeGreaterThan(1_000_000)
  if (process.platform === 'linux') expect(cpuSecondsByThread(process.pid).get('main')).toBeGreaterThan(0)
})

test('a process that is not there has no time', () => {
  expect(cpuSeconds(2 ** 30)).toBeNaN()
})
