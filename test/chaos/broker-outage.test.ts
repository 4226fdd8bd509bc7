/** The broker killed and started again under a live market: the engine goes on by itself, and nothing is lost or doubled. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type LocalBroker, startLocalBroker } from '../../src/demo/local-broker.ts'
import { startEngine } from '../broker/engine-process.ts'
import { tailOf } from '../broker/engine-job.ts'
import { LiveFeed, ROUNDS, chaosJob, expectWhole, flows, live } from './chaos-job.ts'

const KILLS = 3 * ROUNDS
const DOWN_MS = 1_500
let broker: LocalBroker

beforeAll(async () => {
  // the data of a killed broker are in the page cache, as they are with a production broker whose process dies
  broker = await startLocalBroker()
})
afterAll(() => broker.stop())

it(`the engine goes on by itself when the broker is back, ${KILLS} times`, async () => {
  const job = await chaosJob({ env: { TA_KAFKA_BOOTSTRAP: broker.bootstrap } })
  const tail = await tailOf(job)
  const feed = await LiveFeed.start(job)
  const engine = await live(startEngine(job.env))
  for (let kill = 0; kill < KILLS; kill++) {
    await flows(job, tail, engine)
    await broker.kill()
    if (kill > 0) await sleep(DOWN_MS)
    await broker.restart()
  }
  await flows(job, tail, engine, 80)
  const sent = await feed.stop()
  expect(engine.running).toBe(true)
  expect((await engine.stop()).code).toBe(0)
  expect((await expectWhole(job, tail)).records).toBe(sent)
})
