/** A whole log in memory: for tests, and for a log small enough to be handed over as a list of entries. */
import { concatAll } from '../bytes.ts'
import { HASH_SIZE, type Hasher } from '../crypto.ts'
import { entriesPath, formatEntryBundle, TILE_WIDTH, type Tile, tileHash, tilePath } from './tile.ts'
import { SourceError, type TileSource } from './tile-source.ts'

/** For each tile level, its hashes one after another. */
function tileLevels(hasher: Hasher, entries: readonly Uint8Array[]): Uint8Array[] {
  const levels = [concatAll(hasher.leafHashes(entries))]
  const fullTile = TILE_WIDTH * HASH_SIZE
  for (let below = levels[0]; below !== undefined && below.length >= fullTile; below = levels.at(-1)) {
    const hashes: Uint8Array[] = []
    for (let at = fullTile; at <= below.length; at += fullTile) {
      hashes.push(tileHash(hasher, below.subarray(at - fullTile, at)))
    }
    levels.push(concatAll(hashes))
  }
  return levels
}

/** Serves these entries and every tile and width of their tree. `checkpoint` is served as it is, missing if not given. */
export function memoryTileSource(hasher: Hasher, entries: readonly Uint8Array[], checkpoint?: Uint8Array): TileSource {
  const levels = tileLevels(hasher, entries)

  return {
    async checkpoint() {
      if (checkpoint === undefined) throw new SourceError('missing', 'checkpoint', 'the log is unsigned')
      return checkpoint.slice()
    },
    async tile(tile: Tile) {
      const path = tilePath(tile)
      const start = tile.index * TILE_WIDTH * HASH_SIZE
      const bytes = levels[tile.level]?.slice(start, start + tile.width * HASH_SIZE)
      if (bytes?.length !== tile.width * HASH_SIZE) throw new SourceError('missing', path, 'past the tree')
      return bytes
    },
    async entries(index: number, width: number) {
      const path = entriesPath(index, width)
      const bundle = entries.slice(index * TILE_WIDTH, index * TILE_WIDTH + width)
      if (bundle.length !== width) throw new SourceError('missing', path, 'past the tree')
      return formatEntryBundle(bundle)
    },
  }
}
