import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { root } from '../../../test/support/rfc6962.ts'
import { concat, utf8 } from '../bytes.ts'
import { FormatError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import {
  entriesPath,
  formatEntryBundle,
  hashInTile,
  newTiles,
  nodeInTile,
  parseEntriesPath,
  parseEntryBundle,
  parseTilePath,
  partialTiles,
  TILE_WIDTH,
  type Tile,
  tileHash,
  tileOfNode,
  tilePath,
  tilesFor,
  tileWidth,
  truncateEntryBundle,
} from './tile.ts'

const hasher = nodeCrypto
const MAX = Number.MAX_SAFE_INTEGER

describe('paths', () => {
  test.each<[Tile, string]>([
    [{ level: 0, index: 0, width: 256 }, 'tile/0/000'],
    [{ level: 0, index: 0, width: 1 }, 'tile/0/000.p/1'],
    [{ level: 0, index: 999, width: 255 }, 'tile/0/999.p/255'],
    [{ level: 1, index: 1000, width: 256 }, 'tile/1/x001/000'],
    [{ level: 2, index: 1234067, width: 256 }, 'tile/2/x001/x234/067'],
    [{ level: 63, index: 1234067, width: 9 }, 'tile/63/x001/x234/067.p/9'],
    [{ level: 0, index: MAX, width: 256 }, 'tile/0/x009/x007/x199/x254/x740/991'],
  ])('%o is %s', (tile, path) => {
    expect(tilePath(tile)).toBe(path)
    expect(parseTilePath(path)).toEqual(tile)
    const entries = path.replace(/^tile\/[0-9]+/, 'tile/entries')
    expect(entriesPath(tile.index, tile.width)).toBe(entries)
    expect(parseEntriesPath(entries)).toEqual({ index: tile.index, width: tile.width })
  })

  test('format and parse are inverse', () => {
    const tile = fc.record({ level: fc.nat(63), index: fc.maxSafeNat(), width: fc.integer({ min: 1, max: 256 }) })
    fc.assert(
      fc.property(tile, (given) => {
        expect(parseTilePath(tilePath(given))).toEqual(given)
        expect(parseEntriesPath(entriesPath(given.index, given.width)).index).toBe(given.index)
      }),
    )
  })

  test('what is read is what would have been written', () => {
    const text = fc.oneof(
      fc.stringMatching(/^tile\/[0-9]{1,2}\/(x?[0-9]{3}\/){0,6}x?[0-9]{3}(\.p\/[0-9]{1,3})?$/),
      fc.stringMatching(/^tile\/[0-9x./p]{0,20}$/),
    )
    fc.assert(
      fc.property(text, (path) => {
        let tile: Tile
        try {
          tile = parseTilePath(path)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
          return
        }
        expect(tilePath(tile)).toBe(path)
      }),
      { numRuns: 500 },
    )
  })

  test.each([
    '',
    'tile',
    'tile/',
    'tile/0',
    'tile/0/',
    '/tile/0/000',
    'tile/0/000/',
    'tile/0/0',
    'tile/0/00',
    'tile/0/0000',
    'tile/0/x000',
    'tile/0/x000/000',
    'tile/0/x000/001',
    'tile/0/001/000',
    'tile/0/x001/x000',
    'tile/0/x001/00',
    'tile/0/X001/000',
    'tile/0/x001//000',
    'tile/0/x001/000.p',
    'tile/0/000.p/',
    'tile/0/000.p/0',
    'tile/0/000.p/01',
    'tile/0/000.p/256',
    'tile/0/000.p/257',
    'tile/0/000.p/-1',
    'tile/0/000.p/+1',
    'tile/0/000.p/1 ',
    'tile/0/000.p/1\n',
    'tile/0/000.p/1/',
    'tile/0/000.P/1',
    'tile/0/000.p/1.p/1',
    'tile/00/000',
    'tile/01/000',
    'tile/64/000',
    'tile/99/000',
    'tile/100/000',
    'tile/-1/000',
    'tile/+1/000',
    'tile/a/000',
    'tile/0/../000',
    'tile/0/x001/../000',
    'tile/0/%30%30%30',
    'tile/0/000?x',
    'tile/0/000#x',
    'tile/0/٠٠٠',
    'tile/0/000\n',
    'tile\n/0/000',
    'Tile/0/000',
    'tile/0/x009/x007/x199/x254/x740/992',
    'tile/0/x999/x999/x999/x999/x999/999',
    'tile/0/x001/x000/x000/x000/x000/x000/000',
    'tile/entries/000',
    'tile/data/000',
  ])('%j is no tile', (path) => {
    expect(() => parseTilePath(path)).toThrow(FormatError)
  })

  test.each([
    '',
    'tile/entries',
    'tile/entries/',
    'tile/entries/0',
    'tile/entries/0/000',
    'tile/entries/x000/001',
    'tile/entries/000.p/0',
    'tile/entries/000.p/256',
    'tile/entries/000.p/1\n',
    'tile/0/000',
    'tile/data/000',
    'tile/Entries/000',
    '/tile/entries/000',
    'tile/entries/../000',
    'tile/entries/x009/x007/x199/x254/x740/992',
  ])('%j is no bundle', (path) => {
    expect(() => parseEntriesPath(path)).toThrow(FormatError)
  })

  test.each<[Partial<Tile>]>([
    [{ level: -1 }],
    [{ level: 64 }],
    [{ level: 0.5 }],
    [{ index: -1 }],
    [{ index: 2 ** 53 }],
    [{ index: 1.5 }],
    [{ width: 0 }],
    [{ width: 257 }],
    [{ width: 1.5 }],
    [{ width: Number.NaN }],
  ])('no path is made for %o', (wrong) => {
    expect(() => tilePath({ level: 0, index: 0, width: 1, ...wrong })).toThrow(RangeError)
  })
})

describe('the tiles of a tree', () => {
  const count = (tiles: Iterable<Tile>) => {
    const counts = new Map<string, number>()
    for (const { level, width } of tiles) {
      const kind = `${level} ${width}`
      counts.set(kind, (counts.get(kind) ?? 0) + 1)
    }
    return Object.fromEntries(counts)
  }

  test('of 70,000 leaves are those of the specification', () => {
    expect(count(tilesFor(70_000))).toEqual({ '0 256': 273, '0 112': 1, '1 256': 1, '1 17': 1, '2 1': 1 })
  })

  test('of 256 leaves are those of the specification', () => {
    expect([...tilesFor(256)].map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1'])
  })

  test('of no leaves are none', () => {
    expect([...tilesFor(0)]).toEqual([])
    expect(partialTiles(0)).toEqual([])
  })

  test('growing writes each tile that gained a hash, and no other', () => {
    const sizes = fc.tuple(fc.nat(140_000), fc.nat(2_000))
    fc.assert(
      fc.property(sizes, ([from, more]) => {
        const to = from + more
        const before = new Set([...tilesFor(from)].map(tilePath))
        const changed = [...tilesFor(to)].map(tilePath).filter((path) => !before.has(path))
        expect([...newTiles(from, to)].map(tilePath)).toEqual(changed)
      }),
      { numRuns: 30 },
    )
  })

  test.each([
    [256, 256, []],
    [255, 256, ['tile/0/000', 'tile/1/000.p/1']],
    [256, 257, ['tile/0/001.p/1']],
    [65_535, 65_536, ['tile/0/255', 'tile/1/000', 'tile/2/000.p/1']],
    [MAX - 1, MAX, ['tile/0/x035/x184/x372/x088/831.p/255']],
  ])('from %d to %d leaves', (from, to, paths) => {
    expect([...newTiles(from, to)].map(tilePath)).toEqual(paths)
  })

  test('partial ones cover the binary ones of the size, whatever it is', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (size) => {
        const covered = partialTiles(size).reduce(
          (sum, { level, width }) => sum + BigInt(width) * 256n ** BigInt(level),
          0n,
        )
        expect(covered).toBe(BigInt(size))
        for (const { level, index, width } of partialTiles(size)) expect(tileWidth(level, index, size)).toBe(width)
      }),
    )
  })

  test.each([
    [1, ['tile/0/000.p/1']],
    [255, ['tile/0/000.p/255']],
    [256, ['tile/1/000.p/1']],
    [257, ['tile/0/001.p/1', 'tile/1/000.p/1']],
    [65_536, ['tile/2/000.p/1']],
    [70_000, ['tile/0/273.p/112', 'tile/1/001.p/17', 'tile/2/000.p/1']],
  ])('partial ones of %i leaves', (size, paths) => {
    expect(partialTiles(size).map(tilePath)).toEqual(paths)
  })

  test.each([
    [-1, 5],
    [5, 4],
    [0, 2 ** 53],
    [0.5, 1],
  ])('a tree does not grow from %d to %d', (from, to) => {
    expect(() => [...newTiles(from, to)]).toThrow(RangeError)
  })
})

describe('nodes in tiles', () => {
  const SIZE = 600
  const leaves = hasher.leafHashes(Array.from({ length: SIZE }, (_, at) => utf8(`${at}`)))
  const level0 = (index: number) => concat(...leaves.slice(index * 256, index * 256 + tileWidth(0, index, SIZE)))
  const level1 = concat(tileHash(hasher, level0(0)), tileHash(hasher, level0(1)))

  test('every complete subtree of a tree of 600 leaves has its hash in one tile', () => {
    for (let level = 0; 2 ** level <= SIZE; level++) {
      for (let index = 0; (index + 1) * 2 ** level <= SIZE; index++) {
        const tile = tileOfNode({ level, index }, SIZE)
        const bytes = tile.level === 0 ? level0(tile.index) : level1
        const expected = root(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
        expect(nodeInTile(hasher, tile, bytes, { level, index })).toEqual(expected)
      }
    }
  })

  test.each<[string, number, number, number]>([
    ['past the tree', 0, 600, 600],
    ['half past the tree', 9, 1, 600],
    ['above the tree', 10, 0, 600],
    ['in an empty tree', 0, 0, 0],
    ['at a negative index', 0, -1, 600],
    ['at a negative level', -1, 0, 600],
    ['past 2^53', 53, 0, MAX],
    ['at 2^53', 0, 2 ** 53, MAX],
  ])('no node %s', (_, level, index, size) => {
    expect(() => tileOfNode({ level, index }, size)).toThrow(RangeError)
  })

  test('a node of another tile is not read from this one', () => {
    const tile = { level: 0, index: 1, width: 256 }
    for (const node of [
      { level: 0, index: 255 },
      { level: 0, index: 512 },
      { level: 8, index: 1 },
      { level: 3, index: 31 },
      { level: 3, index: 64 },
      { level: 8, index: 300 },
      { level: 11, index: 40 },
    ]) {
      expect(() => nodeInTile(hasher, tile, level0(1), node)).toThrow(RangeError)
    }
    const partial = { level: 0, index: 0, width: 3 }
    expect(() => nodeInTile(hasher, partial, level0(0).slice(0, 96), { level: 1, index: 1 })).toThrow(RangeError)
  })

  test.each([0, 1, 31, 33, 64 - 1, 8192 - 32, 8192 + 32])('%i bytes are no full tile', (length) => {
    expect(() => tileHash(hasher, new Uint8Array(length))).toThrow(FormatError)
  })

  test('bytes of another width than the tile are refused', () => {
    const tile = { level: 0, index: 0, width: 5 }
    expect(() => nodeInTile(hasher, tile, new Uint8Array(4 * 32), { level: 0, index: 0 })).toThrow(FormatError)
  })

  test('a hash taken from a tile is a copy', () => {
    const bytes = level0(0)
    const hash = hashInTile(bytes, 3)
    bytes.fill(0)
    expect(hash).toEqual(leaves[3])
  })
})

describe('entry bundles', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: TILE_WIDTH })

  test('parse and format are inverse', () => {
    fc.assert(
      fc.property(entries, (given) => {
        const bytes = formatEntryBundle(given)
        expect(parseEntryBundle(bytes, given.length)).toEqual(given)
      }),
    )
  })

  test('a truncated bundle holds the first entries', () => {
    fc.assert(
      fc.property(entries, fc.nat(256), (given, seed) => {
        const width = seed % (given.length + 1)
        expect(truncateEntryBundle(formatEntryBundle(given), width)).toEqual(formatEntryBundle(given.slice(0, width)))
      }),
    )
  })

  test('what is read is what would have been written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12, max: 3 }), fc.nat(4), (bytes, width) => {
        let parsed: Uint8Array[]
        try {
          parsed = parseEntryBundle(bytes, width)
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
          return
        }
        expect(formatEntryBundle(parsed)).toEqual(bytes)
        expect(parsed).toHaveLength(width)
      }),
      { numRuns: 500 },
    )
  })

  test('lengths of 0, 255, 256 and 65,535', () => {
    const given = [0, 255, 256, 65_535].map((length) => new Uint8Array(length).fill(1))
    const bytes = formatEntryBundle(given)
    expect([...bytes.slice(0, 4)]).toEqual([0, 0, 0, 255])
    expect(parseEntryBundle(bytes, 4)).toEqual(given)
  })

  test.each<[string, number[], number]>([
    ['nothing where one entry is due', [], 1],
    ['an entry where none is due', [0, 0], 0],
    ['half a length', [0], 1],
    ['a length without its entry', [0, 1], 1],
    ['an entry cut short', [0, 2, 7], 1],
    ['a byte after the last entry', [0, 1, 7, 0], 1],
    ['an entry too many', [0, 1, 7, 0, 0], 1],
    ['an entry too few', [0, 1, 7], 2],
    ['a little-endian length', [1, 0, 7], 1],
    ['a length that reaches past the end', [255, 255, 7], 1],
  ])('%s', (_, bytes, width) => {
    expect(() => parseEntryBundle(Uint8Array.from(bytes), width)).toThrow(FormatError)
  })

  test.each<[string, number[], number]>([
    ['nothing where one entry is due', [], 1],
    ['half a length', [0], 1],
    ['a length without its entry', [0, 1], 1],
    ['an entry cut short', [0, 2, 7], 1],
    ['an entry too few', [0, 1, 7], 2],
    ['an entry too few by half a length', [0, 1, 7, 0], 2],
  ])('%s, cut to its width', (_, bytes, width) => {
    expect(() => truncateEntryBundle(Uint8Array.from(bytes), width)).toThrow(FormatError)
  })

  test('256 entries are a bundle', () => {
    expect(formatEntryBundle(Array.from({ length: 256 }, () => new Uint8Array(0)))).toHaveLength(512)
  })

  test.each<[string, Uint8Array[]]>([
    ['an entry of 65,536 bytes', [new Uint8Array(65_536)]],
    ['257 entries', Array.from({ length: 257 }, () => new Uint8Array(0))],
  ])('no bundle is made of %s', (_, given) => {
    expect(() => formatEntryBundle(given)).toThrow(RangeError)
  })
})
