import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memoryTileSource, merkleRoot, parseEntryBundle, tilesFor, type WitnessRecord } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { TestLog } from '../testing.ts'
import { openSqliteWitnessStore } from '../witness/sqlite-witness-store.ts'
import { keptPending, type MirrorStore } from './mirror-store.ts'
import { openSqliteMirrorStore } from './sqlite-mirror-store.ts'
import { storedRoot } from './stored-tree.ts'

const log = new TestLog('example.com/log')
const { origin } = log
const entries = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => log.entry(from + at))
const record = (size: number): WitnessRecord => ({
  ...{ size, root: log.root(size), timestamp: 1_800_000_000 },
  checkpoint: `pending ${size}`,
})

let folder: string
let store: MirrorStore
const open = () => openSqliteMirrorStore(join(folder, 'mirror.db'), nodeCrypto)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-mirror-store-'))
  store = open()
})
afterEach(() => {
  store.close()
  rmSync(folder, { recursive: true, force: true })
})

describe('entries', () => {
  it.each([[[1, 2, 3]], [[256, 512]], [[255, 257, 700]], [[5, 5, 300]], [[66_000]]])(
    'appended up to %j are the tree, tile for tile',
    async (sizes) => {
      let at = 0
      for (const size of sizes) {
        expect(store.append(origin, at, entries(at, size))).toBe(size)
        at = size
        expect(storedRoot(nodeCrypto, store, origin, size)).toEqual(
          merkleRoot(nodeCrypto, nodeCrypto.leafHashes(entries(0, size))),
        )
      }
      store.close()
      store = open()
      const source = memoryTileSource(nodeCrypto, entries(0, at))
      for (const tile of tilesFor(at)) {
        expect(store.tile(origin, tile.level, tile.index, tile.width)).toEqual(await source.tile(tile))
        if (tile.level > 0) continue
        expect(store.entries(origin, tile.index, tile.width)).toEqual(await source.entries(tile.index, tile.width))
      }
      expect(storedRoot(nodeCrypto, store, origin, 1)).toEqual(log.root(1))
    },
  )

  it('that are there are skipped, whatever overlaps', () => {
    store.append(origin, 0, entries(0, 300))
    expect(store.append(origin, 0, entries(0, 200))).toBe(300)
    expect(store.append(origin, 256, entries(256, 310))).toBe(310)
    expect(storedRoot(nodeCrypto, store, origin, 310)).toEqual(log.root(310))
  })

  it('leave no gap, and logs do not meet', () => {
    store.append(origin, 0, entries(0, 10))
    expect(() => store.append(origin, 11, entries(11, 12))).toThrow(RangeError)
    expect(() => store.append('another', 1, entries(0, 1))).toThrow(RangeError)
    expect(store.append('another', 0, entries(0, 2))).toBe(2)
    expect([store.nextEntry(origin), store.nextEntry('another'), store.nextEntry('none')]).toEqual([10, 2, 0])
    expect(store.copies()).toEqual(['another', origin])
  })

  it('are served in every width that is there, and none beyond', () => {
    store.append(origin, 0, entries(0, 300))
    expect(parseEntryBundle(store.entries(origin, 1, 7) ?? new Uint8Array(0), 7)).toHaveLength(7)
    expect(store.tile(origin, 0, 1, 44)).toHaveLength(44 * 32)
    expect([store.entries(origin, 1, 45), store.tile(origin, 0, 1, 45), store.tile(origin, 1, 0, 2)]).toEqual([
      null,
      null,
      null,
    ])
    expect(store.tile(origin, 1, 0, 1)).toHaveLength(32)
  })
})

describe('checkpoints', () => {
  const accept = (size: number) => store.transact((transaction) => transaction.write(origin, record(size)))

  it('that were accepted stay for a while, and the mirror’s own as long as it is that', () => {
    accept(1)
    store.publish(origin, { size: 1, timestamp: 5, checkpoint: 'mirror 1' })
    for (let size = 2; size <= keptPending + 10; size++) accept(size)
    expect(store.read(origin)?.size).toBe(keptPending + 10)
    const known = Array.from({ length: keptPending + 12 }, (_, size) => size).filter(
      (size) => store.pending(origin, size) !== null,
    )
    expect(known).toEqual([1, ...Array.from({ length: keptPending }, (_, at) => at + 11)])
    expect(store.pending(origin, 1)).toEqual({ size: 1, root: log.root(1), checkpoint: 'pending 1' })
  })

  it('of the mirror never go back', () => {
    expect(store.mirrorCheckpoint(origin)).toBe(null)
    expect(store.publish(origin, { size: 7, timestamp: 5, checkpoint: 'seven' })).toBe(true)
    expect(store.publish(origin, { size: 6, timestamp: 6, checkpoint: 'six' })).toBe(false)
    expect(store.publish(origin, { size: 7, timestamp: 7, checkpoint: 'seven again' })).toBe(true)
    store.close()
    store = open()
    expect(store.mirrorCheckpoint(origin)).toEqual({ size: 7, timestamp: 7, checkpoint: 'seven again' })
  })
})

it('is no state of a witness, and a witness’s is none of a mirror', () => {
  expect(() => openSqliteWitnessStore(join(folder, 'mirror.db'))).toThrow('no state of a witness')
  openSqliteWitnessStore(join(folder, 'witness.db')).close()
  expect(() => openSqliteMirrorStore(join(folder, 'witness.db'), nodeCrypto)).toThrow('no state of a mirror')
})
