/** Where `fsck` reads from: a database file, a folder of a log's files, or its URL. All can be opened again in each worker. */
import { entriesPath, httpTileSource, SourceError, type TileSource, tilePath, utf8 } from '@samebits/core'
import { directorySource } from './directory-source.ts'
import { openSqliteReader } from './sqlite-store.ts'
import type { LogReader } from './store.ts'

/** Plain data: it is sent to workers. */
export type FsckTarget =
  | { readonly kind: 'database'; readonly path: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'url'; readonly url: string }

export interface OpenSource {
  readonly source: TileSource
  /** Bundles that are read ahead: a network hides its latency so, a file has none. */
  readonly ahead: number
  close(): Promise<void>
}

export function openSource(target: FsckTarget, fetch: typeof globalThis.fetch): OpenSource {
  if (target.kind === 'url') {
    const signal = () => AbortSignal.timeout(60_000)
    const source = httpTileSource({ prefix: target.url, fetch: preferPlain(fetch), signal, allowHttpLoopback: true })
    return { source, ahead: 8, close: async () => undefined }
  }
  if (target.kind === 'directory')
    return { source: directorySource(target.path), ahead: 1, close: async () => undefined }
  const reader = openSqliteReader(target.path)
  return { source: readerSource(reader), ahead: 1, close: () => reader.close() }
}

/**
 * Checking is bound by the processor, not by the network: plain bundles are preferred, compressed ones taken (C2SP tlog-tiles,
 * "Log entries": clients should name both).
 */
function preferPlain(fetch: typeof globalThis.fetch): typeof globalThis.fetch {
  return (input, init) =>
    fetch(input, { ...init, headers: { ...init?.headers, 'accept-encoding': 'identity, gzip;q=0.5' } })
}

/** A database as a tile source. */
function readerSource(reader: LogReader): TileSource {
  const demand = async (path: string, bytes: Promise<Uint8Array | null>): Promise<Uint8Array> => {
    const found = await bytes
    if (found === null) throw new SourceError('missing', path, 'it is not stored')
    return found
  }
  return {
    async checkpoint() {
      const published = await reader.published()
      if (published === null) throw new SourceError('missing', 'checkpoint', 'none is stored')
      return utf8(published.checkpoint)
    },
    tile: (tile) => demand(tilePath(tile), reader.tile(tile.level, tile.index, tile.width)),
    entries: (index, width) => demand(entriesPath(index, width), reader.entries(index, width)),
  }
}
