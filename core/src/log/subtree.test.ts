import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { equalBytes, utf8 } from '../bytes.ts'
import { ProofError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import { merkleRoot, nodeHash } from './compact-range.ts'
import { proveConsistency, proveInclusion } from './merkle.ts'
import { checkSubtree, isSubtree, proveSubtree } from './subtree.ts'

const most = 40
const leaves = nodeCrypto.leafHashes(Array.from({ length: most }, (_, at) => utf8(`leaf ${at}`)))

function read(level: number, index: number): Uint8Array {
  return level === 0
    ? (leaves[index] as Uint8Array)
    : nodeHash(nodeCrypto, read(level - 1, 2 * index), read(level - 1, 2 * index + 1))
}

/** MTH(D[start:end]), by the definition. */
const rootOf = (start: number, end: number) => merkleRoot(nodeCrypto, leaves.slice(start, end))

/** SUBTREE_SUBPROOF of the draft's section 4.4.1, word for word: `offset` is where D begins. */
function subproof(start: number, end: number, n: number, known: boolean, offset = 0): Uint8Array[] {
  if (start === 0 && end === n) return known ? [] : [rootOf(offset, offset + n)]
  let k = 1
  while (2 * k < n) k *= 2
  if (end <= k) return [...subproof(start, end, k, known, offset), rootOf(offset + k, offset + n)]
  const left = rootOf(offset, offset + k)
  if (k <= start) return [...subproof(start - k, end - k, n - k, known, offset + k), left]
  return [...subproof(0, end - k, n - k, false, offset + k), left]
}

const every = Array.from({ length: most }, (_, at) => at + 1).flatMap((size) =>
  Array.from({ length: size }, (_, start) => start).flatMap((start) =>
    Array.from({ length: size - start }, (_, length) => ({ size, start, end: start + length + 1 })),
  ),
)
const valid = every.filter(isSubtree)
const claimOf = ({ size, start, end }: { size: number; start: number; end: number }) => ({
  ...{ size, start, end, hash: rootOf(start, end), root: rootOf(0, size) },
  proof: proveSubtree(nodeCrypto, { start, end }, size, read),
})

describe('for every subtree of every tree up to 40 leaves', () => {
  it('a subtree starts at a multiple of the power of two that holds it', () => {
    for (const { start, end } of every) {
      let power = 1
      while (power < end - start) power *= 2
      expect(isSubtree({ start, end })).toBe(start % power === 0)
    }
  })

  it('the proof is the draft’s, and checks', () => {
    for (const one of valid) {
      const claim = claimOf(one)
      expect(claim.proof).toEqual(subproof(one.start, one.end, one.size, true))
      checkSubtree(nodeCrypto, claim)
    }
  })

  it('from 0 it is a consistency proof, of one leaf an inclusion proof', () => {
    for (const { size, start, end } of valid) {
      const proof = proveSubtree(nodeCrypto, { start, end }, size, read)
      if (start === 0) expect(proof).toEqual(proveConsistency(nodeCrypto, end, size, read))
      if (end === start + 1) expect(proof).toEqual(proveInclusion(nodeCrypto, start, size, read))
    }
  })
})

const refused = (claim: Parameters<typeof checkSubtree>[1]) =>
  expect(() => checkSubtree(nodeCrypto, claim)).toThrow(ProofError)
const other = nodeCrypto.sha256(utf8('other'))

describe('what is refused', () => {
  it('is any other hash, root, size, place or proof', () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.nat(63), fc.nat(255), (one, at, bit) => {
        const claim = claimOf(one)
        const flip = (bytes: Uint8Array) => bytes.with(bit >> 3, (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7)))
        refused({ ...claim, hash: flip(claim.hash) })
        refused({ ...claim, root: flip(claim.root) })
        refused({ ...claim, proof: [...claim.proof, other] })
        if (claim.proof.length > 0) {
          const hit = at % claim.proof.length
          refused({ ...claim, proof: claim.proof.map((hash, index) => (index === hit ? flip(hash) : hash)) })
          refused({ ...claim, proof: claim.proof.toSpliced(hit, 1) })
          refused({ ...claim, proof: claim.proof.slice(0, -1) })
        }
        refused({ ...claim, end: claim.end + 1 })
        refused({ ...claim, start: claim.start + 1 })
      }),
    )
  })

  it('is a proof of one subtree for another', () => {
    fc.assert(
      fc.property(fc.constantFrom(...valid), fc.constantFrom(...valid), (one, two) => {
        const [first, second] = [claimOf(one), claimOf(two)]
        if (equalBytes(first.hash, second.hash)) return
        refused({ ...first, hash: second.hash })
        if (one.size !== two.size) refused({ ...first, root: second.root })
      }),
    )
  })

  it.each([
    ['an empty range', { start: 8, end: 8 }],
    ['a range that ends before it starts', { start: 8, end: 7 }],
    ['a range past the tree', { start: 8, end: 14 }],
    ['a range that is no subtree', { start: 2, end: 5 }],
    ['a negative start', { start: -8, end: 0 }],
    ['a fraction', { start: 0.5, end: 1 }],
    ['a size past 2^53', { start: 0, end: 2 ** 54 }],
  ])('is %s', (_, range) => {
    refused({ ...claimOf({ size: 13, start: 8, end: 13 }), ...range })
    expect(() => proveSubtree(nodeCrypto, range, 13, read)).toThrow(RangeError)
  })

  it('is a hash of another length', () => {
    const claim = claimOf({ size: 13, start: 8, end: 12 })
    refused({ ...claim, hash: new Uint8Array(31) })
    refused({ ...claim, proof: claim.proof.map((hash) => hash.subarray(1)) })
  })
})
