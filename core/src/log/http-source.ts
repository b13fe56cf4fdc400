/** Tiles over HTTPS (C2SP tlog-tiles, "APIs"), through a fetch that the caller brings. The one file here that knows HTTP. */
import { HASH_SIZE } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { platform, type UrlLike } from '../platform.ts'
import {
  entriesPath,
  MAX_BUNDLE_SIZE,
  parseEntryBundle,
  TILE_WIDTH,
  type Tile,
  tilePath,
  truncateEntryBundle,
} from './tile.ts'
import { MAX_CHECKPOINT_SIZE, SourceError, type TileSource } from './tile-source.ts'

/** The part of a fetch body's reader that is used. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  cancel(): Promise<void>
}

/** The part of a fetch Response that is used. */
export interface FetchResponse {
  readonly status: number
  readonly headers: { get(name: string): string | null }
  readonly body: { getReader(): BodyReader; cancel(): Promise<void> } | null
}

/** What a fetch is asked for; `Signal` is an AbortSignal, opaque here. */
export interface FetchInit<Signal> {
  readonly method: 'GET'
  readonly redirect: 'manual'
  readonly credentials: 'omit'
  readonly headers: Record<string, string>
  readonly signal?: Signal
}

/** The global `fetch` fits. */
export type FetchLike<Signal> = (url: string, init: FetchInit<Signal>) => Promise<FetchResponse>

export interface HttpOptions<Signal> {
  readonly fetch: FetchLike<Signal>
  /** Called once a request, e.g. `() => AbortSignal.timeout(10_000)`: this package has no clock. It ends the body too. */
  readonly signal?: () => Signal
  /** Also accept plain http to the loopback host, for tests and local set-ups. Default false. */
  readonly allowHttpLoopback?: boolean
}

const MAX_REDIRECTS = 3
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const MISSING: ReadonlySet<number> = new Set([404, 410])

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname)
}

/** An https URL without credentials (or http to a loopback host, where allowed); null for every other. */
function safeUrl(text: string, base: string | undefined, allowHttpLoopback: boolean): UrlLike | null {
  if (!platform.URL.canParse(text, base)) return null
  const url = new platform.URL(text, base)
  const scheme =
    url.protocol === 'https:' || (allowHttpLoopback && url.protocol === 'http:' && isLoopback(url.hostname))
  return scheme && url.username === '' && url.password === '' ? url : null
}

/** Follows redirects one by one, so that none leads to plain http before it is looked at. */
async function request<Signal>(options: HttpOptions<Signal>, start: string, path: string): Promise<FetchResponse> {
  const signal = options.signal?.()
  let url = start
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await options.fetch(url, {
      method: 'GET',
      redirect: 'manual',
      credentials: 'omit',
      headers: { 'accept-encoding': 'gzip, identity' },
      ...(signal === undefined ? {} : { signal }),
    })
    // A browser hides the target of a redirect that it was told not to follow behind status 0.
    if (response.status !== 0 && !REDIRECTS.has(response.status)) return response
    await response.body?.cancel()
    const fromLoopback = (options.allowHttpLoopback ?? false) && url.startsWith('http:')
    const target = safeUrl(response.headers.get('location') ?? '', url, fromLoopback)
    if (response.status === 0 || !response.headers.get('location') || target === null) {
      throw new SourceError('redirect', path, 'redirected to what is no https URL')
    }
    url = target.href
  }
  throw new SourceError('redirect', path, `more than ${MAX_REDIRECTS} redirects`)
}

/** A block that grows by doubling: a body that comes byte by byte must not cost an object for each. */
function grown(block: Uint8Array, length: number, cap: number): Uint8Array {
  if (length <= block.length) return block
  const larger = new Uint8Array(Math.min(cap, Math.max(length, 2 * block.length)))
  larger.set(block)
  return larger
}

async function readBody(response: FetchResponse, cap: number, path: string): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  let block: Uint8Array = new Uint8Array(0)
  let length = 0
  let whole: Uint8Array | null = null // the body where it came in one piece: nothing is copied then
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    if (value === undefined || value.length === 0) continue
    if (length + value.length > cap) {
      await reader.cancel()
      throw new SourceError('too-large', path, `more than ${cap} bytes`)
    }
    if (length === 0) whole = value
    else {
      block = grown(whole ?? block, length + value.length, cap)
      whole = null
      block.set(value, length)
    }
    length += value.length
  }
  return whole ?? block.slice(0, length)
}

/**
 * GETs an https URL: at most `cap` bytes after content decoding, status 200 only, at most 3 redirects and none to plain
 * http. `path` names the resource in errors. Throws SourceError.
 */
export async function httpGet<Signal>(
  options: HttpOptions<Signal>,
  url: string,
  cap: number,
  path: string = url,
): Promise<Uint8Array> {
  if (safeUrl(url, undefined, options.allowHttpLoopback ?? false) === null) {
    throw new SourceError('transport', path, 'not an https URL without credentials')
  }
  try {
    const response = await request(options, url, path)
    if (response.status === 200) return await readBody(response, cap, path)
    await response.body?.cancel()
    throw new SourceError(MISSING.has(response.status) ? 'missing' : 'transport', path, `status ${response.status}`)
  } catch (cause) {
    if (cause instanceof SourceError) throw cause
    throw new SourceError('transport', path, 'the request failed', { cause })
  }
}

export interface HttpTileSourceOptions<Signal> extends HttpOptions<Signal> {
  /** The log's URL prefix, with or without a slash at its end; `<prefix>/checkpoint` is its checkpoint. */
  readonly prefix: string
}

function demandPrefix<Signal>({ prefix, allowHttpLoopback = false }: HttpTileSourceOptions<Signal>): string {
  const url = safeUrl(prefix, undefined, allowHttpLoopback)
  if (url === null || url.search !== '' || url.hash !== '' || /[?#]/.test(prefix)) {
    throw new RangeError('a log prefix is an https URL without credentials, query or fragment')
  }
  return url.href.replace(/\/$/, '')
}

/** Runs `full` where a partial resource is gone (C2SP tlog-tiles, "Partial Tiles": it may be, once the full one exists). */
async function orElseFull(
  width: number,
  partial: () => Promise<Uint8Array>,
  full: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  try {
    return await partial()
  } catch (error) {
    if (width === TILE_WIDTH || !(error instanceof SourceError) || error.kind !== 'missing') throw error
    return await full()
  }
}

/**
 * A log at an https prefix. Wrong lengths (a captive portal's page, say) are errors of kind `transport`. Throws RangeError
 * for a prefix that is not https.
 */
export function httpTileSource<Signal>(options: HttpTileSourceOptions<Signal>): TileSource {
  const prefix = demandPrefix(options)
  const get = (path: string, cap: number) => httpGet(options, `${prefix}/${path}`, cap, path)

  async function tileBytes(tile: Tile): Promise<Uint8Array> {
    const length = tile.width * HASH_SIZE
    const bytes = await get(tilePath(tile), TILE_WIDTH * HASH_SIZE)
    if (bytes.length === length) return bytes
    throw new SourceError('transport', tilePath(tile), `${bytes.length} bytes where the tile has ${length}`)
  }

  async function bundleBytes(index: number, width: number): Promise<Uint8Array> {
    const bytes = await get(entriesPath(index, width), width * (MAX_BUNDLE_SIZE / TILE_WIDTH))
    try {
      parseEntryBundle(bytes, width)
      return bytes
    } catch (cause) {
      if (!(cause instanceof FormatError)) throw cause
      throw new SourceError('transport', entriesPath(index, width), cause.detail, { cause })
    }
  }

  return {
    checkpoint: () => get('checkpoint', MAX_CHECKPOINT_SIZE),
    tile: (tile) =>
      orElseFull(
        tile.width,
        () => tileBytes(tile),
        async () => (await tileBytes({ ...tile, width: TILE_WIDTH })).slice(0, tile.width * HASH_SIZE),
      ),
    entries: (index, width) =>
      orElseFull(
        width,
        () => bundleBytes(index, width),
        async () => truncateEntryBundle(await bundleBytes(index, TILE_WIDTH), width),
      ),
  }
}
