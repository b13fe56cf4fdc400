/**
 * The read API of C2SP tlog-tiles over the copies of a mirror:
 *
 *     GET <prefix>/<origin hash>/checkpoint                  cached for seconds
 *     GET <prefix>/<origin hash>/tile/<L>/<N>[.p/<W>]        immutable
 *     GET <prefix>/<origin hash>/tile/entries/<N>[.p/<W>]    immutable
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { FormatError, parseEntriesPath, parseTilePath } from '@samebits/core'
import type { MirrorStore } from '../mirror/mirror-store.ts'
import { failure } from './add-checkpoint-http.ts'
import { type Answer, send, wrongMethod } from './answer-http.ts'

export interface TilesHttpParts {
  readonly originOf: (hash: string) => string | undefined
  readonly store: Pick<MirrorStore, 'mirrorCheckpoint' | 'tile' | 'entries'>
  /** As `/mirror`, without a slash at its end. */
  readonly prefix: string
  readonly onDefect: (error: unknown) => void
}

/** Seconds. */
const checkpointMaxAge = 5
const missing: Answer = { status: 404, body: 'not here\n' }

/** Answers a request for a copy; false where the path is not one's. */
export function handleTiles(parts: TilesHttpParts, req: IncomingMessage, res: ServerResponse): boolean {
  const path = (req.url ?? '').split('?', 1)[0] ?? ''
  const { prefix } = parts
  const found = path.startsWith(`${prefix}/`)
    ? /^([0-9a-f]{64})\/(checkpoint|tile\/.+)$/.exec(path.slice(prefix.length + 1))
    : null
  if (found === null) return false
  res.setHeader('Access-Control-Allow-Origin', '*')
  const reads = req.method === 'GET' || req.method === 'HEAD'
  send(res, reads ? answerOf(parts, found[1] ?? '', found[2] ?? '') : wrongMethod('GET, HEAD'))
  return true
}

function answerOf({ originOf, store, onDefect }: TilesHttpParts, hash: string, path: string): Answer {
  const origin = originOf(hash)
  if (origin === undefined) return missing
  try {
    if (path === 'checkpoint') return checkpoint(store.mirrorCheckpoint(origin)?.checkpoint)
    if (!path.startsWith('tile/entries/')) {
      const { level, index, width } = parseTilePath(path)
      return immutable(store.tile(origin, level, index, width))
    }
    const { index, width } = parseEntriesPath(path)
    return immutable(store.entries(origin, index, width))
  } catch (error) {
    return error instanceof FormatError ? { status: 400, body: `${error.detail}\n` } : failure(error, onDefect)
  }
}

function checkpoint(text: string | undefined): Answer {
  if (text === undefined) return missing
  return { status: 200, body: text, headers: { 'Cache-Control': `public, max-age=${checkpointMaxAge}` } }
}

function immutable(bytes: Uint8Array | null): Answer {
  if (bytes === null) return missing
  const headers = { 'Cache-Control': 'public, max-age=31536000, immutable' }
  return { status: 200, body: bytes, contentType: 'application/octet-stream', headers }
}
