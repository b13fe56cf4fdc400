/** A log's tiles at one place. */
import { type FetchLike, httpTileSource, type TileSource } from '@samebits/core'

const timeoutMs = 30_000

/**
 * Checking is bound by the processor: plain bundles are preferred, compressed ones taken (C2SP tlog-tiles, "Log
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
