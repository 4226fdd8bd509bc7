/** What every bench stands on: a real broker, topics of its own, `ta run` as a child with its logs read along. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { UserError } from '../src/contract/errors.ts'
import { EXIT_OUTSIDE } from '../src/contract/exit-codes.ts'
import { openAppender, openLog } from '../src/commands/open-log.ts'
import { startEngine } from '../src/demo/engine-process.ts'
import type { EngineProcess } from '../src/demo/engine-process.ts'
import { freePort } from '../src/demo/broker-process.ts'
import { startLocalBroker } from '../src/demo/local-broker.ts'
import type { LocalBroker } from '../src/demo/local-broker.ts'
import { openLogger } from '../src/logging/logger.ts'
import type { Appender } from '../src/ports/appender.ts'
import type { Log } from '../src/ports/log.ts'
import { readSettings } from '../src/settings/settings.ts'
import type { Settings } from '../src/settings/settings.ts'
import { createTopics, describeWanted, planTopics } from '../src/topics/topics.ts'

/** As a user starts it, with the cache of compiled code. */
const BIN = fileURLToPath(new URL('../bin/ta', import.meta.url))
export const PARTITIONS = 4

/** A job of its own on a broker: topics, group, snapshots. */
export interface Job {
  env: Record<string, string>
  settings: Settings
  folder: string
  log: Log
  appender: Appender
  end(): Promise<void>
}

const folders: string[] = []
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

/** A folder that is gone when the bench is over, if not before. */
export function newFolder(name: string): string {
  folders.push(mkdtempSync(join(tmpdir(), `ta-bench-${name}-`)))
  return folders[folders.length - 1]
}

/** A broker as one runs it in production: the JVM's own compiler and collector, a heap that is there from the start. */
export async function startServerBroker(properties: Record<string, string> = {}): Promise<LocalBroker> {
  return await startLocalBroker({ heapMb: 1024, jvmFlags: ['-Xms1024m', '-XX:+UseG1GC'], properties })
}

/** Makes a job with topics of its own, but for those that `more` names. */
export async function openJob(broker: Pick<LocalBroker, 'bootstrap'>, name: string, more: Record<string, string> = {}, partitions = PARTITIONS): Promise<Job> {
  const folder = newFolder(name)
  const topic = (what: string): string => `${name}.${what}`
  const env = {
    TA_KAFKA_BOOTSTRAP: broker.bootstrap, TA_GROUP_ID: name, TA_AUTO_OFFSET_RESET: 'earliest', TA_SNAPSHOT_URI: `file://${folder}/snapshots`,
    TA_TRADES_TOPIC: topic('trades'), TA_QUOTES_TOPIC: topic('quotes'), TA_BARS1M_TOPIC: '', TA_MICROBARS_TOPIC: topic('bars'),
    TA_SIGNALS_TOPIC: topic('signals'), TA_STATUS_TOPIC: topic('status'), TA_LATE_TOPIC: topic('late'), TA_DLQ_TOPIC: topic('dlq'),
    TA_EPOCHS_TOPIC: topic('epochs'), ...more,
  }
  const settings = readSettings(env, { command: 'run' })
  const logger = openLogger({ level: 'error' })
  const log = await openLog(settings, logger)
  await log.connect(30_000)
  await createTopics(log, planTopics(settings, await describeWanted(log, settings), { partitions }))
  const appender = await openAppender(settings, logger)
  const end = async (): Promise<void> => {
    await appender.close()
    await log.close()
    rmSync(folder, { recursive: true, force: true })
  }
  return { env, settings, folder, log, appender, end }
}

/** One line of an engine's log. */
export interface LogLine {
  time: string
  msg: string
  [field: string]: unknown
}

export interface BenchEngine extends EngineProcess {
  lines(): LogLine[]
  metrics(): Promise<string>
  startedMs: number
}

/** Starts an instance of the job's engine as users do, or a program of one's `own` (its main file, with flags for Node). */
export async function runEngine(
  job: Job, instance: string, more: Record<string, string> = {}, own: { program: string; nodeFlags: string[] } | null = null,
): Promise<BenchEngine> {
  const folder = newFolder(instance)
  const httpPort = await freePort()
  const startedMs = Date.now()
  const engine = await startEngine({
    ...(own === null
      ? { command: BIN, args: ['run'] }
      : { command: process.execPath, args: ['--disable-warning=ExperimentalWarning', ...own.nodeFlags, own.program, 'run'] }),
    folder, httpPort,
    env: {
      PATH: process.env.PATH, HOME: process.env.HOME, ...(own === null ? {} : { UV_THREADPOOL_SIZE: '64', MALLOC_MMAP_THRESHOLD_: '4194304' }), ...job.env, TA_INSTANCE_ID: instance,
      TA_HTTP_PORT: String(httpPort), ...more,
    },
  })
  const logFile = join(folder, 'engine.log')
  void engine.ended.then(() => setTimeout(() => rmSync(folder, { recursive: true, force: true }), 1_000))
  return {
    ...engine,
    startedMs,
    lines: () => readFileSync(logFile, 'utf8').split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as LogLine),
    metrics: async () => await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text(),
  }
}

/** Resolves when the condition holds, looked at every few ms; throws after `patienceMs`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, patienceMs = 60_000): Promise<void> {
  const deadlineMs = performance.now() + patienceMs
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new UserError(EXIT_OUTSIDE, `${what} did not come within ${patienceMs} ms`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
