/**
 * Checks a whole log, from a data folder or from a URL: every entry is hashed again, every tile of every level compared with
 * what its children give, the root with the checkpoint, and the checkpoint's signature with the log's keys.
 *
 * The work is cut into runs of bundles that workers read and hash by themselves; only the hashes of full tiles come back.
 */
import {
  type CompactRange,
  equalBytes,
  FormatError,
  HASH_SIZE,
  type Hasher,
  NoteError,
  nodeInTile,
  parseEntryBundle,
  rangeRoot,
  rootNodes,
  SourceError,
  TILE_WIDTH,
  type Tile,
  type TileSource,
  tileHash,
  tileOfNode,
  tilePath,
  tileWidth,
} from '@samebits/core'
import { MarkerError } from './marker.ts'
import { StorageError } from './store.ts'

/** What is wrong, and where. */
export class FsckError extends Error {
  override readonly name = 'FsckError'
  readonly code = 'LOG_DAMAGED'
}

/** The log could not be read to its end: nothing is known about it. */
export class UnreadableError extends Error {
  override readonly name = 'UnreadableError'
  readonly code = 'LOG_UNREADABLE'
}

/** Any error of a check as one of the two above. */
export function fsckFault(error: unknown): FsckError | UnreadableError {
  if (error instanceof FsckError || error instanceof UnreadableError) return error
  const message = error instanceof Error ? error.message : String(error)
  return isDamage(error) ? new FsckError(message, { cause: error }) : new UnreadableError(message, { cause: error })
}

function isDamage(error: unknown): boolean {
  if (error instanceof SourceError) return error.kind === 'missing' || error.kind === 'too-large'
  if (error instanceof StorageError) return error.code === 'STORAGE_DAMAGED'
  return error instanceof FormatError || error instanceof NoteError || error instanceof MarkerError
}

/** Bundles `from` to `to - 1` of a tree of `size` entries. */
export interface BundleRun {
  readonly from: number
  readonly to: number
  readonly size: number
}

/** What a run was found to be: the hashes of its level 0 tiles that are full, 32 bytes each. */
export interface RunResult {
  readonly entries: number
  readonly bytes: number
  readonly tileHashes: Uint8Array
}

/** Something that checks runs; several at a time. @throws FsckError */
export type RunChecker = (run: BundleRun) => Promise<RunResult>

export interface FsckOptions {
  readonly hasher: Hasher
  readonly source: TileSource
  /** The tree to check against. */
  readonly size: number
  readonly root: Uint8Array
  readonly checkRun: RunChecker
  /** Runs under way at once. */
  readonly concurrency: number
  readonly onProgress: (entries: number) => void
}

export interface FsckReport {
  readonly entries: number
  /** Of the entries, without their length prefixes. */
  readonly entryBytes: number
  /** Tiles compared, of all levels. */
  readonly tiles: number
}

/** Bundles of one run: 16,384 entries. */
const runBundles = 64

/** @throws FsckError, or the source's error where something cannot be read */
export async function fsck(options: FsckOptions): Promise<FsckReport> {
  const { hasher, size, root, source } = options
  const results = await checkRuns(options)
  const bundles = Math.ceil(size / TILE_WIDTH)
  const upper = await checkUpperTiles(
    options,
    results.map(({ tileHashes }) => tileHashes),
  )
  const range = await rangeAt(hasher, source, size)
  if (!equalBytes(rangeRoot(hasher, range), root))
    throw new FsckError(`the tree of size ${size} has another root than the checkpoint`)
  const sum = (of: (result: RunResult) => number) => results.reduce((total, result) => total + of(result), 0)
  return { entries: sum((r) => r.entries), entryBytes: sum((r) => r.bytes), tiles: bundles + upper }
}

/** All runs, a few at a time; their results in order. */
async function checkRuns({ size, checkRun, concurrency, onProgress }: FsckOptions): Promise<RunResult[]> {
  const bundles = Math.ceil(size / TILE_WIDTH)
  const results: RunResult[] = new Array(Math.ceil(bundles / runBundles))
  let next = 0
  let done = 0
  const work = async () => {
    while (next < results.length) {
      const run = next++
      const result = await checkRun({ from: run * runBundles, to: Math.min(bundles, (run + 1) * runBundles), size })
      results[run] = result
      done += result.entries
      onProgress(done)
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work))
  return results
}

/** Level by level: a tile is what the full tiles below it hash to. Returns how many were compared. */
async function checkUpperTiles({ hasher, source, size }: FsckOptions, below: readonly Uint8Array[]): Promise<number> {
  let hashes: Uint8Array = Buffer.concat(below)
  let compared = 0
  for (let level = 1; hashes.length > 0; level++) {
    const above: Uint8Array[] = []
    for (let index = 0; tileWidth(level, index, size) > 0; index++) {
      const tile = { level, index, width: tileWidth(level, index, size) }
      const expected = hashes.subarray(index * TILE_WIDTH * HASH_SIZE, (index * TILE_WIDTH + tile.width) * HASH_SIZE)
      if (!equalBytes(await source.tile(tile), expected))
        throw new FsckError(`${tilePath(tile)} is not what its tiles hash to`)
      if (tile.width === TILE_WIDTH) above.push(tileHash(hasher, expected))
      compared++
    }
    hashes = Buffer.concat(above)
  }
  return compared
}

/** The range of the first `size` entries, from tiles. */
export async function rangeAt(hasher: Hasher, source: Pick<TileSource, 'tile'>, size: number): Promise<CompactRange> {
  const hashes: Uint8Array[] = []
  for (const node of rootNodes(size)) {
    const tile = tileOfNode(node, size)
    hashes.push(nodeInTile(hasher, tile, await source.tile(tile), node))
  }
  return { size, hashes }
}

/** Checks one run: reads bundles ahead, hashes, compares with the level 0 tiles. */
export function runChecker(hasher: Hasher, source: TileSource, ahead: number): RunChecker {
  return async ({ from, to, size }) => {
    const reads: Promise<{ bundle: Uint8Array; hashes: Uint8Array }>[] = []
    const read = (index: number) => {
      const tile: Tile = { level: 0, index, width: tileWidth(0, index, size) }
      const both = Promise.all([source.entries(index, tile.width), source.tile(tile)])
      const result = both.then(([bundle, hashes]) => ({ bundle, hashes }))
      result.catch(() => undefined) // thrown again where it is awaited
      return result
    }
    for (let index = from; index < Math.min(to, from + ahead); index++) reads.push(read(index))
    const tileHashes: Uint8Array[] = []
    let [entries, bytes] = [0, 0]
    for (let index = from; index < to; index++) {
      const { bundle, hashes } = (await reads.shift()) as { bundle: Uint8Array; hashes: Uint8Array }
      if (index + ahead < to) reads.push(read(index + ahead))
      const leaves = checkBundle(hasher, index, bundle, hashes)
      entries += leaves
      bytes += bundle.length - 2 * leaves
      if (leaves === TILE_WIDTH) tileHashes.push(tileHash(hasher, hashes))
    }
    return { entries, bytes, tileHashes: Buffer.concat(tileHashes) }
  }
}

/** The number of entries of a bundle that hashes to its tile. */
function checkBundle(hasher: Hasher, index: number, bundle: Uint8Array, hashes: Uint8Array): number {
  const width = hashes.length / HASH_SIZE
  const leafHashes = hasher.leafHashes(parseOrDamaged(index, bundle, width))
  leafHashes.forEach((hash, at) => {
    if (!equalBytes(hash, hashes.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE)))
      throw new FsckError(`entry ${index * TILE_WIDTH + at} does not hash to its tile`)
  })
  return width
}

function parseOrDamaged(index: number, bundle: Uint8Array, width: number): Uint8Array[] {
  try {
    return parseEntryBundle(bundle, width)
  } catch (cause) {
    throw new FsckError(`bundle ${index} does not hold ${width} entries`, { cause })
  }
}
