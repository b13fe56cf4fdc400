/** Proofs from stored tiles: reads just the tiles that hold the needed nodes, each once. */
import {
  consistencyNodes,
  type Hasher,
  inclusionNodes,
  type NodeId,
  type NodeReader,
  nodeInTile,
  proveConsistency,
  proveInclusion,
  tileOfNode,
  tilePath,
} from '@samebits/core'
import { type LogReader, StorageError } from './store.ts'

interface Stored {
  readonly reader: Pick<LogReader, 'tile'>
  readonly hasher: Hasher
}

/** RFC 6962 §2.1.1. `size` is at most the committed one. @throws StorageError, RangeError */
export async function inclusionProof(stored: Stored, index: number, size: number): Promise<Uint8Array[]> {
  const read = await prefetch(stored, inclusionNodes(index, size), size)
  return proveInclusion(stored.hasher, index, size, read)
}

/** RFC 6962 §2.1.2. @throws StorageError, RangeError */
export async function consistencyProof(stored: Stored, from: number, to: number): Promise<Uint8Array[]> {
  const read = await prefetch(stored, consistencyNodes(from, to), to)
  return proveConsistency(stored.hasher, from, to, read)
}

async function prefetch({ reader, hasher }: Stored, nodes: readonly NodeId[], size: number): Promise<NodeReader> {
  const tiles = new Map<string, Uint8Array>()
  const hashes = new Map<string, Uint8Array>()
  for (const node of nodes) {
    const tile = tileOfNode(node, size)
    const path = tilePath(tile)
    const bytes = tiles.get(path) ?? (await reader.tile(tile.level, tile.index, tile.width))
    if (bytes === null) throw new StorageError('STORAGE_DAMAGED', `${path} is not stored`)
    tiles.set(path, bytes)
    hashes.set(`${node.level} ${node.index}`, nodeInTile(hasher, tile, bytes, node))
  }
  return (level, index) => {
    const hash = hashes.get(`${level} ${index}`)
    if (hash === undefined) throw new RangeError(`node ${index} of level ${level} was not asked for`)
    return hash
  }
}
