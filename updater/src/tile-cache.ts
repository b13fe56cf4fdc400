/**
 * Full tiles on the disk, so that the next run does not fetch them again. They never change, and nothing here is believed: the
 * reader holds each against the tree, so a file that was altered, or is of another log, is fetched again and replaced.
 *
 *     <stateDir>/tiles/<level>-<index>     256 hashes of 32 bytes
 */
import { randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Tile, TileStore } from '@samebits/core'

/** 8 MiB; past that everything goes, and what is needed comes back. */
const maxTiles = 1024

/** A cache in a folder that is made when the first tile is kept. A disk that is full or read-only only makes it useless. */
export function createTileCache(folder: string): TileStore {
  let count: Promise<number> | null = null
  const nameOf = ({ level, index }: Tile) => join(folder, `${level}-${index}`)
  const open = async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    return (await readdir(folder)).length
  }
  return {
    get: (tile) => readFile(nameOf(tile)).catch(() => null),
    async put(tile, bytes) {
      const temporary = join(folder, `.${randomBytes(6).toString('hex')}`)
      try {
        count ??= open()
        if ((await count) >= maxTiles) {
          await rm(folder, { recursive: true, force: true })
          count = open()
        }
        await count
        await writeFile(temporary, bytes, { flag: 'wx', mode: 0o600 })
        await rename(temporary, nameOf(tile))
        count = count.then((before) => before + 1)
      } catch {
        await rm(temporary, { force: true }).catch(() => undefined)
        count = null
      }
    },
  }
}
