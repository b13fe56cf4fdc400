/**
 * Reads a run of entry bundles and compares every entry's hash with its tile. The tiles themselves come from the same source, so the
 * caller compares their hashes with what the signed root says (`read-tree.ts`); only then does the run count.
 */
import {
  concatAll,
  entriesPath,
  equalBytes,
  FormatError,
  HASH_SIZE,
  type Hasher,
  hashInTile,
  parseEntryBundle,
  TILE_WIDTH,
  TileError,
  type TileSource,
  tileHash,
  tileWidth,
} from '@samebits/core'

/** Bundles `from` to `to - 1` of a tree of `size` entries. */
export interface Run {
  readonly from: number
  readonly to: number
  readonly size: number
}

/** What was found; the entries hash to the tiles, and nothing is said about the tiles. */
export interface CheckedRun<Facts> {
  /** First bundle that was not read: a run of large entries ends early. */
  readonly to: number
  readonly entries: number
  /** Hashes of the full tiles, 32 bytes each. */
  readonly tileHashes: Uint8Array
  /** The tree's last tile where it is not full, as it came; otherwise empty. */
  readonly partial: Uint8Array
  readonly facts: readonly Facts[]
  /** Length of the bundles that the facts were taken from; 0 where nothing was taken. */
  readonly bytes: number
}

export interface CheckRunOptions<Facts> {
  readonly hasher: Hasher
  readonly source: TileSource
  /** Takes what is needed of an entry; null: nothing. */
  readonly read: ((index: number, entry: Uint8Array) => Facts) | null
  /** Seconds that only go up. */
  readonly clock: () => number
}

/** Bytes of bundles whose facts are in memory before a run ends early. */
const maxRunBytes = 2 << 20
/** Seconds after which a run ends early: whoever gives bundles slowly holds no thread for long. */
const maxRunSeconds = 10
/** Bundles asked for ahead of the one that is hashed: latency is hidden so. */
const maxAhead = 8
const aheadBytes = 4 << 20

interface Fetched {
  readonly bundle: Uint8Array
  readonly tile: Uint8Array
}

/** @throws TileError, SourceError */
export async function checkRun<Facts>(options: CheckRunOptions<Facts>, run: Run): Promise<CheckedRun<Facts>> {
  const reads: Promise<Fetched>[] = []
  const tileHashes: Uint8Array[] = []
  const facts: Facts[] = []
  let [next, ahead, entries, bytes] = [run.from, 1, 0, 0]
  let partial: Uint8Array = new Uint8Array(0)
  let index = run.from
  const until = options.clock() + maxRunSeconds
  const goesOn = () => index === run.from || (bytes < maxRunBytes && options.clock() < until)
  for (; index < run.to && goesOn(); index++) {
    while (next < run.to && next < index + ahead) reads.push(fetchPair(options.source, next++, run.size))
    const { bundle, tile } = (await reads.shift()) as Fetched
    const found = openBundle(options.hasher, index, bundle, tile)
    if (options.read !== null)
      for (const [at, entry] of found.entries()) facts.push(options.read(index * TILE_WIDTH + at, entry))
    if (found.length === TILE_WIDTH) tileHashes.push(tileHash(options.hasher, tile))
    else partial = tile
    entries += found.length
    if (options.read !== null) bytes += bundle.length
    ahead = Math.max(1, Math.min(maxAhead, Math.floor(aheadBytes / (bundle.length + 1))))
  }
  return { to: index, entries, tileHashes: concatAll(tileHashes), partial, facts, bytes }
}

function fetchPair(source: TileSource, index: number, size: number): Promise<Fetched> {
  const width = tileWidth(0, index, size)
  const pair = Promise.all([source.entries(index, width), source.tile({ level: 0, index, width })])
  const fetched = pair.then(([bundle, tile]) => ({ bundle, tile }))
  fetched.catch(() => undefined) // thrown again where its turn comes
  return fetched
}

/** The entries of a bundle that hashes to its tile. */
function openBundle(hasher: Hasher, index: number, bundle: Uint8Array, tile: Uint8Array): Uint8Array[] {
  const width = tile.length / HASH_SIZE
  const path = entriesPath(index, width)
  const entries = parse(path, bundle, width)
  const hashes = hasher.leafHashes(entries)
  const wrong = hashes.findIndex((hash, at) => !equalBytes(hash, hashInTile(tile, at)))
  if (wrong >= 0) throw new TileError(path, `entry ${index * TILE_WIDTH + wrong} does not hash to its leaf`)
  return entries
}

function parse(path: string, bundle: Uint8Array, width: number): Uint8Array[] {
  try {
    return parseEntryBundle(bundle, width)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new TileError(path, cause.detail, { cause })
  }
}
