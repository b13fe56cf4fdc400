/** The tree over what a mirror has stored. */
import { type Hasher, type NodeReader, nodeInTile, rootFromNodes, TILE_HEIGHT, TILE_WIDTH } from '@samebits/core'
import type { MirrorStore } from './mirror-store.ts'

/** Hashes of complete subtrees of stored entries. The reader throws RangeError where the entries are not stored. */
function storedNodes(hasher: Hasher, store: MirrorStore, origin: string): NodeReader {
  return (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT)
    const hashes = 2 ** (level % TILE_HEIGHT)
    const tileIndex = Math.floor((index * hashes) / TILE_WIDTH)
    const width = (index + 1) * hashes - tileIndex * TILE_WIDTH
    const bytes = store.tile(origin, tileLevel, tileIndex, width)
    if (bytes === null) throw new RangeError(`the entries under node ${level}/${index} are not stored`)
    return nodeInTile(hasher, { level: tileLevel, index: tileIndex, width }, bytes, { level, index })
  }
}

/** The root of the first `size` stored entries. @throws RangeError where fewer are stored */
export function storedRoot(hasher: Hasher, store: MirrorStore, origin: string, size: number): Uint8Array {
  return rootFromNodes(hasher, size, storedNodes(hasher, store, origin))
}
