/** One web server for a log (or several) and a feed, with room for somebody hostile on the way. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  FormatError,
  memoryTileSource,
  parseEntriesPath,
  parseTilePath,
  SourceError,
  type TileSource,
  utf8,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { serve } from '../../updater/test-support/loopback.ts'
import type { MemoryLog } from '../support/world.ts'

/** Sees a request first. True: it has answered, or lets the request hang. */
export type Hostile = (request: IncomingMessage, response: ServerResponse) => boolean

export interface Web {
  /** `http://127.0.0.1:<port>` */
  readonly url: string
  /** What lies there, by path without the first slash, not decoded: `feed/stable.samebits.json`. */
  readonly files: Map<string, Uint8Array>
  readonly requests: { readonly path: string; readonly headers: NodeJS.Dict<string | string[]> }[]
  hostile: Hostile
  /** Puts the tree of a log below a path: `checkpoint`, tiles and entry bundles as C2SP tlog-tiles has them. */
  show(path: string, log: MemoryLog, checkpoint: string): void
  close(): Promise<void>
}

export const honest: Hostile = () => false

export async function openWeb(): Promise<Web> {
  const files = new Map<string, Uint8Array>()
  const logs = new Map<string, TileSource>()
  const server = await serve((request, response) => {
    if (web.hostile(request, response)) return
    answer(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)))
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').slice(1)
    const bytes = files.get(path) ?? (await fromLog(path))
    if (bytes === null) response.writeHead(404, { 'cache-control': 'no-store' }).end()
    else sendBytes(request, response, bytes)
  }
  async function fromLog(path: string): Promise<Uint8Array | null> {
    const [, room = '', rest = ''] = /^([^/]*)\/(.*)$/.exec(path) ?? []
    const source = logs.get(room)
    if (source === undefined) return null
    try {
      if (rest === 'checkpoint') return await source.checkpoint()
      if (!rest.startsWith('tile/entries/')) return await source.tile(parseTilePath(rest))
      const { index, width } = parseEntriesPath(rest)
      return await source.entries(index, width)
    } catch (error) {
      if (error instanceof SourceError || error instanceof FormatError) return null
      throw error
    }
  }
  const web: Web = {
    url: server.url,
    files,
    requests: server.requests,
    hostile: honest,
    show: (path, log, checkpoint) =>
      void logs.set(path, memoryTileSource(nodeCrypto, [...log.leaves], utf8(checkpoint))),
    close: () => server.close(),
  }
  return web
}

/** Bytes with an entity tag; one open range of them where it is asked for (RFC 9110 §14.2). */
export function sendBytes(request: IncomingMessage, response: ServerResponse, bytes: Uint8Array): void {
  const etag = `"${Buffer.from(nodeCrypto.sha256(bytes)).toString('hex')}"`
  const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const isRange = from > 0 && from < bytes.length && request.headers['if-range'] === etag
  const body = isRange ? bytes.subarray(from) : bytes
  const range = isRange ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}
  response.writeHead(isRange ? 206 : 200, { 'content-length': body.length, etag, ...range }).end(body)
}
