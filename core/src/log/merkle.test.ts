import { describe, expect, test } from 'vitest'
import { fromHex, toHex, utf8 } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { nodeCrypto } from '../node.ts'
import { merkleRoot } from './compact-range.ts'
import { checkConsistency, checkInclusion, type NodeReader, proveConsistency, proveInclusion } from './merkle.ts'

const hasher: Hasher = nodeCrypto

/** The tree by the text of RFC 6962 §2.1, nothing shared with the code under test but SHA-256. */
export function definition(leafHashes: readonly Uint8Array[]): Uint8Array {
  const [only] = leafHashes
  if (only === undefined) return hasher.sha256(new Uint8Array(0))
  if (leafHashes.length === 1) return only
  let k = 1
  while (2 * k < leafHashes.length) k *= 2
  return hasher.sha256(new Uint8Array([1, ...definition(leafHashes.slice(0, k)), ...definition(leafHashes.slice(k))]))
}

const leaves = hasher.leafHashes(Array.from({ length: 300 }, (_, at) => utf8(`entry ${at}`)))
const cache = new Map<string, Uint8Array>()
const read: NodeReader = (level, index) => {
  const id = `${level}/${index}`
  const known = cache.get(id) ?? definition(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level))
  cache.set(id, known)
  return known
}
const roots = leaves.map((_, at) => definition(leaves.slice(0, at)))

describe('trees up to 300 leaves', () => {
  test('have the roots of RFC 6962 §2.1', () => {
    expect(roots.map((_, size) => toHex(merkleRoot(hasher, leaves.slice(0, size))))).toEqual(roots.map(toHex))
  })

  test('every inclusion proof checks', () => {
    for (const [size, root] of roots.entries()) {
      for (let index = 0; index < size; index++) {
        const proof = proveInclusion(hasher, index, size, read)
        checkInclusion(hasher, { index, size, leafHash: leaves[index] as Uint8Array, proof, root })
      }
    }
  })

  test('every consistency proof checks', () => {
    for (const [to, toRoot] of roots.entries()) {
      for (let from = 0; from <= to; from++) {
        const proof = proveConsistency(hasher, from, to, read)
        checkConsistency(hasher, { from, to, fromRoot: roots[from] as Uint8Array, toRoot, proof })
      }
    }
  })

  test('the empty tree has the root of SHA-256 of nothing', () => {
    expect(merkleRoot(hasher, [])).toEqual(fromHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'))
  })
})
