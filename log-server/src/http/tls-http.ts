/** TLS on the server's socket: a renewed certificate is used without a restart, and a handshake that never ends holds nothing up. */
import type { Server } from 'node:http'
import type { Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { Gauge, type Registry } from 'prom-client'
import type { TlsFiles } from '../tls-files.ts'

/** Calls the listener when the files should be read again; the returned function ends that. */
export type TlsReloads = (listener: () => void) => () => void

export interface FreshTls {
  readonly files: TlsFiles
  readonly onReload: TlsReloads
  /** Unix seconds. */
  readonly now: () => number
  readonly after: (milliseconds: number, work: () => void) => () => void
  /** Null where another process has the metrics. */
  readonly registry: Registry | null
  readonly operator: Operator
}

interface Operator {
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** The files are looked at so often. */
const lookEveryMs = 60_000
/** Certificates that are renewed by themselves are, long before. */
const soonSeconds = 7 * 86_400

/** Uses new files as soon as they are seen, or asked for. @returns what ends it */
export function keepTlsFresh(server: TlsServer, parts: FreshTls): () => void {
  const { files, onReload, after, registry } = parts
  if (registry !== null) tlsMetrics({ registry, files })
  sayExpiry(parts)
  let cancel = () => undefined as unknown
  const look = () => {
    if (files.isChanged) void reload(server, parts)
    cancel = after(lookEveryMs, look)
  }
  cancel = after(lookEveryMs, look)
  const off = onReload(() => void reload(server, parts))
  return () => {
    off()
    cancel()
  }
}

async function reload(server: TlsServer, parts: FreshTls): Promise<void> {
  const { files, operator } = parts
  try {
    await files.reload()
    server.setSecureContext(files.context)
    operator.info({ names: files.names, notAfter: files.notAfter }, 'the certificate was read again')
    sayExpiry(parts)
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error)
    operator.error({ detail }, 'the certificate was not replaced: its files are no good')
  }
}

function sayExpiry({ files, now, operator }: FreshTls): void {
  const left = files.notAfter - now()
  const fields = { names: files.names, notAfter: files.notAfter }
  if (left < 0) operator.error(fields, 'the certificate has expired: clients refuse it')
  else if (left < soonSeconds) operator.warn(fields, 'the certificate expires within a week')
}

export function tlsMetrics({ registry, files }: { readonly registry: Registry; readonly files: TlsFiles }): void {
  new Gauge({
    name: 'samebits_log_tls_not_after_timestamp_seconds',
    help: 'When the certificate in use expires.',
    registers: [registry],
    collect() {
      this.set(files.notAfter)
    },
  })
}

/** `closeAllConnections` knows only connections whose handshake is done; here it ends the others as well. */
export function endWithItsHandshakes(server: TlsServer): TlsServer {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  const closeAll: Server['closeAllConnections'] = server.closeAllConnections.bind(server)
  server.closeAllConnections = () => {
    closeAll()
    for (const socket of sockets) socket.destroy()
  }
  return server
}
