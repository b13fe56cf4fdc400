/** Readers beside a server that is listening: the port on which it takes what they hand on, and the processes. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { formatVkey } from '@samebits/core'
import { closeServer, listen, ProgramError } from '@samebits/host'
import type { Registry } from 'prom-client'
import { createRelayServer } from '../http/relay-http.ts'
import type { TlsReloads } from '../http/tls-http.ts'
import type { LogServerOptions } from '../options.ts'
import type { HeadSigner } from '../signer.ts'
import { ReaderPool, readerMetrics } from './pool.ts'

interface ReadersSetup {
  readonly options: LogServerOptions
  /** Path of the SQLite database. */
  readonly database: string
  readonly signer: HeadSigner
  readonly server: Server
  /** Answers a request that a reader handed on: the reader is one proxy more. */
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void
  readonly after: (milliseconds: number, work: () => void) => () => void
  readonly registry: Registry
  readonly operator: Record<'info' | 'warn' | 'error', (fields: object, message: string) => void>
  /** Null for plain HTTP. */
  readonly onReload: TlsReloads | null
}

/** @throws ProgramError CONFIG_INVALID where the log is in PostgreSQL */
export function refuseReaders({ readers, database }: Pick<LogServerOptions, 'readers' | 'database'>): void {
  if (readers === 0 || database === '') return
  throw new ProgramError({
    code: 'CONFIG_INVALID',
    detail: '--readers read from SQLite, and this log is in PostgreSQL',
    remedy: 'Leave --readers out; start further servers with the same --database: any of them answers.',
  })
}

/** Starts them; returns how they end. */
export async function startReaders(setup: ReadersSetup): Promise<() => Promise<void>> {
  const { options, database, signer, server, handle, after, registry, operator, onReload } = setup
  const token = randomBytes(32).toString('base64')
  const relayed = createRelayServer(token, handle, options)
  const port = await listen(relayed, '127.0.0.1', 0)
  const pool = new ReaderPool({
    ...{ count: options.readers, socket: server, after, operator, metrics: readerMetrics(registry) },
    options: {
      ...options,
      database,
      origin: signer.origin,
      vkeys: signer.keys.map(formatVkey),
      writer: { port, token },
    },
  })
  const off = onReload?.(() => pool.reload())
  const stop = async () => {
    off?.()
    await pool.stop()
    await closeServer(relayed, 0)
  }
  try {
    await pool.start()
    return stop
  } catch (cause) {
    await stop()
    throw new ProgramError({
      code: 'READERS_FAILED',
      detail: `the readers did not start: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: 'Standard error says why one ended; leave --readers out to serve without them.',
      cause,
    })
  }
}
