/**
 * Reads a log's tree from an untrusted {@link TileSource} against one root that the caller has authenticated (a verified
 * checkpoint). No byte leaves that does not hash to that root: there is no call here that returns tile or bundle bytes, and
 * each tile's hash is taken from a tile that was itself verified first, never from the tile or its siblings.
 *
 * The order is from the root down. The partial tiles of the tree, at most one a level, hold between them exactly the
 * compact range of the size (each partial tile's binary ones are whole subtrees of it); folded they must give the root,
 * which covers every byte of them. Every other tile is full, and its hash stands in the tile one level up, which
 * is one of the partial ones or is fetched and verified before it.
 */
import { concatAll, equalBytes } from '../bytes.ts'
import { HASH_SIZE, type Hasher } from '../crypto.ts'
import { FormatError, ProofError } from '../errors.ts'
import { emptyRoot, rangeRoot } from './compact-range.ts'
import { limitConcurrency } from './limit.ts'
import {
  consistencyNodes,
  inclusionNodes,
  type NodeId,
  type NodeReader,
  proveConsistency,
  proveInclusion,
  rootFromNodes,
  rootNodes,
} from './merkle.ts'
import {
  checkTileLength,
  entriesPath,
  hashInTile,
  nodeInTile,
  parseEntryBundle,
  partialTiles,
  TILE_WIDTH,
  type Tile,
  tileHash,
  tileOfNode,
  tilePath,
  tileWidth,
} from './tile.ts'
import { TileError, type TileSource } from './tile-source.ts'
import { demandSize } from './tree-size.ts'

export interface TreeReaderOptions {
  readonly hasher: Hasher
  readonly source: TileSource
  /** Size and root of a tree that is already authenticated: nothing here checks a signature. */
  readonly size: number
  readonly root: Uint8Array
  /** Requests to the source at a time, and bundles held in memory by `readEntries`. Default 4. */
  readonly concurrency?: number
  /** Verified full tiles kept (8 KiB each). Default 256. */
  readonly cachedTiles?: number
  /** Full tiles of earlier runs. Nothing in it is believed: what it has is held against the tree like a source's answer. */
  readonly store?: TileStore
}

/** Where full tiles may be kept from run to run. What fails here is as if it were not there. */
export interface TileStore {
  /** The bytes that were kept for this tile, or null. */
  get(tile: Tile): Promise<Uint8Array | null>
  /** Keeps a verified tile, if it can. */
  put(tile: Tile, bytes: Uint8Array): Promise<void>
}

/** For readers that keep nothing. */
const noStore: TileStore = { get: async () => null, put: async () => undefined }

/** An entry that is in the tree at `index`. */
export interface TreeEntry {
  readonly index: number
  readonly entry: Uint8Array
  readonly leafHash: Uint8Array
}

/**
 * Every promise rejects with TileError where the source's bytes do not belong to the tree, with SourceError where there are
 * none, and with RangeError for what lies outside the tree. A failed read may be tried again: only verified tiles are kept.
 */
export interface TreeReader {
  readonly size: number
  readonly root: Uint8Array
  /** The hashes of these complete subtrees; the reader that comes back knows no others (RangeError). */
  readNodes(ids: readonly NodeId[]): Promise<NodeReader>
  /** The root that this tree had when it was `size` leaves large. */
  rootAt(size: number): Promise<Uint8Array>
  proveInclusion(index: number): Promise<Uint8Array[]>
  /** The proof that this tree extends its own first `from` leaves. */
  proveConsistency(from: number): Promise<Uint8Array[]>
  /** Entries `from` to `to - 1` in order; at most `concurrency` bundles are in flight or in memory. */
  readEntries(from: number, to: number): AsyncGenerator<TreeEntry, void, undefined>
}

type Limit = ReturnType<typeof limitConcurrency>

/** The source's bytes for one tile, of the right length, not yet authentic. */
async function fetchTile(source: TileSource, limit: Limit, tile: Tile): Promise<Uint8Array> {
  const bytes = await limit(() => source.tile(tile))
  return orTileError(tilePath(tile), () => {
    checkTileLength(bytes, tile.width)
    return bytes
  })
}

/** Turns a FormatError about a source's bytes into a TileError. */
function orTileError<Result>(path: string, parse: () => Result): Result {
  try {
    return parse()
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new TileError(path, cause.detail, { cause })
  }
}

/** The verified tiles of one tree. */
class VerifiedTiles {
  readonly #options: Required<TreeReaderOptions>
  readonly #limit: Limit
  /** The partial tiles by level, while they are fetched and once they are verified. */
  #partial: Promise<ReadonlyMap<number, Uint8Array>> | undefined
  /** Full tiles by path, the least recently used first; verified, or on the way to be. */
  readonly #full = new Map<string, Promise<Uint8Array>>()

  constructor(options: Required<TreeReaderOptions>, limit: Limit) {
    this.#options = options
    this.#limit = limit
  }

  /** The bytes of a tile of this tree, once they are verified. */
  async read(tile: Tile): Promise<Uint8Array> {
    if (tile.width < TILE_WIDTH) {
      const bytes = (await this.#partialTiles()).get(tile.level)
      if (bytes === undefined) throw new RangeError(`${tilePath(tile)} is not of this tree`)
      return bytes
    }
    const path = tilePath(tile)
    const bytes = this.#full.get(path) ?? this.#verifyFull(tile, path)
    this.#keep(path, bytes)
    return await bytes
  }

  #keep(path: string, bytes: Promise<Uint8Array>): void {
    this.#full.delete(path)
    this.#full.set(path, bytes)
    const oldest = this.#full.keys().next()
    if (this.#full.size > this.#options.cachedTiles && !oldest.done) this.#full.delete(oldest.value)
  }

  async #verifyFull(tile: Tile, path: string): Promise<Uint8Array> {
    try {
      const { hasher, size, source, store } = this.#options
      const [level, index] = [tile.level + 1, Math.floor(tile.index / TILE_WIDTH)]
      const parent = await this.read({ level, index, width: tileWidth(level, index, size) })
      const isRight = (bytes: Uint8Array) =>
        equalBytes(tileHash(hasher, bytes), hashInTile(parent, tile.index % TILE_WIDTH))
      const kept = await store.get(tile)
      if (kept !== null && kept.length === TILE_WIDTH * HASH_SIZE && isRight(kept)) return kept
      const bytes = await fetchTile(source, this.#limit, tile)
      if (!isRight(bytes)) throw new TileError(path, 'does not hash to what the tile above it holds')
      await store.put(tile, bytes)
      return bytes
    } catch (error) {
      this.#full.delete(path)
      throw error
    }
  }

  #partialTiles(): Promise<ReadonlyMap<number, Uint8Array>> {
    this.#partial ??= this.#verifyPartial().catch((error: unknown) => {
      this.#partial = undefined
      throw error
    })
    return this.#partial
  }

  async #verifyPartial(): Promise<ReadonlyMap<number, Uint8Array>> {
    const { hasher, root, size, source } = this.#options
    const tiles = partialTiles(size)
    const fetched = await Promise.all(tiles.map((tile) => fetchTile(source, this.#limit, tile)))
    const bytes = new Map(tiles.map((tile, at) => [tile.level, fetched[at] as Uint8Array]))
    const hashes = rootNodes(size).map((node) => {
      const tile = tileOfNode(node, size)
      return nodeInTile(hasher, tile, bytes.get(tile.level) as Uint8Array, node)
    })
    if (!equalBytes(rangeRoot(hasher, { size, hashes }), root)) {
      throw new TileError(tiles.map(tilePath).join(', '), 'the partial tiles do not hash to the root')
    }
    return bytes
  }
}

/** Entries of one bundle, each compared with its leaf hash in the verified level 0 tile. */
async function readBundle(
  { hasher, size, source }: Required<TreeReaderOptions>,
  tiles: VerifiedTiles,
  limit: Limit,
  index: number,
): Promise<TreeEntry[]> {
  const width = tileWidth(0, index, size)
  const path = entriesPath(index, width)
  const tile = await tiles.read({ level: 0, index, width })
  const bytes = await limit(() => source.entries(index, width))
  const entries = orTileError(path, () => parseEntryBundle(bytes, width))
  const leafHashes = hasher.leafHashes(entries)
  if (!equalBytes(concatAll(leafHashes), tile)) {
    const wrong = leafHashes.findIndex((hash, at) => !equalBytes(hash, hashInTile(tile, at)))
    throw new TileError(path, `entry ${index * TILE_WIDTH + wrong} does not hash to its leaf`)
  }
  return entries.map((entry, at) => ({
    index: index * TILE_WIDTH + at,
    entry,
    leafHash: leafHashes[at] as Uint8Array,
  }))
}

async function* readEntries(
  from: number,
  to: number,
  concurrency: number,
  bundle: (index: number) => Promise<TreeEntry[]>,
): AsyncGenerator<TreeEntry, void, undefined> {
  const pending: Promise<TreeEntry[]>[] = []
  const end = Math.ceil(to / TILE_WIDTH)
  for (let next = Math.floor(from / TILE_WIDTH); next < end || pending.length > 0; ) {
    while (pending.length < concurrency && next < end) {
      const ahead = bundle(next++)
      // It is thrown when its turn comes; until then, or if the reader stops before, it is not unhandled.
      ahead.catch(() => undefined)
      pending.push(ahead)
    }
    for (const logged of (await pending.shift()) ?? []) {
      if (logged.index >= from && logged.index < to) yield logged
    }
  }
}

/**
 * A reader of the tree with this size and root. Fetches nothing until it is asked. Throws ProofError for a size of 0 with
 * another root than the empty tree's.
 */
export function treeReader(given: TreeReaderOptions): TreeReader {
  const options = { concurrency: 4, cachedTiles: 256, store: noStore, ...given }
  const { hasher, size, root, concurrency } = options
  demandSize('size', size)
  if (size === 0 && !equalBytes(root, emptyRoot(hasher))) throw new ProofError('the empty tree has another root')
  const limit = limitConcurrency(concurrency)
  const tiles = new VerifiedTiles(options, limit)

  async function readNodes(ids: readonly NodeId[]): Promise<NodeReader> {
    const hashes = new Map<string, Uint8Array>()
    await Promise.all(
      ids.map(async (node) => {
        const tile = tileOfNode(node, size)
        hashes.set(`${node.level}/${node.index}`, nodeInTile(hasher, tile, await tiles.read(tile), node))
      }),
    )
    return (level, index) => {
      const hash = hashes.get(`${level}/${index}`)
      if (hash === undefined) throw new RangeError(`node of level ${level}, index ${index} was not read`)
      return hash
    }
  }

  return {
    size,
    root,
    readNodes,
    async rootAt(at) {
      return rootFromNodes(hasher, at, await readNodes(rootNodes(at)))
    },
    async proveInclusion(index) {
      return proveInclusion(hasher, index, size, await readNodes(inclusionNodes(index, size)))
    },
    async proveConsistency(from) {
      return proveConsistency(hasher, from, size, await readNodes(consistencyNodes(from, size)))
    },
    readEntries(from, to) {
      demandSize('from', from)
      demandSize('to', to)
      if (from > to || to > size) throw new RangeError(`no entries ${from} to ${to} in ${size} leaves`)
      return readEntries(from, to, concurrency, (index) => readBundle(options, tiles, limit, index))
    },
  }
}
