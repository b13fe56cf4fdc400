/** merkletreejs, with the prefixes of RFC 6962, builds the same trees and the same paths as core. */
import { createHash } from 'node:crypto'
import {
  appendLeaves,
  checkInclusion,
  emptyRange,
  merkleRoot,
  type NodeReader,
  proveInclusion,
  rangeRoot,
} from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import fc from 'fast-check'
import { MerkleTree } from 'merkletreejs'
import { describe, expect, test } from 'vitest'

const nodeHash = (children: Buffer) => createHash('sha256').update(Uint8Array.of(1)).update(children).digest()

/** merkletreejs takes leaf hashes, promotes an odd node as it is, and hashes pairs with the given function. */
function oracle(leaves: readonly Uint8Array[]): MerkleTree {
  return new MerkleTree(
    leaves.map((leaf) => Buffer.from(leaf)),
    nodeHash,
    { duplicateOdd: false },
  )
}

function treeOf(seed: number, size: number) {
  const entries = Array.from({ length: size }, (_, at) => new TextEncoder().encode(`${seed} ${at}`))
  const leaves = nodeCrypto.leafHashes(entries)
  const levels = [leaves]
  for (let level = 0; (levels[level] ?? []).length > 1; level++) {
    const below = levels[level] ?? []
    const pairs = Math.floor(below.length / 2)
    const joined = new Uint8Array(pairs * 64)
    for (let at = 0; at < 2 * pairs; at++) joined.set(below[at] ?? [], at * 32)
    const hashes = nodeCrypto.parents(joined)
    levels.push(Array.from({ length: pairs }, (_, at) => hashes.slice(at * 32, at * 32 + 32)))
  }
  const read: NodeReader = (level, index) => levels[level]?.[index] ?? expect.unreachable()
  return { leaves, read }
}

function compare(seed: number, size: number, indices: readonly number[]): void {
  const { leaves, read } = treeOf(seed, size)
  const tree = oracle(leaves)
  const root = new Uint8Array(tree.getRoot())
  expect(merkleRoot(nodeCrypto, leaves)).toEqual(root)
  expect(rangeRoot(nodeCrypto, appendLeaves(nodeCrypto, emptyRange(), leaves))).toEqual(root)
  for (const index of indices) {
    const leafHash = leaves[index] as Uint8Array
    const proof = proveInclusion(nodeCrypto, index, size, read)
    expect(proof).toEqual(tree.getProof(Buffer.from(leafHash), index).map(({ data }) => new Uint8Array(data)))
    checkInclusion(nodeCrypto, { index, size, leafHash, proof, root })
  }
}

describe('merkletreejs and core agree', () => {
  test('on every leaf of every tree up to 80', () => {
    for (let size = 1; size <= 80; size++)
      compare(
        0,
        size,
        Array.from({ length: size }, (_, at) => at),
      )
  })

  test('on random trees of 1 to 5,000 leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(), fc.nat(), (size, seed, at) => {
        compare(seed, size, [0, size - 1, at % size])
      }),
      { numRuns: 25 },
    )
  })

  test.each([255, 256, 257, 511, 512, 513, 4095, 4096, 4097, 5000])('on a tree of %i leaves', (size) => {
    compare(1, size, [0, 1, size >> 1, size - 2, size - 1])
  })
})
