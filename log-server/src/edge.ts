/**
 * The right edge of a tree: all that appending needs, whatever the size of the log.
 *
 * Kept are the compact range, which gives the root, and on each tile level the hashes of the tile that is not yet full.
 * Growing is pure: the edge before stays what it was, so a commit that fails costs nothing.
 */
import {
  appendLeaves,
  type CompactRange,
  concat,
  HASH_SIZE,
  type Hasher,
  nodeInTile,
  partialTiles,
  rangeRoot,
  rootNodes,
  TILE_WIDTH,
  tileHash,
  tileOfNode,
} from '@samebits/core'
import { type LogReader, StorageError, type StoredTile } from './store.ts'

export interface Edge {
  readonly range: CompactRange
  /** By level: the hashes of the tile that is being filled, 0 to 255 of 32 bytes. Missing levels are empty. */
  readonly filling: readonly Uint8Array[]
}

/** An edge grown by some leaves, and what a store has to write for it. */
export interface Growth {
  readonly edge: Edge
  readonly root: Uint8Array
  /** Tiles of level 1 and above that gained a hash, as they are now. */
  readonly tiles: readonly StoredTile[]
}

/** Appends leaves. Costs about two hashes a leaf, and nothing that grows with the log but the root's few. */
export function growEdge(hasher: Hasher, edge: Edge, leafHashes: readonly Uint8Array[]): Growth {
  const range = appendLeaves(hasher, edge.range, leafHashes)
  const filling: Uint8Array[] = []
  const tiles: StoredTile[] = []
  let gained = concat(...leafHashes)
  for (let level = 0; gained.length > 0 || level < edge.filling.length; level++) {
    const old = edge.filling[level] ?? new Uint8Array(0)
    const hashes = gained.length > 0 ? concat(old, gained) : old
    if (level > 0 && gained.length > 0) tiles.push(...cutTiles(level, hashes, edge.range.size))
    const full = hashes.length - (hashes.length % (TILE_WIDTH * HASH_SIZE))
    filling.push(hashes.slice(full))
    gained = fullTileHashes(hasher, hashes.subarray(0, full))
  }
  return { edge: { range, filling }, root: rangeRoot(hasher, range), tiles }
}

function cutTiles(level: number, hashes: Uint8Array, sizeBefore: number): StoredTile[] {
  const first = Math.floor(sizeBefore / TILE_WIDTH ** (level + 1))
  const bytes = TILE_WIDTH * HASH_SIZE
  return Array.from({ length: Math.ceil(hashes.length / bytes) }, (_, at) => ({
    level,
    index: first + at,
    hashes: hashes.slice(at * bytes, (at + 1) * bytes),
  }))
}

function fullTileHashes(hasher: Hasher, hashes: Uint8Array): Uint8Array {
  const bytes = TILE_WIDTH * HASH_SIZE
  const roots: Uint8Array[] = []
  for (let at = 0; at < hashes.length; at += bytes) roots.push(tileHash(hasher, hashes.subarray(at, at + bytes)))
  return concat(...roots)
}

/** The edge of the tree of the first `size` entries, from what is stored. @throws StorageError where tiles are missing */
export async function readEdge(hasher: Hasher, reader: Pick<LogReader, 'tile'>, size: number): Promise<Edge> {
  const filling: Uint8Array[] = []
  for (const { level, index, width } of partialTiles(size)) {
    while (filling.length < level) filling.push(new Uint8Array(0))
    filling.push(await demandTile(reader, level, index, width))
  }
  const hashes: Uint8Array[] = []
  for (const node of rootNodes(size)) {
    const tile = tileOfNode(node, size)
    hashes.push(nodeInTile(hasher, tile, await demandTile(reader, tile.level, tile.index, tile.width), node))
  }
  return { range: { size, hashes }, filling }
}

async function demandTile(reader: Pick<LogReader, 'tile'>, level: number, index: number, width: number) {
  const hashes = await reader.tile(level, index, width)
  if (hashes === null)
    throw new StorageError('STORAGE_DAMAGED', `tile ${index} of level ${level} is not ${width} hashes wide in storage`)
  return hashes
}
