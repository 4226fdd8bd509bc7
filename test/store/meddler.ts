/** A proxy in front of an HTTP server that meddles with some of its traffic. */
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a test does with a request: answers it itself, or calls `forward`, which resolves to the server's answer. */
export type Meddling =
  (incoming: IncomingMessage, outgoing: ServerResponse, forward: () => Promise<Answer>) => Promise<void> | void

export interface Answer {
  status: number
  headers: IncomingMessage['headers']
  body: Buffer
}

export interface Meddler extends AsyncDisposable {
  readonly endpoint: string
  /** Method and URL of what came, in order. */
  readonly requests: string[]
}

async function bytesOf(stream: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Passes an answer on as it is. */
export function pass(outgoing: ServerResponse, { status, headers, body }: Answer): void {
  outgoing.writeHead(status, headers).end(body)
}

/** Answers with an error as S3 writes it. */
export function refuse(outgoing: ServerResponse, status: number, code: string, message: string): void {
  outgoing.writeHead(status, { 'content-type': 'application/xml' })
    .end(`<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`)
}

/** Starts one in front of `port`; 0: there is no server behind it. Headers go through as they are, so signatures hold. */
export async function startMeddler(port: number, meddling: Meddling): Promise<Meddler> {
  const requests: string[] = []
  const server = createServer(async (incoming, outgoing) => {
    requests.push(`${incoming.method} ${incoming.url}`)
    const forward = async (): Promise<Answer> => {
      const { method, url: path, headers } = incoming
      const onward = request({ host: '127.0.0.1', port, method, path, headers, agent: false })
      onward.end(await bytesOf(incoming))
      const [answer] = await once(onward, 'response') as [IncomingMessage]
      return { status: answer.statusCode ?? 0, headers: answer.headers, body: await bytesOf(answer) }
    }
    await meddling(incoming, outgoing, forward)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
