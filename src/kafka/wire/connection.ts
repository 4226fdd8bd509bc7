/**
 * One connection to one broker, speaking Kafka's protocol itself: for the few requests that neither librdkafka's binding
 * nor librdkafka has (DescribeConfigs and DeleteRecords; LeaveGroup for a static member). Short-lived, one request at a time.
 */
import { readFileSync } from 'node:fs'
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { LogError } from '../../ports/log.ts'
import { DEFAULT_MECHANISM, type KafkaSettings } from '../kafka-config.ts'
import { WireReader, WireWriter } from './bytes.ts'
import { ScramClient } from './scram.ts'

const SASL_HANDSHAKE = { key: 17, version: 1 }
const SASL_AUTHENTICATE = { key: 36, version: 0 }
/** No answer to these requests is longer. */
const RESPONSE_MAX_BYTES = 16 * 1_048_576

export interface WireApi {
  key: number
  version: number
}

export class WireConnection {
  readonly #socket: Socket
  readonly #timeoutMs: number
  #received: Buffer = Buffer.alloc(0)
  #waiting: { resolve: (frame: Buffer) => void; reject: (error: Error) => void } | undefined
  #correlation = 0

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    this.#timeoutMs = timeoutMs
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#onData(chunk))
    socket.on('error', (error) => this.#waiting?.reject(error))
    socket.on('close', () => this.#waiting?.reject(new Error('the broker closed the connection')))
  }

  /** Connects and authenticates. Rejects with LogError `outside` or `auth`. */
  static async open(settings: KafkaSettings, host: string, port: number, timeoutMs: number): Promise<WireConnection> {
    let socket: Socket
    try {
      socket = await dial(settings, host, port, timeoutMs)
    } catch (error) {
      const certificate = /certificate|self.signed|unable to (get|verify)/i.test((error as Error).message)
      const sentence = `Connecting to ${host}:${port} failed: ${(error as Error).message}`
      throw new LogError(certificate ? 'auth' : 'outside', sentence, undefined, { cause: error })
    }
    const connection = new WireConnection(socket, timeoutMs)
    try {
      if (settings.security.startsWith('SASL')) await connection.#authenticate(settings)
      return connection
    } catch (error) {
      connection.close()
      if (error instanceof LogError) throw error
      throw new LogError('outside', `Logging in at ${host}:${port} failed: ${(error as Error).message}`, undefined,
        { cause: error })
    }
  }

  /** Sends one request and reads its answer. Rejects with an Error when there is none in time. */
  async request(api: WireApi, body: WireWriter): Promise<WireReader> {
    const correlation = ++this.#correlation
    const header = new WireWriter().int16(api.key).int16(api.version).int32(correlation).string('torghut-ta').done()
    const payload = body.done()
    const size = new WireWriter().int32(header.length + payload.length).done()
    const answer = new Promise<Buffer>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no answer within ${this.#timeoutMs} ms`)), this.#timeoutMs)
      this.#waiting = {
        resolve: (frame) => (clearTimeout(timer), resolve(frame)),
        reject: (error) => (clearTimeout(timer), reject(error)),
      }
    })
    this.#socket.write(Buffer.concat([size, header, payload]))
    const reader = new WireReader(await answer)
    this.#waiting = undefined
    if (reader.int32() !== correlation) throw new Error('the broker answered another request')
    return reader
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    if (this.#received.length < 4) return
    const size = this.#received.readInt32BE(0)
    if (size < 4 || size > RESPONSE_MAX_BYTES) {
      this.#waiting?.reject(new Error('what answers is no Kafka broker, or speaks TLS where none is set'))
      this.close()
    } else if (this.#received.length >= 4 + size) {
      const frame = this.#received.subarray(4, 4 + size)
      this.#received = this.#received.subarray(4 + size)
      this.#waiting?.resolve(frame)
    }
  }

  async #authenticate(settings: KafkaSettings): Promise<void> {
    const mechanism = settings.saslMechanism || DEFAULT_MECHANISM
    const username = settings.username ?? ''
    const password = settings.password ?? ''
    const handshake = await this.request(SASL_HANDSHAKE, new WireWriter().string(mechanism))
    if (handshake.int16() !== 0) throw new LogError('auth', `The broker does not offer ${mechanism}`)
    if (mechanism === 'PLAIN') {
      await this.#say(Buffer.from(`\0${username}\0${password}`), username)
    } else if (mechanism === 'SCRAM-SHA-256' || mechanism === 'SCRAM-SHA-512') {
      const scram = new ScramClient(mechanism === 'SCRAM-SHA-256' ? 'sha256' : 'sha512', username, password)
      scram.verify(await this.#say(scram.final(await this.#say(scram.first(), username)), username))
    } else {
      throw new LogError('outside', `Logging in by ${mechanism} is not built in for this request`)
    }
  }

  async #say(message: Buffer, username: string): Promise<Buffer> {
    const answer = await this.request(SASL_AUTHENTICATE, new WireWriter().bytes(message))
    const refused = answer.int16() !== 0
    const reason = answer.string()
    if (refused) throw new LogError('auth', `The broker refuses the user ${username}: ${reason ?? 'no reason given'}`)
    return answer.bytes()
  }
}

function dial(settings: KafkaSettings, host: string, port: number, timeoutMs: number): Promise<Socket> {
  const { config } = settings
  return new Promise((resolve, reject) => {
    const secure = settings.security.endsWith('SSL')
    const socket = secure
      ? connectTls({
          host,
          port,
          servername: /^[\d.:]+$/.test(host) ? '' : host,
          ca: settings.caLocation ? readFileSync(settings.caLocation) : undefined,
          cert: settings.certLocation ? readFileSync(settings.certLocation) : undefined,
          key: settings.keyLocation ? readFileSync(settings.keyLocation) : undefined,
          passphrase: typeof config['ssl.key.password'] === 'string' ? config['ssl.key.password'] : undefined,
          rejectUnauthorized: String(config['enable.ssl.certificate.verification'] ?? 'true') !== 'false',
          ...(config['ssl.endpoint.identification.algorithm'] === 'none' ? { checkServerIdentity: () => undefined } : {}),
        })
      : connectPlain({ host, port })
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs)
    socket.once('error', (error) => (clearTimeout(timer), reject(error)))
    socket.once(secure ? 'secureConnect' : 'connect', () => (clearTimeout(timer), resolve(socket)))
  })
}
