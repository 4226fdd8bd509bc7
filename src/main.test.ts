import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the command as a user does. The environment is what is given and nothing else. */
async function ta(args: string[], env: Record<string, string> = {}): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args],
    { env: { PATH: process.env.PATH, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended: Ended = { code: null, stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text) => ended.stdout += text)
  child.stderr.setEncoding('utf8').on('data', (text) => ended.stderr += text)
  return await new Promise((resolve) => child.on('close', (code) => resolve({ ...ended, code })))
}

/** The one line on stderr. */
function lineOf({ stderr }: Ended): Record<string, unknown> {
  expect(stderr.trimEnd().split('\n')).toHaveLength(1)
  return JSON.parse(stderr)
}

describe('ta', () => {
  it('says what it can do', async () => {
    const help = await ta(['--help'])
    expect(help).toMatchObject({ code: 0, stderr: '' })
    expect(help.stdout).toMatch(/^ {2}config +the settings in effect/m)
    const bare = await ta([])
    expect([bare.code, bare.stdout]).toEqual([64, help.stdout])
    expect(await ta(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })

  it('refuses what it does not know with 64', async () => {
    const command = await ta(['confg'])
    expect(command.code).toBe(64)
    expect(lineOf(command)).toMatchObject({ level: 'fatal', msg: 'ta has no command "confg", did you mean config?',
      exitCode: 64 })
    const option = await ta(['config', '--jsn'])
    expect(option.code).toBe(64)
    expect(lineOf(option)).toMatchObject({ msg: 'ta config has no option --jsn, did you mean --json?' })
    for (const name of ['constructor', '../main', '__proto__']) expect((await ta([name])).code).toBe(64)
  })

  it('shows the settings and where each comes from, without secrets', async () => {
    const env = { TA_EPOCH_MS: '30', TA_KAFKA_PASSWORD: 'hunter2hunter2' }
    const shown = await ta(['config', '--json'], env)
    expect(shown).toMatchObject({ code: 0, stderr: '' })
    expect(JSON.parse(shown.stdout)).toMatchObject({
      problems: [],
      settings: {
        TA_EPOCH_MS: { value: '30', source: 'environment' }, TA_EPOCH_MAX_MS: { value: '500', source: 'default' },
        TA_KAFKA_PASSWORD: { value: '********', source: 'environment' },
      },
    })
    const table = await ta(['config'], env)
    expect(table.stdout).toMatch(/^TA_EPOCH_MS +30 +environment$/m)
    expect(shown.stdout + table.stdout).not.toContain('hunter2')
  })

  it('ends with 78 and every wrong setting in one line, without a stack', async () => {
    const ended = await ta(['config'], { TA_EPOCH_MS: 'x', TA_HTTP_PRT: '1', TA_HTTP_TOKEN: 'very secret' })
    expect(ended.code).toBe(78)
    const { msg, exitCode, err } = lineOf(ended)
    expect([exitCode, err]).toEqual([78, undefined])
    expect(String(msg).split('\n')).toHaveLength(4)
    expect(ended.stderr + ended.stdout).not.toContain('very secret')
    expect(ended.stdout).toMatch(/^TA_EPOCH_MS +20 +wrong$/m)
  })

  it('checks the settings of topics before anything connects', async () => {
    const ended = await ta(['topics', 'check'])
    expect(ended.code).toBe(78)
    expect(lineOf(ended)).toMatchObject({ msg: 'TA_KAFKA_BOOTSTRAP is not set, and ta topics needs it: give host:port,…' })
    expect((await ta(['topics', 'chek'])).code).toBe(64)
  })
})
