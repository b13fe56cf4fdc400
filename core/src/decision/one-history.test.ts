/** What proofs say of two trees, well formed or not. */
import { describe, expect, it } from 'vitest'
import { MemoryLog } from '../../../test/support/world.ts'
import { nodeCrypto } from '../node.ts'
import { compareTrees, type OfferedProof, type Tree } from './one-history.ts'

const log = new MemoryLog('log.example.com')
log.pad(12)
const other = log.fork(3)
other.add(Uint8Array.of(1))
other.pad(12)
const tree = (size: number, of = log): Tree => ({ size, root: of.root(size), text: '' })
const proof = (from: number, to: number, of = log, oldRoot: Uint8Array | null = null): OfferedProof => ({
  proof: of.consistency(from, to),
  oldRoot,
})
const found = (older: Tree, newer: Tree, ...proofs: OfferedProof[]) => compareTrees(nodeCrypto, older, newer, proofs)
const [good, short, long] = [
  proof(6, 11),
  { proof: log.consistency(6, 11).slice(1), oldRoot: null },
  { proof: [...log.consistency(6, 11), new Uint8Array(32)], oldRoot: null },
]
const broken = { proof: [new Uint8Array(31)], oldRoot: null }
const empty = { ...tree(0), root: new Uint8Array(32) }

describe('two trees are', () => {
  it.each<[string, ReturnType<typeof found>, object]>([
    ['one history by a proof', found(tree(6), tree(11), good), { kind: 'one-history' }],
    ['one history by the second of two', found(tree(6), tree(11), short, good), { kind: 'one-history' }],
    ['open without a proof', found(tree(6), tree(11)), { kind: 'open', wrong: 0 }],
    ['open by a proof that is too short', found(tree(6), tree(11), short), { kind: 'open', wrong: 1 }],
    ['open by one that is too long', found(tree(6), tree(11), long, short), { kind: 'open', wrong: 2 }],
    ['open by one that is none', found(tree(6), tree(11), broken), { kind: 'open', wrong: 1 }],
    [
      'open by one that is none, its maker named a root',
      found(tree(6), tree(11), { ...broken, oldRoot: log.root(6) }),
      { kind: 'open', wrong: 1 },
    ],
    ['open by a proof of other sizes', found(tree(6), tree(11), proof(6, 12)), { kind: 'open', wrong: 1 }],
    ['one size, one root', found(tree(6), tree(6)), { kind: 'one-history' }],
    ['one size, two roots', found(tree(6), tree(6, other)), { kind: 'split' }],
    ['a fork by a proof', found(tree(6, other), tree(11), good), { kind: 'fork', oldRoot: log.root(6) }],
    ['a fork after a proof that is none', found(tree(6, other), tree(11), short, good), { kind: 'fork' }],
    [
      'open at a power of two, where nobody named the old root',
      found(tree(4, other), tree(11), proof(4, 11)),
      { kind: 'open', wrong: 1 },
    ],
    [
      'a fork at a power of two, by the root that was named',
      found(tree(4, other), tree(11), proof(4, 11, log, log.root(4))),
      { kind: 'fork', oldRoot: log.root(4) },
    ],
    [
      'open where the proof leads to no root that was signed',
      found(tree(6, other), tree(11, other), good),
      { kind: 'open', wrong: 1 },
    ],
    ['one history from the empty tree', found(tree(0), tree(11)), { kind: 'one-history' }],
    ['a root that the empty tree has not', found(empty, tree(11)), { kind: 'empty-root', tree: empty }],
    ['the same on both sides', found(tree(0), empty), { kind: 'empty-root', tree: empty }],
  ])('%s', (_, comparison, expected) => {
    expect(comparison).toMatchObject(expected)
  })
})
