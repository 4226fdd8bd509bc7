/**
 * Snapshots in an S3 bucket. Every request has a bound in time, retries included; what goes wrong is a StoreError that
 * says in one sentence what, where and why. In: keys and bytes. Out: objects below one prefix. Imports: ports, contract.
 *
 * Nothing here holds the event loop up for long, as a second's records would wait: payloads are hashed in pieces, and
 * TLS, which encrypts a body in one go, gets 5 MiB at a time (about 10 ms; 64 MiB took 70 to 280).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbortMultipartUploadCommand, CompleteMultipartUploadCommand, CreateMultipartUploadCommand, DeleteObjectsCommand,
  GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client, UploadPartCommand, type CompletedPart,
} from '@aws-sdk/client-s3'
import { StoreError } from '../ports/snapshot-store.ts'
import type { SnapshotStore } from '../ports/snapshot-store.ts'
import { bounded } from './deadline.ts'
import { PacedSha256 } from './paced-sha256.ts'
import { failureAttempts, failureCode, failureReason, isRefusal, isServersAnswer } from './s3-errors.ts'
import { assertKey, assertPrefix, isKey, sortKeys } from './store-key.ts'

export interface S3Limits {
  /** Making a connection, ms. */
  connectMs: number
  /** A connection on which no byte moves is given up after this, ms, and the request tried again on another. */
  silenceMs: number
  /** A request with its retries, ms, when it carries no more than a few bytes; each MiB gets MEBIBYTE_MS more. */
  requestMs: number
}

export interface S3StoreOptions {
  bucket: string
  /** Without slashes at its ends; '' = none. */
  prefix: string
  /** URL of the server; '' = AWS's own. */
  endpoint: string
  region: string
  /** Bucket in the path instead of the host name. */
  pathStyle: boolean
  /** Both or neither; neither = AWS's usual chain: environment, profile, web identity, the machine's role. */
  accessKey: string
  secretKey: string
  limits?: Partial<S3Limits>
}

const LIMITS: S3Limits = { connectMs: 3_000, silenceMs: 12_000, requestMs: 30_000 }
const ATTEMPTS_MAX = 3
/** 1 MiB/s: a slower way can't carry snapshots. */
const MEBIBYTE_MS = 1_000
const MEBIBYTE = 1_048_576
/** What is larger is written in parts of this size: S3's smallest. It takes 10,000 parts, 52 GB. */
const PART_BYTES = 5 * MEBIBYTE
/** A snapshot of 20,000 symbols has 170 MB; what claims to be larger than this is none of ours. */
const OBJECT_BYTES_MAX = 2_048 * MEBIBYTE - 1
/** S3's own limit. */
const DELETE_KEYS_MAX = 1_000
const CONFLICT_TRIES = 6
const CONFLICT_PAUSE_MS = 50
/** For cleaning up after a failure, which must not make it last. */
const ABORT_MS = 3_000

export class S3Store implements SnapshotStore {
  readonly place: string
  readonly #client: S3Client
  readonly #bucket: string
  readonly #prefix: string
  readonly #secrets: string[]
  readonly #limits: S3Limits

  constructor(options: S3StoreOptions) {
    const { bucket, prefix, endpoint, region, pathStyle, accessKey, secretKey } = options
    this.#bucket = bucket
    this.#prefix = prefix === '' ? '' : `${prefix}/`
    this.#secrets = [secretKey, accessKey].filter((secret) => secret !== '')
    this.#limits = { ...LIMITS, ...options.limits }
    this.place = `s3://${bucket}${prefix === '' ? '' : `/${prefix}`}${endpoint === '' ? '' : ` at ${new URL(endpoint).origin}`}`
    this.#client = new S3Client({
      region,
      forcePathStyle: pathStyle,
      ...(endpoint === '' ? {} : { endpoint }),
      ...(accessKey === '' ? {} : { credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } }),
      maxAttempts: ATTEMPTS_MAX,
      retryMode: 'standard',
      sha256: PacedSha256,
      // the signature covers a payload's SHA-256, so the server checks it without the CRC that not all servers know
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
      // it costs a connection a request, and 6 s with a server that does not know it
      expectContinueHeader: false,
      requestHandler: { connectionTimeout: this.#limits.connectMs, socketTimeout: this.#limits.silenceMs },
    })
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    await this.#attempt('write', key, async () => await this.#write(key, bytes, undefined))
  }

  async putNew(key: string, bytes: Uint8Array): Promise<boolean> {
    return await this.#attempt('write', key, async () => {
      for (let tries = 1; ; tries++) {
        try {
          await this.#write(key, bytes, '*')
          return true
        } catch (error) {
          const code = failureCode(error)
          // after a retry what is there may be our own: the first try got through, and its answer did not
          if (code === 'PreconditionFailed') return failureAttempts(error) > 1 && await this.#holds(key, bytes)
          if (code !== 'ConditionalRequestConflict' || tries === CONFLICT_TRIES) throw error
        }
        await sleep(CONFLICT_PAUSE_MS * tries * (1 + Math.random())) // others race for the key; the winner is soon known
      }
    })
  }

  async get(key: string): Promise<Uint8Array> {
    return await this.#attempt('read', key, async () => await this.#read(key))
  }

  async list(prefix: string): Promise<string[]> {
    assertPrefix(prefix)
    const keys: string[] = []
    await this.#explain('list', prefix, async () => {
      let token: string | undefined
      do {
        const page = await this.#request(0, (abortSignal) => this.#client.send(new ListObjectsV2Command({
          Bucket: this.#bucket, Prefix: this.#prefix + prefix, ContinuationToken: token,
        }), { abortSignal }))
        for (const { Key = '' } of page.Contents ?? []) {
          const key = Key.slice(this.#prefix.length)
          if (isKey(key)) keys.push(key) // what is no key, such as a console's "folder", was put there by others
        }
        if (page.IsTruncated && (!page.NextContinuationToken || page.NextContinuationToken === token)) {
          throw new Error('the server says that there are more keys, and not how to ask for them')
        }
        token = page.IsTruncated ? page.NextContinuationToken : undefined
      } while (token !== undefined)
    })
    return sortKeys([...new Set(keys)])
  }

  async delete(keys: string[]): Promise<void> {
    keys.forEach(assertKey)
    for (let from = 0; from < keys.length; from += DELETE_KEYS_MAX) {
      const some = keys.slice(from, from + DELETE_KEYS_MAX)
      const what = some.length === 1 ? some[0] : `${some[0]} and ${some.length - 1} more`
      await this.#explain('delete', what, async () => {
        const { Errors = [] } = await this.#request(0, (abortSignal) => this.#client.send(new DeleteObjectsCommand({
          Bucket: this.#bucket, Delete: { Objects: some.map((key) => ({ Key: this.#prefix + key })), Quiet: true },
        }), { abortSignal }))
        const refused = Errors.filter(({ Code }) => Code !== 'NoSuchKey')
        if (refused.length === 0) return
        const [{ Key = '', Code, Message }] = refused
        const first = `${Key.slice(this.#prefix.length)} by ${Code} (${Message})`
        throw new Error(`the server refused ${refused.length} of ${some.length}, ${first}`)
      })
    }
  }

  /** Closes its connections; idle ones don't keep the process alive anyway. */
  close(): void {
    this.#client.destroy()
  }

  async #write(key: string, bytes: Uint8Array, IfNoneMatch: '*' | undefined): Promise<void> {
    const target = { Bucket: this.#bucket, Key: this.#prefix + key }
    if (bytes.length > PART_BYTES) return await this.#writeParts(target, bytes, IfNoneMatch)
    await this.#request(bytes.length, (abortSignal) => this.#client.send(
      new PutObjectCommand({ ...target, Body: bytes, ContentLength: bytes.length, IfNoneMatch }), { abortSignal }))
  }

  async #writeParts(target: { Bucket: string; Key: string }, bytes: Uint8Array, IfNoneMatch: '*' | undefined): Promise<void> {
    const { UploadId } = await this.#request(0, (abortSignal) =>
      this.#client.send(new CreateMultipartUploadCommand(target), { abortSignal }))
    const upload = { ...target, UploadId }
    try {
      const Parts: CompletedPart[] = []
      for (let from = 0; from < bytes.length; from += PART_BYTES) {
        const Body = bytes.subarray(from, from + PART_BYTES)
        const PartNumber = Parts.length + 1
        const { ETag } = await this.#request(Body.length, (abortSignal) => this.#client.send(
          new UploadPartCommand({ ...upload, PartNumber, Body, ContentLength: Body.length }), { abortSignal }))
        Parts.push({ PartNumber, ETag })
      }
      // the server puts the parts together meanwhile: it gets the time of the whole
      await this.#request(bytes.length, (abortSignal) => this.#client.send(
        new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts }, IfNoneMatch }), { abortSignal }))
    } catch (error) {
      // parts of no object cost room until they are aborted; where that fails as well, the bucket's lifecycle rule is for them
      await bounded(ABORT_MS, (abortSignal) => this.#client.send(new AbortMultipartUploadCommand(upload), { abortSignal }))
        .catch(() => undefined)
      throw error
    }
  }

  async #read(key: string): Promise<Uint8Array> {
    return await bounded(this.#limits.requestMs, async (abortSignal, extend) => {
      const { Body, ContentLength = -1 } = await this.#client.send(
        new GetObjectCommand({ Bucket: this.#bucket, Key: this.#prefix + key }), { abortSignal })
      if (ContentLength < 0 || ContentLength > OBJECT_BYTES_MAX) {
        (Body as { destroy?(): void } | undefined)?.destroy?.()
        throw new Error(`the server says that its length is ${ContentLength} bytes, which no snapshot has`)
      }
      extend(this.#timeFor(ContentLength))
      const bytes = Buffer.allocUnsafeSlow(ContentLength)
      let filled = 0
      for await (const chunk of Body as unknown as AsyncIterable<Uint8Array>) {
        if (filled + chunk.length <= ContentLength) bytes.set(chunk, filled)
        filled += chunk.length
      }
      if (filled !== ContentLength) throw new Error(`the answer has ${filled} bytes instead of ${ContentLength}`)
      return bytes
    })
  }

  async #holds(key: string, bytes: Uint8Array): Promise<boolean> {
    return Buffer.compare(await this.#read(key), bytes) === 0
  }

  #timeFor(bytes: number): number {
    return this.#limits.requestMs + Math.ceil(bytes / MEBIBYTE * MEBIBYTE_MS)
  }

  async #request<T>(bytes: number, send: (abortSignal: AbortSignal) => Promise<T>): Promise<T> {
    return await bounded(this.#timeFor(bytes), send)
  }

  async #attempt<T>(what: string, key: string, action: () => Promise<T>): Promise<T> {
    assertKey(key)
    return await this.#explain(what, key, action)
  }

  /** Whatever goes wrong inside comes out as a StoreError. */
  async #explain<T>(what: string, key: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action()
    } catch (error) {
      // not any 404: a proxy's page and a user or bucket that isn't known have that status, too
      if (what === 'read' && failureCode(error) === 'NoSuchKey') {
        throw new StoreError('missing', `${this.place} has no ${key}`)
      }
      let sentence = `could not ${what} ${key === '' ? 'anything' : key} in ${this.place}: ${failureReason(error)}`
      for (const secret of this.#secrets) sentence = sentence.replaceAll(secret, '***')
      throw new StoreError('outside', sentence, { isRefusal: isRefusal(error), ...(isServersAnswer(error) ? {} : { cause: error }) })
    }
  }
}
