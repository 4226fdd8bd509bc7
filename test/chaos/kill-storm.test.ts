/** kill -9 twenty times under a live market: in start-up, in recovery, in mid-epoch, while a snapshot is stored. */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { seeded } from '../fixtures/random.ts'
import { startEngine } from '../broker/engine-process.ts'
import { tailOf, valuesOf } from '../broker/engine-job.ts'
import { LiveFeed, ROUNDS, chaosJob, expectWhole, flows, isRestoring, linesOf, live } from './chaos-job.ts'

const SEED = 20_251_203
const KILLS = 20 * ROUNDS

it(`${KILLS} kills -9 at moments drawn by seed ${SEED} leave no gap and no repeat`, async () => {
  const job = await chaosJob()
  const tail = await tailOf(job)
  const random = seeded(SEED)
  const feed = await LiveFeed.start(job)
  const first = await live(startEngine(job.env))
  await flows(job, tail, first)
  await first.kill()
  let fromSnapshot = 0
  for (let kill = 1; kill <= KILLS; kill++) {
    const engine = startEngine(job.env)
    // every other one while it starts and restores, the others when it is at work
    if (kill % 2 === 0) await live(engine)
    await sleep(random() * 1_300)
    await engine.kill()
    fromSnapshot += linesOf(engine, isRestoring).filter(({ from }) => String(from).startsWith('snapshot')).length
  }
  const sent = await feed.stop()
  const { records } = await expectWhole(job, tail)
  expect(records).toBe(sent)
  expect(fromSnapshot).toBeGreaterThan(KILLS)
  expect(valuesOf(tail.records[job.env.TA_MICROBARS_TOPIC]).some(({ is_final: isFinal }) => !isFinal)).toBe(true)
})
