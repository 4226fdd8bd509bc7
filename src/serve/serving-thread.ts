/**
 * Entry of the serving thread: health, metrics and console by HTTP, apart from the main thread, so that neither holds up the
 * other. In: messages (engine-report.ts) and the count of the main loop's turns. Out: answers. Imports contract alone.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { AddressInfo } from 'node:net'
import type { EngineReport, ServingAnswer, ServingMessage, ServingStart } from './engine-report.ts'
import { createHttpServer, type ServingView } from './http-server.ts'
import { Liveness, LOOK_MS } from './liveness.ts'
import { MetricRegistry } from './metric-registry.ts'

const port = parentPort
if (!port) throw new Error('serving-thread.ts is the entry of a worker thread')

const start = workerData as ServingStart
const startedMs = Date.now()
const liveness = new Liveness(start.turns, start.turnStaleAfterMs)
const registry = new MetricRegistry(start.build)
let ready = { ok: start.ready, reason: start.reason }
let last: { report: EngineReport; atMs: number } | undefined

function live(): { ok: boolean; reason: string } {
  const ok = liveness.look()
  return { ok, reason: ok ? '' : `the main loop has not turned for ${(liveness.quietMs / 1_000).toFixed(1)} s` }
}

const view: ServingView = {
  live,
  ready: () => {
    const turning = live()
    return turning.ok ? ready : turning
  },
  status: () => ({
    build: start.build,
    startedMs,
    nowMs: Date.now(),
    live: live(),
    ready,
    reportAgeMs: last ? Date.now() - last.atMs : null,
    counters: last?.report.counters ?? [],
    tasks: last?.report.tasks ?? [],
  }),
  metrics: async () => ({ contentType: registry.contentType, text: await registry.text() }),
}

const answer = (message: ServingAnswer): void => port.postMessage(message)
const server = createHttpServer(view, start.token)

server.on('error', (error: NodeJS.ErrnoException) => answer({ type: 'failed', code: error.code ?? '', detail: error.message }))
server.listen({ host: start.host, port: start.port }, () => {
  answer({ type: 'listening', port: (server.address() as AddressInfo).port })
})
setInterval(() => liveness.look(), LOOK_MS)

port.on('message', (message: ServingMessage) => {
  switch (message.type) {
    case 'report':
      registry.observe(message.observations)
      if (message.mainThread) registry.setMainThread(message.mainThread)
      if (message.report) {
        registry.apply(message.report)
        last = { report: message.report, atMs: Date.now() }
      }
      return
    case 'ready':
      ready = { ok: message.ready, reason: message.reason }
  }
})
