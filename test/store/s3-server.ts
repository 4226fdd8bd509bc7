/**
 * A real S3 server (versitygw, over a folder) as a child process that ends with this one. Its binary is built by Go once
 * and kept in the user's cache; where it is not there and can't be built, tests that need it are skipped, and say so.
 */
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { access, constants } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execFile } from 'node:child_process'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { endProcess, freePort, startWatched, type WatchedProcess } from '../../src/demo/broker-process.ts'
import { S3Store, type S3StoreOptions } from '../../src/store/s3-store.ts'

const VERSION = 'v1.8.0'
const MODULE = `github.com/versity/versitygw/cmd/versitygw@${VERSION}`
const START_MS = 30_000
const PORT_TRIES = 3
const REGION = 'us-east-1'

export const ACCESS_KEY = 'torghut-access-key'
export const SECRET_KEY = 'torghut-secret-key-of-the-tests'

function cacheFolder(): string {
  const xdg = process.env.XDG_CACHE_HOME
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'torghut-ta')
}

/** Path of the server's binary, built (1 to 3 minutes) when it isn't there; null, with a line on stderr, when it can't be. */
export async function s3ServerBinary(): Promise<string | null> {
  const folder = join(cacheFolder(), `versitygw-${VERSION}`)
  const binary = join(folder, 'versitygw')
  try {
    await access(binary, constants.X_OK)
    return binary
  } catch {
    return await build(folder, binary) // the first time
  }
}

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''

async function build(folder: string, binary: string): Promise<string | null> {
  process.stderr.write(`S3 server for tests: building ${MODULE} into ${folder}, once …\n`)
  mkdirSync(folder, { recursive: true })
  const bin = mkdtempSync(join(folder, 'build-'))
  const env = { ...process.env, GOBIN: bin, GOFLAGS: '', GOOS: '', GOARCH: '' }
  const failure = await new Promise<string | null>((resolve) => {
    execFile('go', ['install', '-ldflags', '-s -w', MODULE], { env, maxBuffer: 64 << 20 }, (error, _stdout, stderr) =>
      resolve(error && (error.code === 'ENOENT' ? 'there is no `go` in PATH' : lastLine(stderr) || error.message)))
  })
  try {
    if (failure === null) renameSync(join(bin, 'versitygw'), binary) // whole or not at all, whoever builds it at the same time
  } finally {
    rmSync(bin, { recursive: true, force: true })
  }
  if (failure === null) return binary
  process.stderr.write(`S3 server for tests: SKIPPED what needs it: versitygw ${VERSION} is not in ${folder} ` +
    `and could not be built: ${failure}\n`)
  return null
}

export interface S3Server {
  readonly endpoint: string
  readonly port: number
  /** Options of a store in `bucket`; `more` wins. */
  options(bucket: string, more?: Partial<S3StoreOptions>): S3StoreOptions
  /** A store of its own, closed at `stop`. */
  store(bucket: string, more?: Partial<S3StoreOptions>): S3Store
  createBucket(bucket: string): Promise<void>
  /** kill -9; the data stay for `restart`. */
  kill(): Promise<void>
  /** The same port and data. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts a server with an empty folder. */
export async function startS3Server(binary: string): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'torghut-ta-s3-'))
  for (const name of ['data', 'metadata']) mkdirSync(join(folder, name))
  for (let tries = 1; ; tries++) {
    const port = await freePort()
    try {
      return serverOf(binary, folder, port, await launch(binary, folder, port))
    } catch (error) {
      if (tries < PORT_TRIES && /address already in use/.test(String(error))) continue
      rmSync(folder, { recursive: true, force: true })
      throw error
    }
  }
}

function serverOf(binary: string, folder: string, port: number, first: WatchedProcess): S3Server {
  let watched = first
  const endpoint = `http://127.0.0.1:${port}`
  const stores: S3Store[] = []
  const options: S3Server['options'] = (bucket, more = {}) =>
    ({ bucket, prefix: '', endpoint, region: REGION, pathStyle: true, accessKey: ACCESS_KEY, secretKey: SECRET_KEY, ...more })
  return {
    endpoint,
    port,
    options,
    store(bucket, more) {
      const store = new S3Store(options(bucket, more))
      stores.push(store)
      return store
    },
    async createBucket(bucket) {
      const credentials = { accessKeyId: ACCESS_KEY, secretAccessKey: SECRET_KEY }
      const client = new S3Client({ endpoint, region: REGION, forcePathStyle: true, credentials })
      await client.send(new CreateBucketCommand({ Bucket: bucket })).finally(() => client.destroy())
    },
    kill: () => endProcess(watched, 'SIGKILL'),
    async restart() {
      await endProcess(watched, 'SIGTERM')
      watched = await launch(binary, folder, port)
    },
    async stop() {
      for (const store of stores) store.close()
      await endProcess(watched, 'SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function launch(binary: string, folder: string, port: number): Promise<WatchedProcess> {
  const log = join(folder, 's3-server.log')
  // metadata beside the data: not every file system that a temporary folder lies on has extended attributes
  const args = ['--port', `127.0.0.1:${port}`, '--quiet', '--keep-alive',
    'posix', '--sidecar', join(folder, 'metadata'), join(folder, 'data')]
  const watched = await startWatched(binary, args, log, folder,
    { ...process.env, ROOT_ACCESS_KEY: ACCESS_KEY, ROOT_SECRET_KEY: SECRET_KEY })
  let over = false
  void watched.ended.then(() => { over = true })
  const deadlineMs = performance.now() + START_MS
  while (!over && performance.now() < deadlineMs) {
    // any answer will do: to one who has not signed it is 403
    if (await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.arrayBuffer(), () => null) !== null) return watched
    await sleep(20)
  }
  await endProcess(watched, 'SIGKILL')
  throw new Error(`versitygw did not start: ${readFileSync(log, 'utf8').slice(-1_000)}`)
}
