import { emptyRange, memoryTileSource, merkleRoot, newTiles, rangeRoot } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Edge, growEdge, readEdge } from './edge.ts'
import { StorageError } from './store.ts'

const emptyEdge: Edge = { range: emptyRange(), filling: [] }
const entries = Array.from({ length: 70_000 }, (_, index) =>
  Uint8Array.of(index & 255, (index >> 8) & 255, index >> 16),
)
const hashes = nodeCrypto.leafHashes(entries)
const source = memoryTileSource(nodeCrypto, entries)

/** Batches as the sequencer makes them, some of them around tile boundaries. */
const batches = fc.array(fc.oneof(fc.integer({ min: 1, max: 600 }), fc.constantFrom(1, 255, 256, 257, 512, 65_536)), {
  minLength: 1,
  maxLength: 12,
})

it('gives the roots and the tiles of the whole tree, however it was grown', async () => {
  await fc.assert(
    fc.asyncProperty(batches, async (counts) => {
      let edge = emptyEdge
      for (const count of counts) {
        const from = edge.range.size
        const to = Math.min(entries.length, from + count)
        if (to === from) break
        const growth = growEdge(nodeCrypto, edge, hashes.slice(from, to))
        const expected = [...newTiles(from, to)].filter(({ level }) => level > 0)
        expect(growth.tiles.map(({ level, index }) => ({ level, index }))).toEqual(
          expected.map(({ level, index }) => ({ level, index })),
        )
        for (const [at, tile] of expected.entries()) expect(growth.tiles[at]?.hashes).toEqual(await source.tile(tile))
        expect(growth.root).toEqual(rangeRoot(nodeCrypto, growth.edge.range))
        edge = growth.edge
      }
      expect(rangeRoot(nodeCrypto, edge.range)).toEqual(merkleRoot(nodeCrypto, hashes.slice(0, edge.range.size)))
    }),
    { numRuns: 25 },
  )
})

const stored = { tile: (level: number, index: number, width: number) => source.tile({ level, index, width }) }

it('is the same read back from storage as grown', async () => {
  for (const size of [0, 1, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_000]) {
    const grown = growEdge(nodeCrypto, emptyEdge, hashes.slice(0, size)).edge
    const read = await readEdge(nodeCrypto, stored, size)
    expect(read.range).toEqual(grown.range)
    const full = (edge: Edge) =>
      edge.filling.map((tile) => Buffer.from(tile).toString('hex')).filter((tile) => tile !== '')
    expect(full(read)).toEqual(full(grown))
    const next = hashes.slice(size, size + 300)
    expect(growEdge(nodeCrypto, read, next).root).toEqual(growEdge(nodeCrypto, grown, next).root)
    expect(growEdge(nodeCrypto, read, next).tiles).toEqual(growEdge(nodeCrypto, grown, next).tiles)
  }
})

it('is not read where a tile is missing', async () => {
  await expect(readEdge(nodeCrypto, { tile: async () => null }, 300)).rejects.toThrow(StorageError)
})

it('leaves the edge before as it was', () => {
  const edge = growEdge(nodeCrypto, emptyEdge, hashes.slice(0, 300)).edge
  const before = structuredClone(edge)
  growEdge(nodeCrypto, edge, hashes.slice(300, 1000))
  expect(edge).toEqual(before)
})
