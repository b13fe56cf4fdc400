/**
 * Compact ranges: a tree of any size kept as the roots of the complete subtrees that its size in binary names, largest
 * first. 13 = 0b1101 leaves are three hashes, over leaves 0..7, 8..11 and 12. That is all that appending needs.
 */
import { concat, concatAll } from '../bytes.ts'
import { HASH_SIZE, type Hasher } from '../crypto.ts'
import { demandSize, half, isOdd } from './tree-size.ts'

/** `hashes` holds one hash for each binary 1 of `size`, the largest subtree first. */
export interface CompactRange {
  readonly size: number
  readonly hashes: readonly Uint8Array[]
}

/** The root of the empty tree, SHA-256 of nothing (RFC 6962 §2.1). */
export function emptyRoot(hasher: Hasher): Uint8Array {
  return hasher.sha256(new Uint8Array(0))
}

/** SHA-256(0x01 || left || right) (RFC 6962 §2.1). */
export function nodeHash(hasher: Hasher, left: Uint8Array, right: Uint8Array): Uint8Array {
  return hasher.parents(concat(left, right))
}

/** The range over no leaves. */
export function emptyRange(): CompactRange {
  return { size: 0, hashes: [] }
}

/** How many hashes a range of this size holds: the number of binary ones. */
export function rangeWidth(size: number): number {
  let ones = 0
  for (let rest = size; rest > 0; rest = half(rest)) if (isOdd(rest)) ones++
  return ones
}

function demandRange(range: CompactRange): void {
  demandSize('size', range.size)
  if (range.hashes.length !== rangeWidth(range.size)) throw new RangeError('compact range of another size')
}

/** Joins hashes to one block; all must have 32 bytes. */
function block(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.some((hash) => hash.length !== HASH_SIZE)) throw new RangeError('a hash has 32 bytes')
  return concatAll(hashes)
}

/**
 * The range after `leafHashes` are appended. Works level by level, one {@link Hasher.parents} call each: on every level
 * the new nodes, preceded by the old left sibling that was still without a partner, pair up; an odd one out stays.
 */
export function appendLeaves(hasher: Hasher, range: CompactRange, leafHashes: readonly Uint8Array[]): CompactRange {
  demandRange(range)
  const size = range.size + leafHashes.length
  demandSize('size', size)
  const old = [...range.hashes]
  const smallestFirst: Uint8Array[] = []
  let nodes = block(leafHashes)
  for (let rest = range.size; nodes.length > 0; rest = half(rest)) {
    const sibling = isOdd(rest) ? old.pop() : undefined
    if (sibling !== undefined) nodes = concat(sibling, nodes)
    const single = (nodes.length / HASH_SIZE) % 2 === 1
    if (single) smallestFirst.push(nodes.slice(-HASH_SIZE))
    nodes = hasher.parents(single ? nodes.subarray(0, -HASH_SIZE) : nodes)
  }
  return { size, hashes: [...old, ...smallestFirst.reverse()] }
}

/** The tree's root: the hashes folded from the right (RFC 6962 §2.1). */
export function rangeRoot(hasher: Hasher, range: CompactRange): Uint8Array {
  demandRange(range)
  if (range.size === 0) return emptyRoot(hasher)
  return range.hashes.reduceRight((right, left) => nodeHash(hasher, left, right))
}

/** The root over these leaf hashes. */
export function merkleRoot(hasher: Hasher, leafHashes: readonly Uint8Array[]): Uint8Array {
  return rangeRoot(hasher, appendLeaves(hasher, emptyRange(), leafHashes))
}
