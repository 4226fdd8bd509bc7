import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import { inspect } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { StoreError } from '../ports/snapshot-store.ts'
import { pass, refuse, startMeddler, type Meddling } from '../../test/store/meddler.ts'
import { ACCESS_KEY, s3ServerBinary, SECRET_KEY, startS3Server, type S3Server } from '../../test/store/s3-server.ts'
import { snapshotStoreContract } from '../../test/store/snapshot-store-contract.ts'
import { S3Store, type S3StoreOptions } from './s3-store.ts'

const MEBIBYTE = 1_048_576
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const NOWHERE: S3StoreOptions = {
  bucket: 'bucket', prefix: 'some/prefix', endpoint: 'http://127.0.0.1:9', region: 'us-east-1', pathStyle: true,
  accessKey: ACCESS_KEY, secretKey: SECRET_KEY,
}

/** The error of a promise that must fail, which is a StoreError of one line that holds no secret, deep down neither. */
async function failureOf(promise: Promise<unknown>): Promise<StoreError> {
  const error = await promise.then(() => new Error('it did not fail'), (reason: unknown) => reason)
  expect(error).toBeInstanceOf(StoreError)
  const { message } = error as StoreError
  expect(message).not.toMatch(/\n|\.$|undefined|\[object/)
  expect(message.length).toBeLessThan(600)
  const all = inspect(error, { depth: 20, showHidden: true })
  for (const secret of [ACCESS_KEY, SECRET_KEY]) expect(all).not.toContain(secret)
  return error as StoreError
}

async function msOf(action: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now()
  await action()
  return performance.now() - startMs
}

/** Runs over a server of the test's own in place of S3. */
async function withServer(meddling: Meddling, run: (store: S3Store, requests: string[]) => Promise<void>,
  options: Partial<S3StoreOptions> = {}, port = 0): Promise<void> {
  await using meddler = await startMeddler(port, meddling)
  const store = new S3Store({ ...NOWHERE, endpoint: meddler.endpoint, ...options })
  await run(store, meddler.requests).finally(() => store.close())
}

describe('S3Store without a server', () => {
  it('says where it is, with an endpoint that is not AWS', () => {
    expect(new S3Store(NOWHERE).place).toBe('s3://bucket/some/prefix at http://127.0.0.1:9')
    expect(new S3Store({ ...NOWHERE, endpoint: '', prefix: '' }).place).toBe('s3://bucket')
    expect(new S3Store({ ...NOWHERE, endpoint: 'https://user:word@host:9000/base?q=1' }).place).not.toMatch(/word/)
  })

  it('fails fast, and says what to do, when nothing listens', async () => {
    const store = new S3Store(NOWHERE)
    let failure: StoreError | undefined
    expect(await msOf(async () => { failure = await failureOf(store.put('g/key', text('x'))) })).toBeLessThan(5_000)
    expect(failure?.message).toBe('could not write g/key in s3://bucket/some/prefix at http://127.0.0.1:9: ' +
      'connect ECONNREFUSED 127.0.0.1:9: check TA_S3_ENDPOINT and whether the server runs')
    expect(failure?.kind).toBe('outside')
  })

  it('says which settings to give when there are no credentials', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_PROFILE', 'AWS_WEB_IDENTITY_TOKEN_FILE',
      'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', 'AWS_CONTAINER_CREDENTIALS_FULL_URI']) vi.stubEnv(name, undefined)
    vi.stubEnv('AWS_EC2_METADATA_DISABLED', 'true')
    vi.stubEnv('AWS_SHARED_CREDENTIALS_FILE', '/nonexistent/credentials')
    vi.stubEnv('AWS_CONFIG_FILE', '/nonexistent/config')
    const failure = await failureOf(new S3Store({ ...NOWHERE, accessKey: '', secretKey: '' }).get('key'))
    expect(failure.kind).toBe('outside')
    expect(failure.message).toContain('set TA_S3_ACCESS_KEY and TA_S3_SECRET_KEY')
  })

  afterEach(() => { vi.unstubAllEnvs() })
})

describe('S3Store with a server that hangs', () => {
  const limits = { connectMs: 300, silenceMs: 400, requestMs: 1_000 }
  const never: Meddling = () => {}

  it('gives up on one that never answers, whatever it is asked', async () => {
    await withServer(never, async (store) => {
      const startMs = performance.now()
      const failures = await Promise.all([store.put('k', text('x')), store.putNew('k', text('x')), store.get('k'), store.list(''),
        store.delete(['k']), store.put('k', new Uint8Array(9 * MEBIBYTE))].map(failureOf))
      for (const { kind } of failures) expect(kind).toBe('outside')
      expect(performance.now() - startMs).toBeLessThan(10_000)
    }, { limits })
  })

  it('tries again on another connection when one falls silent', async () => {
    let first = true
    await withServer((_incoming, outgoing) => {
      if (!first) outgoing.writeHead(200, { 'content-length': 5 }).end('whole')
      first = false
    }, async (store, requests) => {
      expect(Buffer.from(await store.get('k')).toString()).toBe('whole')
      expect(requests).toHaveLength(2)
    }, { limits: { ...limits, requestMs: 20_000 } })
  })

  it('gives up on one that sends half of an object and then nothing', async () => {
    await withServer((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': 100_000 })
      outgoing.write(Buffer.alloc(50_000))
    }, async (store) => {
      let failure: StoreError | undefined
      const ms = await msOf(async () => { failure = await failureOf(store.get('k')) })
      expect(failure?.message).toMatch(/could not read k .* (400 m|1 )s/)
      expect(ms).toBeLessThan(5_000)
    }, { limits })
  })

  it('gives up on one that trickles', async () => {
    const timers: NodeJS.Timeout[] = []
    await withServer((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': 1_000 })
      timers.push(setInterval(() => outgoing.write('x'), 50))
    }, async (store) => {
      expect((await failureOf(store.get('k'))).message).toContain('no full answer within 1 s')
    }, { limits })
    for (const timer of timers) clearInterval(timer)
  })

  it('gives up on one that takes connections and never reads', async () => {
    const server: Server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const store = new S3Store({ ...NOWHERE, endpoint: `http://127.0.0.1:${port}`, limits })
    // 5 MiB get 5 s more than a request without a body, but silence is noticed before
    const bytes = new Uint8Array(5 * MEBIBYTE)
    const ms = await msOf(async () => expect((await failureOf(store.put('k', bytes))).kind).toBe('outside'))
    expect(ms).toBeLessThan(8_000)
    store.close()
    server.close()
  })
})

describe('S3Store with a server that answers strangely', () => {
  it('says what a proxy answered that knows no S3', async () => {
    await withServer((_incoming, outgoing) => { outgoing.writeHead(403).end('<html>no</html>') }, async (store) => {
      const { kind, message } = await failureOf(store.list('g/'))
      expect(message).toBe(`could not list g/ in ${store.place}: the server answered HTTP 403, and no error as S3 writes it`)
      expect(kind).toBe('outside')
    })
  })

  it('does not take a page that is not found for a missing key', async () => {
    await withServer((_incoming, outgoing) => { outgoing.writeHead(404).end('<html>nginx</html>') },
      async (store) => expect((await failureOf(store.get('k'))).kind).toBe('outside'))
  })

  it('tries again after a server error', async () => {
    let answers = 0
    await withServer((_incoming, outgoing) => {
      if (++answers < 3) refuse(outgoing, 503, 'SlowDown', 'Please reduce your request rate.')
      else outgoing.writeHead(200, { 'content-length': 2 }).end('ok')
    }, async (store) => expect(Buffer.from(await store.get('k')).toString()).toBe('ok'))
    expect(answers).toBe(3)
  })

  it('says what the server said when it goes on failing, without the key that it names', async () => {
    const text403 = `The key ${ACCESS_KEY} is not known.`
    await withServer((_incoming, outgoing) => { refuse(outgoing, 403, 'InvalidAccessKeyId', text403) }, async (store) => {
      const { message } = await failureOf(store.put('g/k', text('x')))
      expect(message).toBe(`could not write g/k in ${store.place}: the server answered HTTP 403, InvalidAccessKeyId ` +
        '(The key *** is not known): check TA_S3_ACCESS_KEY and TA_S3_SECRET_KEY')
    })
  })

  it('does not take an object that is cut off for a whole one', async () => {
    await withServer((_incoming, outgoing) => {
      outgoing.writeHead(200, { 'content-length': 100 })
      outgoing.write('half')
      outgoing.socket?.end()
    }, async (store) => expect((await failureOf(store.get('k'))).kind).toBe('outside'))
  })

  it('says what a batch delete left, and takes what is gone already for deleted', async () => {
    const answer = (code: string): Meddling => (incoming, outgoing) => {
      incoming.resume().once('end', () => outgoing.writeHead(200).end(`<?xml version="1.0"?><DeleteResult>
        <Error><Key>some/prefix/g/b</Key><Code>${code}</Code><Message>Because</Message></Error></DeleteResult>`))
    }
    await withServer(answer('AccessDenied'), async (store) => {
      const { message } = await failureOf(store.delete(['g/a', 'g/b']))
      expect(message).toBe(`could not delete g/a and 1 more in ${store.place}: ` +
        'the server refused 1 of 2, g/b by AccessDenied (Because)')
    })
    await withServer(answer('NoSuchKey'), async (store) => expect(await store.delete(['g/a', 'g/b'])).toBeUndefined())
  })

  it('asks for all pages, empty ones, too, and does not ask for ever', async () => {
    const page = (contents: string, token: string | null): string => `<?xml version="1.0"?><ListBucketResult>${contents}
      <IsTruncated>${token !== null}</IsTruncated>${token ? `<NextContinuationToken>${token}</NextContinuationToken>` : ''}
      </ListBucketResult>`
    const key = (name: string): string => `<Contents><Key>some/prefix/${name}</Key></Contents>`
    const pages = [page(key('b') + key('a'), 't1'), page('', 't2'), page(key('folder/') + key('c'), null)]
    const answers = [...pages]
    await withServer((_incoming, outgoing) => { outgoing.writeHead(200).end(answers.shift()) }, async (store, requests) => {
      expect(await store.list('')).toEqual(['a', 'b', 'c'])
      expect(requests).toHaveLength(pages.length)
    })
    await withServer((_incoming, outgoing) => { outgoing.writeHead(200).end(page('', 'same')) }, async (store, requests) => {
      expect((await failureOf(store.list(''))).message).toContain('could not list anything')
      expect(requests).toHaveLength(2)
    })
  })
})

const binary = await s3ServerBinary()
let server: S3Server
let buckets = 0

describe.skipIf(binary === null)('S3Store with a real server', () => {
  beforeAll(async () => {
    server = await startS3Server(binary as string)
  }, 60_000)
  afterAll(async () => { await server?.stop() })

  async function newBucket(): Promise<string> {
    const bucket = `bucket-${++buckets}`
    await server.createBucket(bucket)
    return bucket
  }

  snapshotStoreContract('S3Store', async () => {
    const bucket = await newBucket()
    return { open: () => server.store(bucket, { prefix: 'some/prefix' }) }
  })

  it('keeps to its prefix, and lies at the top without one', async () => {
    const bucket = await newBucket()
    const [top, one, other] = ['', 'one', 'one-more'].map((prefix) => server.store(bucket, { prefix }))
    await one.put('g/a', text('one'))
    await other.put('g/a', text('other'))
    await top.put('g/a', text('top'))
    expect(await one.list('')).toEqual(['g/a'])
    expect(await top.list('')).toEqual(['g/a', 'one-more/g/a', 'one/g/a'])
    await one.delete(['g/a'])
    expect(await top.list('')).toEqual(['g/a', 'one-more/g/a'])
    expect(Buffer.from(await other.get('g/a')).toString()).toBe('other')
  })

  it('lists and deletes more keys than a page or a batch has', { timeout: 120_000 }, async () => {
    const store = server.store(await newBucket())
    const keys = Array.from({ length: 1_203 }, (_, i) => `g/task-0/${String(i).padStart(12, '0')}/a`)
    for (let from = 0; from < keys.length; from += 32) {
      await Promise.all(keys.slice(from, from + 32).map((key) => store.put(key, new Uint8Array(1))))
    }
    expect(await store.list('g/task-0/')).toEqual(keys)
    await store.delete(keys.slice(0, -1))
    expect(await store.list('')).toEqual(keys.slice(-1))
  })

  it('takes the credentials from the environment that the AWS tools know', async () => {
    const bucket = await newBucket()
    vi.stubEnv('AWS_ACCESS_KEY_ID', ACCESS_KEY)
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET_KEY)
    try {
      const store = server.store(bucket, { accessKey: '', secretKey: '' })
      await store.put('k', text('x'))
      expect(await store.list('')).toEqual(['k'])
    } finally {
      vi.unstubAllEnvs()
    }
  })

  it('says what is wrong with a secret, a key or a bucket', async () => {
    const bucket = await newBucket()
    const wrongSecret = await failureOf(server.store(bucket, { secretKey: 'another secret' }).put('k', text('x')))
    expect(wrongSecret).toMatchObject({ kind: 'outside' })
    expect(wrongSecret.message).toMatch(new RegExp(`^could not write k in s3://${bucket} at ${server.endpoint}: ` +
      'the server answered HTTP 403, SignatureDoesNotMatch \\(.*\\): check TA_S3_ACCESS_KEY and TA_S3_SECRET_KEY$'))
    const wrongKey = await failureOf(server.store(bucket, { accessKey: 'nobody' }).get('k'))
    expect(wrongKey.message).toMatch(/HTTP 40[34], \w+ \(.*\): check TA_S3_ACCESS_KEY and TA_S3_SECRET_KEY$/)
    const noBucket = server.store('no-such-bucket')
    const failures = [noBucket.get('k'), noBucket.list(''), noBucket.put('k', text('x')), noBucket.delete(['k'])].map(failureOf)
    for (const { kind, message } of await Promise.all(failures)) {
      expect(kind).toBe('outside')
      expect(message).toMatch(/NoSuchBucket.*: create the bucket or correct TA_SNAPSHOT_URI$/)
    }
  })

  it('knows its own write again when the answer to it was lost', async () => {
    const bucket = await newBucket()
    let lose = true
    await withServer(async (incoming, outgoing, forward) => {
      const answer = await forward()
      if (incoming.method === 'PUT' && lose) {
        lose = false
        incoming.socket.destroy()
      } else pass(outgoing, answer)
    }, async (store, requests) => {
      expect(await store.putNew('g/k', text('mine'))).toBe(true)
      expect(requests.filter((request) => request.startsWith('PUT'))).toHaveLength(2)
      lose = true
      expect(await store.putNew('g/k', text('other'))).toBe(false)
      expect(Buffer.from(await store.get('g/k')).toString()).toBe('mine')
    }, { bucket }, server.port)
  })

  it('tries again when the server can not decide between two writers', async () => {
    const bucket = await newBucket()
    let conflicts = 2
    await withServer(async (_incoming, outgoing, forward) => {
      if (conflicts-- > 0) refuse(outgoing, 409, 'ConditionalRequestConflict', 'Again.')
      else pass(outgoing, await forward())
    }, async (store) => expect(await store.putNew('g/k', text('x'))).toBe(true), { bucket }, server.port)
    await withServer((_incoming, outgoing) => refuse(outgoing, 409, 'ConditionalRequestConflict', 'Again.'), async (store) => {
      expect((await failureOf(store.putNew('g/k', text('x')))).message).toContain('ConditionalRequestConflict (Again)')
    })
  })

  it('leaves no parts behind when a large write fails', { timeout: 30_000 }, async () => {
    const bucket = await newBucket()
    await withServer(async (incoming, outgoing, forward) => {
      if (/partNumber=2/.test(incoming.url ?? '')) refuse(outgoing, 400, 'EntityTooLarge', 'No more.')
      else pass(outgoing, await forward())
    }, async (store, requests) => {
      expect((await failureOf(store.put('g/k', new Uint8Array(17 * MEBIBYTE)))).message).toContain('EntityTooLarge (No more)')
      expect(requests.at(-1)).toMatch(/^DELETE .*uploadId=/)
      expect(requests.filter((request) => request.startsWith('PUT'))).toHaveLength(2)
      expect(await store.list('')).toEqual([])
    }, { bucket }, server.port)
  })

  it('goes on by itself after the server was killed and came back', { timeout: 60_000 }, async () => {
    const store = server.store(await newBucket())
    await store.put('g/before', text('before'))
    await server.kill()
    const ms = await msOf(async () => expect((await failureOf(store.put('g/k', text('x')))).kind).toBe('outside'))
    expect(ms).toBeLessThan(5_000)
    await server.restart()
    expect(Buffer.from(await store.get('g/before')).toString()).toBe('before')
    expect(await store.putNew('g/k', text('x'))).toBe(true)
    expect(await store.list('')).toEqual(['g/before', 'g/k'])
  })
})
