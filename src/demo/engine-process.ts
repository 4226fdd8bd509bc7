/** `ta run` as a child of the demo, with its logs in a file and its readiness asked for over HTTP. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { endProcess, startWatched } from './broker-process.ts'
import type { WatchedProcess } from './broker-process.ts'

/** What `ta run` needs to end in order, and then some. */
const END_PATIENCE_MS = 20_000
const READY_ASK_MS = 2_000

export interface EngineStart {
  /** Program and arguments that run the engine. */
  command: string
  args: string[]
  env: NodeJS.ProcessEnv
  /** Folder for its log; removed should this process be killed. */
  folder: string
  /** Where it serves /readyz. */
  httpPort: number
}

/** A running engine. */
export interface EngineProcess {
  readonly pid: number
  /** Resolves at its end with its exit code and its last words. */
  readonly ended: Promise<{ exitCode: number | null; lastWords: string }>
  /** Whether its tasks are live. */
  isReady(): Promise<boolean>
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
}

/** Starts the engine; it dies with this process, whatever ends this one. */
export async function startEngine(start: EngineStart): Promise<EngineProcess> {
  const logFile = join(start.folder, 'engine.log')
  const watched = await startWatched(start.command, start.args, logFile, start.folder, start.env)
  return {
    pid: watched.pid,
    ended: watched.ended.then(() => ({ exitCode: watched.child.exitCode, lastWords: lastWords(logFile, watched) })),
    isReady: () => isReady(start.httpPort),
    stop: () => endProcess(watched, 'SIGTERM', END_PATIENCE_MS),
  }
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(READY_ASK_MS) })
    await answer.arrayBuffer()
    return answer.ok
  } catch {
    return false // it does not listen yet, or not any more
  }
}

/** Message of the last fatal or error line of the log, else its last line's. */
function lastWords(logFile: string, { child }: WatchedProcess): string {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n')
  for (const line of lines.reverse()) {
    const { level, msg } = fieldsOf(line)
    if (level === 'fatal' || level === 'error') return String(msg)
  }
  const { msg } = fieldsOf(lines[0])
  if (msg !== undefined) return `its last line was "${String(msg)}"`
  return lines[0] || (child.signalCode === null ? 'it said nothing' : `ended by ${child.signalCode}`)
}

function fieldsOf(line: string): { level?: unknown; msg?: unknown } {
  try {
    return JSON.parse(line) as { level?: unknown; msg?: unknown }
  } catch {
    return {} // not one of its log lines
  }
}
