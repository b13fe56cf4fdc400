/**
 * The read API of C2SP tlog-tiles, without a framework:
 *
 *     GET /checkpoint                      text/plain; charset=utf-8, cached for seconds
 *     GET /tile/<L>/<N>[.p/<W>]            application/octet-stream, immutable
 *     GET /tile/entries/<N>[.p/<W>]        the same, gzip where Accept-Encoding has it
 *
 * Tiles are served up to the last *signed* size, so a checkpoint that anyone can hold always finds its tiles. Every partial
 * width up to there is cut from what is stored, which is more than a log must serve ("Partial Tiles"), and never less.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { FormatError, parseEntriesPath, parseTilePath, TILE_WIDTH, type Tile } from '@samebits/core'
import type { Issued } from '../issuer.ts'
import type { LogReader } from '../store.ts'
import type { BodyCache } from './body-cache.ts'
import { internalProblem, notFound, type Problem, problemOf, sendProblem } from './problem.ts'

export interface TilesParts {
  readonly log: { reaches(size: number): Promise<boolean>; published(): Issued }
  readonly reader: Pick<LogReader, 'tile' | 'entries'>
  readonly cache: BodyCache
  readonly checkpointMaxAgeSeconds: number
  /** Answers for a tile that is not there; 404 without it. */
  readonly missing?: (req: IncomingMessage, res: ServerResponse) => void
  readonly onDefect: (error: unknown) => void
}

const gzipped = promisify(gzip)
/** zlib's level 1: several times the speed of its default, for a few percent of the size of signed statements. */
const fastest = 1
const immutable = 'public, max-age=31536000, immutable'

/** Whether this handler answers the path. */
export function isTilesPath(path: string): boolean {
  return path === '/checkpoint' || path.startsWith('/tile/')
}

/** Answers GET and HEAD of {@link isTilesPath} paths. Never rejects. */
export async function handleTiles(
  parts: TilesParts,
  path: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  try {
    res.setHeader('Access-Control-Allow-Origin', '*')
    res.setHeader('X-Content-Type-Options', 'nosniff')
    if (req.method !== 'GET' && req.method !== 'HEAD') sendMethodRefusal(res)
    else if (path === '/checkpoint') sendCheckpoint(parts, res)
    else if (path.startsWith('/tile/entries/')) await sendEntries(parts, path, req, res)
    else await sendTile(parts, path, req, res)
  } catch (error) {
    const problem = error instanceof FormatError ? badPath(error) : problemOf(error)
    if (problem === null) parts.onDefect(error)
    sendProblem(res, problem ?? internalProblem)
  }
}

function badPath(error: FormatError): Problem {
  return { status: 400, code: 'tile-path', detail: error.detail }
}

function sendMethodRefusal(res: ServerResponse): void {
  res.setHeader('Allow', 'GET, HEAD')
  sendProblem(res, { status: 405, code: 'method', detail: 'this address is read with GET' })
}

function sendCheckpoint({ log, checkpointMaxAgeSeconds }: TilesParts, res: ServerResponse): void {
  res.setHeader('Content-Type', 'text/plain; charset=utf-8')
  res.setHeader('Cache-Control', `public, max-age=${checkpointMaxAgeSeconds}`)
  sendBytes(res, Buffer.from(log.published().checkpoint))
}

async function sendTile(parts: TilesParts, path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const tile = parseTilePath(path.slice(1))
  const body = await cached(parts, path, tile, () => parts.reader.tile(tile.level, tile.index, tile.width))
  sendImmutable(parts, req, res, body)
}

async function sendEntries(parts: TilesParts, path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { index, width } = parseEntriesPath(path.slice(1))
  const tile = { level: 0, index, width }
  const plain = () => cached(parts, path, tile, () => parts.reader.entries(index, width))
  res.setHeader('Vary', 'Accept-Encoding')
  if (!acceptsGzip(req.headers['accept-encoding'])) {
    sendImmutable(parts, req, res, await plain())
    return
  }
  const body = await cached(parts, `${path} gzip`, tile, async () => {
    const bytes = await parts.reader.entries(index, width)
    return bytes === null ? null : await gzipped(bytes, { level: fastest })
  })
  if (body !== null) res.setHeader('Content-Encoding', 'gzip')
  sendImmutable(parts, req, res, body)
}

/** Past the signed size there is nothing, whatever is committed. */
async function cached(
  { cache, log }: TilesParts,
  key: string,
  { level, index, width }: Tile,
  read: () => Promise<Uint8Array | null>,
): Promise<Uint8Array | null> {
  if (!(await log.reaches((index * TILE_WIDTH + width) * TILE_WIDTH ** level))) return null
  const known = cache.get(key)
  if (known !== undefined) return known
  const body = await read()
  if (body !== null) cache.set(key, body)
  return body
}

function sendImmutable(
  { missing }: TilesParts,
  req: IncomingMessage,
  res: ServerResponse,
  body: Uint8Array | null,
): void {
  if (body === null) {
    if (missing === undefined) sendProblem(res, notFound)
    else missing(req, res)
    return
  }
  res.setHeader('Content-Type', 'application/octet-stream')
  res.setHeader('Cache-Control', immutable)
  sendBytes(res, body)
}

/** Node leaves the body out for HEAD. */
function sendBytes(res: ServerResponse, body: Uint8Array): void {
  res.setHeader('Content-Length', body.length)
  res.end(body)
}

/** RFC 9110 §12.5.3: gzip where it is named, and identity is not named with a higher weight; `*` alone does not name it. */
function acceptsGzip(header: string | string[] | undefined): boolean {
  const codings = String(header ?? '').split(',')
  const gzip = Math.max(weightOf(codings, /^\s*(?:x-)?gzip\s*(?:;|$)/i), 0)
  return gzip > 0 && gzip >= weightOf(codings, /^\s*identity\s*(?:;|$)/i)
}

/** The weight of the first coding that `name` fits; -1 where there is none, 0 where the weight is malformed. */
function weightOf(codings: readonly string[], name: RegExp): number {
  const coding = codings.find((candidate) => name.test(candidate))
  if (coding === undefined) return -1
  const [, parameter] = coding.split(';')
  if (parameter === undefined) return 1
  const weight = /^\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*$/i.exec(parameter)
  return Number(weight?.[1] ?? 0)
}
