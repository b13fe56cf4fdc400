/**
 * Tiles and entry bundles (C2SP tlog-tiles): the names under which a log serves its tree, and the bytes behind them.
 *
 *     tile/<level>/<index>[.p/<width>]      width * 32 bytes: hashes of complete subtrees of 256^level leaves
 *     tile/entries/<index>[.p/<width>]      width entries, each a big-endian uint16 length and that many bytes
 */
import { parseDecimal } from '../bytes.ts'
import { HASH_SIZE, type Hasher } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import type { NodeId } from './merkle.ts'
import { demandSize, isSize } from './tree-size.ts'

/** Hashes in a full tile, entries in a full bundle. */
export const TILE_WIDTH = 256
/** Tree levels in a tile. */
export const TILE_HEIGHT = 8
/** The highest level that C2SP tlog-tiles names. */
const MAX_LEVEL = 63
/** The largest log entry that the length prefix of an entry bundle can carry. */
export const MAX_ENTRY_SIZE = 65_535
/** Bytes of the largest entry bundle: 256 entries of 65,535 bytes with their length prefixes. */
export const MAX_BUNDLE_SIZE: number = TILE_WIDTH * (2 + MAX_ENTRY_SIZE)

/**
 * A tile: hash `i` is that of the complete subtree over leaves `(256 * index + i) * 256^level` and the following
 * 256^level - 1. `width`, 1 to 256, says how many hashes it has; 256 is a full tile, fewer a partial one.
 */
export interface Tile {
  readonly level: number
  readonly index: number
  readonly width: number
}

/** An entry bundle: entries `256 * index` to `256 * index + width - 1`. */
export interface EntriesId {
  readonly index: number
  readonly width: number
}

function isWidth(width: number): boolean {
  return Number.isInteger(width) && width >= 1 && width <= TILE_WIDTH
}

function demandTile({ level, index, width }: Tile): void {
  const known = Number.isInteger(level) && level >= 0 && level <= MAX_LEVEL && isSize(index) && isWidth(width)
  if (!known) throw new RangeError(`no tile of level ${level}, index ${index}, width ${width}`)
}

/** 1234067 is `x001/x234/067`; a partial tile's index is followed by `.p/<width>`. */
function indexPath(index: number, width: number): string {
  const groups: string[] = []
  for (let rest = index; groups.length === 0 || rest > 0; rest = Math.floor(rest / 1000)) {
    groups.unshift(String(rest % 1000).padStart(3, '0'))
  }
  const path = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group)).join('/')
  return width === TILE_WIDTH ? path : `${path}.p/${width}`
}

/** `tile/0/x001/234.p/5`. Throws RangeError for what is no tile. */
export function tilePath(tile: Tile): string {
  demandTile(tile)
  return `tile/${tile.level}/${indexPath(tile.index, tile.width)}`
}

/** `tile/entries/x001/234.p/5`. Throws RangeError for what is no bundle. */
export function entriesPath(index: number, width: number): string {
  demandTile({ level: 0, index, width })
  return `tile/entries/${indexPath(index, width)}`
}

// Six groups hold every safe integer; a seventh is refused before any arithmetic.
const INDEX_PATH = /^((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/

function parseIndexPath(path: string): EntriesId {
  const match = INDEX_PATH.exec(path)
  if (match?.[1] === undefined) throw new FormatError('tile path', 'not an index in groups of three digits')
  const index = Number(match[1].replaceAll(/[x/]/g, ''))
  const width = match[2] === undefined ? TILE_WIDTH : Number(match[2])
  // Refuses leading zero groups, widths from 256 up, and indices past 2^53-1, at once.
  if (!isSize(index) || !isWidth(width) || indexPath(index, width) !== path) {
    throw new FormatError('tile path', 'index or width is not canonical')
  }
  return { index, width }
}

/** The tile that a path names; reads exactly what {@link tilePath} writes. Throws FormatError. */
export function parseTilePath(path: string): Tile {
  const match = /^tile\/([0-9]{1,2})\/(.+)$/s.exec(path)
  if (match?.[1] === undefined || match[2] === undefined) throw new FormatError('tile path', 'not tile/<level>/<index>')
  const level = parseDecimal(match[1])
  if (level > MAX_LEVEL) throw new FormatError('tile path', 'level above 63')
  return { level, ...parseIndexPath(match[2]) }
}

/** The entry bundle that a path names; reads exactly what {@link entriesPath} writes. Throws FormatError. */
export function parseEntriesPath(path: string): EntriesId {
  const prefix = 'tile/entries/'
  if (!path.startsWith(prefix)) throw new FormatError('tile path', 'not tile/entries/<index>')
  return parseIndexPath(path.slice(prefix.length))
}

/** How many hashes a tree of `size` leaves has for tiles of `level`. */
function hashesAt(level: number, size: number): number {
  return Math.floor(size / TILE_WIDTH ** level)
}

/** How wide tile `index` of `level` is in a tree of `size` leaves: 0 (there is none) to 256. */
export function tileWidth(level: number, index: number, size: number): number {
  return Math.max(0, Math.min(TILE_WIDTH, hashesAt(level, size) - index * TILE_WIDTH))
}

/**
 * The tiles that a log writes when its tree grows from `from` to `to` leaves: each one that gained a hash, in its new
 * width, lower levels first. The bundles to write are those of the level 0 tiles. One tile is made at a time.
 */
export function* newTiles(from: number, to: number): Generator<Tile> {
  demandSize('from', from)
  demandSize('to', to)
  if (from > to) throw new RangeError('a tree does not shrink')
  for (let level = 0; ; level++) {
    const [before, after] = [hashesAt(level, from), hashesAt(level, to)]
    if (before === after) return
    const last = Math.ceil(after / TILE_WIDTH)
    for (let index = Math.floor(before / TILE_WIDTH); index < last; index++) {
      yield { level, index, width: tileWidth(level, index, to) }
    }
  }
}

/** All tiles of a tree of `size` leaves (C2SP tlog-tiles, "Partial Tiles"): full ones, and at most one partial a level. */
export function tilesFor(size: number): Generator<Tile> {
  return newTiles(0, size)
}

/** The partial tiles of a tree of `size` leaves, at most one a level, lowest level first. */
export function partialTiles(size: number): Tile[] {
  demandSize('size', size)
  const tiles: Tile[] = []
  for (let level = 0; hashesAt(level, size) > 0; level++) {
    const width = hashesAt(level, size) % TILE_WIDTH
    if (width > 0) tiles.push({ level, index: Math.floor(hashesAt(level, size) / TILE_WIDTH), width })
  }
  return tiles
}

/** The tile of a tree of `size` leaves from which a node's hash is computed. Throws RangeError where the tree lacks the node. */
export function tileOfNode(node: NodeId, size: number): Tile {
  demandSize('size', size)
  if (!isSize(node.level) || !isSize(node.index) || (node.index + 1) * 2 ** node.level > size) {
    throw new RangeError(`no complete subtree of level ${node.level}, index ${node.index} in ${size} leaves`)
  }
  const level = Math.floor(node.level / TILE_HEIGHT)
  const index = Math.floor((node.index * 2 ** (node.level % TILE_HEIGHT)) / TILE_WIDTH)
  return { level, index, width: tileWidth(level, index, size) }
}

/** Checks the length of a tile's bytes. Throws FormatError. */
export function checkTileLength(bytes: Uint8Array, width: number): void {
  if (bytes.length !== width * HASH_SIZE) {
    throw new FormatError('tile', `${bytes.length} bytes where ${width} hashes are ${width * HASH_SIZE}`)
  }
}

/** The root of a complete subtree whose leaves are these hashes, 1, 2, 4, … or 256 of them. */
function subtreeRoot(hasher: Hasher, hashes: Uint8Array): Uint8Array {
  let level = hashes
  while (level.length > HASH_SIZE) level = hasher.parents(level)
  return level
}

/** Hash number `at` of a tile. */
export function hashInTile(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.slice(at * HASH_SIZE, (at + 1) * HASH_SIZE)
}

/** The hash of a node from the bytes of its tile ({@link tileOfNode}). Throws RangeError where the tile does not hold it. */
export function nodeInTile(hasher: Hasher, tile: Tile, bytes: Uint8Array, node: NodeId): Uint8Array {
  checkTileLength(bytes, tile.width)
  const count = 2 ** (node.level % TILE_HEIGHT)
  const first = node.index * count - tile.index * TILE_WIDTH
  if (Math.floor(node.level / TILE_HEIGHT) !== tile.level || first < 0 || first + count > tile.width) {
    throw new RangeError(`node of level ${node.level}, index ${node.index} is not in ${tilePath(tile)}`)
  }
  return subtreeRoot(hasher, bytes.slice(first * HASH_SIZE, (first + count) * HASH_SIZE))
}

/** The hash of a full tile, which the tile one level above it holds. Throws FormatError for another length than 8,192. */
export function tileHash(hasher: Hasher, bytes: Uint8Array): Uint8Array {
  checkTileLength(bytes, TILE_WIDTH)
  return subtreeRoot(hasher, bytes)
}

/** Where each of the first `width` entries of a bundle begins and ends. */
function* entrySpans(bytes: Uint8Array, width: number): Generator<{ from: number; to: number }> {
  for (let count = 0, at = 0; count < width; count++) {
    const [high, low] = [bytes[at], bytes[at + 1]]
    if (high === undefined || low === undefined) throw new FormatError('entry bundle', `ends before entry ${count}`)
    const [from, to] = [at + 2, at + 2 + high * 256 + low]
    if (to > bytes.length) throw new FormatError('entry bundle', `ends within entry ${count}`)
    yield { from, to }
    at = to
  }
}

/** The `width` entries of a bundle, as views of `bytes`. Throws FormatError when there are fewer or more. */
export function parseEntryBundle(bytes: Uint8Array, width: number): Uint8Array[] {
  const spans = [...entrySpans(bytes, width)]
  if ((spans.at(-1)?.to ?? 0) !== bytes.length) throw new FormatError('entry bundle', `more than ${width} entries`)
  return spans.map(({ from, to }) => bytes.subarray(from, to))
}

/** The bytes of the first `width` entries of a bundle that may hold more. Throws FormatError when it holds fewer. */
export function truncateEntryBundle(bytes: Uint8Array, width: number): Uint8Array {
  return bytes.subarray(0, [...entrySpans(bytes, width)].at(-1)?.to ?? 0)
}

/** The bundle of these entries. Throws RangeError for more than 256, or one above 65,535 bytes. */
export function formatEntryBundle(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length > TILE_WIDTH || entries.some((entry) => entry.length > MAX_ENTRY_SIZE)) {
    throw new RangeError('a bundle has at most 256 entries of at most 65,535 bytes')
  }
  const bytes = new Uint8Array(entries.reduce((length, entry) => length + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    bytes[at] = entry.length >> 8
    bytes[at + 1] = entry.length & 255
    bytes.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bytes
}
