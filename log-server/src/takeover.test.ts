/** Take-over on a real database that was tampered with below everything that checks it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { concat, emptyRange, emptyRoot, type Hasher } from '@samebits/core'
import { generateSigningKey, nodeCrypto } from '@samebits/core/node'
import Database from 'better-sqlite3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { NoTables } from './admission.ts'
import { dataDir } from './data-dir.ts'
import { growEdge, readEdge } from './edge.ts'
import { extendFromStorage, HeadIssuer, TreeMismatchError } from './issuer.ts'
import { createMarker, openMarker, readMarker } from './marker.ts'
import { headSigner } from './signer.ts'
import { noExtension } from './sql.ts'
import { openSqliteStore } from './sqlite-store.ts'
import { HeadMovedError, type LogReader, type OpenStore } from './store.ts'
import { takeOver } from './takeover.ts'
import { testOrigin } from './testing.ts'
import { noWitnesses } from './witnessing.ts'

const hasher: Hasher = nodeCrypto
const signer = headSigner(nodeCrypto, testOrigin, [generateSigningKey('ed25519'), generateSigningKey('ml-dsa-44')])
const entries = Array.from({ length: 600 }, (_, at) => Buffer.from(`entry ${at}`))
/** No witnesses. */
const copies = async () => ({ found: [], missing: null })
let folder: string
let store: OpenStore<NoTables>
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-takeover-'))
  store = openSqliteStore({ path: dataDir(folder).database, extension: noExtension })
  const empty = await store.create(emptyRoot(hasher))
  await createMarker(dataDir(folder).marker, { checkpoint: (await signer.sign(empty, 1000)).text, epoch: empty.epoch })
  const head = await store.takeLease(0)
  const leafHashes = hasher.leafHashes(entries)
  const { tiles, root } = growEdge(hasher, { range: emptyRange(), filling: [] }, leafHashes)
  await store.commit(head, (tx) => tx.append({ entries, leafHashes: concat(...leafHashes), tiles, root }))
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

async function attempt() {
  const marked = await readMarker(dataDir(folder).marker)
  const parts = { store, hasher, signer, marked, places: [], copies, epoch: null }
  return takeOver(parts)
}

describe('take-over', () => {
  it('finds committed entries that were never signed, under a new lease', async () => {
    const { head, edge, signedSize, last } = await attempt()
    expect([head.size, head.epoch, edge.range.size, signedSize, last.range.size]).toEqual([600, 2, 600, 0, 600])
    expect(edge).toEqual(await readEdge(hasher, store, 600))
  })

  it.each([
    ['a tile of level 1, which only later roots would show', 'UPDATE tiles SET hashes = zeroblob(64) WHERE level = 1'],
    ['a leaf hash', 'UPDATE parts SET hashes = zeroblob(8192) WHERE first = 256'],
    [
      'an entry',
      "UPDATE parts SET entries = CAST(x'0007' || 'Entry 5' || substr(entries, 10) AS BLOB) WHERE first = 512",
    ],
    ['the root', 'UPDATE head SET root = zeroblob(32)'],
  ])('is refused, and the lease not taken, when %s was changed', async (_what, damage) => {
    const database = new Database(dataDir(folder).database)
    expect(database.prepare(damage).run().changes).toBe(1)
    database.close()
    await expect(attempt()).rejects.toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^(TREE_MISMATCH|STORAGE_DAMAGED)$/) }),
    )
    expect((await store.head())?.epoch).toBe(1)
  })
})

describe('a leader', () => {
  it('signs nothing any more once another one took the lease', async () => {
    const start = await attempt()
    const marker = await openMarker(dataDir(folder).marker)
    const failures: unknown[] = []
    const parts = {
      store,
      hasher,
      signer,
      marker,
      witnessing: noWitnesses,
      exporter: null,
      tracing: null,
      now: () => 2000,
    }
    const nothing = () => undefined
    const events = { signed: nothing, issued: nothing, failed: (error: unknown) => failures.push(error) }
    const issuer = new HeadIssuer(parts, events, start.head.epoch, start.last)
    await store.takeLease(start.head.epoch)
    issuer.offer()
    await expect.poll(() => failures.length).toBe(1)
    expect(failures[0]).toBeInstanceOf(HeadMovedError)
    expect(signer.open(marker.last.checkpoint).checkpoint.size).toBe(0)
    await marker.close()
  })
})

describe('a tree recomputed from storage', () => {
  const lying = (
    change: (range: { entries: Uint8Array[]; leafHashes: Uint8Array }) => void,
  ): Pick<LogReader, 'range'> => ({
    async range(from, to) {
      const range = await store.range(from, to)
      if (range === null) return null
      const copy = { entries: [...range.entries], leafHashes: Uint8Array.from(range.leafHashes) }
      change(copy)
      return copy
    },
  })
  const extend = async (reader: Pick<LogReader, 'range'>) => {
    const head = await store.head()
    if (head === null) throw new RangeError('there is a head')
    return extendFromStorage({ store: reader, hasher }, emptyRange(), head)
  }

  it('is the committed one', async () => {
    expect(await extend(store)).toEqual((await readEdge(hasher, store, 600)).range)
  })

  it.each<[string, Parameters<typeof lying>[0]]>([
    ['an entry that its stored hash does not fit', (range) => void range.entries.splice(3, 1, Buffer.from('other'))],
    ['a stored hash that its entry does not fit', (range) => void range.leafHashes.fill(0, 32, 64)],
    [
      'another entry with the hash that fits it',
      (range) => {
        const other = Buffer.from('other')
        range.entries.splice(3, 1, other)
        range.leafHashes.set(hasher.leafHashes([other])[0] ?? new Uint8Array(0), 3 * 32)
      },
    ],
    [
      'two entries exchanged with their hashes',
      (range) => {
        range.entries.reverse()
        range.leafHashes.set(concat(...hasher.leafHashes(range.entries)))
      },
    ],
  ])('is refused with %s', async (_what, change) => {
    await expect(extend(lying(change))).rejects.toThrow(TreeMismatchError)
  })

  it('is refused with entries missing', async () => {
    await expect(extend({ range: async () => null })).rejects.toThrow(TreeMismatchError)
  })
})
