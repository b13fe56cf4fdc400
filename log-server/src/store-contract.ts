/**
 * The contract of {@link LogStore}, as cases that any test runner runs against any implementation. Each case gets an empty
 * store of its own; `Tables` are one key-value table, which stands for the tables of a mode of admission.
 */
import assert from 'node:assert/strict'
import { concat, formatEntryBundle, HASH_SIZE, TILE_WIDTH } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { type Edge, growEdge } from './edge.ts'
import type { StoreExtension } from './sql.ts'
import { FrozenError, type Head, HeadMovedError, type LogStore, type LogTransaction } from './store.ts'

/** The table that an implementation under test brings along. */
export interface NoteTable {
  /** Inside a transaction only. */
  put(key: string, value: string): Promise<void>
  /** Committed rows only. */
  get(key: string): Promise<string | null>
}

export const noteExtension: StoreExtension<NoteTable> = {
  name: 'note',
  migrations: ['CREATE TABLE note_rows (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT'],
  open: ({ writer, reader }) => ({
    put: (key, value) => writer.run('INSERT INTO note_rows VALUES (?, ?)', key, value),
    async get(key) {
      const [row] = await reader.all<{ value: string }>('SELECT value FROM note_rows WHERE key = ?', key)
      return row?.value ?? null
    },
  }),
}

export interface StoreUnderTest {
  readonly store: LogStore<NoteTable>
  readonly notes: NoteTable
  /** Closes the store and opens it again, as after a restart. */
  reopen(): Promise<StoreUnderTest>
}

export interface ContractCase {
  readonly title: string
  run(open: StoreUnderTest): Promise<void>
}

const emptyRoot = nodeCrypto.sha256(new Uint8Array(0))

/** A log that is grown through a store, and remembered beside it. */
class Grown {
  readonly store: LogStore<NoteTable>
  readonly entries: Uint8Array[] = []
  head: Head
  #edge: Edge = { range: { size: 0, hashes: [] }, filling: [] }

  private constructor(store: LogStore<NoteTable>, head: Head) {
    this.store = store
    this.head = head
  }

  static async begin(store: LogStore<NoteTable>): Promise<Grown> {
    await store.create(emptyRoot)
    return new Grown(store, await store.takeLease(0))
  }

  async append(batch: readonly Uint8Array[], also: (tx: LogTransaction<NoteTable>) => Promise<void> = async () => {}) {
    const leafHashes = nodeCrypto.leafHashes(batch)
    const growth = growEdge(nodeCrypto, this.#edge, leafHashes)
    const { head } = await this.store.commit(this.head, async (tx) => {
      await tx.append({ entries: batch, leafHashes: concat(...leafHashes), tiles: growth.tiles, root: growth.root })
      await also(tx)
    })
    this.#edge = growth.edge
    this.head = head
    this.entries.push(...batch)
  }
}

/** Entries of different lengths, the empty one among them. */
function someEntries(from: number, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, at) => new Uint8Array((from + at) % 7).fill(from + at))
}

async function growBy(log: Grown, ...counts: readonly number[]): Promise<void> {
  for (const count of counts) await log.append(someEntries(log.entries.length, count))
}

async function checkBundles({ store, entries }: Grown): Promise<void> {
  const hashes = nodeCrypto.leafHashes(entries)
  for (let index = 0; index * TILE_WIDTH < entries.length; index++) {
    const there = Math.min(TILE_WIDTH, entries.length - index * TILE_WIDTH)
    for (const width of [1, 2, 100, 255, 256]) {
      const first = index * TILE_WIDTH
      const bundle = formatEntryBundle(entries.slice(first, first + width))
      const tile = concat(...hashes.slice(first, first + width))
      assert.deepEqual(bytes(await store.entries(index, width)), width <= there ? bytes(bundle) : null)
      assert.deepEqual(bytes(await store.tile(0, index, width)), width <= there ? bytes(tile) : null)
    }
  }
}

function bytes(value: Uint8Array | null): string | null {
  return value === null ? null : Buffer.from(value).toString('hex')
}

const refuse = async (promise: Promise<unknown>) => assert.rejects(promise, HeadMovedError)

export const storeContract: readonly ContractCase[] = [
  {
    title: 'holds no head before it is created, and is created once',
    async run({ store }) {
      assert.equal(await store.head(), null)
      await refuse(store.takeLease(0))
      assert.deepEqual(await store.create(emptyRoot), { size: 0, root: emptyRoot, epoch: 0 })
      await refuse(store.create(emptyRoot))
    },
  },
  {
    title: 'gives entries, hashes and bundles back byte for byte, however they were batched',
    async run({ store }) {
      const log = await Grown.begin(store)
      await growBy(log, 1, 1, 253, 1, 1, 300, 255, 256, 3)
      await checkBundles(log)
      for (const [index, entry] of log.entries.entries()) assert.equal(bytes(await store.entry(index)), bytes(entry))
      assert.equal(await store.entry(log.entries.length), null)
    },
  },
  {
    title: 'reads back any range, also from the middle of a batch',
    async run({ store }) {
      const log = await Grown.begin(store)
      await growBy(log, 10, 300, 1, 1)
      for (const [from, to] of [
        [0, 312],
        [5, 6],
        [255, 257],
        [9, 11],
        [311, 312],
        [256, 310],
      ] as const) {
        const range = await store.range(from, to)
        assert.deepEqual(range?.entries.map(bytes), log.entries.slice(from, to).map(bytes))
        const hashes = concat(...nodeCrypto.leafHashes(log.entries.slice(from, to)))
        assert.equal(bytes(range?.leafHashes ?? null), bytes(hashes))
      }
      assert.equal(await store.range(300, 313), null)
    },
  },
  {
    title: 'keeps the tiles of the upper levels as they were last written',
    async run({ store }) {
      const log = await Grown.begin(store)
      await growBy(log, 256, 256, 70_000)
      assert.equal((await store.tile(1, 0, 256))?.length, 256 * HASH_SIZE)
      assert.equal((await store.tile(1, 1, 19))?.length, 19 * HASH_SIZE)
      assert.equal(await store.tile(1, 1, 20), null)
      assert.equal((await store.tile(2, 0, 1))?.length, HASH_SIZE)
      assert.equal(await store.tile(3, 0, 1), null)
    },
  },
  {
    title: 'takes an entry of no bytes and one of 65,535, and refuses a longer one',
    async run({ store }) {
      const log = await Grown.begin(store)
      await log.append([new Uint8Array(0), new Uint8Array(65_535).fill(7)])
      await checkBundles(log)
      await assert.rejects(log.append([new Uint8Array(65_536)]), RangeError)
      assert.equal((await store.head())?.size, 2)
    },
  },
  {
    title: 'commits only on top of the head that was expected',
    async run({ store }) {
      const log = await Grown.begin(store)
      await growBy(log, 3)
      const nothing = async () => undefined
      for (const change of [{ size: 2 }, { root: emptyRoot }, { epoch: 0 }, { epoch: 2 }])
        await refuse(store.commit({ ...log.head, ...change }, nothing))
      await store.commit(log.head, nothing)
    },
  },
  {
    title: 'refuses every commit of an older lease, and keeps the entries across leases',
    async run({ store }) {
      const log = await Grown.begin(store)
      await growBy(log, 2)
      for (const epoch of [0, 2]) await refuse(store.takeLease(epoch))
      const taken = await store.takeLease(log.head.epoch)
      assert.deepEqual(taken, { ...log.head, epoch: log.head.epoch + 1 })
      await refuse(growBy(log, 1))
      assert.deepEqual(await store.head(), taken)
      await assert.rejects(store.takeLease(taken.epoch, taken.epoch), RangeError)
      assert.equal((await store.takeLease(taken.epoch, taken.epoch + 7)).epoch, taken.epoch + 7)
    },
  },
  {
    title: 'lets one of two commits on the same head win',
    async run({ store }) {
      const log = await Grown.begin(store)
      const outcomes = await Promise.allSettled([1, 2, 3].map(() => log.append(someEntries(0, 1))))
      assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected', 'rejected'])
      assert.equal((await store.head())?.size, 1)
    },
  },
  {
    title: 'rolls back everything, the admission tables too, when the work throws',
    async run({ store, notes }) {
      const log = await Grown.begin(store)
      const failing = log.append(someEntries(0, 300), async ({ tables }) => {
        await tables.put('a', '1')
        throw new RangeError('no')
      })
      await assert.rejects(failing, RangeError)
      assert.equal((await store.head())?.size, 0)
      assert.equal(await store.entry(0), null)
      assert.equal(await notes.get('a'), null)
      await growBy(log, 1)
    },
  },
  {
    title: 'commits the admission tables with the entries, and also without any',
    async run({ store, notes }) {
      const log = await Grown.begin(store)
      await log.append(someEntries(0, 1), ({ tables }) => tables.put('a', '1'))
      const { head } = await store.commit(log.head, ({ tables }) => tables.put('b', '2'))
      assert.deepEqual(head, log.head)
      assert.deepEqual([await notes.get('a'), await notes.get('b')], ['1', '2'])
    },
  },
  {
    title: 'shows readers committed rows only',
    async run({ store, notes }) {
      const log = await Grown.begin(store)
      await log.append(someEntries(0, 5), async ({ tables }) => {
        await tables.put('a', '1')
        assert.equal((await store.head())?.size, 0)
        assert.equal(await store.entry(0), null)
        assert.equal(await notes.get('a'), null)
      })
      assert.equal((await store.head())?.size, 5)
    },
  },
  {
    title: 'refuses a second append in one transaction',
    async run({ store }) {
      const log = await Grown.begin(store)
      const entry = someEntries(1, 1)
      const hashes = concat(...nodeCrypto.leafHashes(entry))
      const change = { entries: entry, leafHashes: hashes, tiles: [], root: emptyRoot }
      const twice = store.commit(log.head, async (tx) => {
        await tx.append(change)
        await tx.append(change)
      })
      await assert.rejects(twice, RangeError)
      assert.equal((await store.head())?.size, 0)
    },
  },
  {
    title: 'publishes forwards only, and the same size again, unless under an older lease',
    async run({ store }) {
      await Grown.begin(store)
      assert.equal(await store.published(), null)
      for (const [size, checkpoint, epoch, done] of [
        [0, 'a', 1, true],
        [5, 'b', 1, true],
        [4, 'c', 2, false],
        [5, 'd', 1, true],
        [5, 'e', 2, true],
        [5, 'f', 1, false],
        [6, 'g', 1, false],
      ] as const)
        assert.equal(await store.publish({ size, checkpoint }, epoch), done)
      assert.deepEqual({ ...(await store.published()) }, { size: 5, checkpoint: 'e' })
      assert.deepEqual(await store.sizes(0, 10), [5])
    },
  },
  {
    title: 'lists published sizes past a size, ascending, as many as asked',
    async run({ store }) {
      await Grown.begin(store)
      for (const size of [0, 3, 7, 20]) await store.publish({ size, checkpoint: `${size}` }, 1)
      assert.deepEqual(await store.sizes(0, 10), [3, 7, 20])
      assert.deepEqual(await store.sizes(3, 1), [7])
      assert.deepEqual(await store.sizes(20, 10), [])
    },
  },
  {
    title: 'is frozen for ever on the expected head: no append, by no lease, and the epoch is raised',
    async run({ store, reopen }) {
      const log = await Grown.begin(store)
      await growBy(log, 3)
      await refuse(store.freeze({ ...log.head, size: 2 }, 'too early'))
      assert.equal(await store.frozen(), null)
      const frozen = await store.freeze(log.head, 'the end')
      assert.deepEqual(frozen, { ...log.head, epoch: log.head.epoch + 1 })
      await refuse(growBy(log, 1))
      assert.deepEqual(await store.freeze(frozen, 'another end'), frozen)
      log.head = await store.takeLease(frozen.epoch)
      await assert.rejects(growBy(log, 1), FrozenError)
      await store.commit(log.head, ({ tables }) => tables.put('a', '1'))
      assert.equal(await store.publish({ size: 3, checkpoint: 'x' }, log.head.epoch), true)
      const again = await reopen()
      assert.equal(await again.store.frozen(), 'the end')
      assert.deepEqual(await again.store.head(), log.head)
      assert.equal(await again.notes.get('a'), '1')
      await refuse(again.store.create(emptyRoot))
    },
  },
  {
    title: 'holds all of it after a restart',
    async run({ store, reopen }) {
      const log = await Grown.begin(store)
      await log.append(someEntries(0, 700), ({ tables }) => tables.put('a', '1'))
      await store.publish({ size: 700, checkpoint: 'x' }, 1)
      const again = await reopen()
      assert.deepEqual(await again.store.head(), log.head)
      assert.deepEqual(await again.store.sizes(0, 10), [700])
      assert.equal(await again.notes.get('a'), '1')
      assert.equal(bytes(await again.store.entry(699)), bytes(log.entries[699] ?? null))
    },
  },
]
