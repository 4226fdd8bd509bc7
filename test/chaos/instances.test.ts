/**
 * Two instances of one group under a live market: tasks move when one joins, dies, leaves or stands still, each new owner
 * fences the old one, and no reader sees a gap or a repeat.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { type EngineProcess, type Environment, eventually, startEngine } from '../broker/engine-process.ts'
import { type Job, tailOf } from '../broker/engine-job.ts'
import { LiveFeed, chaosJob, expectWhole, flows, isLive, linesOf } from './chaos-job.ts'

const SESSION_TIMEOUT_MS = 10_000
const TAKEOVER_MS = SESSION_TIMEOUT_MS + 10_000
const start = (job: Job, instance: string, env: Environment = {}) => startEngine({ ...job.env, TA_INSTANCE_ID: instance, ...env })

/** Tasks that an instance owns and that are live, from its metrics and readiness. */
async function ownedBy(engine: EngineProcess): Promise<number[]> {
  const [{ status }, metrics] = await Promise.all([engine.get('/readyz'), engine.metrics()])
  return status === 200 ? [0, 1, 2, 3].filter((task) => metrics.get(`ta_task_assigned{task="${task}"}`) === 1) : []
}

/** Resolves when these instances own so many tasks each, all live. */
async function dealt(wanted: [engine: EngineProcess, tasks: number][], patienceMs = 30_000): Promise<number[][]> {
  let seen: number[][] = []
  return await eventually(async () => {
    seen = await Promise.all(wanted.map(([engine]) => ownedBy(engine).catch(() => [])))
    return seen.every(({ length }, i) => length === wanted[i][1]) ? seen : undefined
  }, () => {
    const logs = wanted.map(([engine]) => engine.stderr).join('\n')
    return `tasks are dealt as ${JSON.stringify(seen)}, due are ${wanted.map(([, tasks]) => tasks)}\n${logs}`
  }, patienceMs)
}

/** How often an instance's tasks became live, by task: more than once is a task that was disturbed. */
const livesOf = (engine: EngineProcess) => [0, 1, 2, 3].map((task) => linesOf(engine, (line) => isLive(line) && line.task === task).length)

describe('two instances', () => {
  it('share the tasks, and take over when one is killed, leaves or comes back', async () => {
    const job = await chaosJob()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const one = start(job, 'one')
    await dealt([[one, 4]])
    let two = start(job, 'two')
    const shares = await dealt([[one, 2], [two, 2]])
    expect(shares.flat().sort()).toEqual([0, 1, 2, 3])
    await flows(job, tail, one)
    // the move has fenced the two that moved, and no other
    expect(livesOf(one)).toEqual([1, 1, 1, 1])
    expect(linesOf(one, ({ msg }) => /fenced|starts over|starting over/.test(msg))).toEqual([])
    // killed: nobody is told, so the session has to time out
    const killedMs = performance.now()
    await two.kill()
    await dealt([[one, 4]], TAKEOVER_MS)
    expect(performance.now() - killedMs).toBeGreaterThan(SESSION_TIMEOUT_MS / 2)
    // stopped as one that leaves: handed over at once
    two = start(job, 'two', { TA_LEAVE_ON_STOP: 'true' })
    await dealt([[one, 2], [two, 2]])
    await flows(job, tail, one)
    expect((await two.stop()).code).toBe(0)
    const leftMs = performance.now()
    await dealt([[one, 4]])
    expect(performance.now() - leftMs).toBeLessThan(SESSION_TIMEOUT_MS - 2_000)
    // stopped as one that stays a member, and back at once: it gets the very tasks that it had, and nothing moves
    two = start(job, 'two')
    const before = await dealt([[one, 2], [two, 2]])
    const liveBefore = linesOf(one, isLive).length
    expect((await two.stop()).code).toBe(0)
    two = start(job, 'two')
    expect(await dealt([[one, 2], [two, 2]])).toEqual(before)
    expect(linesOf(one, isLive).length).toBe(liveBefore)
    await flows(job, tail, two, 80)
    const sent = await feed.stop()
    const ends = await Promise.all([one.stop(), two.stop()])
    expect(ends.map(({ code }) => code)).toEqual([0, 0])
    expect((await expectWhole(job, tail)).records).toBe(sent)
  })

  it('a process that stood still for longer than its session is fenced and starts over as new by itself', async () => {
    const job = await chaosJob()
    const tail = await tailOf(job)
    const feed = await LiveFeed.start(job)
    const [one, two] = [start(job, 'one'), start(job, 'two')]
    const [kept] = await dealt([[one, 2], [two, 2]])
    const before = livesOf(one)
    await flows(job, tail, one)
    process.kill(two.pid, 'SIGSTOP')
    try {
      await dealt([[one, 4]], TAKEOVER_MS)
      await flows(job, tail, one)
    } finally {
      process.kill(two.pid, 'SIGCONT')
    }
    // the survivor's own tasks went on as they were
    expect(kept.map((task) => livesOf(one)[task])).toEqual(kept.map((task) => before[task]))
    await two.logged(({ msg }) => /starting over as new|tasks lost/.test(msg))
    await dealt([[one, 2], [two, 2]])
    await flows(job, tail, one, 80)
    await sleep(1_000)
    expect([one.running, two.running]).toEqual([true, true])
    const sent = await feed.stop()
    const ends = await Promise.all([one.stop(), two.stop()])
    expect(ends.map(({ code }) => code)).toEqual([0, 0])
    expect((await expectWhole(job, tail)).records).toBe(sent)
  })
})
