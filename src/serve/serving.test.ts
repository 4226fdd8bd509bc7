import { createServer, type AddressInfo } from 'node:net'
import { Worker } from 'node:worker_threads'
import { afterEach, describe, expect, it } from 'vitest'
import { METRICS } from '../contract/metrics.ts'
import type { EngineReport, TaskStatus } from './engine-report.ts'
import { Serving, type ServingOptions } from './serving.ts'

const open: Serving[] = []
const build = { version: '1.2.3', node: process.version, kernel: 'abc' }

async function serve(options: Partial<ServingOptions> = {}): Promise<Serving> {
  const serving = new Serving({ host: '127.0.0.1', port: 0, token: '', build, ...options })
  open.push(serving)
  await serving.listen()
  return serving
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((serving) => serving.close()))
})

const url = (serving: Serving, path: string): string => `http://127.0.0.1:${serving.port}${path}`

async function get(serving: Serving, path: string, headers: Record<string, string> = {}) {
  const response = await fetch(url(serving, path), { headers })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** Asks again until the answer is as expected; the test's own timeout ends it. */
async function until(serving: Serving, path: string, right: (answer: { status: number; text: string }) => boolean) {
  for (;;) {
    const answer = await get(serving, path)
    if (right(answer)) return answer
  }
}

/** Value of one line of Prometheus' text, undefined when there is none. */
function sample(text: string, series: string): number | undefined {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

const task: TaskStatus = {
  task: 0, state: 'live', epoch: 7, symbols: 3, watermarkLagMs: 2_100, sourceLagMs: 40, snapshotAgeMs: null, records: 100,
  reason: '',
}
const nothing: EngineReport = { counters: [], gauges: [], tasks: [] }

describe('health', () => {
  it('is ready when it is said to be, and says why not in words', async () => {
    const serving = await serve()
    expect(await get(serving, '/readyz')).toMatchObject({ status: 503, text: 'starting\n' })
    serving.setReady(false, 'task 2 of 4 is being restored')
    await until(serving, '/readyz', ({ text }) => text === 'task 2 of 4 is being restored\n')
    serving.setReady(true)
    await until(serving, '/readyz', ({ status }) => status === 200)
  })

  it('is alive while the loop turns, and neither alive nor ready when it does not', async () => {
    const serving = await serve({ turnStaleAfterMs: 150 })
    serving.setReady(true)
    serving.turn()
    expect((await get(serving, '/livez')).status).toBe(200)
    const dead = await until(serving, '/livez', ({ status }) => status === 503)
    expect(dead.text).toMatch(/^the main loop has not turned for \d+\.\d s\n$/)
    expect(await get(serving, '/readyz')).toMatchObject({ status: 503, text: expect.stringContaining('main loop') })
    serving.turn()
    expect(await get(serving, '/livez')).toMatchObject({ status: 200, text: 'ok\n' })
  })

  it('answers while the main thread is stuck', async () => {
    const serving = await serve()
    const answered = new SharedArrayBuffer(4)
    const status = new Int32Array(answered)
    const asker = new Worker(`
      const { workerData: { url, answered } } = require('node:worker_threads')
      const status = new Int32Array(answered)
      fetch(url).then(({ status: code }) => { Atomics.store(status, 0, code); Atomics.notify(status, 0) })
    `, { eval: true, workerData: { url: url(serving, '/livez'), answered } })
    // Nothing of this thread's own runs until the answer is there.
    expect(Atomics.wait(status, 0, 0, 10_000)).not.toBe('timed-out')
    expect(Atomics.load(status, 0)).toBe(200)
    await asker.terminate()
  })
})

describe('/metrics', () => {
  it('has every metric of the table with its type, and the process', async () => {
    const serving = await serve()
    const { text, headers } = await until(serving, '/metrics',
      (answer) => answer.text.includes('nodejs_eventloop_lag_p99_seconds '))
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
    for (const { name, kind } of Object.values(METRICS)) expect(text).toContain(`# TYPE ${name} ${kind}\n`)
    expect(sample(text, `ta_build_info{version="1.2.3",node="${process.version}",kernel="abc"}`)).toBe(1)
    expect(sample(text, 'ta_input_records_total{channel="trades",outcome="applied"}')).toBe(0)
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_heap_size_used_bytes']) {
      expect(sample(text, name), name).toBeGreaterThan(0)
    }
    const names = text.split('\n').filter((line) => line.startsWith('# TYPE')).map((line) => line.split(' ')[2])
    expect(new Set(names).size).toBe(names.length)
    // No snapshot is not a new one.
    expect(sample(text, 'ta_snapshot_age_seconds')).toBeUndefined()
  })

  it('takes totals as they are, forgets tasks that left, and counts observations', async () => {
    const serving = await serve()
    serving.observe('eventToCommit', ['true'], 2.04)
    for (let i = 0; i < 3_000; i++) serving.observe('epoch', ['kernel'], 0.0015)
    const counters: EngineReport['counters'] = [['inputRecords', ['trades', 'applied'], 10]]
    serving.report({ counters, gauges: [['symbols', ['0'], 3], ['symbols', ['1'], 4], ['snapshotAge', [], 9]], tasks: [task] })
    serving.report({ counters: [['inputRecords', ['trades', 'applied'], 12]], gauges: [['symbols', ['1'], 5]], tasks: [task] })
    const { text } = await until(serving, '/metrics', (answer) => sample(answer.text, 'ta_symbols{task="1"}') === 5)
    expect(sample(text, 'ta_input_records_total{channel="trades",outcome="applied"}')).toBe(12)
    expect(sample(text, 'ta_symbols{task="0"}')).toBeUndefined()
    expect(sample(text, 'ta_snapshot_age_seconds')).toBeUndefined()
    expect(sample(text, 'ta_event_to_commit_seconds_bucket{le="2.02",final="true"}')).toBe(0)
    expect(sample(text, 'ta_event_to_commit_seconds_bucket{le="2.05",final="true"}')).toBe(1)
    expect(sample(text, 'ta_epoch_seconds_count{stage="kernel"}')).toBe(3_000)
    expect(sample(text, 'ta_build_info{version="1.2.3",node="' + process.version + '",kernel="abc"}')).toBe(1)
    serving.report({ ...nothing, counters: [['inputRecords', ['trades', 'applied'], 2]] })
    await until(serving, '/metrics', (answer) => sample(answer.text,
      'ta_input_records_total{channel="trades",outcome="applied"}') === 2)
  })
})

describe('pages', () => {
  it('shows the tasks', async () => {
    const serving = await serve()
    serving.report({ ...nothing, tasks: [task] })
    const { text } = await until(serving, '/status', (answer) => JSON.parse(answer.text).tasks.length === 1)
    expect(JSON.parse(text)).toMatchObject({ build, live: { ok: true }, ready: { ok: false, reason: 'starting' }, tasks: [task] })
    const page = await get(serving, '/')
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(page.text).toContain('<title>torghut-ta</title>')
  })

  it('knows what it does not have', async () => {
    const serving = await serve()
    expect((await get(serving, '/nothing')).status).toBe(404)
    const posted = await fetch(url(serving, '/'), { method: 'POST' })
    expect(posted.status).toBe(405)
    const head = await fetch(url(serving, '/livez'), { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '3', ''])
  })

  it('asks for the token everywhere but at the probes', async () => {
    const serving = await serve({ token: 'right-token' })
    serving.setReady(true)
    for (const path of ['/', '/status', '/metrics', '/nothing']) {
      expect((await get(serving, path)).status, path).toBe(401)
      expect((await get(serving, path, { authorization: 'Bearer wrong-token' })).status, path).toBe(401)
    }
    expect((await get(serving, '/')).headers.get('www-authenticate')).toMatch(/^Bearer/)
    expect((await get(serving, '/livez')).status).toBe(200)
    await until(serving, '/readyz', ({ status }) => status === 200)
    expect((await get(serving, '/metrics', { authorization: 'Bearer right-token' })).status).toBe(200)
    const form = await get(serving, '/', { accept: 'text/html' })
    expect([form.status, form.text.includes('<form>')]).toEqual([401, true])
  })
})

describe('listening', () => {
  it('says in a sentence that the port is in use', async () => {
    const other = createServer()
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const { port } = other.address() as AddressInfo
    await expect(serve({ port })).rejects.toMatchObject({
      exitCode: 78, message: expect.stringMatching(new RegExp(`^port ${port} on 127.0.0.1 is in use: .* TA_HTTP_PORT`)),
    })
    other.close()
  })

  it('says in a sentence that the address is not of this machine', async () => {
    await expect(serve({ host: '192.0.2.1' })).rejects.toMatchObject({ exitCode: 78,
      message: expect.stringContaining('TA_HTTP_HOST') })
  })

  it('starts the thread again on the same port when it dies, and the engine goes on', async () => {
    const died = Promise.withResolvers<Error>()
    const serving = await serve({ onFailure: died.resolve })
    serving.setReady(true)
    // A report that can't be: what throws on the thread ends it.
    serving.report({ ...nothing, gauges: [['nonsense', [], 1]] } as unknown as EngineReport)
    expect((await died.promise).name).toBe('TypeError')
    const answer = async (): Promise<number> => await fetch(url(serving, '/readyz')).then(({ status }) => status, () => 0)
    await expect.poll(answer, { timeout: 10_000 }).toBe(200)
  })

  it('frees its port when closed', async () => {
    const first = await serve()
    const { port } = first
    await first.close()
    expect((await serve({ port })).port).toBe(port)
  })
})
