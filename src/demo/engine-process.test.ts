import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { freePort } from './broker-process.ts'
import { startEngine } from './engine-process.ts'

let folder: string
let httpPort: number
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'ta-engine-process-'))
  httpPort = await freePort()
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const start = (script: string) =>
  startEngine({ command: process.execPath, args: ['-e', script], env: process.env, folder, httpPort })

const SERVER = (status: number) =>
  `require('node:http').createServer((_, answer) => answer.writeHead(${status}).end('x')).listen(${httpPort}, '127.0.0.1')
   process.on('SIGTERM', () => process.exit(0))`

describe('startEngine', () => {
  it('knows when the engine is ready, and ends it', async () => {
    const engine = await start(SERVER(200))
    while (!(await engine.isReady()));
    await engine.stop()
    expect(await engine.ended).toMatchObject({ exitCode: 0 })
    expect(await engine.isReady()).toBe(false)
    expect(() => process.kill(engine.pid, 0)).toThrow('ESRCH')
  })

  it('has its exit code and its last words when it ends by itself', async () => {
    const engine = await start(`
      console.error(JSON.stringify({ level: 'info', msg: 'begins' }))
      console.error(JSON.stringify({ level: 'fatal', msg: 'TA_X is wrong' }))
      console.error('and more'); process.exitCode = 78`)
    expect(await engine.ended).toEqual({ exitCode: 78, lastWords: 'TA_X is wrong' })
  })

  it('says what a crash printed', async () => {
    const engine = await start('process.abort()')
    expect((await engine.ended).exitCode).toBeNull()
  })
})
