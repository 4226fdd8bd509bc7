/**
 * A TCP proxy before a broker that understands as much of Kafka's protocol as it takes to lose the answer to a commit: it
 * reads the requests' frames (length, api key) and cuts a connection around an EndTxn request, or holds the request back.
 */
import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import { LOCAL_HOST } from '../../src/demo/broker-files.ts'

const END_TXN = 26
/** Length, api key, api version, correlation id. */
const HEAD_BYTES = 12
/** The engine's transactions time out after 10 s; the broker looks at them every half second here. */
const HOLD_MS = 13_000
/** As the tests' settings make them. */
const TRANSACTIONAL_ID = /ta-[0-9a-f]{8}-\d+/

/** What is still to be done to EndTxn requests. */
export interface Cuts {
  /** Cut before the broker has got the request: nothing happens there. */
  before: number
  /** Cut when the broker has answered, before the client gets it: the commit has happened. */
  after: number
  /** Hold the request back for longer than the broker lets a transaction be open. */
  held: number
}

export class KafkaProxy {
  readonly port: number
  readonly left: Cuts = { before: 0, after: 0, held: 0 }
  readonly #brokerPort: number
  readonly #server
  readonly #sockets = new Set<Socket>()
  #cut: () => void = () => {}
  #held = { id: 'none', untilMs: 0 }

  private constructor(port: number, brokerPort: number) {
    this.port = port
    this.#brokerPort = brokerPort
    this.#server = createServer((client) => this.#serve(client))
  }

  static async start(port: number, brokerPort: number): Promise<KafkaProxy> {
    const proxy = new KafkaProxy(port, brokerPort)
    proxy.#server.listen(port, LOCAL_HOST)
    await once(proxy.#server, 'listening')
    return proxy
  }

  /** Resolves when this was done to an EndTxn request. */
  async cutNext(when: keyof Cuts): Promise<void> {
    this.left[when]++
    await new Promise<void>((resolve) => (this.#cut = resolve))
  }

  #serve(client: Socket): void {
    const broker = connect(this.#brokerPort, LOCAL_HOST)
    const end = () => {
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) {
      socket.setNoDelay(true)
      this.#sockets.add(socket)
      socket.on('close', () => (this.#sockets.delete(socket), end()))
      socket.on('error', end)
    }
    let awaited: number | null = null // correlation id of the EndTxn whose answer is to be lost
    client.on('data', frames((frame) => {
      if (frame.readInt16BE(4) === END_TXN && this.left.before > 0) {
        this.#done('before', end)
        return
      }
      const holdMs = frame.readInt16BE(4) === END_TXN ? this.#holdMs(frame) : 0
      if (holdMs > 0) {
        client.pause()
        setTimeout(() => {
          if (!broker.destroyed) broker.write(frame)
          client.resume()
        }, holdMs)
        return
      }
      if (frame.readInt16BE(4) === END_TXN && this.left.after > 0) awaited = frame.readInt32BE(8)
      if (!broker.destroyed) broker.write(frame)
    }))
    broker.on('data', frames((frame) => {
      if (awaited !== null && frame.readInt32BE(4) === awaited && this.left.after > 0) {
        awaited = null
        this.#done('after', end)
      } else if (!client.destroyed) client.write(frame)
    }))
  }

  /** How long this EndTxn is held back: the one that is picked and its repetitions, until the broker has ended the transaction. */
  #holdMs(frame: Buffer): number {
    const id = TRANSACTIONAL_ID.exec(frame.toString('latin1'))?.[0] ?? ''
    if (this.left.held > 0) {
      this.left.held--
      this.#held = { id, untilMs: performance.now() + HOLD_MS }
      setTimeout(() => this.#cut(), HOLD_MS)
    }
    return id === this.#held.id ? Math.max(this.#held.untilMs - performance.now(), 0) : 0
  }

  #done(when: keyof Cuts, end: () => void): void {
    this.left[when]--
    end()
    this.#cut()
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    this.#server.close()
    await once(this.#server, 'close')
  }
}

/** Hands whole frames on, length included. */
function frames(take: (frame: Buffer) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk])
    while (rest.length >= HEAD_BYTES) {
      const end = 4 + rest.readInt32BE(0)
      if (rest.length < end) return
      take(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}
