/** One reader: answers reads of tiles and bundles from the database, read-only, and hands everything else to the writer. */
import type { Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import { parseVkey } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { closeServer } from '@samebits/host'
import { BodyCache } from '../http/body-cache.ts'
import { Relay } from '../http/relay-http.ts'
import { createReaderServer } from '../http/server-http.ts'
import { keepTlsFresh, type TlsReloads } from '../http/tls-http.ts'
import { openSqliteReader } from '../sqlite-store.ts'
import { TlsFiles } from '../tls-files.ts'
import type { FromReader, ReaderOptions, ReaderReport } from './messages.ts'
import { PublishedView } from './published-view.ts'

export interface ReaderDeps {
  /** As of `PrivateFile`. */
  readonly credentials: string
  /** Unix seconds. */
  readonly now: () => number
  readonly after: (milliseconds: number, work: () => void) => () => void
  readonly onReload: TlsReloads
  readonly say: (message: FromReader) => void
}

export interface Reader {
  readonly server: Server
  report(): Omit<ReaderReport, 'residentBytes'>
  stop(): Promise<void>
}

/** Time for the last answers to reach their clients. */
const graceMs = 2000

/** @throws StorageError, ProgramError */
export async function openReader(options: ReaderOptions, deps: ReaderDeps): Promise<Reader> {
  const { origin, vkeys, checkpointMaxAgeSeconds } = options
  const store = openSqliteReader(options.database)
  const keys = vkeys.map((vkey) => parseVkey(nodeCrypto, vkey))
  const view = new PublishedView({ reader: store, crypto: nodeCrypto, origin, keys })
  const cache = new BodyCache(options.cacheBytes)
  const relay = new Relay(options.writer)
  const counts = { reads: 0, relayed: 0 }
  const tls = await openTls(options, deps)
  const server = createReaderServer({
    tiles: {
      log: view,
      reader: store,
      cache,
      checkpointMaxAgeSeconds,
      onDefect: saying(deps, 'a request met a defect'),
    },
    refresh: () => view.refresh(),
    relay: (req, res) => {
      counts.relayed++
      relay.handle(req, res)
    },
    onRead: () => counts.reads++,
    limits: options,
    tls: tls?.context ?? null,
  })
  const endTls = tls !== null && server instanceof TlsServer ? refreshTls(server, tls, deps) : () => undefined
  return {
    server,
    report() {
      const report = { kind: 'report' as const, ...counts, cachedBytes: cache.bytes }
      Object.assign(counts, { reads: 0, relayed: 0 })
      return report
    },
    async stop() {
      endTls()
      await closeServer(server, graceMs)
      relay.close()
      await store.close()
    },
  }
}

function saying({ say }: ReaderDeps, message: string): (error: unknown) => void {
  return (error) => {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error)
    say({ kind: 'said', level: 'error', fields: { detail }, message })
  }
}

async function openTls({ tlsCert: cert, tlsKey: key }: ReaderOptions, { credentials }: ReaderDeps) {
  return cert === '' ? null : TlsFiles.open({ cert, key, credentials })
}

/** What the certificate's metric and warnings are, the writer says: this only keeps it fresh. */
function refreshTls(server: TlsServer, files: TlsFiles, { onReload, now, after, say }: ReaderDeps): () => void {
  const quiet = () => undefined
  const error = (fields: object, message: string) => say({ kind: 'said', level: 'error', fields, message })
  return keepTlsFresh(server, {
    files,
    onReload,
    now,
    after,
    registry: null,
    operator: { info: quiet, warn: quiet, error },
  })
}
