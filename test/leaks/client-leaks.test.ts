/** The patched client under valgrind: what its own code asks of the heap it gives back, however often it is called. */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import { bootstrap } from '../broker/harness.ts'

const USE = fileURLToPath(new URL('client-use.ts', import.meta.url))
const ROUNDS = 4
/** What the binding never frees of a client or of an admin's call: some KB each, whatever goes through it. */
const ONCE_A_CLIENT = /NodeKafka::Conf::create|NodeKafka::Callbacks::Dispatcher::Activate|NodeKafka::Conversion::Admin::FromV8TopicObject/
const hasValgrind = spawnSync('valgrind', ['--version']).status === 0
if (!hasValgrind) console.warn('skipped: there is no valgrind here, so nobody looks for leaks of the Kafka client')
const folder = mkdtempSync(join(tmpdir(), 'ta-leaks-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Finding {
  kind: string
  bytes: number
  functions: string[]
}

/** Errors and leaks of which some function is the client's own or librdkafka's. */
function findingsIn(xml: string): Finding[] {
  const errors = [...xml.matchAll(/<error>([^]*?)<\/error>/g)].map(([, error]) => error)
  return errors
    .map((error) => ({
      kind: /<kind>(.*?)<\/kind>/.exec(error)?.[1] ?? '', bytes: Number(/<leakedbytes>(\d+)</.exec(error)?.[1] ?? 0),
      functions: [...error.matchAll(/<fn>(.*?)<\/fn>/g)].map(([, name]) => name), objects: error,
    }))
    .filter(({ kind, objects }) => /node-librdkafka\.node|librdkafka\.so/.test(objects) && !(kind === 'Leak_DefinitelyLost' && ONCE_A_CLIENT.test(objects)))
    .map(({ kind, bytes, functions }) => ({ kind, bytes, functions }))
}

it.skipIf(!hasValgrind)('has no leak, and reads and writes nothing that is not its own', async () => {
  const report = join(folder, 'report.xml')
  const child = spawn('valgrind', [
    '--leak-check=full', '--show-leak-kinds=definite', '--errors-for-leak-kinds=definite', '--num-callers=30', '--xml=yes', `--xml-file=${report}`,
    process.execPath, '--disable-warning=ExperimentalWarning', USE, bootstrap(), String(ROUNDS),
  ], { env: { ...process.env, UV_THREADPOOL_SIZE: '8' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => (stdout += String(chunk)))
  child.stderr.on('data', (chunk) => (stderr += String(chunk)))
  const code = await new Promise((resolve) => child.on('close', resolve))
  expect(code, stderr.slice(-2_000)).toBe(0)
  const { seen, sent, errors } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, number>
  expect([seen, sent, errors]).toEqual([ROUNDS * 521, ROUNDS * 521, ROUNDS])
  expect(findingsIn(readFileSync(report, 'utf8'))).toEqual([])
})
