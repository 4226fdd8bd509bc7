import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/** Stands for the engine: says how it was started, and ends by SIGTERM with a code of its own. */
const ENGINE = `
process.on('SIGTERM', () => process.exit(5))
const { pid, argv, execPath, execArgv, env } = process
const started: object = { pid, args: argv.slice(2), execPath, execArgv, pool: env.UV_THREADPOOL_SIZE, large: env.MALLOC_MMAP_THRESHOLD_, folder: process.cwd() }
console.log(JSON.stringify(started))
if (argv[2] === 'wait') setInterval(() => {}, 1000)
if (argv[2] === 'exit') process.exit(Number(argv[3]))
`

interface Started {
  pid: number
  args: string[]
  execPath: string
  pool: string
  /** Bytes from which a buffer is the system's own. */
  large: string
  folder: string
}

let home: string
let project: string
let ta: string
beforeAll(() => {
  home = realpathSync(mkdtempSync(join(tmpdir(), 'ta-launch-')))
  project = join(home, 'a project') // with a space
  ta = join(project, 'bin/ta')
  mkdirSync(join(project, 'src'), { recursive: true })
  mkdirSync(join(project, 'node_modules/.bin'), { recursive: true })
  cpSync(fileURLToPath(new URL('../../bin', import.meta.url)), join(project, 'bin'), { recursive: true })
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }\n')
  writeFileSync(join(project, 'src/main.ts'), ENGINE)
  symlinkSync(process.execPath, join(project, 'node_modules/.ta-node'))
  symlinkSync('../../bin/ta', join(project, 'node_modules/.bin/ta'))
  symlinkSync(join(project, 'node_modules/.bin/ta'), join(home, 'linked-ta'))
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

const bare = { ...process.env, UV_THREADPOOL_SIZE: undefined, MALLOC_MMAP_THRESHOLD_: undefined }
function run(command: string, args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8', env: bare, ...options })
  return { status, stderr, started: (stdout === '' ? undefined : JSON.parse(stdout)) as Started | undefined }
}

describe('bin/ta', () => {
  it('starts the engine from any folder, through links, with its arguments as they are', () => {
    for (const path of [ta, join(project, 'node_modules/.bin/ta'), join(home, 'linked-ta')]) {
      const { status, stderr, started } = run(path, ['a b', '', '$HOME', '--x=1'], { cwd: home })
      expect(started).toMatchObject({ args: ['a b', '', '$HOME', '--x=1'], pool: '64', large: '4194304', folder: home })
      expect([status, stderr]).toEqual([0, ''])
    }
    expect(run('../bin/ta', [], { cwd: join(project, 'src') }).started).toMatchObject({ args: [], folder: join(project, 'src') })
  })

  it('is a module for node, too', () => {
    const { status, stderr, started } = run(process.execPath, [join(home, 'linked-ta'), 'a b'], { cwd: home })
    expect(started).toMatchObject({ args: ['a b'], pool: '64', large: '4194304', folder: home })
    expect([status, stderr]).toEqual([0, ''])
  })

  it('keeps the size of the thread pool where one is set, and passes the exit code on', () => {
    const { status, started } = run(ta, ['exit', '78'], { env: { ...bare, UV_THREADPOOL_SIZE: '9' } })
    expect(started?.pool).toBe('9')
    expect(status).toBe(78)
  })

  it.each([['the shell', () => ta, []], ['node', () => process.execPath, ['ta']]] as const)(
    'is the engine itself when started by %s: no process stands between', async (_, command, before) => {
      const child = spawn(command(), [...before.map(() => ta), 'wait'], { env: bare, stdio: ['ignore', 'pipe', 'inherit'] })
      const [line] = await once(createInterface(child.stdout), 'line') as [string]
      expect((JSON.parse(line) as Started).pid).toBe(child.pid)
      child.kill('SIGTERM')
      expect(await once(child, 'exit')).toEqual([5, null])
    })

  it('passes signals and the exit code on where Node cannot replace a process', async () => {
    const old = join(home, 'old-node.cjs')
    writeFileSync(old, 'process.execve = undefined\n')
    const child = spawn(process.execPath, ['--require', old, ta, 'wait'], { env: bare, stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface(child.stdout), 'line') as [string]
    expect((JSON.parse(line) as Started).pid).not.toBe(child.pid)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([5, null])
  })

  it('takes a cached Node before set-up has chosen one, and says what to do where there is none', () => {
    const other = join(home, 'other')
    for (const folder of ['bin', 'src']) cpSync(join(project, folder), join(other, folder), { recursive: true })
    const tools = join(home, 'tools')
    mkdirSync(tools)
    for (const tool of ['dirname', 'readlink']) {
      const found = (process.env.PATH ?? '').split(':').map((folder) => join(folder, tool))
        .find((path) => spawnSync('test', ['-x', path]).status === 0)
      symlinkSync(found!, join(tools, tool))
    }
    const env = { PATH: tools, HOME: home, XDG_CACHE_HOME: join(home, 'a cache') }
    const without = run(join(other, 'bin/ta'), [], { env })
    expect(without.status).toBe(70)
    expect(without.stderr).toMatch(/^ta: there is no Node 24 or newer: run `npm start` .*\n$/)
    const cached = join(home, 'a cache/torghut-ta/node/24.99.0/bin')
    mkdirSync(cached, { recursive: true })
    symlinkSync(process.execPath, join(cached, 'node'))
    expect(run(join(other, 'bin/ta'), ['x'], { env }).started).toMatchObject({ args: ['x'] })
  })
})
