/** `node bin/run.mjs`: programs of the project run with the engine's Node, with their arguments and exit codes. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

const RUN = fileURLToPath(new URL('../../bin/run.mjs', import.meta.url))
const run = (...args: string[]) => spawnSync(process.execPath, [RUN, ...args], { encoding: 'utf8' })
let folder: string
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'ta-run-'))))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('runs TypeScript with the engine\'s Node and hands on arguments and exit code', { timeout: 60_000 }, () => {
  const program = join(folder, 'program.ts')
  writeFileSync(program, 'const words: string[] = process.argv.slice(2)\nconsole.log(process.version, ...words)\nprocess.exitCode = 7\n')
  const { status, stdout } = run(program, '--rate', '5')
  expect(status).toBe(7)
  expect(stdout).toMatch(/^v(2[4-9]|[3-9]\d)\.\S+ --rate 5\n$/)
})

it('asks for a program', { timeout: 60_000 }, () => {
  const { status, stderr } = run()
  expect(status).toBe(64)
  expect(stderr).toContain('which program')
})
