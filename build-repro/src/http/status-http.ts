/**
 * What a rebuilder shows of itself, to read only:
 *
 *     GET /              a page for people
 *     GET /status.json   the same for programs (rebuild/board.ts, Snapshot)
 *     GET /metrics       Prometheus
 *     GET /healthz       200 while the process answers
 *     GET /readyz        200 once every log that can be read was read, else 503
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Board } from '../rebuild/board.ts'
import type { RebuilderMetrics } from '../rebuild/rebuilder-metrics.ts'
import { pagePolicy, statusPage } from './status-page.ts'

export interface StatusParts {
  readonly board: Board
  readonly metrics: Pick<RebuilderMetrics, 'text' | 'contentType'>
  /** Unix seconds. */
  readonly now: () => number
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly contentType?: string
}

export function createStatusServer(parts: StatusParts): Server {
  const server = createServer(
    { maxHeaderSize: 8192, headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 30_000 },
    (req, res) => void respond(parts, req, res),
  )
  server.maxConnections = 100
  return server
}

/** Never rejects. */
async function respond(parts: StatusParts, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { status, body, contentType } = await answer(parts, req).catch((): Answer => {
    return { status: 500, body: 'a defect of this rebuilder\n' }
  })
  const bytes = Buffer.from(body)
  res.statusCode = status
  res.setHeader('Content-Type', contentType ?? 'text/plain; charset=utf-8')
  res.setHeader('Content-Length', bytes.length)
  res.setHeader('Content-Security-Policy', pagePolicy)
  res.setHeader('X-Content-Type-Options', 'nosniff')
  res.setHeader('Referrer-Policy', 'no-referrer')
  res.setHeader('Cache-Control', 'no-store')
  if (status === 405) res.setHeader('Allow', 'GET, HEAD')
  res.end(bytes)
}

async function answer({ board, metrics, now }: StatusParts, { method, url }: IncomingMessage): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD') return { status: 405, body: 'this is for reading\n' }
  switch ((url ?? '').split('?', 1)[0]) {
    case '/':
      return { status: 200, body: statusPage(board.snapshot(), now()), contentType: 'text/html; charset=utf-8' }
    case '/status.json':
      return { status: 200, body: `${JSON.stringify(board.snapshot())}\n`, contentType: 'application/json' }
    case '/metrics':
      return { status: 200, body: await metrics.text(), contentType: metrics.contentType }
    case '/healthz':
      return { status: 200, body: 'ok\n' }
    case '/readyz':
      return isReady(board) ? { status: 200, body: 'ready\n' } : { status: 503, body: 'not every log was read yet\n' }
    default:
      return { status: 404, body: 'there is nothing under this address\n' }
  }
}

function isReady(board: Board): boolean {
  const { products } = board.snapshot()
  return products.length > 0 && products.every(({ lookedAt, halted }) => lookedAt !== null || halted)
}
