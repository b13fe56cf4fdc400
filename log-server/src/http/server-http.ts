/** The server's socket: which handler answers which path, and the limits that keep slow or greedy clients from hurting others. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { Express } from 'express'
import type { Intake } from '../intake.ts'
import type { TlsContext } from '../tls-files.ts'
import { type AddParts, handleAdd } from './add-http.ts'
import { limitConnections } from './connection-limit.ts'
import { sendProblem } from './problem.ts'
import { handleTiles, isTilesPath, type TilesParts } from './tiles-http.ts'
import { endWithItsHandshakes } from './tls-http.ts'

interface ServerLimits {
  /** For the headers of a request, from its first byte or the connection's start. */
  readonly headersTimeoutMs: number
  /** For a whole request. */
  readonly requestTimeoutMs: number
  /** For an idle connection. */
  readonly keepAliveTimeoutMs: number
  readonly maxConnections: number
  readonly connectionsPerAddress: number
  readonly trustedProxies: number
}

export interface ServerParts {
  /** Null where the API itself answers `POST /add`. */
  readonly add: AddParts | null
  readonly tiles: TilesParts
  readonly api: Express
  readonly limits: ServerLimits
  /** Null for plain HTTP. */
  readonly tls: TlsContext | null
  readonly intake: Pick<Intake, 'connectionCame' | 'entryCame'>
}

/** For a connection on which nothing moves, such as one whose client does not read its answer. Longer than any answer takes. */
const stalledTimeoutMs = 120_000

/** Bytes of all headers of one request. */
const maxHeaderSize = 8192

/** With `tls` an HTTPS server, whose context can be replaced. */
export function createHttpServer(parts: ServerParts): Server {
  const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, maxConnections } = parts.limits
  const { connectionsPerAddress, trustedProxies } = parts.limits
  const options = {
    maxHeaderSize,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    noDelay: true,
  }
  const handle = (req: IncomingMessage, res: ServerResponse) => dispatch(parts, req, res)
  const server =
    parts.tls === null
      ? createServer(options, handle)
      : endWithItsHandshakes(createTlsServer({ ...options, ...parts.tls, handshakeTimeout: headersTimeoutMs }, handle))
  server.maxConnections = maxConnections
  server.timeout = stalledTimeoutMs
  server.on('connection', () => parts.intake.connectionCame())
  if (trustedProxies === 0) limitConnections(server, connectionsPerAddress)
  return server
}

function dispatch({ add, tiles, api, intake }: ServerParts, req: IncomingMessage, res: ServerResponse): void {
  const path = pathOf(req.url ?? '/')
  if (path === '/add') intake.entryCame()
  if (path === '/add' && req.method !== 'POST') refuseMethod(res)
  else if (path === '/add' && add !== null) void handleAdd(add, req, res)
  else if (isTilesPath(path)) void handleTiles(tiles, path, req, res)
  else api(req, res)
}

function refuseMethod(res: ServerResponse): void {
  res.setHeader('Allow', 'POST')
  sendProblem(res, { status: 405, code: 'method', detail: 'entries are sent with POST' })
}

function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}
