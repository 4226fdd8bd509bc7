import { expect, test } from 'vitest'
import { cutProfile, hottestFunctions, type CpuProfile } from './cpu-profile.ts'

const frame = (functionName: string, url = ''): { functionName: string; url: string; lineNumber: number } => ({ functionName, url, lineNumber: 6 })
/** Ten samples, a ms apart: 4 of start-up, 3 of a kernel's function, 2 idle, 1 of JavaScript. */
const PROFILE: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)') }, { id: 2, callFrame: frame('compile', 'node:vm') }, { id: 3, callFrame: frame('decode/record', 'wasm://wasm/1234') },
    { id: 4, callFrame: frame('(idle)') }, { id: 5, callFrame: frame('run', 'file:///live-task.ts') },
  ],
  startTime: 1_000_000, endTime: 1_010_500,
  samples: [2, 2, 2, 2, 3, 3, 3, 4, 4, 5], timeDeltas: new Array<number>(10).fill(1_000),
}

test('own time is the time until the next sample, idle is none, and the last sample reaches to the end', () => {
  const { busyMs, functions } = hottestFunctions(new Map([['main', PROFILE]]))
  expect(functions.map(({ name, where, ms }) => [name, where, ms])).toEqual([
    ['compile', 'node:vm:7', 4], ['decode/record', 'WebAssembly', 3], ['run', 'file:///live-task.ts:7', 0.5],
  ])
  expect(busyMs).toBeCloseTo(7.5)
})

test('threads are added up', () => {
  const { functions } = hottestFunctions(new Map([['a', PROFILE], ['b', PROFILE]]))
  expect(functions[0]).toMatchObject({ name: 'compile', ms: 8, threads: ['a', 'b'] })
})

test('what lies before and after is neither in the samples nor in the hits', () => {
  // the last 6 ms but one begin 4.5 ms after the start: the fifth sample, at 5 ms, is the first that is left
  const cut = cutProfile(PROFILE, 10_000, 10_005, 10_006)
  expect(cut.samples).toEqual([3, 3, 3, 4, 4])
  expect(hottestFunctions(new Map([['main', cut]])).functions.map(({ name }) => name)).toEqual(['decode/record'])
  expect(cut.nodes.map(({ hitCount }) => hitCount)).toEqual([0, 0, 3, 2, 0])
  expect(cut.startTime + cut.timeDeltas.reduce((sum, delta) => sum + delta, 0)).toBeLessThanOrEqual(cut.endTime)
})

test('a profile that is cut from its beginning to its end is the same', () => {
  expect(cutProfile(PROFILE, 0, 20_000, 20_000)).toMatchObject({ samples: PROFILE.samples, startTime: PROFILE.startTime, endTime: PROFILE.endTime })
})
