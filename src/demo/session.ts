/**
 * One run of the demo: topics, engine, feed, table; and the end of all of it in the reverse order, whatever happens.
 * In: the parts, handed in by the command. Out: the table's last state. Imports ports, contract, settings, feed and topics.
 */
import { UserError } from '../contract/errors.ts'
import { EXIT_BUG, EXIT_SETTINGS, EXIT_OUTSIDE, EXIT_USAGE, type UserExitCode } from '../contract/exit-codes.ts'
import type { Appender } from '../ports/appender.ts'
import type { Clock } from '../ports/clock.ts'
import { LogError } from '../ports/log.ts'
import type { Log, LogConsumer, RecordColumns } from '../ports/log.ts'
import type { Settings } from '../settings/settings.ts'
import { createTopics, describeWanted, planTopics } from '../topics/topics.ts'
import type { EngineProcess } from './engine-process.ts'
import { showLive } from './screen.ts'
import type { Output } from './screen.ts'
import { renderLine, renderTable } from './table.ts'
import { applyOutput, newTable } from './table-state.ts'
import type { TableState } from './table-state.ts'

const CONNECT_TIMEOUT_MS = 15_000
const CONSUME_WAIT_MS = 100
const READY_EVERY_MS = 250
const READY_POLL_MS = 50
const READY_TIMEOUT_MS = 60_000
const RETRY_MS = 500

/** What the demo is made of. Each is opened when its turn comes and ended by what it returns. */
export interface DemoParts {
  clock: Clock
  openLog(): Promise<Log>
  openAppender(): Promise<Appender>
  startEngine(): Promise<EngineProcess>
  /** Feeds until its end or the signal; resolves when all is acknowledged. */
  feed(appender: Appender, log: Log, signal: AbortSignal): Promise<void>
  columns: RecordColumns
  output: Output
  /** Says to the person what goes on while there is no table. */
  say(text: string): void
  env: Readonly<Record<string, string | undefined>>
}

export interface DemoOptions {
  settings: Settings
  partitions: number
  consoleUrl: string
  /** Ends by itself after so long; undefined: when it is stopped. */
  durationMs: number | undefined
  /** After the end of the feed wait so long for the last finals, then end; undefined: go on until stopped. */
  afterFeedMs: number | undefined
}

/** Runs until `stop`, the duration or the feed ends it. Resolves with the table's last state when nothing is left behind. */
export async function runDemo(parts: DemoParts, options: DemoOptions, stop: AbortSignal): Promise<TableState> {
  await using ends = new AsyncDisposableStack()
  const table = newTable(parts.clock.nowMs())
  table.consoleUrl = options.consoleUrl
  const { settings } = options
  // Ends the parts' own loops; the stack below ends the parts.
  const over = new AbortController()
  ends.defer(() => {
    over.abort()
    table.engine = 'stopped'
  })
  const stopped = whenAborted(stop)

  const log = ends.adopt(await parts.openLog(), (opened) => opened.close())
  await log.connect(CONNECT_TIMEOUT_MS)
  await createTopics(log, planTopics(settings, await describeWanted(log, settings), { partitions: options.partitions }))
  if (stop.aborted) return table

  const consumer = ends.adopt(await openOutputs(log, settings), (opened) => opened.close())
  const engine = ends.adopt(await parts.startEngine(), (started) => started.stop())
  const appender = ends.adopt(await parts.openAppender(), (opened) => opened.close())
  table.startedMs = parts.clock.nowMs()
  ends.adopt(showTable(parts, table), (endTable) => {
    endTable()
    parts.say('Stopping …')
  })

  const reading = readOutputs(consumer, parts, table, over.signal)
  // The consumer is closed only when nobody reads from it any more.
  ends.defer(async () => {
    over.abort()
    await reading.catch(() => {})
  })
  const died = engine.ended.then(({ exitCode, lastWords }) => {
    throw new UserError(userExitCode(exitCode), `The engine ended by itself (exit code ${exitCode ?? 'none'}): ${lastWords}`)
  })
  died.catch(() => {}) // it ends with the demo, too, and then nobody asks why
  // What was fed to an engine that still starts would only be measured as slow.
  await Promise.race([stopped, reading, died, untilReady(engine, parts.clock, over.signal)])
  if (stop.aborted) return table
  table.startedMs = parts.clock.nowMs()
  const feeding = feedUntilOver(parts, options, counted(appender, table), log, over.signal)
  ends.defer(async () => {
    over.abort()
    await feeding.catch(() => {})
  })
  void watchReadiness(engine, parts.clock, table, over.signal)
  await Promise.race([stopped, feeding, reading, died, durationOver(parts.clock, options.durationMs, over.signal)])
  table.nowMs = parts.clock.nowMs()
  return table
}

/** Throws UserError when the engine is not ready in time. */
async function untilReady(engine: EngineProcess, clock: Clock, signal: AbortSignal): Promise<void> {
  const deadlineMs = clock.monotonicMs() + READY_TIMEOUT_MS
  while (!signal.aborted && !(await engine.isReady())) {
    if (clock.monotonicMs() > deadlineMs)
      throw new UserError(EXIT_OUTSIDE, `The engine was not ready within ${READY_TIMEOUT_MS / 1000} s; is the machine busy?`)
    await clock.sleep(READY_POLL_MS)
  }
}

/** A consumer of bars and signals, from now on. */
async function openOutputs(log: Log, settings: Settings): Promise<LogConsumer> {
  const topics = [settings.microbarsTopic, settings.signalsTopic]
  const infos = await log.describe(topics)
  const positions = []
  for (const { name, partitions } of infos) {
    for (let partition = 0; partition < partitions; partition++) {
      const { high } = await log.bounds(name, partition, 'read_committed')
      positions.push({ topic: name, partition, offset: high })
    }
  }
  const consumer = log.consumer(topics)
  await consumer.assign(positions)
  return consumer
}

/** Reads the outputs into the table until told to end. What is outside (a broker that is gone) is tried again. */
async function readOutputs(
  consumer: LogConsumer,
  { columns, clock }: DemoParts,
  table: TableState,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const { count } = await consumer.consume(columns, CONSUME_WAIT_MS)
      const receivedMs = clock.nowMs()
      for (let i = 0; i < count; i++) {
        const { values, valueEnds } = columns
        const value = values.subarray(i === 0 ? 0 : valueEnds[i - 1], valueEnds[i])
        applyOutput(table, Buffer.from(value.buffer, value.byteOffset, value.byteLength), receivedMs)
      }
    } catch (error) {
      if (!(error instanceof LogError) || error.kind !== 'outside') throw error
      await clock.sleep(RETRY_MS)
    }
  }
}

/** Feeds; goes on for a while after the feed's own end, or until it is over. */
async function feedUntilOver(
  parts: DemoParts,
  options: DemoOptions,
  appender: Appender,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  await parts.feed(appender, log, signal)
  if (options.afterFeedMs === undefined) return await whenAborted(signal)
  await Promise.race([parts.clock.sleep(options.afterFeedMs), whenAborted(signal)])
}

function counted(appender: Appender, table: TableState): Appender {
  return {
    append: async (outputs) => {
      const count = outputs.reduce((sum, columns) => sum + columns.count, 0)
      await appender.append(outputs)
      table.recordsIn += count
    },
    close: () => appender.close(),
  }
}

function showTable({ output, env, clock }: DemoParts, table: TableState): () => void {
  const atNow = () => {
    table.nowMs = clock.nowMs()
    return table
  }
  const frame = (columns: number, rows: number, colours: boolean) => renderTable(atNow(), columns, rows, colours)
  return showLive(output, { frame, line: () => renderLine(atNow()) }, env)
}

async function watchReadiness(engine: EngineProcess, clock: Clock, table: TableState, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const ready = await engine.isReady()
    // Whoever ends the demo has set its own word in the meantime.
    if (signal.aborted) return
    table.engine = ready ? 'live' : table.engine === 'starting' ? 'starting' : 'not ready'
    await clock.sleep(READY_EVERY_MS)
  }
}

async function durationOver(clock: Clock, durationMs: number | undefined, signal: AbortSignal): Promise<void> {
  if (durationMs === undefined) return await whenAborted(signal)
  const endMs = clock.monotonicMs() + durationMs
  while (!signal.aborted && clock.monotonicMs() < endMs) await clock.sleep(Math.min(READY_EVERY_MS, endMs - clock.monotonicMs()))
}

const USER_EXIT_CODES: readonly UserExitCode[] = [EXIT_USAGE, EXIT_OUTSIDE, EXIT_BUG, EXIT_SETTINGS]

function userExitCode(exitCode: number | null): UserExitCode {
  return USER_EXIT_CODES.find((code) => code === exitCode) ?? EXIT_BUG
}

function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
