/** The HTTP side: what each path answers. Knows nothing of threads; `ServingView` is what there is to see. */
import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { CONTENT_SECURITY_POLICY, STATUS_PAGE, TOKEN_PAGE } from './status-page.ts'

/** What the paths show. */
export interface ServingView {
  /** Whether the main loop turns, and if not, for how long it hasn't, in words. */
  live(): { ok: boolean; reason: string }
  ready(): { ok: boolean; reason: string }
  status(): unknown
  metrics(): Promise<{ contentType: string; text: string }>
}

interface Answer {
  status: number
  contentType: string
  body: string
  headers?: Record<string, string>
}

const TEXT = 'text/plain; charset=utf-8'
const HTML = 'text/html; charset=utf-8'
const JSON_TYPE = 'application/json; charset=utf-8'

/** More connections than probes, scrapers and a few people need; the rest is turned away. */
const CONNECTIONS_MAX = 200

/** Paths that are answered without the token: an orchestrator's probes can't have it. */
const OPEN_PATHS = new Set(['/livez', '/readyz'])

/** A server that does not listen yet. */
export function createHttpServer(view: ServingView, token: string): Server {
  const allowed = tokenCheck(token)
  const server = createServer((request, response) => {
    void answerTo(request, view, allowed)
      .catch((error): Answer => ({ status: 500, contentType: TEXT, body: `${error instanceof Error ? error.message : error}\n` }))
      .then((answer) => send(request, response, answer))
  })
  server.maxConnections = CONNECTIONS_MAX
  server.requestTimeout = 10_000
  server.headersTimeout = 5_000
  return server
}

function tokenCheck(token: string): (request: IncomingMessage) => boolean {
  if (token === '') return () => true
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = digest(token)
  return (request) => {
    const given = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')
    // Digests have one length, so the time it takes says nothing about how much of the token was right.
    return given !== null && timingSafeEqual(digest(given[1]), expected)
  }
}

async function answerTo(request: IncomingMessage, view: ServingView,
  allowed: (request: IncomingMessage) => boolean): Promise<Answer> {
  const path = (request.url ?? '/').split('?')[0]
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { status: 405, contentType: TEXT, body: 'only GET and HEAD\n', headers: { allow: 'GET, HEAD' } }
  }
  if (!OPEN_PATHS.has(path) && !allowed(request)) {
    const person = request.headers.accept?.includes('text/html') === true
    const headers = { 'www-authenticate': 'Bearer realm="torghut-ta"' }
    return person ? { status: 401, contentType: HTML, body: TOKEN_PAGE, headers }
      : { status: 401, contentType: TEXT, body: 'a bearer token is needed (TA_HTTP_TOKEN)\n', headers }
  }
  switch (path) {
    case '/livez': return verdict(view.live())
    case '/readyz': return verdict(view.ready())
    case '/status': return { status: 200, contentType: JSON_TYPE, body: `${JSON.stringify(view.status())}\n` }
    case '/metrics': {
      const { contentType, text } = await view.metrics()
      return { status: 200, contentType, body: text }
    }
    case '/': return { status: 200, contentType: HTML, body: STATUS_PAGE }
    default: return { status: 404, contentType: TEXT, body: 'nothing here; see /, /status, /metrics, /livez, /readyz\n' }
  }
}

function verdict({ ok, reason }: { ok: boolean; reason: string }): Answer {
  return { status: ok ? 200 : 503, contentType: TEXT, body: `${ok ? 'ok' : reason}\n` }
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, body, headers }: Answer): void {
  const bytes = Buffer.from(body)
  response.writeHead(status, {
    ...headers,
    'content-type': contentType,
    'content-length': bytes.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    ...(contentType === HTML ? { 'content-security-policy': CONTENT_SECURITY_POLICY } : {}),
  })
  response.end(request.method === 'HEAD' ? undefined : bytes)
}
