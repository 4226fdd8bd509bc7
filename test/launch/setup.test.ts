import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// plain JavaScript without types: it runs before anything is installed
const load = (path: string) => import(String(new URL(`../../bin/${path}`, import.meta.url)))
const { cacheFolder } = await load('setup/places.mjs')
const { publishFolder, runTool, withLock } = await load('setup/run-tool.mjs')
const { installCommand } = await load('setup/system-packages.mjs')
const { countOutcomes, summaryLine } = await load('test.mjs')

let cache: string
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'setup test-'))
  vi.stubEnv('XDG_CACHE_HOME', cache)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(cache, { recursive: true, force: true })
})
const lockFile = () => join(cache, 'torghut-ta/locks/x')
const nothing = () => {}

describe('cacheFolder', () => {
  it('follows XDG_CACHE_HOME if that is an absolute path', () => {
    expect(cacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/h' })).toBe('/c/torghut-ta')
    expect(cacheFolder({ XDG_CACHE_HOME: 'c', HOME: '/h' })).toBe('/h/.cache/torghut-ta')
    expect(cacheFolder({ HOME: '/h' })).toBe('/h/.cache/torghut-ta')
  })
})

describe('installCommand', () => {
  it('speaks the language of the package manager that is there', () => {
    const having = (...names: string[]) => (name: string) => names.includes(name)
    expect(installCommand(['compiler', 'zstd'], having('apt-get'), true)).toBe('apt-get install -y g++ libzstd-dev')
    expect(installCommand(['make', 'java'], having('dnf'), false)).toBe('sudo dnf install -y make java-17-openjdk-headless')
    expect(installCommand(['java', 'mvn'], having('brew'), false)).toBe('brew install openjdk@17 maven')
  })
})

describe('runTool', () => {
  it('shows the tail of a failure and where the rest is', async () => {
    const script = 'for (let i = 0; i < 100; i++) console.error(`line ${i}.`); process.exit(3)'
    const error: Error = await runTool('trying', process.execPath, ['-e', script]).catch((reason: Error) => reason)
    expect(error.message).toContain('trying failed (exit code 3)')
    expect(error.message).toContain('line 99.')
    expect(error.message).not.toContain('line 50.')
    const log = /Full log: (.*)$/.exec(error.message)![1]
    expect(readFileSync(log, 'utf8')).toContain('line 50.')
  })

  it('leaves no log of a success, and names a command that is missing', async () => {
    await runTool('trying', process.execPath, ['-e', 'console.log(1)'])
    expect(readdirSync(join(cache, 'torghut-ta/logs'))).toEqual([])
    await expect(runTool('trying', 'no-such-command', [])).rejects.toThrow('no-such-command is not in PATH')
  })
})

describe('withLock', () => {
  it('lets one process in at a time', async () => {
    const script = `
      const { withLock } = await import(${JSON.stringify(String(new URL('../../bin/setup/run-tool.mjs', import.meta.url)))})
      const { mkdirSync, rmdirSync } = await import('node:fs')
      for (let i = 0; i < 5; i++) await withLock('x', () => {}, async () => {
        mkdirSync(process.argv[1]) // fails if another one is in
        await new Promise((resolve) => setTimeout(resolve, 5))
        rmdirSync(process.argv[1])
      })`
    const args = ['--input-type=module', '-e', script, join(cache, 'inside')]
    const children = [1, 2, 3].map(() => spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] }))
    const ends = await Promise.all(children.map((child) => once(child, 'exit')))
    expect(ends.map(([code]) => code)).toEqual([0, 0, 0])
    expect(existsSync(lockFile())).toBe(false)
  }, 60_000)

  it('takes over from a dead owner, and frees its own when the work fails', async () => {
    mkdirSync(join(cache, 'torghut-ta/locks'), { recursive: true })
    const { pid } = spawnSync(process.execPath, ['-e', ''])
    writeFileSync(lockFile(), `${pid} ${hostname()}\n`)
    await expect(withLock('x', nothing, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(await withLock('x', nothing, async () => 'in')).toBe('in')
    expect(readdirSync(join(cache, 'torghut-ta/locks'))).toEqual([])
  })
})

describe('publishFolder', () => {
  it('shows the whole or nothing, and keeps what was there first', async () => {
    const folder = join(cache, 'made')
    const fill = (text: string) => async (temporary: string) => writeFileSync(join(temporary, 'file'), text)
    await expect(publishFolder(folder, async (temporary: string) => {
      await fill('half')(temporary)
      throw new Error('broken')
    })).rejects.toThrow('broken')
    expect(readdirSync(cache)).toEqual([])
    await publishFolder(folder, fill('first'))
    await publishFolder(folder, fill('second'))
    expect(readFileSync(join(folder, 'file'), 'utf8')).toBe('first')
    expect(readdirSync(cache)).toEqual(['made'])
  })
})

describe('the last line of a test run', () => {
  const report = (passed: number, failed: number, pending: number, ...files: [string, string[]][]) => ({
    numPassedTests: passed, numFailedTests: failed, numPendingTests: pending, numTodoTests: 0,
    testResults: files.map(([status, tests]) => ({ status, assertionResults: tests.map((each) => ({ status: each })) })),
  })

  it('counts tests', () => {
    expect(summaryLine(countOutcomes(report(3, 0, 0, ['passed', ['passed']]), 0))).toBe('3 passed, 0 failed')
    expect(summaryLine(countOutcomes(report(3, 1, 2, ['failed', ['failed', 'passed']]), 1))).toBe('3 passed, 1 failed, 2 skipped')
  })

  it('counts a file that does not load, an error outside tests and a run without a report as failures', () => {
    expect(countOutcomes(report(3, 0, 0, ['failed', []], ['passed', ['passed']]), 1).failed).toBe(1)
    expect(countOutcomes(report(3, 0, 0, ['passed', ['passed']]), 1).failed).toBe(1)
    expect(countOutcomes(undefined, 0).failed).toBe(1)
  })
})
