/** CPU time and memory of other processes, from /proc where there is one, else from ps. */
import { execFileSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

/** Clock ticks a second of /proc/…/stat: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100
const UTIME = 11
const STIME = 12

/** CPU seconds of a stat line; its second field is a name in parentheses that may hold anything. */
export function cpuSecondsOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND
}

/** CPU seconds that a process has taken so far, all of its threads. NaN when there is none of that number. */
export function cpuSeconds(pid: number): number {
  try {
    if (process.platform === 'linux') return cpuSecondsOf(readFileSync(`/proc/${pid}/stat`, 'utf8'))
    const [, days, hours, minutes, seconds] = /(?:(\d+)-)?(?:(\d+):)?(\d+):([\d.]+)/.exec(ps('cputime', pid)) ?? []
    return ((Number(days ?? 0) * 24 + Number(hours ?? 0)) * 60 + Number(minutes)) * 60 + Number(seconds)
  } catch {
    return Number.NaN // it has ended
  }
}

/** Memory of a process now, bytes. */
export function residentBytes(pid: number): number {
  if (process.platform === 'linux') return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
  return Number(ps('rss', pid)) * 1024
}

const ps = (field: string, pid: number): string => execFileSync('ps', ['-o', `${field}=`, '-p', String(pid)], { encoding: 'utf8' }).trim()

/** CPU seconds so far by name of the thread, threads of one name together; empty where threads can't be told apart. */
export function cpuSecondsByThread(pid: number): Map<string, number> {
  const byName = new Map<string, number>()
  if (process.platform !== 'linux') return byName
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    try {
      const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'utf8')
      const own = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')')).replace(/\d+$/, '')
      const name = Number(thread) === pid ? 'main' : own
      byName.set(name, (byName.get(name) ?? 0) + cpuSecondsOf(stat))
    } catch {
      // a thread that has just ended
    }
  }
  return byName
}
