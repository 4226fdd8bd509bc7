#!/usr/bin/env node
/**
 * Sets up what is missing, and runs the tests with the engine's Node; arguments go to vitest (e.g. `--project unit`, a
 * path). The last line is `N passed, N failed` (`, N skipped`). Exit code 1 on any failure, and when nothing was run.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nodeLink, nodeModules, root } from './setup/places.mjs'
import { SetupError } from './setup/run-tool.mjs'
import { setUp } from './setup.mjs'

/** Of the whole run: passed, failed and skipped tests. A file that does not load, or an error outside tests, is a failure. */
export function countOutcomes(report, exitCode) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 }
  const brokenFiles = report.testResults.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')).length
  const { numPassedTests: passed, numPendingTests, numTodoTests = 0 } = report
  const failed = report.numFailedTests + brokenFiles
  return { passed, failed: failed === 0 && exitCode !== 0 ? 1 : failed, skipped: numPendingTests + numTodoTests }
}

export const summaryLine = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`

/** What `npm test` runs: all of it. `npm run test:chaos` runs the kills and outages on a real broker alone. */
const USUAL = ['--project', 'unit', '--project', 'simulation', '--project', 'broker', '--project', 'chaos']

/** Whether a broker has to be there: not for these projects alone. */
function needsBroker(args) {
  const projects = [...args.join(' ').matchAll(/--project[= ](\w+)/g)].map(([, name]) => name)
  return projects.length === 0 || projects.some((name) => name !== 'unit' && name !== 'simulation')
}

function run(node, reportFile, args) {
  const vitest = join(nodeModules, 'vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`]
  const env = { ...process.env, UV_THREADPOOL_SIZE: process.env.UV_THREADPOOL_SIZE || '64' }
  const child = spawn(node, [vitest, 'run', ...reporters, ...args], { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal]))
  })
}

async function main(args) {
  try {
    await setUp({ withBroker: needsBroker(args) })
  } catch (error) {
    process.stderr.write(`test: ${error instanceof SetupError ? error.message : error.stack}\n`)
    process.stdout.write(`${summaryLine(countOutcomes(undefined, 1))}\n`)
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'torghut-ta-test-'))
  try {
    const reportFile = join(folder, 'report.json')
    const exitCode = await run(nodeLink, reportFile, args)
    const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : undefined
    const outcomes = countOutcomes(report, exitCode)
    process.stdout.write(`\n${summaryLine(outcomes)}\n`)
    return outcomes.failed > 0 || outcomes.passed === 0 ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const args = process.argv.slice(2)
  process.exitCode = await main(args.length > 0 ? args : USUAL)
}
