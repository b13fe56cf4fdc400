/** The contract of {@link WitnessStore}, as cases that any test runner runs against any implementation. Each gets an empty store. */
import assert from 'node:assert/strict'
import type { WitnessRecord } from '@samebits/core'
import type { WitnessStore } from './witness-store.ts'

export interface StoreUnderTest {
  readonly store: WitnessStore
  /** Closes the store and opens it again, as after a restart. */
  reopen(): WitnessStore
}

export interface ContractCase {
  readonly title: string
  run(open: StoreUnderTest): void
}

function record(size: number, timestamp = 1_800_000_000): WitnessRecord {
  return { size, root: new Uint8Array(32).fill(size % 256), timestamp, checkpoint: `tree of ${size} — ✓\n` }
}

function write(store: WitnessStore, origin: string, value: WitnessRecord): void {
  store.transact((transaction) => transaction.write(origin, value))
}

export const witnessStoreContract: readonly ContractCase[] = [
  {
    title: 'holds nothing at first',
    run({ store }) {
      assert.equal(store.read('a'), null)
      assert.equal(
        store.transact((transaction) => transaction.read('a')),
        null,
      )
      assert.deepEqual(store.origins(), [])
    },
  },
  {
    title: 'gives back what was written, also after a restart',
    run({ store, reopen }) {
      write(store, 'a', record(7))
      assert.deepEqual(store.read('a'), record(7))
      const after = reopen()
      assert.deepEqual(after.read('a'), record(7))
      assert.equal(after.id, store.id)
    },
  },
  {
    title: 'keeps the largest numbers exactly, and the smallest',
    run({ store, reopen }) {
      for (const size of [0, 1, 2 ** 31, 2 ** 32 + 1, 2 ** 51, 2 ** 53 - 1])
        write(store, String(size), record(size, size || 1))
      const after = reopen()
      for (const size of [0, 1, 2 ** 31, 2 ** 32 + 1, 2 ** 51, 2 ** 53 - 1])
        assert.deepEqual(after.read(String(size)), record(size, size || 1))
    },
  },
  {
    title: 'replaces a record whole',
    run({ store }) {
      write(store, 'a', record(7))
      write(store, 'a', record(300, 1_900_000_000))
      assert.deepEqual(store.read('a'), record(300, 1_900_000_000))
    },
  },
  {
    title: 'keeps origins apart, whatever they look like, and lists them sorted',
    run({ store }) {
      const origins = ['', 'A', 'a', 'a ', 'a/b', "a'b", 'a\u0000b', 'ä', 'a\u0308', '\u{1f600}', 'x'.repeat(255)]
      for (const [at, origin] of origins.entries()) write(store, origin, record(at))
      for (const [at, origin] of origins.entries()) assert.deepEqual(store.read(origin), record(at))
      const bytes = (origin: string) => Buffer.from(origin)
      assert.deepEqual(
        store.origins(),
        origins.toSorted((x, y) => Buffer.compare(bytes(x), bytes(y))),
      )
    },
  },
  {
    title: 'shows a transaction what it wrote itself, and gives its result back',
    run({ store }) {
      const seen = store.transact((transaction) => {
        transaction.write('a', record(1))
        transaction.write('a', record(2))
        return transaction.read('a')
      })
      assert.deepEqual(seen, record(2))
    },
  },
  {
    title: 'writes nothing of a transaction that throws, and throws the same',
    run({ store, reopen }) {
      write(store, 'a', record(1))
      const defect = new RangeError('on purpose')
      const failing = () =>
        store.transact((transaction) => {
          transaction.write('a', record(2))
          transaction.write('b', record(2))
          throw defect
        })
      assert.throws(failing, (error) => error === defect)
      assert.deepEqual([store.read('a'), store.read('b'), store.origins()], [record(1), null, ['a']])
      const after = reopen()
      assert.deepEqual([after.read('a'), after.read('b')], [record(1), null])
      write(after, 'a', record(3))
      assert.deepEqual(after.read('a'), record(3))
    },
  },
  {
    title: 'hands out copies: nobody changes a record by changing what was read or written',
    run({ store }) {
      const value = record(9)
      write(store, 'a', value)
      value.root.fill(255)
      store.read('a')?.root.fill(254)
      assert.deepEqual(store.read('a'), record(9))
    },
  },
]
