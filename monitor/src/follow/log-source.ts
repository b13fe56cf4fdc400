/** A log's tiles, from its own URL or from a mirror where that fails. */
import { type FetchLike, httpTileSource, SourceError, type TileSource } from '@samebits/core'

const timeoutMs = 30_000

/**
 * One place. Checking is bound by the processor: plain bundles are preferred, compressed ones taken (C2SP tlog-tiles, "Log
 * entries": clients should name both).
 */
export function logSource(url: string, fetch: FetchLike<AbortSignal>): TileSource {
  const plain: FetchLike<AbortSignal> = (input, init) =>
    fetch(input, { ...init, headers: { ...init?.headers, 'accept-encoding': 'identity, gzip;q=0.5' } })
  return httpTileSource({
    prefix: url,
    fetch: plain,
    signal: () => AbortSignal.timeout(timeoutMs),
    allowHttpLoopback: true,
  })
}

/** Several places that are asked in order; the last one's failure is what is told. */
export function firstSource(sources: readonly TileSource[]): TileSource {
  const first = async (ask: (source: TileSource) => Promise<Uint8Array>, path: string): Promise<Uint8Array> => {
    let failure: unknown = new SourceError('missing', path, 'there is no place to ask')
    for (const source of sources) {
      try {
        return await ask(source)
      } catch (error) {
        if (!(error instanceof SourceError)) throw error
        failure = error
      }
    }
    throw failure
  }
  return {
    checkpoint: () => first((source) => source.checkpoint(), 'checkpoint'),
    tile: (tile) => first((source) => source.tile(tile), 'tile'),
    entries: (index, width) => first((source) => source.entries(index, width), 'entries'),
  }
}
