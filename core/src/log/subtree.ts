/**
 * Subtree consistency proofs: that the leaves `[start, end)` of a tree hash to what somebody says they do
 * (draft-ietf-plants-merkle-tree-certs-03, sections 4.1 and 4.4; named by C2SP tlog-mirror and tlog-witness).
 *
 * With `start` 0 they are the consistency proofs of RFC 6962, with one leaf its inclusion proofs.
 */
import { equalBytes } from '../bytes.ts'
import { HASH_SIZE, type Hasher } from '../crypto.ts'
import { ProofError } from '../errors.ts'
import { nodeHash } from './compact-range.ts'
import { type NodeReader, type Span, spanRoot } from './spans.ts'
import { bitLength, half, isOdd, isSize, leftHalf } from './tree-size.ts'

/** Leaves `start` to `end - 1`. */
export interface Subtree {
  readonly start: number
  readonly end: number
}

/** Whether `start` is a multiple of the smallest power of two not below the length, which is at least 1 (section 4.1). */
export function isSubtree({ start, end }: Subtree): boolean {
  return isSize(start) && isSize(end) && start < end && start % 2 ** bitLength(end - start - 1) === 0
}

/**
 * SUBTREE_PROOF(start, end, D[size]) of section 4.4.1.
 * @throws RangeError for what is no subtree of a tree of `size` leaves
 */
export function proveSubtree(hasher: Hasher, subtree: Subtree, size: number, read: NodeReader): Uint8Array[] {
  if (!isSubtree(subtree) || subtree.end > size || !isSize(size)) throw new RangeError('no subtree of this tree')
  const { start, end } = subtree
  const spans: Span[] = []
  let [from, to, known] = [0, size, true]
  while (from < start || to !== end) {
    const middle = from + leftHalf(to - from)
    const left = end <= middle
    spans.push(left ? { from: middle, to } : { from, to: middle })
    if (left) to = middle
    else {
      if (start < middle) known = false
      from = middle
    }
  }
  if (!known) spans.push({ from, to })
  return spans.reverse().map((span) => spanRoot(hasher, span, read))
}

/** A subtree's hash, the root of a tree of `size` leaves, and what joins them. */
export interface SubtreeClaim extends Subtree {
  readonly size: number
  readonly hash: Uint8Array
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** Checks that the subtree's leaves are those of the tree (section 4.4.3). Throws ProofError. */
export function checkSubtree(hasher: Hasher, claim: SubtreeClaim): void {
  const { start, end, size, hash, root, proof } = claim
  if (!isSubtree(claim) || !isSize(size) || end > size) throw new ProofError('no subtree of a tree of this size')
  if ([hash, root, ...proof].some(({ length }) => length !== HASH_SIZE)) {
    throw new ProofError('a hash has another length than 32 bytes')
  }
  let place: Place = [start, end - 1, size - 1]
  const atEdge = end === size
  while (place[0] !== place[1] && (atEdge || isOdd(place[1]))) place = up(place)
  const path = place[0] === place[1] ? [hash, ...proof] : proof
  const folded = fold(hasher, place, path)
  if (!equalBytes(folded.hash, hash)) throw new ProofError('the subtree proof leads to another subtree')
  if (!equalBytes(folded.root, root)) throw new ProofError('the subtree proof leads to another root')
}

/** The nodes above the subtree's first leaf, above its last, and above the tree's last, on one level. */
type Place = readonly [first: number, last: number, treeLast: number]

function up([first, last, treeLast]: Place): Place {
  return [half(first), half(last), half(treeLast)]
}

function fold(hasher: Hasher, from: Place, path: readonly Uint8Array[]): { hash: Uint8Array; root: Uint8Array } {
  const [start, ...rest] = path
  if (start === undefined) throw new ProofError('the subtree proof is too short')
  let place = from
  let [hash, root] = [start, start]
  for (const sibling of rest) {
    const [first, last, treeLast] = place
    if (treeLast === 0) throw new ProofError('the subtree proof is too long')
    if (isOdd(last) || last === treeLast) {
      if (first < last) hash = nodeHash(hasher, sibling, hash)
      root = nodeHash(hasher, sibling, root)
      while (!isOdd(place[1]) && place[1] !== 0) place = up(place)
    } else {
      root = nodeHash(hasher, root, sibling)
    }
    place = up(place)
  }
  if (place[2] !== 0) throw new ProofError('the subtree proof is too short')
  return { hash, root }
}
