/**
 * A log's files in a folder, as C2SP tlog-tiles lays them out: a mirror, or what a log exported. Read in the thread that asks: handing each of
 * many small files to another one takes longer than reading it, and who reads a whole log does nothing else meanwhile.
 */
import { readFileSync } from 'node:fs'
import {
  entriesPath,
  HASH_SIZE,
  parseEntryBundle,
  SourceError,
  TILE_WIDTH,
  type TileSource,
  tilePath,
  truncateEntryBundle,
} from '@samebits/core'
import { isCode } from '@samebits/host'

export function directorySource(folder: string): TileSource {
  const read = async (path: string): Promise<Uint8Array | null> => {
    try {
      return readFileSync(`${folder}/${path}`)
    } catch (error) {
      if (isCode(error, 'ENOENT')) return null
      throw new SourceError('transport', path, 'it could not be read', { cause: error })
    }
  }
  /** A mirror may have dropped a partial tile whose full one it has ("Partial Tiles"). */
  const readWidth = async (partial: string, full: string, cut: (bytes: Uint8Array) => Uint8Array) => {
    const exact = await read(partial)
    if (exact !== null) return exact
    const whole = partial === full ? null : await read(full)
    if (whole === null) throw new SourceError('missing', partial, 'the folder does not have it')
    return cut(whole)
  }
  return {
    async checkpoint() {
      const bytes = await read('checkpoint')
      if (bytes === null) throw new SourceError('missing', 'checkpoint', 'the folder does not have it')
      return bytes
    },
    tile: (tile) =>
      readWidth(tilePath(tile), tilePath({ ...tile, width: TILE_WIDTH }), (bytes) =>
        bytes.subarray(0, tile.width * HASH_SIZE),
      ),
    entries: (index, width) =>
      readWidth(entriesPath(index, width), entriesPath(index, TILE_WIDTH), (bytes) => {
        parseEntryBundle(bytes, TILE_WIDTH)
        return truncateEntryBundle(bytes, width)
      }),
  }
}
