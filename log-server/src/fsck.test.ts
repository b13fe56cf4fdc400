import { memoryTileSource, merkleRoot, SourceError, type TileSource, utf8 } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { describe, expect, it } from 'vitest'
import { FsckError, fsck, fsckFault, runChecker, UnreadableError } from './fsck.ts'

/** Two full tiles of level 1 and a bit: tiles that no part of the range, only a comparison, can catch. */
const size = 2 * 65_536 + 300
const entries = Array.from({ length: size }, (_, at) => utf8(at.toString(36)))
const whole = memoryTileSource(nodeCrypto, entries)
const root = merkleRoot(nodeCrypto, nodeCrypto.leafHashes(entries))

async function check(source: TileSource, given: { size?: number; root?: Uint8Array } = {}) {
  const seen: number[] = []
  const report = await fsck({
    ...{ hasher: nodeCrypto, source, size, root, concurrency: 2, onProgress: (entries: number) => seen.push(entries) },
    checkRun: runChecker(nodeCrypto, source, 2),
    ...given,
  })
  return { report, seen }
}

/** The source with one byte of one resource changed. */
function damaged(path: { level: number | 'entries'; index: number; at: number }): TileSource {
  const flip = (bytes: Uint8Array) => {
    const copy = Uint8Array.from(bytes)
    copy[path.at] = (copy[path.at] ?? 0) ^ 1
    return copy
  }
  return {
    checkpoint: whole.checkpoint,
    async tile(tile) {
      const bytes = await whole.tile(tile)
      return tile.level === path.level && tile.index === path.index ? flip(bytes) : bytes
    },
    async entries(index, width) {
      const bytes = await whole.entries(index, width)
      return path.level === 'entries' && index === path.index ? flip(bytes) : bytes
    },
  }
}

describe('fsck', () => {
  it('reads every entry and every tile of a whole log', async () => {
    const { report, seen } = await check(whole)
    const entryBytes = entries.reduce((sum, { length }) => sum + length, 0)
    expect(report).toEqual({ entries: size, entryBytes, tiles: 514 + 3 + 1 })
    expect(seen.at(-1)).toBe(size)
    expect(seen).toEqual([...seen].sort((a, b) => a - b))
  })

  it.each([0, 1, 255, 256, 257])('finds a log of %i entries whole', async (small) => {
    const some = entries.slice(0, small)
    const smallRoot = merkleRoot(nodeCrypto, nodeCrypto.leafHashes(some))
    expect((await check(memoryTileSource(nodeCrypto, some), { size: small, root: smallRoot })).report.entries).toBe(
      small,
    )
  })

  it.each([
    ['an entry', { level: 'entries', index: 77, at: 2 }],
    ['the length of an entry', { level: 'entries', index: 77, at: 1 }],
    ['the last, partial bundle', { level: 'entries', index: 513, at: 2 }],
    ['a leaf hash', { level: 0, index: 300, at: 8191 }],
    ['the last leaf hash', { level: 0, index: 513, at: 44 * 32 - 1 }],
    ['a full tile of level 1', { level: 1, index: 0, at: 100 }],
    ['another one', { level: 1, index: 1, at: 8191 }],
    ['the partial tile of level 1', { level: 1, index: 2, at: 0 }],
    ['the tile of level 2', { level: 2, index: 0, at: 40 }],
  ] as const)('notices one bit of %s', async (_what, path) => {
    await expect(check(damaged(path))).rejects.toThrow(FsckError)
  })

  it('notices another root, and a smaller size with the root of the whole', async () => {
    await expect(check(whole, { root: new Uint8Array(32) })).rejects.toThrow(FsckError)
    await expect(check(whole, { size: size - 1 })).rejects.toThrow(FsckError)
  })

  it('tells a damaged log from one that could not be read', () => {
    expect(fsckFault(new SourceError('missing', 'tile/0/000', 'gone'))).toBeInstanceOf(FsckError)
    expect(fsckFault(new SourceError('transport', 'tile/0/000', 'reset'))).toBeInstanceOf(UnreadableError)
    expect(fsckFault(new TypeError('x'))).toBeInstanceOf(UnreadableError)
  })
})
