/** The read side of logs and mirrors over the updater's own HTTP: core's tile source with our time-outs, retries and redirects. */
import { type FetchLike, type FetchResponse, httpTileSource, type TileSource } from '@samebits/core'
import type { HttpClient } from './http-client.ts'

/** Largest answer of a log: an entry bundle of 256 entries of 64 KiB. Each resource has its own smaller cap in core. */
const maxAnswerBytes = 256 * 65_537

/** A tile source at a URL prefix. @throws RangeError for a prefix that is no URL of a log */
export function logSource(http: HttpClient, prefix: string, signal: AbortSignal | undefined): TileSource {
  const fetch: FetchLike<never> = async (url, { headers }) => {
    const answer = await http.get(url, { headers, maxBytes: maxAnswerBytes, signal })
    return wholeResponse(answer.status, answer.headers, answer.body)
  }
  return httpTileSource({ prefix, fetch, allowHttpLoopback: true })
}

/** An answer that was read already, in the shape in which core reads one. */
function wholeResponse(status: number, headers: Headers, body: Uint8Array): FetchResponse {
  let left: Uint8Array | undefined = body
  return {
    status,
    headers,
    body: {
      cancel: async () => undefined,
      getReader: () => ({
        async read() {
          const value = left
          left = undefined
          return value === undefined ? { done: true } : { done: false, value }
        },
        cancel: async () => undefined,
      }),
    },
  }
}
