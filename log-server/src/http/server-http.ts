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

export interface ServerLimits {
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

/** What answers which path. */
export interface Routes {
  /** Null where the API itself answers `POST /add`. */
  readonly add: AddParts | null
  readonly tiles: TilesParts
  readonly api: Express
  readonly intake: Pick<Intake, 'connectionCame' | 'entryCame'>
}

export interface ServerParts extends Routes {
  readonly limits: ServerLimits
  /** Null for plain HTTP. */
  readonly tls: TlsContext | null
}

/** For a connection on which nothing moves, such as one whose client does not read its answer. Longer than any answer takes. */
const stalledTimeoutMs = 120_000

/** Bytes of all headers of one request. */
const maxHeaderSize = 8192

type Handle = (req: IncomingMessage, res: ServerResponse) => void

/** With `tls` an HTTPS server, whose context can be replaced. */
export function createHttpServer(parts: ServerParts): Server {
  const server = createLimitedServer(parts, (req, res) => dispatch(parts, req, res))
  return server.on('connection', () => parts.intake.connectionCame())
}

export interface ReaderServerParts {
  readonly tiles: TilesParts
  /** Brings the checkpoint that is served up to date. */
  readonly refresh: () => Promise<void>
  /** Answers everything that is not read here. */
  readonly relay: Handle
  readonly onRead: () => void
  readonly limits: ServerLimits
  readonly tls: TlsContext | null
}

/** The server of a process that only reads. */
export function createReaderServer(parts: ReaderServerParts): Server {
  const tiles = { ...parts.tiles, missing: parts.relay }
  return createLimitedServer(parts, (req, res) => {
    const path = pathOf(req.url ?? '/')
    if (!isTilesPath(path)) return parts.relay(req, res)
    parts.onRead()
    if (path !== '/checkpoint') return void handleTiles(tiles, path, req, res)
    parts.refresh().then(
      () => void handleTiles(tiles, path, req, res),
      () => parts.relay(req, res),
    )
  })
}

function createLimitedServer({ limits, tls }: Pick<ServerParts, 'limits' | 'tls'>, handle: Handle): Server {
  const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs, maxConnections } = limits
  const { connectionsPerAddress, trustedProxies } = limits
  const options = {
    maxHeaderSize,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(1000, headersTimeoutMs),
    noDelay: true,
  }
  const server =
    tls === null
      ? createServer(options, handle)
      : endWithItsHandshakes(createTlsServer({ ...options, ...tls, handshakeTimeout: headersTimeoutMs }, handle))
  server.maxConnections = maxConnections
  server.timeout = stalledTimeoutMs
  if (trustedProxies === 0) limitConnections(server, connectionsPerAddress)
  return server
}

/** Answers a request where the log is written. */
export function dispatch({ add, tiles, api, intake }: Routes, req: IncomingMessage, res: ServerResponse): void {
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
