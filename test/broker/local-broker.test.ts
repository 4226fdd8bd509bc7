import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { type Server, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createRequire } from 'node:module'
import { afterEach, describe, expect, it } from 'vitest'
import { UserError } from '../../src/contract/errors.ts'
import { answers, freePort } from '../../src/demo/broker-process.ts'
import { type LocalBroker, type LocalBrokerOptions, startLocalBroker } from '../../src/demo/local-broker.ts'
import { createTopics, produce, readAll, uniqueName } from './harness.ts'

const kafka = createRequire(import.meta.url)('node-rdkafka') as typeof import('node-rdkafka')
const portOf = (address: string) => Number(address.split(':')[1])

/** A zombie that nobody has reaped yet has ended, too. */
function runs(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim().startsWith('Z')
  } catch {
    return false
  }
}

const started: LocalBroker[] = []
const folders: string[] = []
async function start(options?: LocalBrokerOptions): Promise<LocalBroker> {
  const broker = await startLocalBroker(options)
  started.push(broker)
  return broker
}
const newFolder = () => {
  folders.push(mkdtempSync(join(tmpdir(), 'local-broker-test-')))
  return folders.at(-1)!
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((broker) => broker.stop()))
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe('a local broker', () => {
  it('keeps its records over a kill and a restart, and leaves nothing behind at stop', async () => {
    const broker = await start()
    const { pid, bootstrap, dataDir } = broker
    const topic = uniqueName('kept')
    await createTopics([{ name: topic, partitions: 1 }], bootstrap)
    await produce(topic, [{ partition: 0, key: 'A', value: 'before' }], bootstrap)
    await broker.kill()
    expect(runs(pid)).toBe(false)
    expect(await answers(portOf(bootstrap))).toBe(false)
    await broker.restart()
    expect(broker.pid).not.toBe(pid)
    expect(broker.bootstrap).toBe(bootstrap)
    await produce(topic, [{ partition: 0, key: 'A', value: 'after' }], bootstrap)
    expect((await readAll(topic, { broker: bootstrap })).map(({ value }) => String(value))).toEqual(['before', 'after'])
    await broker.stop()
    expect(runs(broker.pid)).toBe(false)
    expect(existsSync(dataDir)).toBe(false)
  })

  it('goes on with the data of a folder that it was given, on other ports', async () => {
    const dataDir = newFolder()
    const first = await start({ dataDir })
    await createTopics([{ name: 'here', partitions: 3 }], first.bootstrap)
    await first.stop()
    const second = await start({ dataDir, properties: { 'num.partitions': '7' } })
    await expect(createTopics([{ name: 'here', partitions: 3 }], second.bootstrap)).rejects.toThrow(/exists/i)
    expect(await readAll('here', { broker: second.bootstrap })).toEqual([])
  })

  it('lets in who knows a SCRAM password, and nobody else', async () => {
    const broker = await start({ scramUsers: { alice: 'p w;d' } })
    const connect = (password: string) => new Promise<{ error: string | undefined; log: string }>((resolve) => {
      const producer = new kafka.Producer({
        'bootstrap.servers': broker.saslBootstrap, 'security.protocol': 'sasl_plaintext', 'sasl.mechanisms': 'SCRAM-SHA-512',
        'sasl.username': 'alice', 'sasl.password': password, 'debug': 'security',
      })
      const lines: string[] = []
      producer.on('event.log', ({ message }: { message: string }) => lines.push(message))
      producer.connect({ timeout: 5000 }, (error) => {
        if (!error) producer.disconnect()
        resolve({ error: error?.message, log: lines.join('\n') })
      })
    })
    expect((await connect('p w;d')).error).toBeUndefined()
    const wrong = await connect('wrong')
    expect(wrong.error).toBeDefined()
    expect(wrong.log).toMatch(/invalid credentials/)
  })

  it('refuses a password that it could not set, without showing it', async () => {
    const refusal = await start({ scramUsers: { alice: 'se,cret' } }).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(UserError)
    expect((refusal as UserError).message).not.toMatch(/se,|cret/)
  })

  it('says which port is taken', async () => {
    const server: Server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    try {
      const refusal = await start({ ports: { broker: port } }).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(UserError)
      expect((refusal as UserError).message).toContain(`port ${port}`)
    } finally {
      server.close()
    }
  })

  it('tries other ports when one was taken between the look and the start, and gives up in the end', async () => {
    const server: Server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    try {
      // the listener is overridden after the ports were chosen: as if somebody else had come first, each time
      const controller = await freePort()
      const listeners = `PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`
      const refusal = await start({ ports: { controller }, properties: { listeners } }).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(UserError)
      expect((refusal as UserError).message).toContain('its ports were taken 4 times in a row')
    } finally {
      server.close()
    }
  })

  it('shows its log when it does not start', async () => {
    const properties = { 'process.roles': 'nonsense' }
    const refusal = await start({ properties }).catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(UserError)
    expect((refusal as UserError).message).toContain('nonsense')
  })

  it('ends when its parent is killed -9, with its temporary folder', async () => {
    const module = fileURLToPath(new URL('../../src/demo/local-broker.ts', import.meta.url))
    const script = `const { startLocalBroker } = await import(process.argv[1])
      const { pid, dataDir } = await startLocalBroker()
      console.log(JSON.stringify({ pid, dataDir }))
      setInterval(() => {}, 1000)`
    const args = ['--input-type=module', '-e', script, module]
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = await once(createInterface(parent.stdout), 'line') as [string]
    const { pid, dataDir } = JSON.parse(line) as { pid: number; dataDir: string }
    expect(runs(pid)).toBe(true)
    expect(existsSync(dataDir)).toBe(true)
    parent.kill('SIGKILL')
    const deadlineMs = performance.now() + 10_000
    while ((runs(pid) || existsSync(dataDir)) && performance.now() < deadlineMs) await sleep(50)
    expect(runs(pid)).toBe(false)
    expect(existsSync(dataDir)).toBe(false)
  })
})
