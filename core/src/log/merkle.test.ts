import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { includes, isConsistent, leafHash, path, root } from '../../../test/support/rfc6962.ts'
import { consistencyVectors, inclusionVectors, vectorFile } from '../../../test/support/rfc6962-vectors.ts'
import { fromBase64 } from '../bytes.ts'
import type { Crypto } from '../crypto.ts'
import { ProofError } from '../errors.ts'
import { nodeCrypto } from '../node.ts'
import { portableCrypto } from '../portable.ts'
import { emptyRoot, nodeHash } from './compact-range.ts'
import {
  checkConsistency,
  checkInclusion,
  consistencyNodes,
  inclusionNodes,
  type NodeId,
  type NodeReader,
  proveConsistency,
  proveInclusion,
  rootFromInclusion,
  rootFromNodes,
  rootNodes,
  rootsFromConsistency,
} from './merkle.ts'
import { isSize } from './tree-size.ts'

const hasher = nodeCrypto
const MAX = Number.MAX_SAFE_INTEGER

/** True where a check passes, false for a ProofError; anything else is a failure of the test. */
function passes(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(ProofError)
    return false
  }
}

function flip(hash: Uint8Array, bit: number): Uint8Array {
  return hash.with(bit >> 3, (hash[bit >> 3] ?? 0) ^ (1 << (bit & 7)))
}

describe('vectors', () => {
  interface Vector {
    name: string
    wantErr: boolean
    proof: string[]
    [field: string]: unknown
  }
  const load = (kind: 'inclusion' | 'consistency') =>
    (JSON.parse(readFileSync(vectorFile(kind), 'utf8')) as { cases: Vector[] }).cases
  const hash = (value: unknown) => fromBase64(value as string)
  const size = (value: unknown) => value as number

  test('are what the definitions of RFC 6962 say', () => {
    expect(load('inclusion')).toEqual(inclusionVectors())
    expect(load('consistency')).toEqual(consistencyVectors())
  })

  test('are mostly failing ones', () => {
    for (const cases of [load('inclusion'), load('consistency')]) {
      expect(cases.length).toBeGreaterThan(500)
      expect(cases.filter(({ wantErr }) => wantErr).length).toBeGreaterThan(0.9 * cases.length)
    }
  })

  test.each<[string, Crypto]>([
    ['node:crypto', nodeCrypto],
    ['noble', portableCrypto],
  ])('pass with %s', (_, crypto) => {
    for (const vector of load('inclusion')) {
      const [index, of] = [size(vector['leafIdx']), size(vector['treeSize'])]
      const [leaf, top] = [hash(vector['leafHash']), hash(vector['root'])]
      const claim = { index, size: of, leafHash: leaf, root: top, proof: vector.proof.map(fromBase64) }
      expect(
        passes(() => checkInclusion(crypto, claim)),
        vector.name,
      ).toBe(!vector.wantErr)
    }
    for (const vector of load('consistency')) {
      const [from, to] = [size(vector['size1']), size(vector['size2'])]
      const [fromRoot, toRoot] = [hash(vector['root1']), hash(vector['root2'])]
      const claim = { from, to, fromRoot, toRoot, proof: vector.proof.map(fromBase64) }
      expect(
        passes(() => checkConsistency(crypto, claim)),
        vector.name,
      ).toBe(!vector.wantErr)
    }
  })
})

describe('every tree up to 300 leaves', { timeout: 60_000 }, () => {
  const LEAVES = 300
  const leaves = Array.from({ length: LEAVES }, (_, at) => leafHash(Uint8Array.of(at >> 8, at & 255)))
  const known = new Map<string, Uint8Array>()
  const read: NodeReader = (level, index) => {
    const hash = known.get(`${level}/${index}`)
    if (hash === undefined) throw new RangeError(`no node ${level}/${index}`)
    return hash
  }
  const roots: Uint8Array[] = []
  beforeAll(() => {
    for (let level = 0; 2 ** level <= LEAVES; level++) {
      for (let index = 0; (index + 1) * 2 ** level <= LEAVES; index++) {
        known.set(`${level}/${index}`, root(leaves.slice(index * 2 ** level, (index + 1) * 2 ** level)))
      }
    }
    for (let size = 0; size <= LEAVES; size++) roots.push(root(leaves.slice(0, size)))
  })

  test('roots from nodes', () => {
    for (const [size, expected] of roots.entries()) expect(rootFromNodes(hasher, size, read)).toEqual(expected)
  })

  test('every inclusion proof', () => {
    for (let size = 1; size <= LEAVES; size++) {
      for (let index = 0; index < size; index++) {
        const proof = proveInclusion(hasher, index, size, read)
        const claim = { index, size, leafHash: leaves[index] as Uint8Array, proof, root: roots[size] as Uint8Array }
        checkInclusion(hasher, claim)
      }
    }
  })

  test('inclusion proofs are those of RFC 6962', () => {
    for (let size = 1; size <= 40; size++) {
      for (let index = 0; index < size; index++) {
        expect(proveInclusion(hasher, index, size, read)).toEqual(path(index, leaves.slice(0, size)))
      }
    }
  })

  test('every consistency proof', () => {
    for (let to = 0; to <= LEAVES; to++) {
      for (let from = 0; from <= to; from++) {
        const proof = proveConsistency(hasher, from, to, read)
        const [fromRoot, toRoot] = [roots[from] as Uint8Array, roots[to] as Uint8Array]
        checkConsistency(hasher, { from, to, fromRoot, toRoot, proof })
      }
    }
  })

  test('only the listed nodes are read', () => {
    const only = (ids: readonly NodeId[]): NodeReader => {
      const allowed = new Set(ids.map(({ level, index }) => `${level}/${index}`))
      return (level, index) => {
        if (!allowed.delete(`${level}/${index}`)) throw new Error(`node ${level}/${index} was not listed`)
        return read(level, index)
      }
    }
    for (let size = 1; size <= 64; size++) {
      rootFromNodes(hasher, size, only(rootNodes(size)))
      for (let at = 0; at < size; at++) {
        proveInclusion(hasher, at, size, only(inclusionNodes(at, size)))
        proveConsistency(hasher, at, size, only(consistencyNodes(at, size)))
      }
    }
  })

  const pair = fc
    .tuple(fc.integer({ min: 1, max: LEAVES }), fc.nat(LEAVES))
    .map(([to, seed]) => [seed % (to + 1), to] as const)

  test('one bit flipped anywhere is refused', () => {
    fc.assert(
      fc.property(pair, fc.nat(), fc.nat(255), ([from, to], seed, bit) => {
        const index = from % to
        const claim = { index, size: to, leafHash: leaves[index] as Uint8Array, root: roots[to] as Uint8Array }
        const proof = proveInclusion(hasher, index, to, read)
        const hashes = [claim.leafHash, claim.root, ...proof]
        const damaged = hashes.with(seed % hashes.length, flip(hashes[seed % hashes.length] as Uint8Array, bit))
        const [leaf, top, ...rest] = damaged as [Uint8Array, Uint8Array, ...Uint8Array[]]
        expect(passes(() => checkInclusion(hasher, { ...claim, leafHash: leaf, root: top, proof: rest }))).toBe(false)

        if (from === 0) return
        const sides = [roots[from] as Uint8Array, roots[to] as Uint8Array, ...proveConsistency(hasher, from, to, read)]
        const wrong = sides.with(seed % sides.length, flip(sides[seed % sides.length] as Uint8Array, bit))
        const [fromRoot, toRoot, ...hashesLeft] = wrong as [Uint8Array, Uint8Array, ...Uint8Array[]]
        expect(passes(() => checkConsistency(hasher, { from, to, fromRoot, toRoot, proof: hashesLeft }))).toBe(false)
      }),
      { numRuns: 500 },
    )
  })

  test('right leaf, every wrong index of the tree: refused', () => {
    for (const size of [1, 2, 3, 8, 13, 64, 100, 300]) {
      for (let index = 0; index < size; index += 7) {
        const proof = proveInclusion(hasher, index, size, read)
        const claim = { size, leafHash: leaves[index] as Uint8Array, proof, root: roots[size] as Uint8Array }
        const accepted = Array.from({ length: size + 3 }, (_, at) => at).filter((at) =>
          passes(() => checkInclusion(hasher, { ...claim, index: at })),
        )
        expect(accepted).toEqual([index])
      }
    }
  })

  test('a changed claim is judged as the definitions judge it', () => {
    const change = fc.record({
      index: fc.integer({ min: -2, max: 2 }),
      size: fc.integer({ min: -2, max: 2 }),
      drop: fc.nat(12),
      insert: fc.option(fc.nat(12)),
    })
    fc.assert(
      fc.property(pair, change, ([from, to], { index: moved, size: grown, drop, insert }) => {
        const edit = (proof: Uint8Array[]) => {
          const shorter = proof.filter((_, at) => at !== drop)
          return insert === null ? shorter : shorter.toSpliced(insert, 0, roots[insert] as Uint8Array)
        }
        const index = from % to
        const claim = {
          index: index + moved,
          size: to + grown,
          leafHash: leaves[index] as Uint8Array,
          root: roots[to] as Uint8Array,
          proof: edit(proveInclusion(hasher, index, to, read)),
        }
        const sides = {
          from: from + moved,
          to: to + grown,
          fromRoot: roots[from] as Uint8Array,
          toRoot: roots[to] as Uint8Array,
          proof: edit(proveConsistency(hasher, from, to, read)),
        }
        fc.pre(sides.from >= 0 && sides.to >= 0 && claim.index >= 0)
        expect(passes(() => checkInclusion(hasher, claim))).toBe(includes(claim))
        expect(passes(() => checkConsistency(hasher, sides))).toBe(isConsistent(sides))
      }),
      { numRuns: 1000 },
    )
  })

  test('a fork convicts itself: the proof leads to the larger root and to another smaller one', () => {
    const forked = leaves.with(5, leafHash(new TextEncoder().encode('another history')))
    for (const [from, to] of [
      [7, 20],
      [6, 7],
      [13, 64],
      [100, 300],
    ] as const) {
      const proof = proveConsistency(hasher, from, to, read)
      const signed = root(forked.slice(0, from))
      const found = rootsFromConsistency(hasher, { from, to, proof, fromRoot: signed })
      expect(found).toEqual({ fromRoot: roots[from], toRoot: roots[to] })
      expect(found.fromRoot).not.toEqual(signed)
    }
    // At a power of two the proof starts from the root it is given: the signed one then leads to another larger root.
    const proof = proveConsistency(hasher, 8, 20, read)
    const fromRoot = root(forked.slice(0, 8))
    expect(rootsFromConsistency(hasher, { from: 8, to: 20, proof, fromRoot }).toRoot).not.toEqual(roots[20])
    expect(rootsFromConsistency(hasher, { from: 8, to: 20, proof, fromRoot: roots[8] as Uint8Array }).toRoot).toEqual(
      roots[20],
    )
  })
})

/** A tree of equal leaves but one, any size: node hashes follow from the level and from whether the one lies below. */
function sparse(special: number) {
  const ordinary = [leafHash(Uint8Array.of(0))]
  for (let level = 0; level < 53; level++)
    ordinary.push(nodeHash(hasher, ordinary[level] as Uint8Array, ordinary[level] as Uint8Array))
  const marked = [leafHash(Uint8Array.of(1))]
  for (let level = 0; level < 53; level++) {
    const [one, other] = [marked[level] as Uint8Array, ordinary[level] as Uint8Array]
    const isRight = Math.floor(special / 2 ** level) % 2 === 1
    marked.push(isRight ? nodeHash(hasher, other, one) : nodeHash(hasher, one, other))
  }
  const read: NodeReader = (level, index) => {
    expect(isSize(index) && level >= 0 && (index + 1) * 2 ** level <= 2 ** 53).toBe(true)
    return (Math.floor(special / 2 ** level) === index ? marked : ordinary)[level] as Uint8Array
  }
  return { read, leafHash: marked[0] as Uint8Array }
}

describe('sizes up to 2^53-1', () => {
  const edges = [1, 2, 3, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 1, 2 ** 33 + 7, 2 ** 52, 2 ** 52 + 1, MAX - 1, MAX]
  const size = fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 1, max: MAX }))
  const below = (limit: number, seed: number) => Number(BigInt(seed) % BigInt(limit))

  test('inclusion', () => {
    fc.assert(
      fc.property(size, fc.maxSafeNat(), fc.maxSafeNat(), (of, seed, otherSeed) => {
        const index = below(of, seed)
        const { read, leafHash: leaf } = sparse(index)
        const proof = proveInclusion(hasher, index, of, read)
        expect(proof.length).toBeLessThanOrEqual(53)
        const claim = { size: of, leafHash: leaf, proof, root: rootFromNodes(hasher, of, read) }
        checkInclusion(hasher, { ...claim, index })
        const other = below(of, otherSeed)
        expect(passes(() => checkInclusion(hasher, { ...claim, index: other }))).toBe(other === index)
        if (index >= 2 ** 32)
          expect(passes(() => checkInclusion(hasher, { ...claim, index: index - 2 ** 32 }))).toBe(false)
      }),
    )
  })

  test('consistency', () => {
    fc.assert(
      fc.property(size, size, fc.maxSafeNat(), (a, b, seed) => {
        const [from, to] = a < b ? [a, b] : [b, a]
        const { read } = sparse(below(from, seed))
        const proof = proveConsistency(hasher, from, to, read)
        expect(proof.length).toBeLessThanOrEqual(54)
        const fromRoot = rootFromNodes(hasher, from, read)
        const toRoot = rootFromNodes(hasher, to, read)
        checkConsistency(hasher, { from, to, fromRoot, toRoot, proof })
        const past = sparse(from).read
        if (from === to) return
        // The same tree but for a leaf past `from` has the same older root and another newer one.
        expect(
          passes(() =>
            checkConsistency(hasher, { from, to, fromRoot, toRoot: rootFromNodes(hasher, to, past), proof }),
          ),
        ).toBe(false)
      }),
    )
  })
})

describe('refused before any hashing', () => {
  const hash = leafHash(Uint8Array.of(1))
  const nothing: Crypto = {
    sha256: () => expect.unreachable(),
    leafHashes: () => expect.unreachable(),
    parents: () => expect.unreachable(),
    verify: () => expect.unreachable(),
  }

  test.each<[string, number, number, Uint8Array[]]>([
    ['size 0', 0, 0, []],
    ['index at the size', 5, 5, [hash]],
    ['index past the size', 6, 5, [hash]],
    ['a negative index', -1, 5, [hash]],
    ['a negative size', 0, -5, [hash]],
    ['an index of 2^53', 2 ** 53, 2 ** 53 + 2, [hash]],
    ['a size of 2^53', 1, 2 ** 53, [hash]],
    ['a fraction', 0.5, 5, [hash]],
    ['NaN', Number.NaN, 5, [hash]],
    ['an infinite size', 1, Number.POSITIVE_INFINITY, [hash]],
    ['size 1 with a path', 0, 1, [hash]],
    ['a short hash', 0, 2, [hash.slice(1)]],
    ['a long hash', 0, 2, [new Uint8Array([...hash, 0])]],
    ['an empty hash', 0, 2, [new Uint8Array(0)]],
    ['no proof', 0, 2, []],
  ])('inclusion: %s', (_, index, size, proof) => {
    expect(() => rootFromInclusion(nothing, { index, size, leafHash: hash, proof })).toThrow(ProofError)
  })

  test.each<[string, number, number, Uint8Array[]]>([
    ['from 0: nothing is proven', 0, 5, []],
    ['from 0, with hashes that lead somewhere', 0, 2, [hash, hash]],
    ['from 0 to 0', 0, 0, []],
    ['from above to', 5, 4, [hash]],
    ['equal sizes with a proof', 5, 5, [hash]],
    ['no proof', 4, 5, []],
    ['a negative size', -4, 5, [hash]],
    ['to of 2^53', 4, 2 ** 53, [hash]],
    ['from of 2^53', 2 ** 53, 2 ** 53, []],
    ['a fraction', 4.5, 5, [hash]],
    ['NaN', 4, Number.NaN, [hash]],
    ['a short hash', 4, 5, [hash.slice(1)]],
    ['an empty hash', 4, 5, [new Uint8Array(0)]],
  ])('consistency: %s', (_, from, to, proof) => {
    expect(() => rootsFromConsistency(nothing, { from, to, fromRoot: hash, proof })).toThrow(ProofError)
  })

  test.each<[string, number, number]>([
    ['index at the size', 5, 5],
    ['a negative index', -1, 5],
    ['size 0', 0, 0],
    ['2^53', 1, 2 ** 53],
    ['a fraction', 0.5, 2],
  ])('no inclusion proof is made for %s', (_, index, size) => {
    expect(() => inclusionNodes(index, size)).toThrow(RangeError)
  })

  test.each<[string, number, number]>([
    ['from above to', 5, 4],
    ['a negative from', -1, 4],
    ['2^53', 1, 2 ** 53],
  ])('no consistency proof is made for %s', (_, from, to) => {
    expect(() => consistencyNodes(from, to)).toThrow(RangeError)
  })

  test.each([-1, 0.5, 2 ** 53, Number.NaN])('no tree has %s leaves', (size) => {
    expect(() => rootNodes(size)).toThrow(RangeError)
    expect(() => rootFromNodes(nothing, size, () => hash)).toThrow(RangeError)
    const claim = { from: 0, to: size, proof: [], fromRoot: emptyRoot(hasher), toRoot: hash }
    expect(() => checkConsistency(hasher, claim)).toThrow(ProofError)
  })
})

test('a node presented as a leaf is another hash', () => {
  const [left, right] = [leafHash(Uint8Array.of(1)), leafHash(Uint8Array.of(2))]
  const asEntry = new Uint8Array([...left, ...right])
  expect(leafHash(asEntry)).not.toEqual(nodeHash(hasher, left, right))
  expect(hasher.leafHashes([asEntry])).toEqual([leafHash(asEntry)])
})
