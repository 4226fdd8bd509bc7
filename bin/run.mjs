#!/usr/bin/env node
/**
 * Runs one of the project's programs (a bench, the profiler, a generator) with the engine's Node, whatever Node called this:
 *   node bin/run.mjs bench/latency.ts [arguments]
 * Sets up what is missing first, the local broker included. Exit code: the program's.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { resolve } from 'node:path'
import { nodeLink, root } from './setup/places.mjs'
import { SetupError } from './setup/run-tool.mjs'
import { setUp } from './setup.mjs'

const EXIT_FAILED = 1
const EXIT_USAGE = 64

async function main([program, ...args]) {
  if (program === undefined) {
    process.stderr.write('run: which program? For instance bench/latency.ts\n')
    return EXIT_USAGE
  }
  try {
    await setUp({ withBroker: true })
  } catch (error) {
    process.stderr.write(`run: ${error instanceof SetupError ? error.message : error.stack}\n`)
    return EXIT_FAILED
  }
  const env = { ...process.env, UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE || '64' }
  const child = spawn(nodeLink, ['--disable-warning=ExperimentalWarning', resolve(root, program), ...args], { cwd: root, env, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return await new Promise((done, failed) => {
    child.once('error', failed)
    child.once('exit', (code, signal) => done(code ?? 128 + constants.signals[signal]))
  })
}

process.exitCode = await main(process.argv.slice(2))
