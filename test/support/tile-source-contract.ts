/** What every TileSource must do; run it over each implementation. */
import {
  entriesPath,
  formatEntryBundle,
  merkleRoot,
  SourceError,
  type TileSource,
  tilePath,
  tilesFor,
  treeReader,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

export interface OpenSource {
  readonly source: TileSource
  close(): Promise<void>
}

/** Makes a source of a log with these entries, whose newest checkpoint, of their number, has these bytes. */
export type OpenLog = (entries: readonly Uint8Array[], checkpoint: Uint8Array) => Promise<OpenSource>

/** 300 entries: a full tile and bundle, partial ones, and a second level. */
const entries = Array.from({ length: 300 }, (_, at) => new Uint8Array(at % 50).fill(at))
const checkpoint = new TextEncoder().encode('example.com/log\n300\n…\n')

async function kindOf(answer: Promise<Uint8Array>): Promise<string> {
  try {
    await answer
    return 'an answer'
  } catch (error) {
    return error instanceof SourceError ? error.kind : String(error)
  }
}

export function describeTileSource(name: string, open: OpenLog): void {
  describe(`${name} as a tile source`, () => {
    let log: OpenSource
    beforeAll(async () => {
      log = await open(entries, checkpoint)
    })
    afterAll(async () => {
      await log.close()
    })

    test('serves the checkpoint byte for byte', async () => {
      expect(await log.source.checkpoint()).toEqual(checkpoint)
    })

    test('serves every tile and bundle of the signed size: the tree is readable under its root', async () => {
      const root = merkleRoot(nodeCrypto, nodeCrypto.leafHashes(entries))
      const reader = treeReader({ hasher: nodeCrypto, source: log.source, size: entries.length, root })
      const read: Uint8Array[] = []
      for await (const { entry } of reader.readEntries(0, entries.length)) read.push(new Uint8Array(entry))
      expect(read).toEqual(entries)
      await reader.proveConsistency(77)
      for (const tile of tilesFor(entries.length)) {
        expect(await log.source.tile(tile), tilePath(tile)).toHaveLength(tile.width * 32)
      }
    })

    test.each([1, 2, 128, 255])(
      'cuts width %i from a full tile or bundle where the partial one is gone',
      async (width) => {
        const full = await log.source.tile({ level: 0, index: 0, width: 256 })
        expect(await log.source.tile({ level: 0, index: 0, width })).toEqual(full.slice(0, width * 32))
        expect(await log.source.entries(0, width)).toEqual(formatEntryBundle(entries.slice(0, width)))
      },
    )

    test.each([
      [0, 1, 256],
      [0, 1, 45],
      [0, 2, 1],
      [0, 2, 256],
      [1, 0, 2],
      [1, 1, 1],
      [2, 0, 1],
      [63, 0, 1],
    ])('has no tile of level %i, index %i, width %i', async (level, index, width) => {
      expect(await kindOf(log.source.tile({ level, index, width }))).toBe('missing')
    })

    test.each([
      [1, 256],
      [1, 45],
      [2, 1],
      [2 ** 40, 1],
    ])('has no bundle of index %i, width %i', async (index, width) => {
      expect(await kindOf(log.source.entries(index, width)), entriesPath(index, width)).toBe('missing')
    })

    test('bytes once returned are the caller’s', async () => {
      const tile = { level: 0, index: 0, width: 256 }
      const before = (await log.source.tile(tile)).slice()
      const mine = await log.source.tile(tile)
      mine.fill(0)
      expect(await log.source.tile(tile)).toEqual(before)
    })

    test('answers many at a time', async () => {
      const tiles = await Promise.all(
        Array.from({ length: 20 }, () => log.source.tile({ level: 1, index: 0, width: 1 })),
      )
      expect(new Set(tiles.map((bytes) => bytes.join())).size).toBe(1)
    })
  })
}
