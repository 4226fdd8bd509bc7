#!/usr/bin/env node
/**
 * Runs the tests with the engine's Node; arguments go to vitest (e.g. `--project unit`, a path). The last line is
 * `N passed, N failed` (`, N skipped`). Exit code 1 on any failure, and when there was nothing to run.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeAtHand } from './setup/node-runtime.mjs'
import { nodeLink, nodeModules, root } from './setup/places.mjs'

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
  const node = existsSync(nodeLink) ? nodeLink : nodeAtHand()?.bin
  if (node === undefined || !existsSync(join(nodeModules, 'vitest'))) {
    process.stderr.write('test: nothing is installed yet: run `npm test`, or `node bin/setup.mjs --with-test-broker` first.\n')
    process.stdout.write('0 passed, 1 failed\n')
    return 1
  }
  const folder = mkdtempSync(join(tmpdir(), 'torghut-ta-test-'))
  try {
    const reportFile = join(folder, 'report.json')
    const exitCode = await run(node, reportFile, args)
    const report = existsSync(reportFile) ? JSON.parse(readFileSync(reportFile, 'utf8')) : undefined
    const outcomes = countOutcomes(report, exitCode)
    process.stdout.write(`\n${summaryLine(outcomes)}\n`)
    return outcomes.failed > 0 || outcomes.passed === 0 ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

if (import.meta.url.endsWith('/test.mjs') && process.argv[1]?.endsWith('test.mjs')) process.exitCode = await main(process.argv.slice(2))
