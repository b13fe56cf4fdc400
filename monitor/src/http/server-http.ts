/** A server's socket, and the limits that keep slow or greedy clients from hurting others. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type HealthParts, handleHealth } from './health-http.ts'

export interface ServerLimits {
  /** For the headers of a request, from its first byte or the connection's start. */
  readonly headersTimeoutMs: number
  /** For a whole request. */
  readonly requestTimeoutMs: number
  /** For an idle connection. */
  readonly keepAliveTimeoutMs: number
  readonly maxConnections: number
}

/**
 * Idle connections stay longer than the 90 s of Go's default client: whoever closes first must not be the one that the next
 * request is on its way to. A connection holds at most one body, so the number bounds the memory.
 */
export const defaultLimits: ServerLimits = {
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  keepAliveTimeoutMs: 120_000,
  maxConnections: 1000,
}

/** Bytes of all headers of one request. */
const maxHeaderSize = 8192

/** Answers a request; false where the path is not its own. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => boolean

export function createHttpServer(handle: Handler, health: HealthParts, limits: ServerLimits): Server {
  const server = createServer(
    {
      maxHeaderSize,
      headersTimeout: limits.headersTimeoutMs,
      requestTimeout: limits.requestTimeoutMs,
      keepAliveTimeout: limits.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, limits.headersTimeoutMs),
      noDelay: true,
    },
    (req, res) => {
      if (!handle(req, res)) void handleHealth(health, req, res)
    },
  )
  server.maxConnections = limits.maxConnections
  return server
}
