import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leafHash, root } from '../../../test/support/rfc6962.ts'
import { fromHex } from '../bytes.ts'
import { nodeCrypto } from '../node.ts'
import { appendLeaves, emptyRange, merkleRoot, nodeHash, rangeRoot, rangeWidth } from './compact-range.ts'

const hasher = nodeCrypto
const leaves = Array.from({ length: 700 }, (_, at) => leafHash(Uint8Array.of(at >> 8, at & 255)))

test('the empty tree has the root of SHA-256 of nothing', () => {
  const empty = fromHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
  expect(rangeRoot(hasher, emptyRange())).toEqual(empty)
  expect(merkleRoot(hasher, [])).toEqual(empty)
})

test('roots up to 300 leaves are those of RFC 6962', () => {
  for (let size = 0; size <= 300; size++) {
    expect(merkleRoot(hasher, leaves.slice(0, size))).toEqual(root(leaves.slice(0, size)))
  }
})

test('it does not matter in which batches leaves come', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(120), { maxLength: 6 }), (batches) => {
      let range = emptyRange()
      for (const length of batches) {
        range = appendLeaves(hasher, range, leaves.slice(range.size, range.size + length))
        expect(range.hashes).toHaveLength(rangeWidth(range.size))
      }
      const whole = leaves.slice(0, range.size)
      expect(rangeRoot(hasher, range)).toEqual(root(whole))
      expect(range).toEqual(appendLeaves(hasher, emptyRange(), whole))
    }),
  )
})

test('appending changes neither the range nor the leaves', () => {
  const range = appendLeaves(hasher, emptyRange(), leaves.slice(0, 3))
  const before = structuredClone(range)
  appendLeaves(hasher, range, leaves.slice(3, 8))
  expect(range).toEqual(before)
})

test('262,144 leaves at once', () => {
  const half = merkleRoot(
    hasher,
    Array.from({ length: 2 ** 17 }, () => leaves[0] as Uint8Array),
  )
  const whole = merkleRoot(
    hasher,
    Array.from({ length: 2 ** 18 }, () => leaves[0] as Uint8Array),
  )
  expect(whole).toEqual(nodeHash(hasher, half, half))
})

test('past 2^32 leaves', () => {
  // Hashes that stand for subtrees nobody has computed: only their number and order matter here.
  const size = 2 ** 40 + 2 ** 33 + 1
  const range = { size, hashes: leaves.slice(0, 3) }
  const grown = appendLeaves(hasher, range, leaves.slice(3, 5))
  expect(grown.size).toBe(size + 2)
  const [a, b, c, d, e] = leaves as [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array]
  expect(grown.hashes).toEqual([a, b, hasher.parents(new Uint8Array([...c, ...d])), e])
})

describe('refused', () => {
  const [a, b] = leaves as [Uint8Array, Uint8Array]
  test.each<[string, number, Uint8Array[], Uint8Array[]]>([
    ['too few hashes', 3, [a], []],
    ['too many hashes', 4, [a, b], []],
    ['a hash for no leaves', 0, [a], []],
    ['a fraction', 1.5, [a], []],
    ['a negative size', -1, [a], []],
    ['a size past 2^53-1', 2 ** 53, [a], []],
    ['growth past 2^53-1', Number.MAX_SAFE_INTEGER, Array.from({ length: 53 }, () => a), [a]],
    ['a short leaf hash', 1, [a], [a.slice(1)]],
    ['two leaf hashes whose lengths make up for each other', 0, [], [a.slice(1), new Uint8Array([...a, 0])]],
  ])('%s', (_, size, hashes, more) => {
    expect(() => appendLeaves(hasher, { size, hashes }, more)).toThrow(RangeError)
    if (more.length === 0) expect(() => rangeRoot(hasher, { size, hashes })).toThrow(RangeError)
  })
})
