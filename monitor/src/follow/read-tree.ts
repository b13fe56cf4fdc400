/**
 * Reads a log's entries under a root that is authenticated, in order, from any index on, with a memory that does not grow with
 * the log. From the root down: the hash of each full bundle's tile stands in a tile one level up, which was verified first; workers hash
 * the entries of a run of bundles and its tiles; a run counts once the two agree. So each chunk that is handed out is
 * authentic by itself, and reading can go on after any of them.
 */
import {
  equalBytes,
  HASH_SIZE,
  type Hasher,
  nodeInTile,
  rootNodes,
  TILE_HEIGHT,
  TILE_WIDTH,
  TileError,
  type TileSource,
  type TreeReader,
  tilePath,
  tileWidth,
  treeReader,
} from '@samebits/core'
import type { CheckedRun, Run } from './check-run.ts'

/** Entries `from` to `to - 1`, hashed and authentic, with what was taken of them. */
export interface Chunk<Facts> {
  readonly from: number
  readonly to: number
  /** In log order, also of entries before `from` that share its bundle. */
  readonly facts: readonly Facts[]
  /** Length of the bundles that the facts were taken from; 0 where nothing was taken. */
  readonly bytes: number
}

/** Something that checks runs. */
export interface RunChecker<Facts> {
  /** Runs that may be with it at once. */
  readonly count: number
  /** Bundles of one run: short ones where they end early anyway, so that no thread waits for the rest of another's. */
  readonly bundles: number
  check(run: Run): Promise<CheckedRun<Facts>>
}

export interface ReadTreeOptions<Facts> {
  readonly hasher: Hasher
  readonly source: TileSource
  /** The tree, authenticated by the caller. */
  readonly size: number
  readonly root: Uint8Array
  /** First entry that is wanted. */
  readonly from: number
  readonly checker: RunChecker<Facts>
  readonly signal: AbortSignal
}

/** @throws TileError where bytes do not belong to the tree, SourceError where there are none, the signal's reason */
export async function* readTree<Facts>(options: ReadTreeOptions<Facts>): AsyncGenerator<Chunk<Facts>, void, undefined> {
  const { hasher, source, size, root, from, checker, signal } = options
  const tree = treeReader({ hasher, source, size, root })
  const end = Math.ceil(size / TILE_WIDTH)
  const under: { readonly run: Run; readonly result: Promise<CheckedRun<Facts>> }[] = []
  let next = Math.floor(from / TILE_WIDTH)
  const start = (run: Run) => {
    const result = Promise.all([checker.check(run), tree.readNodes(tileNodes(run))]).then(([checked, read]) => {
      demandTiles(run, checked, (index) => read(TILE_HEIGHT, index))
      return checked
    })
    result.catch(() => undefined) // thrown again where its turn comes
    return { run, result }
  }
  try {
    let at = from
    while (next < end || under.length > 0) {
      signal.throwIfAborted()
      while (under.length < checker.count && next < end) {
        const run = { from: next, to: Math.min(end, next + checker.bundles), size }
        under.push(start(run))
        next = run.to
      }
      const { run, result } = under.shift() as (typeof under)[number]
      const checked = await result
      if (checked.partial.length > 0) await demandPartial(hasher, tree, checked.partial)
      if (checked.to < run.to) under.unshift(start({ ...run, from: checked.to }))
      const to = Math.min(size, checked.to * TILE_WIDTH)
      yield { from: at, to, facts: checked.facts, bytes: checked.bytes }
      at = to
    }
  } finally {
    await Promise.allSettled(under.map(({ result }) => result)) // the workers must be idle when the next reading begins
  }
}

/** The nodes that are the hashes of a run's full tiles. */
function tileNodes({ from, to, size }: Run) {
  const full = Math.min(to, Math.floor(size / TILE_WIDTH))
  return Array.from({ length: Math.max(0, full - from) }, (_, at) => ({ level: TILE_HEIGHT, index: from + at }))
}

function demandTiles<Facts>(
  { from, size }: Run,
  { tileHashes }: CheckedRun<Facts>,
  expected: (index: number) => Uint8Array,
): void {
  for (let at = 0; at * HASH_SIZE < tileHashes.length; at++) {
    const index = from + at
    if (equalBytes(expected(index), tileHashes.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE))) continue
    const path = tilePath({ level: 0, index, width: tileWidth(0, index, size) })
    throw new TileError(path, 'does not hash to what the tile above it holds')
  }
}

/** The last tile of a tree, where it is partial: its binary ones are nodes of the tree, and cover every byte. */
async function demandPartial(hasher: Hasher, tree: TreeReader, bytes: Uint8Array): Promise<void> {
  const { size } = tree
  const tile = { level: 0, index: Math.floor(size / TILE_WIDTH), width: size % TILE_WIDTH }
  const nodes = rootNodes(size).filter(({ level }) => level < TILE_HEIGHT)
  const read = await tree.readNodes(nodes)
  for (const node of nodes)
    if (!equalBytes(nodeInTile(hasher, tile, bytes, node), read(node.level, node.index)))
      throw new TileError(tilePath(tile), 'does not hash to the root')
}
