import type { WitnessRecord } from '@samebits/core'
import { describe, expect, it } from 'vitest'
import { Commits } from './commits.ts'
import { openMemoryWitnessStore } from './memory-witness-store.ts'

const record = (size: number, timestamp = 1_800_000_000): WitnessRecord => ({
  ...{ size, timestamp, root: new Uint8Array(32).fill(size) },
  checkpoint: `checkpoint ${size}`,
})

/** What is deferred runs when `run` is called. */
function start(inner = openMemoryWitnessStore()) {
  const deferred: (() => void)[] = []
  let transactions = 0
  const store = {
    ...inner,
    transact: <R>(work: Parameters<typeof inner.transact<R>>[0]) => {
      transactions++
      return inner.transact(work)
    },
  }
  const commits = new Commits(store, (work) => void deferred.push(work))
  const run = () => {
    for (const work of deferred.splice(0)) work()
  }
  return { commits, store, run, transactions: () => transactions }
}

describe('records that are ready together', () => {
  it('are one transaction, and nobody hears of it before', async () => {
    const { commits, store, run, transactions } = start()
    const heard: string[] = []
    const writes = ['a', 'b', 'c'].map((origin) =>
      commits.write({ origin, before: null, after: record(1) }).then(() => heard.push(origin)),
    )
    await Promise.resolve()
    expect([heard, store.origins(), transactions()]).toEqual([[], [], 0])
    run()
    await Promise.all(writes)
    expect([heard, store.origins(), transactions()]).toEqual([['a', 'b', 'c'], ['a', 'b', 'c'], 1])
  })

  it('are judged one after the other: of two upon the same record one is written', async () => {
    const { commits, store, run } = start()
    const first = commits.write({ origin: 'a', before: null, after: record(1) })
    const second = commits.write({ origin: 'a', before: null, after: record(2) })
    const refused = expect(second).rejects.toMatchObject({ code: 'RECORD_CHANGED' })
    run()
    await Promise.all([first, refused])
    expect(store.read('a')?.size).toBe(1)
  })

  it('fail together, with what the store said, and the next are written', async () => {
    let broken = true
    const inner = openMemoryWitnessStore()
    const { commits, store, run } = start({
      ...inner,
      transact(work) {
        if (broken) throw new Error('on purpose')
        return inner.transact(work)
      },
    })
    const writes = ['a', 'b'].map((origin) => commits.write({ origin, before: null, after: record(1) }))
    const settled = Promise.allSettled(writes)
    run()
    expect((await settled).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    broken = false
    const again = commits.write({ origin: 'a', before: null, after: record(1) })
    run()
    await again
    expect(store.origins()).toEqual(['a'])
  })
})

describe('a record is the one that was checked', () => {
  it.each([
    ['another size', record(2)],
    ['another root', { ...record(1), root: new Uint8Array(32).fill(9) }],
    ['another time', record(1, 1_800_000_001)],
    ['none any more', null],
  ])('only as a whole: %s is another', async (_, before) => {
    const { commits, store, run } = start()
    store.transact((transaction) => transaction.write('a', record(1)))
    const write = commits.write({ origin: 'a', before, after: record(3) })
    const refused = expect(write).rejects.toMatchObject({ code: 'RECORD_CHANGED' })
    run()
    await refused
    expect(store.read('a')?.size).toBe(1)
  })
})
