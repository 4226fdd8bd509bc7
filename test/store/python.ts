/**
 * A Python that has pyarrow and DuckDB, to read snapshots without our code: a virtual environment in the user's cache, made once.
 * TA_TEST_PYTHON names another. Where there is none and none can be made, tests that need it are skipped, and say so.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, join } from 'node:path'

const PACKAGES = ['pyarrow==26.0.1', 'duckdb==2.0.0']
const INSTALL_MS = 180_000

/** Path of the interpreter (made in 10 to 60 s when it isn't there); null, with a line on stderr, when there is none. */
export async function pythonWithArrow(): Promise<string | null> {
  if (process.env.TA_TEST_PYTHON) return process.env.TA_TEST_PYTHON
  const xdg = process.env.XDG_CACHE_HOME
  const cache = join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'torghut-ta')
  const folder = join(cache, `python-${PACKAGES.join('-').replaceAll('==', '-')}`)
  const python = join(folder, 'bin/python')
  if (existsSync(python)) return python
  process.stderr.write(`Python for tests: installing ${PACKAGES.join(' and ')} into ${folder}, once …\n`)
  mkdirSync(cache, { recursive: true })
  const making = mkdtempSync(join(cache, 'python-making-'))
  try {
    await run('python3', ['-m', 'venv', making])
    await run(join(making, 'bin/python'), ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...PACKAGES])
    // whole or not at all; whoever made one at the same time was first
    if (!existsSync(python)) renameSync(making, folder)
    return python
  } catch (error) {
    const reason = (error as Error).message.trim().split('\n').at(-1)
    process.stderr.write(`Python for tests: SKIPPED what needs it: ${PACKAGES.join(' and ')} are not in ${folder} and could not be installed: ${reason}\n`)
    return null
  } finally {
    rmSync(making, { recursive: true, force: true })
  }
}

/** Runs a program to its end; resolves to its stdout, rejects with what it said. */
export function run(command: string, args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(command, args, { timeout: INSTALL_MS, maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
      error ? reject(new Error(stderr.trim() || error.message, { cause: error })) : resolve(stdout))
  })
}
