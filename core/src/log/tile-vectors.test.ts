import { describe, expect, test } from 'vitest'
import { loadVectors, outcome } from '../../../scripts/vectors/load.ts'
import { fromBase64, toHex } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import {
  entriesPath,
  formatEntryBundle,
  parseEntriesPath,
  parseEntryBundle,
  parseTilePath,
  partialTiles,
  tilePath,
} from './tile.ts'

interface Vectors {
  paths: { desc: string; path: string; level: number | 'entries'; index: number; width: number; error?: string }[]
  sizes: { desc: string; size: number; partial: { level: number; index: number; width: number }[] }[]
  bundles: { desc: string; width: number; bytes: string; leafHashes: string[]; error?: string }[]
}
const { paths, sizes, bundles } = loadVectors<Vectors>('tile')

describe('paths', () => {
  test.each(paths.filter(({ error }) => error === undefined))('$desc', ({ path, level, index, width }) => {
    if (level === 'entries') {
      expect(parseEntriesPath(path)).toEqual({ index, width })
      expect(entriesPath(index, width)).toBe(path)
    } else {
      expect(parseTilePath(path)).toEqual({ level, index, width })
      expect(tilePath({ level, index, width })).toBe(path)
    }
  })
  test.each(paths.filter(({ error }) => error !== undefined))('refused: $desc', ({ path, error }) => {
    expect(outcome(() => parseTilePath(path))).toMatchObject({ error })
    expect(outcome(() => parseEntriesPath(path))).toMatchObject({ error })
  })
})

test.each(sizes)('$desc', ({ size, partial }) => {
  const byLevel = [...partialTiles(size)].sort((a, b) => a.level - b.level)
  expect(byLevel).toEqual(partial)
})

describe.each([
  ['node', nodeCrypto],
  ['portable', portableCrypto],
])('bundles, %s', (_, crypto) => {
  test.each(bundles)('$desc', ({ bytes, width, leafHashes, error }) => {
    const got = outcome(() => parseEntryBundle(fromBase64(bytes), width))
    if (error !== undefined) {
      expect(got).toMatchObject({ error })
      return
    }
    const entries = parseEntryBundle(fromBase64(bytes), width)
    expect(crypto.leafHashes(entries).map(toHex)).toEqual(leafHashes)
    expect(formatEntryBundle(entries)).toEqual(fromBase64(bytes))
  })
})
