import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeTileSource } from '../../../test/support/tile-source-contract.ts'
import { concat, equalBytes, utf8 } from '../bytes.ts'
import { ProofError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import { appendLeaves, emptyRange, emptyRoot, nodeHash, rangeRoot } from './compact-range.ts'
import { memoryTileSource } from './memory-source.ts'
import { checkConsistency, checkInclusion, rootFromNodes } from './merkle.ts'
import { entriesPath, hashInTile, partialTiles, type Tile, tilePath, tilesFor, tileWidth } from './tile.ts'
import { SourceError, TileError, type TileSource } from './tile-source.ts'
import { type TreeEntry, type TreeReaderOptions, treeReader } from './tree-reader.ts'

const hasher = nodeCrypto

describeTileSource('a log in memory', async (entries, checkpoint) => ({
  source: memoryTileSource(hasher, entries, checkpoint),
  close: async () => undefined,
}))

test('an unsigned log in memory has no checkpoint', async () => {
  await expect(memoryTileSource(hasher, []).checkpoint()).rejects.toMatchObject({ kind: 'missing' })
})

/** Three tile levels, all of them partial at the edge. */
const SIZE = 66_000
const entries = Array.from({ length: SIZE }, (_, at) => utf8(`entry ${at}`))
const leafHashes = hasher.leafHashes(entries)
const honest = memoryTileSource(hasher, entries)
const rootOf = (size: number) => rangeRoot(hasher, appendLeaves(hasher, emptyRange(), leafHashes.slice(0, size)))
const root = rootOf(SIZE)
const read = (given: Partial<TreeReaderOptions> = {}) =>
  treeReader({ hasher, source: honest, size: SIZE, root, ...given })

async function collect(stream: AsyncIterable<TreeEntry>): Promise<TreeEntry[]> {
  const all: TreeEntry[] = []
  for await (const entry of stream) all.push(entry)
  return all
}

/** A source whose answers pass through `change` first. */
function through(change: (path: string, bytes: Uint8Array) => Uint8Array | Promise<Uint8Array>): TileSource {
  return {
    checkpoint: () => honest.checkpoint(),
    tile: async (tile) => change(tilePath(tile), await honest.tile(tile)),
    entries: async (index, width) => change(entriesPath(index, width), await honest.entries(index, width)),
  }
}

/** Notes what is asked of the honest source. */
function watched(): { source: TileSource; asked: string[] } {
  const asked: string[] = []
  const source = through((path, bytes) => {
    asked.push(path)
    return bytes
  })
  return { source, asked }
}

describe('an honest source', { timeout: 30_000 }, () => {
  test('gives every proof and root', async () => {
    const reader = read()
    for (const index of [0, 1, 255, 256, 65_535, 65_536, 65_791, 65_792, SIZE - 1]) {
      const proof = await reader.proveInclusion(index)
      checkInclusion(hasher, { index, size: SIZE, leafHash: leafHashes[index] as Uint8Array, proof, root })
    }
    for (const from of [0, 1, 2, 255, 256, 257, 32_768, 65_535, 65_536, 65_537, SIZE - 1, SIZE]) {
      const fromRoot = await reader.rootAt(from)
      expect(fromRoot).toEqual(rootOf(from))
      const proof = await reader.proveConsistency(from)
      checkConsistency(hasher, { from, to: SIZE, fromRoot, toRoot: root, proof })
    }
  })

  test.each([
    [0, 0],
    [0, 1],
    [255, 257],
    [65_530, SIZE],
    [SIZE, SIZE],
    [10_000, 13_000],
  ])('gives entries %i to %i in order', async (from, to) => {
    const got = await collect(read().readEntries(from, to))
    expect(got.map(({ index }) => index)).toEqual(Array.from({ length: to - from }, (_, at) => from + at))
    for (const { index, entry, leafHash } of got) {
      expect(equalBytes(entry, entries[index] as Uint8Array)).toBe(true)
      expect(equalBytes(leafHash, leafHashes[index] as Uint8Array)).toBe(true)
    }
  })

  test('small trees, each size', async () => {
    for (const size of [1, 2, 3, 255, 256, 257, 511, 512, 513]) {
      const source = memoryTileSource(hasher, entries.slice(0, size))
      const reader = treeReader({ hasher, source, size, root: rootOf(size) })
      expect(await collect(reader.readEntries(0, size))).toHaveLength(size)
      expect(await reader.rootAt(size)).toEqual(rootOf(size))
      checkConsistency(hasher, {
        from: 1,
        to: size,
        fromRoot: leafHashes[0] as Uint8Array,
        toRoot: rootOf(size),
        proof: await reader.proveConsistency(1),
      })
    }
  })

  test('the empty tree has nothing to fetch', async () => {
    const reader = treeReader({ hasher, source: honest, size: 0, root: emptyRoot(hasher) })
    expect(await collect(reader.readEntries(0, 0))).toEqual([])
    expect(await reader.rootAt(0)).toEqual(emptyRoot(hasher))
    expect(await reader.proveConsistency(0)).toEqual([])
  })

  test.each([
    [-1, 1],
    [1, 0],
    [0, SIZE + 1],
    [0.5, 1],
    [0, Number.NaN],
  ])('entries %d to %d are not of this tree', (from, to) => {
    expect(() => read().readEntries(from, to)).toThrow(RangeError)
  })

  test('a node that was not asked for, or is not of the tree, is not known', async () => {
    const nodes = await read().readNodes([{ level: 3, index: 5 }])
    expect(nodes(3, 5)).toHaveLength(32)
    expect(() => nodes(3, 6)).toThrow(RangeError)
    expect(() => nodes(2, 5)).toThrow(RangeError)
    await expect(read().readNodes([{ level: 16, index: 1 }])).rejects.toThrow(RangeError)
    await expect(read().proveInclusion(SIZE)).rejects.toThrow(RangeError)
    await expect(read().proveConsistency(SIZE + 1)).rejects.toThrow(RangeError)
    await expect(read().rootAt(SIZE + 1)).rejects.toThrow(RangeError)
  })
})

describe('no byte leaves unauthenticated', { timeout: 30_000 }, () => {
  const flip = (bytes: Uint8Array, bit: number) => {
    const at = bit % (bytes.length * 8)
    return bytes.with(at >> 3, (bytes[at >> 3] ?? 0) ^ (1 << (at & 7)))
  }
  /** Everything a reader can be asked that needs this tile. */
  async function use(source: TileSource, tile: Tile): Promise<void> {
    const reader = read({ source })
    const first = tile.index * 256 * 256 ** tile.level
    await reader.readNodes([{ level: tile.level * 8, index: tile.index * 256 }])
    await reader.proveInclusion(Math.min(first, SIZE - 1))
    await collect(reader.readEntries(first, Math.min(first + 1, SIZE)))
  }
  const all = [...tilesFor(SIZE)]
  const edge = partialTiles(SIZE)
  const samples = [...all.filter(({ level }) => level > 0), ...edge, ...all.filter((_, at) => at % 60 === 0)]

  test('the samples have every level, full and partial', () => {
    expect(edge.map(({ level, width }) => `${level} ${width}`)).toEqual(['0 208', '1 1', '2 1'])
    expect(new Set(samples.map(({ level, width }) => `${level} ${width === 256}`))).toEqual(
      new Set(['0 true', '0 false', '1 true', '1 false', '2 false']),
    )
  })

  test.each<[string, (bytes: Uint8Array, seed: number) => Uint8Array]>([
    ['one bit flipped', flip],
    ['the last bit flipped', (bytes) => flip(bytes, bytes.length * 8 - 1)],
    ['the first hash replaced', (bytes) => bytes.fill(0, 0, 32)],
    ['a hash missing', (bytes) => bytes.slice(32)],
    ['a byte missing', (bytes) => bytes.slice(1)],
    ['a byte more', (bytes) => concat(bytes, Uint8Array.of(0))],
    ['a hash more', (bytes) => concat(bytes, new Uint8Array(32))],
    ['nothing', () => new Uint8Array(0)],
    ['a page of HTML', () => utf8('<html>Please log in</html>')],
    [
      'the hashes of a full tile for a partial one, and the reverse',
      (bytes) => (bytes.length === 8192 ? bytes.slice(0, 208 * 32) : concat(bytes, bytes).slice(0, 8192)),
    ],
  ])('%s in any tile', async (_, damage) => {
    for (const [seed, tile] of samples.entries()) {
      const source = through((path, bytes) => (path === tilePath(tile) ? damage(bytes, seed * 977) : bytes))
      await expect(use(source, tile), tilePath(tile)).rejects.toThrow(TileError)
    }
  })

  test('two hashes of a tile swapped', async () => {
    for (const tile of samples.filter(({ width }) => width > 1)) {
      const source = through((path, bytes) =>
        path === tilePath(tile) ? concat(bytes.slice(32, 64), bytes.slice(0, 32), bytes.slice(64)) : bytes,
      )
      await expect(use(source, tile)).rejects.toThrow(TileError)
    }
  })

  test('another tile of the same log in its place', async () => {
    const source: TileSource = {
      ...honest,
      tile: (tile) => honest.tile(tile.level === 0 && tile.index === 7 ? { ...tile, index: 8 } : tile),
    }
    await expect(use(source, { level: 0, index: 7, width: 256 })).rejects.toThrow(TileError)
  })

  test('a whole other log, right in itself', async () => {
    const others = entries.with(300, utf8('another history'))
    const source = memoryTileSource(hasher, others)
    await expect(read({ source }).rootAt(5)).rejects.toThrow(TileError)
    await expect(collect(read({ source }).readEntries(0, 10))).rejects.toThrow(TileError)
  })

  test('a forged subtree under honest edge tiles: the forged tile is caught by the tile above it', async () => {
    // Level 0 tile 5 and level 1 tile 0 are forged so that they agree with each other.
    const forged = memoryTileSource(hasher, entries.with(5 * 256, utf8('forged')))
    const source: TileSource = {
      checkpoint: honest.checkpoint,
      tile: (tile) => (tile.level < 2 && tile.index < 200 && tile.width === 256 ? forged : honest).tile(tile),
      entries: forged.entries,
    }
    await expect(read({ source }).proveInclusion(5 * 256)).rejects.toThrow(TileError)
    await expect(collect(read({ source }).readEntries(5 * 256, 5 * 256 + 1))).rejects.toThrow(TileError)
  })

  test('right root, wrong size', async () => {
    for (const size of [1, 255, 256, SIZE - 1, SIZE - 208]) {
      await expect(read({ size }).rootAt(1)).rejects.toThrow(TileError)
    }
    expect(() => read({ size: 0 })).toThrow(ProofError)
    await expect(read({ size: SIZE + 1 }).rootAt(1)).rejects.toThrow(SourceError)
  })

  test.each<[string, (bytes: Uint8Array) => Uint8Array]>([
    ['one entry changed', (bytes) => flip(bytes, 8 * 100)],
    ['an entry missing', (bytes) => bytes.slice(2 + ((bytes[0] ?? 0) * 256 + (bytes[1] ?? 0)))],
    ['an entry more', (bytes) => concat(bytes, Uint8Array.of(0, 0))],
    ['a byte more', (bytes) => concat(bytes, Uint8Array.of(0))],
    ['cut short', (bytes) => bytes.slice(0, -1)],
    ['nothing', () => new Uint8Array(0)],
    ['HTML', () => utf8('<html>')],
    [
      'first entry twice',
      (bytes) => concat(bytes.slice(0, 2 + (bytes[1] ?? 0)), bytes.slice(0, -(2 + (bytes[1] ?? 0)))),
    ],
  ])('%s in a bundle', async (_, damage) => {
    for (const index of [0, 100, 257]) {
      const path = entriesPath(index, tileWidth(0, index, SIZE))
      const source = through((at, bytes) => (at === path ? damage(bytes) : bytes))
      const got: TreeEntry[] = []
      const reading = (async () => {
        for await (const entry of read({ source }).readEntries(Math.max(0, index * 256 - 10), SIZE)) got.push(entry)
      })()
      await expect(reading).rejects.toThrow(TileError)
      // What came before the damaged bundle was right, and nothing of it came at all.
      expect(got.map((entry) => entry.index)).toEqual(
        index === 0 ? [] : Array.from({ length: 10 }, (_entry, at) => index * 256 - 10 + at),
      )
    }
  })

  test('a source that damages answers at random: an error, or the truth', async () => {
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(40)), fc.nat(SIZE - 1), async (fates, index) => {
        const source = through((_, bytes) => {
          const fate = fates.next().value ?? 0
          if (fate === 1) throw new SourceError('transport', 'here', 'down')
          if (fate === 2) return bytes.slice(0, -1)
          if (fate === 3) return new Uint8Array(bytes.length)
          return fate < 8 ? flip(bytes, fate * 1_000_003) : bytes
        })
        const reader = read({ source })
        for (let attempt = 0; attempt < 5; attempt++) {
          try {
            const proof = await reader.proveInclusion(index)
            checkInclusion(hasher, { index, size: SIZE, leafHash: leafHashes[index] as Uint8Array, proof, root })
            expect(await reader.rootAt(index)).toEqual(
              rootFromNodes(
                hasher,
                index,
                await read()
                  .readNodes([])
                  .then(() => nodeOf),
              ),
            )
            const [logged] = await collect(reader.readEntries(index, index + 1))
            expect(logged?.entry).toEqual(entries[index])
          } catch (error) {
            expect(error instanceof TileError || error instanceof SourceError, String(error)).toBe(true)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  const levels = [leafHashes]
  for (let level = 0; (levels[level] ?? []).length > 1; level++) {
    const below = levels[level] ?? []
    const pairs = Math.floor(below.length / 2)
    const up = hasher.parents(concat(...below.slice(0, 2 * pairs)))
    levels.push(Array.from({ length: pairs }, (_, at) => hashInTile(up, at)))
  }
  const nodeOf = (level: number, index: number) => levels[level]?.[index] ?? expect.unreachable()
})

describe('what is asked of the source', () => {
  test('parents come before their children, edge tiles first', async () => {
    const { source, asked } = watched()
    await read({ source }).proveInclusion(1234)
    const edge = partialTiles(SIZE).map(tilePath)
    expect(new Set(asked.slice(0, 3))).toEqual(new Set(edge))
    expect(asked.slice(3)).toEqual(['tile/1/000', 'tile/0/004'])
  })

  test('no tile is asked for twice while it is remembered', async () => {
    const { source, asked } = watched()
    const reader = read({ source })
    await Promise.all([
      reader.proveInclusion(10),
      reader.proveInclusion(11),
      reader.rootAt(12),
      reader.proveConsistency(13),
    ])
    await collect(reader.readEntries(0, 256))
    expect(new Set(asked).size).toBe(asked.length)
  })

  test('forgotten tiles are fetched and verified again', async () => {
    const { source, asked } = watched()
    const reader = read({ source, cachedTiles: 1 })
    for (const index of [0, 256, 512, 0]) await reader.proveInclusion(index)
    expect(asked.filter((path) => path === 'tile/0/000')).toHaveLength(2)
  })

  test('never more than `concurrency` requests at a time', async () => {
    for (const concurrency of [1, 3]) {
      let [running, most] = [0, 0]
      const source = through(async (_, bytes) => {
        most = Math.max(most, ++running)
        await new Promise(setImmediate)
        running--
        return bytes
      })
      const reader = read({ source, concurrency })
      await Promise.all([collect(reader.readEntries(0, 3000)), reader.proveConsistency(77), reader.proveInclusion(9)])
      expect(most).toBe(concurrency)
    }
  })

  test('no bundle is fetched far ahead of a slow reader', async () => {
    const { source, asked } = watched()
    const stream = read({ source, concurrency: 2 }).readEntries(0, SIZE)
    for (let at = 0; at < 257; at++) await stream.next()
    await new Promise((resolve) => setTimeout(resolve, 20))
    expect(asked.filter((path) => path.startsWith('tile/entries/')).length).toBeLessThanOrEqual(3)
    await stream.return()
  })

  test('a reader that stops early, with failures in flight, leaves no unhandled rejection', async () => {
    const unhandled: unknown[] = []
    const note = (reason: unknown) => unhandled.push(reason)
    process.on('unhandledRejection', note)
    const source = through((path, bytes) => {
      if (path.startsWith('tile/entries/') && !path.endsWith('/000')) throw new SourceError('transport', path, 'down')
      return bytes
    })
    for await (const { index } of read({ source }).readEntries(0, SIZE)) if (index === 3) break
    await new Promise((resolve) => setTimeout(resolve, 20))
    process.off('unhandledRejection', note)
    expect(unhandled).toEqual([])
  })

  test('a source that fails once is asked again the next time', async () => {
    for (const bad of [...partialTiles(SIZE).map(tilePath), 'tile/1/000', 'tile/0/003']) {
      let failures = 1
      const source = through((path, bytes) => {
        if (path === bad && failures-- > 0) throw new SourceError('transport', path, 'down')
        return bytes
      })
      const reader = read({ source })
      await expect(reader.proveInclusion(800), bad).rejects.toThrow(SourceError)
      await expect(reader.proveInclusion(800), bad).resolves.toHaveLength(17)
    }
  })

  test.each([0, -1, 1.5])('a concurrency of %d is refused', (concurrency) => {
    expect(() => read({ concurrency })).toThrow(RangeError)
  })
})

describe('trees up to 2^53-1 leaves', () => {
  /** All leaves are one, so each level has one hash and every tile is its repetition. */
  const one = hasher.leafHashes([utf8('leaf')])[0] as Uint8Array
  const levels = [one]
  for (let level = 0; level < 53; level++)
    levels.push(nodeHash(hasher, levels[level] as Uint8Array, levels[level] as Uint8Array))
  const node = (level: number) => levels[level] as Uint8Array
  const source: TileSource = {
    checkpoint: () => expect.unreachable(),
    tile: async ({ level, width }) => concat(...Array.from({ length: width }, () => node(level * 8))),
    entries: async (_, width) =>
      concat(...Array.from({ length: width }, () => concat(Uint8Array.of(0, 4), utf8('leaf')))),
  }

  test.each([2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 40 + 5, 2 ** 52, 2 ** 53 - 257, 2 ** 53 - 1])(
    '%d',
    async (size) => {
      const top = rootFromNodes(hasher, size, node)
      const reader = treeReader({ hasher, source, size, root: top })
      for (const index of [0, 2 ** 32 - 2, Math.floor(size / 3), size - 1]) {
        const proof = await reader.proveInclusion(index)
        checkInclusion(hasher, { index, size, leafHash: one, proof, root: top })
        const fromRoot = await reader.rootAt(index)
        checkConsistency(hasher, {
          from: index,
          to: size,
          fromRoot,
          toRoot: top,
          proof: await reader.proveConsistency(index),
        })
      }
      const last = await collect(reader.readEntries(size - 3, size))
      expect(last.map(({ index }) => index)).toEqual([size - 3, size - 2, size - 1])
    },
  )
})

describe('tiles of earlier runs', () => {
  const remembering = () => {
    const kept = new Map<string, Uint8Array>()
    const store = {
      get: async (tile: Tile) => kept.get(tilePath(tile)) ?? null,
      put: async (tile: Tile, bytes: Uint8Array) => void kept.set(tilePath(tile), bytes),
    }
    return { kept, store }
  }
  const counted = () => {
    const asked: string[] = []
    const source: TileSource = {
      ...honest,
      tile: async (tile) => {
        asked.push(tilePath(tile))
        return await honest.tile(tile)
      },
    }
    return { asked, source }
  }

  test('are not fetched again: only the edge is, which is never kept', async () => {
    const { kept, store } = remembering()
    await read({ store }).proveInclusion(5)
    expect(kept.size).toBeGreaterThan(0)
    const { asked, source } = counted()
    const proof = await read({ store, source }).proveInclusion(5)
    checkInclusion(hasher, { index: 5, size: SIZE, leafHash: leafHashes[5] as Uint8Array, proof, root })
    expect(asked.filter((path) => !path.includes('.p/'))).toEqual([])
  })

  test.each([
    ['altered', (bytes: Uint8Array) => bytes.map((byte, at) => (at === 40 ? byte ^ 1 : byte))],
    ['cut off', (bytes: Uint8Array) => bytes.subarray(0, 32)],
    ['emptied', () => new Uint8Array()],
    ['too long', (bytes: Uint8Array) => concat(bytes, bytes)],
  ])('that were %s are fetched again and replaced', async (_, damage) => {
    const { kept, store } = remembering()
    await read({ store }).proveInclusion(5)
    const right = new Map(kept)
    for (const [path, bytes] of kept) kept.set(path, damage(bytes))
    const proof = await read({ store }).proveInclusion(5)
    checkInclusion(hasher, { index: 5, size: SIZE, leafHash: leafHashes[5] as Uint8Array, proof, root })
    expect(kept).toEqual(right)
  })

  test('are never what a source gave wrongly', async () => {
    const { kept, store } = remembering()
    const source = { ...honest, tile: async (tile: Tile) => (await honest.tile(tile)).map((byte) => byte ^ 1) }
    await expect(read({ store, source }).proveInclusion(5)).rejects.toBeInstanceOf(TileError)
    expect(kept.size).toBe(0)
  })
})
