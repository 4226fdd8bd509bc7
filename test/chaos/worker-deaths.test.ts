/**
 * The kernel's worker thread ended in mid-step, again and again, in a process that lives on: its memory is torn, so the task is
 * restored and the records come again, and no reader notices. `ta` is the real one; a preloaded module ends the thread.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { startEngine } from '../broker/engine-process.ts'
import { tailOf } from '../broker/engine-job.ts'
import { LiveFeed, ROUNDS, chaosJob, expectWhole, flows, linesOf, live } from './chaos-job.ts'

const DEATHS = 20 * ROUNDS
const SEED = 7

/**
 * Ends the worker right after a step was handed to it: of every 60 or so the one that a seed picks, at once or a moment later.
 * One worker at a time, so it is known which.
 */
const PRELOAD = `
const threads = require('node:worker_threads')
if (threads.isMainThread) {
  let worker, deaths = 0, seed = ${SEED}
  const random = () => (seed = (seed * 48271) % 2147483647) / 2147483647
  let left = 200
  const { Worker, MessagePort } = threads
  threads.Worker = class extends Worker {
    postMessage(message, ...rest) {
      // piscina's first word to a worker; the thread that encodes snapshots is not meant
      if (/dispatch\\/worker\\.ts$/.test(message?.filename)) worker = this
      super.postMessage(message, ...rest)
    }
  }
  const post = MessagePort.prototype.postMessage
  MessagePort.prototype.postMessage = function (message, ...rest) {
    post.call(this, message, ...rest)
    if (!message?.task?.key || deaths >= ${DEATHS} || --left > 0) return
    left = Math.floor(20 + random() * 80)
    const nth = ++deaths
    const line = JSON.stringify({ level: 'warn', msg: 'thread ended', nth }) + '\\n'
    const end = (of) => of.terminate().then(() => process.stderr.write(line))
    if (random() < 0.5) end(worker)
    else setImmediate(end, worker)
  }
  require('node:module').syncBuiltinESMExports()
}
`

it(`${DEATHS} workers that die in mid-step cost time and nothing else`, async () => {
  const job = await chaosJob()
  const preload = join(job.folder, 'preload.cjs')
  writeFileSync(preload, PRELOAD)
  const tail = await tailOf(job)
  const feed = await LiveFeed.start(job)
  const engine = await live(startEngine({ ...job.env, TA_WORKERS: '1', NODE_OPTIONS: `--require ${preload}` }))
  const deaths = () => linesOf(engine, ({ msg }) => msg === 'thread ended').length
  await engine.logged(() => deaths() === DEATHS)
  await flows(job, tail, engine, 100)
  // most of them in the middle of a step; a worker that dies between steps is nobody's loss
  expect(linesOf(engine, ({ msg }) => /did not end/.test(msg)).length).toBeGreaterThan(DEATHS / 2)
  expect(linesOf(engine, ({ msg }) => /traps the kernel/.test(msg))).toEqual([])
  const sent = await feed.stop()
  expect((await engine.stop()).code).toBe(0)
  expect((await expectWhole(job, tail)).records).toBe(sent)
})
