import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CosignedTree, MonitorStore } from '../state/monitor-store.ts'
import { openSqliteMonitorStore } from '../state/sqlite-monitor-store.ts'
import { remember } from './witness-memory.ts'

const origin = 'log.example/a'
let folder: string
let store: MonitorStore
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'samebits-memory-'))
  store = openSqliteMonitorStore(join(folder, 'monitor.db'))
})
afterAll(() => {
  store.close()
  rmSync(folder, { recursive: true })
})

const tree = (size: number, timestamp: number, root = 0): CosignedTree => ({
  ...{ size, timestamp, root: new Uint8Array(32).fill(root) },
  checkpoint: `tree of ${size} at ${timestamp} with root ${root}`,
})

/** What each signature of a witness of its own convicts it of, in the order in which they come. */
let witnesses = 0
function told(trees: readonly CosignedTree[]): (string | null)[] {
  const name = `w${witnesses++}`
  return store.transact((writer) =>
    trees.map((one) => {
      const { size, evidence } = remember(origin, store.witness(origin, name), one)
      if (size !== null) writer.putCosigned(origin, name, size)
      return evidence?.kind ?? null
    }),
  )
}

function contradict(a: CosignedTree, b: CosignedTree): boolean {
  const [smaller, larger] = a.size <= b.size ? [a, b] : [b, a]
  if (smaller.size === larger.size) return smaller.root[0] !== larger.root[0]
  return larger.timestamp > 0 && smaller.timestamp > larger.timestamp
}

describe('what a witness signed', () => {
  it.each<[string, readonly CosignedTree[], string]>([
    ['a smaller tree later', [tree(20, 10), tree(10, 11)], 'witness-rollback'],
    ['a smaller tree later, found out of order', [tree(10, 5), tree(20, 100), tree(8, 50)], 'witness-rollback'],
    ['a larger tree earlier, found late', [tree(10, 5), tree(12, 100), tree(30, 40)], 'witness-rollback'],
    ['a smaller tree again, later', [tree(10, 5), tree(20, 50), tree(10, 60)], 'witness-rollback'],
    [
      'a larger tree, earlier than a smaller was signed again',
      [tree(10, 5), tree(10, 60), tree(20, 50)],
      'witness-rollback',
    ],
    ['two trees of one size', [tree(10, 5, 1), tree(10, 6, 2)], 'witness-split'],
    ['two trees of a size before the last', [tree(10, 5, 1), tree(20, 9, 2), tree(10, 6, 3)], 'witness-split'],
    ['two trees of one size, without times', [tree(10, 0, 1), tree(20, 0, 2), tree(10, 0, 3)], 'witness-split'],
  ])('convicts it: %s', (_what, trees, kind) => {
    expect(told(trees)).toEqual([...trees.slice(1).map(() => null), kind])
  })

  it.each<[string, readonly CosignedTree[]]>([
    ['growing, found in any order', [tree(20, 20), tree(10, 10), tree(30, 30), tree(15, 15)]],
    ['the same tree again and again', [tree(10, 5), tree(10, 9), tree(10, 7), tree(11, 9)]],
    ['times that are not stated', [tree(20, 0), tree(10, 50), tree(30, 0), tree(5, 40)]],
  ])('does not: %s', (_what, trees) => {
    expect(told(trees).filter((kind) => kind !== null)).toEqual([])
  })

  it('convicts it exactly where two of all its signatures contradict each other', () => {
    const any = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 8 }), fc.constantFrom(0, 0, 0, 0, 1))
    const trees = fc.array(
      any.map(([size, time, root]) => tree(size, time, root)),
      { minLength: 2, maxLength: 8 },
    )
    fc.assert(
      fc.property(trees, (all) => {
        const expected = all.map((_, at) => {
          const seen = all.slice(0, at + 1)
          return seen.some((a) => seen.some((b) => contradict(a, b)))
        })
        const found = told(all)
        expect(found.map((_, at) => found.slice(0, at + 1).some((kind) => kind !== null))).toEqual(expected)
      }),
      { numRuns: 300 },
    )
  })

  it('is remembered up to a number of sizes, further back with less detail', () => {
    const honest = Array.from({ length: 400 }, (_, at) => tree(10 + at, 1000 + 60 * at))
    expect(told([...honest, tree(9, 1001)]).at(-1)).toBe('witness-rollback')
    expect(told([...honest, tree(200, 1000 + 60 * 200)]).at(-1)).toBe('witness-rollback')
    expect(told([...honest, tree(200, 1000 + 60 * 190)]).at(-1)).toBeNull()
    const kept = honest.filter(({ size }) => store.witness(origin, `w${witnesses - 1}`).at(size) !== null)
    expect(kept.length).toBeLessThanOrEqual(128)
    expect([kept[0]?.size, kept.at(-1)?.size]).toEqual([10, 409])
  })
})
