/** The monitor's socket: whoever has something to serve hands in a handler; health and metrics answer the rest. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { type HealthParts, handleHealth } from './health-http.ts'
import type { ServerLimits } from './server-http.ts'

/** Answers a request of its own and returns true; false leaves it to the next one. Never throws. */
export type Handler = (req: IncomingMessage, res: ServerResponse) => boolean

/** Bytes of all headers of one request. */
const maxHeaderSize = 8192

export function createMonitorServer(handlers: readonly Handler[], health: HealthParts, limits: ServerLimits): Server {
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
      if (!handlers.some((handle) => handle(req, res))) void handleHealth(health, req, res)
    },
  )
  server.maxConnections = limits.maxConnections
  return server
}
