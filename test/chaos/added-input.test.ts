/**
 * An input that is added to a job later: the snapshots without it are no foreign ones, it starts by TA_AUTO_OFFSET_RESET, and an epoch's
 * record says where, so a kill -9 right after changes nothing.
 */
import { expect, it } from 'vitest'
import { decodeEpochRecord } from '../../src/epoch/epoch-record.ts'
import { startEngine } from '../broker/engine-process.ts'
import { type StatusOutput, expectVerified, send, statusCounts, tailOf, totalOf, valuesOf } from '../broker/engine-job.ts'
import { createTopics, readAll, uniqueName } from '../broker/harness.ts'
import { chaosJob, isRestoring, linesOf, live, marketInputs } from './chaos-job.ts'

const QUOTES = 1

it('an input that is added later begins where the settings say, once', async () => {
  const job = await chaosJob()
  const inputs = marketInputs(job, 6)
  const trades = inputs.filter(({ topic }) => topic === job.env.TA_TRADES_TOPIC).length
  await send(job, inputs)
  const tail = await tailOf(job)
  const counted = () => totalOf(statusCounts(valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC])))
  const first = await live(startEngine({ ...job.env, TA_QUOTES_TOPIC: '' }))
  await tail.until(() => counted() === trades, () => `${trades} records, now ${counted()}:\n${first.stderr}`)
  expect((await first.stop()).code).toBe(0)
  for (let start = 0; start < 3; start++) {
    const engine = await live(startEngine(job.env))
    for (const { from } of linesOf(engine, isRestoring)) expect(from).toMatch(/^snapshot of epoch/)
    await tail.until(() => counted() === inputs.length, () => `${inputs.length} records, now ${counted()}:\n${engine.stderr}`)
    await engine.kill()
  }
  await expectVerified(job)
  const records = (await readAll(job.env.TA_EPOCHS_TOPIC)).filter(({ key }) => String(key) === 'epoch').map(({ value }) => decodeEpochRecord(value!))
  for (const task of [0, 1, 2, 3]) {
    const positions = records.filter((record) => record.task === task).map(({ consumed }) => consumed[QUOTES].to)
    const added = positions.findIndex((to) => to >= 0)
    expect(added).toBeGreaterThan(0)
    expect([positions[added], positions.slice(added).every((to) => to >= 0)]).toEqual([0, true])
  }
})

it('an input that is off, another topic, and back again after kills -9 is consumed once', async () => {
  // no snapshot: every epoch is run again, with the inputs that it had
  const job = await chaosJob({ env: { TA_SNAPSHOT_INTERVAL_MS: '3600000' } })
  const [inputs, more] = [marketInputs(job, 6), marketInputs(job, 3)]
  const quotes = (of: typeof inputs) => of.filter(({ topic }) => topic === job.env.TA_QUOTES_TOPIC)
  const otherTopic = uniqueName('quotes')
  await createTopics([{ name: otherTopic, partitions: 4 }])
  await send(job, inputs)
  const tail = await tailOf(job)
  const counted = () => totalOf(statusCounts(valuesOf<StatusOutput>(tail.records[job.env.TA_STATUS_TOPIC])))
  let expected = inputs.length
  const runUntilCounted = async (env: Record<string, string>) => {
    const engine = await live(startEngine({ ...job.env, ...env }))
    await tail.until(() => counted() >= expected, () => `${expected} records, now ${counted()}:\n${engine.stderr}`)
    await engine.kill()
    expect(counted()).toBe(expected)
  }
  await runUntilCounted({})
  await send(job, more)
  expected += more.length - quotes(more).length
  await runUntilCounted({ TA_QUOTES_TOPIC: '' })
  await send(job, quotes(inputs).map((input) => ({ ...input, topic: otherTopic })))
  expected += quotes(inputs).length
  await runUntilCounted({ TA_QUOTES_TOPIC: otherTopic })
  expected += quotes(more).length
  await runUntilCounted({})
  await runUntilCounted({})
  await expectVerified(job)
})
