import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort, isFree } from '../../src/demo/broker-process.ts'
import { marketArrivals } from '../../src/demo/market.ts'
import type { VerifyReport } from '../../src/verify/verify.ts'
import { bootstrap } from './harness.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
const T0 = Date.parse('2025-12-03T18:32:10Z')

/** Where the demo puts what it has to remove again. */
let folder: string
let port: number
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ta-demo-test-'))
  port = await freePort()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Starts a command of `ta`; `onOutput` sees what stdout has so far. */
function start(args: string[], env: Record<string, string> = {}, onOutput: (stdout: string) => void = () => {}) {
  const base = {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    JAVA_HOME: process.env.JAVA_HOME,
    UV_THREADPOOL_SIZE: '32',
    TMPDIR: folder,
  }
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...base, ...env } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text) => onOutput((stdout += text)))
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text))
  const ended = new Promise<Ended>((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })))
  return { child, ended }
}

const demo = (args: string[], env?: Record<string, string>, onOutput?: (stdout: string) => void) =>
  start(['demo', '--port', String(port), ...args], env, onOutput)

describe('ta demo', () => {
  it('shows bars without a setting, ends by itself and leaves nothing behind', async () => {
    const { code, stdout } = await demo(['--seconds', '7', '--seed', '5']).ended
    expect(code).toBe(0)
    expect(stdout).toMatch(/engine live, in [\d,]+, out [\d,]+, p50 \d+ ms/)
    expect(stdout).toMatch(/engine stopped, in [1-9][\d,]+, out [1-9][\d,]+, p50 \d+ ms {2}p99 \d+ ms, \S+ \d+\.\d\d /)
    expect(stdout).not.toContain('\x1b')
    expect(readdirSync(folder)).toEqual([])
    expect(await isFree(port)).toBe(true)
  })

  it('ends all of it at a signal, and when it is killed itself', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const { child, ended } = demo([], {}, (stdout) => {
        if (stdout.includes('p50')) child.kill(signal)
      })
      expect((await ended).code).toBe(signal === 'SIGTERM' ? 0 : null)
      // After a kill -9 the watchdogs clean up, soon, but not before this process hears of its end.
      for (
        const deadlineMs = Date.now() + 10_000;
        signal === 'SIGKILL' && readdirSync(folder).length > 0 && Date.now() < deadlineMs;
      )
        await sleep(50)
      expect(readdirSync(folder)).toEqual([])
      expect(await isFree(port)).toBe(true)
    }
  })

  it("plays a file on the user's broker, and what comes out of it holds", async () => {
    const file = join(folder, 'market.jsonl')
    writeFileSync(
      file,
      Array.from({ length: 6 }, (_, i) => marketArrivals(3, T0 + i * 1000))
        .flat()
        .map(({ text }) => text)
        .join('\n'),
    )
    const { code, stderr, stdout } = await demo(['--feed', file, '--partitions', '2'], { TA_KAFKA_BOOTSTRAP: bootstrap() }).ended
    expect([code, stdout]).toEqual([0, expect.stringContaining('engine stopped')])
    const prefix = /The topics (\S+)\.\* stay/.exec(stderr)![1]
    const topics = {
      TA_MICROBARS_TOPIC: `${prefix}.out.bars.1s`,
      TA_SIGNALS_TOPIC: `${prefix}.out.signals`,
      TA_STATUS_TOPIC: `${prefix}.out.status`,
    }
    const verified = await start(['verify', '--json'], { TA_KAFKA_BOOTSTRAP: bootstrap(), ...topics }).ended
    const report = JSON.parse(verified.stdout) as VerifyReport
    expect(report).toMatchObject({ ok: true, open: 0, violations: [] })
    expect(report.windows).toBeGreaterThan(60)
    expect(report.topics[0]).toMatchObject({ partitions: 2, symbols: expect.any(Number) as number })
    expect(readdirSync(folder)).toEqual(['market.jsonl'])
  })

  it('says in one sentence what is in the way, and ends what it had started', async () => {
    const taken = createServer().listen(port, '127.0.0.1')
    const occupied = await demo(['--seconds', '5'], { TA_KAFKA_BOOTSTRAP: bootstrap() }).ended
    taken.close()
    expect(occupied.code).toBe(78)
    expect(occupied.stderr).toMatch(new RegExp(`The engine ended by itself \\(exit code 78\\).*${port}`))
    const noFile = await demo(['--feed', join(folder, 'nowhere.jsonl')]).ended
    expect([noFile.code, noFile.stdout]).toEqual([64, ''])
    const wrong = await demo([], { TA_SESSION: 'mars' }).ended
    expect([wrong.code, wrong.stdout]).toEqual([78, ''])
    const noBroker = await demo([], { TA_KAFKA_BOOTSTRAP: '127.0.0.1:1' }).ended
    expect(noBroker.code).toBe(69)
    expect(readdirSync(folder)).toEqual([])
  })
})
