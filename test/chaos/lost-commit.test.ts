/**
 * A commit whose answer is lost (it has happened, or not), and a transaction that the broker itself aborts because its
 * producer stood still: the epoch topic tells what holds, and the same bytes go out again only where they did not.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../src/demo/broker-process.ts'
import { LOCAL_HOST } from '../../src/demo/broker-files.ts'
import { type LocalBroker, startLocalBroker } from '../../src/demo/local-broker.ts'
import { startEngine } from '../broker/engine-process.ts'
import { tailOf } from '../broker/engine-job.ts'
import { LiveFeed, ROUNDS, chaosJob, expectWhole, flows, linesOf, live } from './chaos-job.ts'
import { KafkaProxy } from './kafka-proxy.ts'

const CUTS_EACH = 6 * ROUNDS
const TRANSACTION_TIMEOUT_MS = 10_000
const at = (port: number) => `${LOCAL_HOST}:${port}`
let broker: LocalBroker
let proxy: KafkaProxy

beforeAll(async () => {
  // whoever asks at the proxy is led to the proxy: the listener that the broker names is the proxy's
  const [direct, behind, controller] = [await freePort(), await freePort(), await freePort()]
  broker = await startLocalBroker({
    ports: { broker: direct, controller },
    properties: {
      'listeners': `PLAINTEXT://${at(direct)},PROXIED://${at(behind)},CONTROLLER://${at(controller)}`,
      'advertised.listeners': `PLAINTEXT://${at(direct)},PROXIED://${at(behind + 1)}`,
      'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': '500',
    },
  })
  proxy = await KafkaProxy.start(behind + 1, behind)
})
afterAll(async () => {
  await proxy?.stop()
  await broker?.stop()
})

it(`commits cut off before they arrive, or before their answer does, come out once, ${CUTS_EACH} of each`, async () => {
  const job = await chaosJob({ env: { TA_KAFKA_BOOTSTRAP: broker.bootstrap } })
  const tail = await tailOf(job)
  const feed = await LiveFeed.start(job)
  const engine = await live(startEngine({ ...job.env, TA_KAFKA_BOOTSTRAP: at(proxy.port) }))
  await flows(job, tail, engine)
  for (let cut = 0; cut < CUTS_EACH; cut++) {
    for (const when of ['after', 'before'] as const) {
      await proxy.cutNext(when)
      await flows(job, tail, engine, 10)
    }
  }
  await flows(job, tail, engine, 80)
  const sent = await feed.stop()
  expect((await engine.stop()).code).toBe(0)
  expect((await expectWhole(job, tail)).records).toBe(sent)
})

it('a transaction that the broker aborts by its time-out goes out again', async () => {
  const job = await chaosJob({ env: { TA_KAFKA_BOOTSTRAP: broker.bootstrap } })
  const tail = await tailOf(job)
  const feed = await LiveFeed.start(job)
  const engine = await live(startEngine({ ...job.env, TA_KAFKA_BOOTSTRAP: at(proxy.port) }))
  await flows(job, tail, engine)
  await proxy.cutNext('held')
  await engine.logged(({ msg }) => /epoch \d+: .*trying again/.test(msg))
  await flows(job, tail, engine, 120)
  // the refusal was the broker's, not another owner's: nobody starts over
  expect(linesOf(engine, ({ msg }) => /starting over|starts over/.test(msg))).toEqual([])
  const sent = await feed.stop()
  expect((await engine.stop()).code).toBe(0)
  expect((await expectWhole(job, tail)).records).toBe(sent)
})

it('a process that stands still for longer than a transaction may last goes on', async () => {
  const job = await chaosJob({ env: { TA_KAFKA_BOOTSTRAP: broker.bootstrap } })
  const tail = await tailOf(job)
  const feed = await LiveFeed.start(job)
  const engine = await live(startEngine(job.env))
  await flows(job, tail, engine)
  process.kill(engine.pid, 'SIGSTOP')
  await sleep(TRANSACTION_TIMEOUT_MS + 2_000)
  process.kill(engine.pid, 'SIGCONT')
  await flows(job, tail, engine, 80)
  const sent = await feed.stop()
  expect(engine.running).toBe(true)
  expect((await engine.stop()).code).toBe(0)
  expect((await expectWhole(job, tail)).records).toBe(sent)
})
