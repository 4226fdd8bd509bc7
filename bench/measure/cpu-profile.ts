/** V8's CPU profiles (.cpuprofile): cutting out what was measured, and the functions that took the most time of their own. */

interface ProfileNode {
  id: number
  callFrame: { functionName: string; url: string; lineNumber: number }
  hitCount?: number
  children?: number[]
}

/** As Chrome's DevTools protocol has it (Profiler.Profile); times in µs of a monotonic clock. */
export interface CpuProfile {
  nodes: ProfileNode[]
  startTime: number
  endTime: number
  /** Node of each sample, and µs from the sample before. */
  samples: number[]
  timeDeltas: number[]
}

export interface HotFunction {
  name: string
  where: string
  /** Time of its own, not of what it calls. */
  ms: number
  threads: string[]
}

/** Not work: waiting, in Piscina's workers, too. `(program)`, native code that V8 has no function for, is work. */
const IDLE = new Set(['(idle)', '(root)', 'atomicsWaitLoop'])

/**
 * The part of a profile between two moments. `fromMs`, `toMs` and `endMs` are wall-clock, `endMs` that of the profile's end: it
 * tells what the profile's own clock said when. Counts of hits are those of the samples that are left.
 */
export function cutProfile(profile: CpuProfile, fromMs: number, toMs: number, endMs: number): CpuProfile {
  const [from, to] = [fromMs, toMs].map((ms) => profile.endTime - (endMs - ms) * 1000)
  let at = profile.startTime
  let first = 0
  while (first < profile.samples.length && at + profile.timeDeltas[first] < from) at += profile.timeDeltas[first++]
  let last = first
  let lastAt = at
  while (last < profile.samples.length && lastAt + profile.timeDeltas[last] < to) lastAt += profile.timeDeltas[last++]
  const samples = profile.samples.slice(first, last)
  const hits = new Map<number, number>()
  for (const id of samples) hits.set(id, (hits.get(id) ?? 0) + 1)
  return {
    nodes: profile.nodes.map((node) => ({ ...node, hitCount: hits.get(node.id) ?? 0 })),
    startTime: at, endTime: Math.max(Math.min(to, profile.endTime), at), samples, timeDeltas: profile.timeDeltas.slice(first, last),
  }
}

/** Functions by the time of their own over all threads, the hottest first. A sample counts for the time until the next one. */
export function hottestFunctions(profiles: ReadonlyMap<string, CpuProfile>): { busyMs: number; functions: HotFunction[] } {
  const found = new Map<string, HotFunction>()
  let busyMs = 0
  for (const [thread, { nodes, samples, timeDeltas, startTime, endTime }] of profiles) {
    const byId = new Map(nodes.map((node) => [node.id, node.callFrame]))
    let rest = endTime - startTime
    samples.forEach((id, i) => {
      rest -= timeDeltas[i]
      const ms = (i + 1 < samples.length ? timeDeltas[i + 1] : Math.max(rest, 0)) / 1000
      const frame = byId.get(id)
      if (frame === undefined || IDLE.has(frame.functionName)) return
      busyMs += ms
      const where = frame.url.startsWith('wasm:') ? 'WebAssembly' : frame.url === '' ? '' : `${frame.url}:${frame.lineNumber + 1}`
      const name = frame.functionName || '(anonymous)'
      const key = `${name} ${where}`
      let hot = found.get(key)
      if (hot === undefined) found.set(key, hot = { name, where, ms: 0, threads: [] })
      hot.ms += ms
      if (!hot.threads.includes(thread)) hot.threads.push(thread)
    })
  }
  return { busyMs, functions: [...found.values()].sort((a, b) => b.ms - a.ms) }
}
