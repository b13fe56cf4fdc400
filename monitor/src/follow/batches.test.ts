import { expect, it } from 'vitest'
import { type Batch, batched } from './batches.ts'
import type { Chunk } from './read-tree.ts'

interface Fact {
  readonly index: number
}

/** A chunk whose facts begin at the start of its bundle, `before` entries too early. */
const chunk = (from: number, to: number, bytes = 0, before = 0): Chunk<Fact> => ({
  ...{ from, to, bytes },
  facts: Array.from({ length: to - from + before }, (_, at) => ({ index: from - before + at })),
})

async function all(chunks: readonly (Chunk<Fact> | Error)[], enough: { entries: number; bytes: number }) {
  const batches: Batch<Fact>[] = []
  let failure: unknown = null
  async function* given() {
    for (const one of chunks) {
      if (one instanceof Error) throw one
      yield one
    }
  }
  try {
    for await (const batch of batched(given(), enough)) batches.push(batch)
  } catch (error) {
    failure = error
  }
  return { failure, seen: batches.map(({ to, facts }) => [to, facts.map(({ index }) => index)]) }
}

const roomy = { entries: 1000, bytes: 1000 }
const broken = new Error('a tile is damaged')

it.each([
  ['nothing of nothing', [], roomy, []],
  ['all at the end', [chunk(0, 2), chunk(2, 3)], roomy, [[3, [0, 1, 2]]]],
  [
    'what is enough by entries at once',
    [chunk(0, 2), chunk(2, 4), chunk(4, 5)],
    { entries: 3, bytes: 9 },
    [
      [4, [0, 1, 2, 3]],
      [5, [4]],
    ],
  ],
  [
    'what is enough by bytes at once',
    [chunk(0, 1, 6), chunk(1, 2, 6), chunk(2, 3, 6)],
    { entries: 9, bytes: 10 },
    [
      [2, [0, 1]],
      [3, [2]],
    ],
  ],
  ['no entry that was read before', [chunk(5, 7, 0, 3), chunk(7, 8)], roomy, [[8, [5, 6, 7]]]],
  ['entries of which nothing was taken', [{ ...chunk(0, 300), facts: [] }], roomy, [[300, []]]],
] as const)('hands out %s', async (_what, chunks, enough, seen) => {
  expect(await all(chunks, enough)).toEqual({ failure: null, seen })
})

it('hands out what came before a failure, and then fails', async () => {
  expect(await all([chunk(0, 2), chunk(2, 3), broken], roomy)).toEqual({ failure: broken, seen: [[3, [0, 1, 2]]] })
  expect(await all([broken], roomy)).toEqual({ failure: broken, seen: [] })
})

it('ends the reading when nobody wants more', async () => {
  let ended = false
  async function* endless() {
    try {
      for (let at = 0; ; at++) yield chunk(at, at + 1)
    } finally {
      ended = true
    }
  }
  for await (const _ of batched(endless(), { entries: 2, bytes: 9 })) break
  expect(ended).toBe(true)
})
