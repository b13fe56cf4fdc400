/**
 * Inclusion and consistency proofs of RFC 6962 §2.1.1 and §2.1.2, checked by the algorithms of RFC 9162 §2.1.3.2 and
 * §2.1.4.2. Proofs are lists of 32-byte hashes in the order of both RFCs; sizes and indices go up to 2^53-1.
 */
import { equalBytes } from '../bytes.ts'
import { HASH_SIZE, type Hasher } from '../crypto.ts'
import { ProofError } from '../errors.ts'
import { emptyRoot, nodeHash } from './compact-range.ts'
import { type NodeId, type NodeReader, type Span, spanNodes, spanRoot } from './spans.ts'
import { demandSize, half, isOdd, isPowerOfTwo, isSize, leftHalf } from './tree-size.ts'

export type { NodeId, NodeReader } from './spans.ts'

/** PATH(m, D[n]) of RFC 6962 §2.1.1 as spans, from the leaf upwards. */
function inclusionSpans(index: number, size: number): Span[] {
  demandSize('index', index)
  demandSize('size', size)
  if (index >= size) throw new RangeError('index is not below the size')
  const spans: Span[] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + leftHalf(to - from)
    spans.push(index < middle ? { from: middle, to } : { from, to: middle })
    if (index < middle) to = middle
    else from = middle
  }
  return spans.reverse()
}

/** PROOF(m, D[n]) of RFC 6962 §2.1.2 as spans; none where one of the trees is empty or both are one. */
function consistencySpans(older: number, newer: number): Span[] {
  demandSize('from', older)
  demandSize('to', newer)
  if (older > newer) throw new RangeError('from is above to')
  if (older === 0) return []
  const spans: Span[] = []
  let [from, to] = [0, newer]
  while (older !== to) {
    const middle = from + leftHalf(to - from)
    spans.push(older <= middle ? { from: middle, to } : { from, to: middle })
    if (older <= middle) to = middle
    else from = middle
  }
  // The older tree's own root is known to who asks, unless it is not one complete subtree.
  if (from > 0) spans.push({ from, to })
  return spans.reverse()
}

/** The nodes that {@link proveInclusion} reads. Throws RangeError when `index` is not below `size`. */
export function inclusionNodes(index: number, size: number): NodeId[] {
  return inclusionSpans(index, size).flatMap(spanNodes)
}

/** The nodes that {@link proveConsistency} reads. Throws RangeError when `from` is above `to`. */
export function consistencyNodes(from: number, to: number): NodeId[] {
  return consistencySpans(from, to).flatMap(spanNodes)
}

/** The nodes that {@link rootFromNodes} reads: the compact range of `size`. */
export function rootNodes(size: number): NodeId[] {
  demandSize('size', size)
  return spanNodes({ from: 0, to: size })
}

/** The proof that leaf `index` is in the tree of `size` leaves. */
export function proveInclusion(hasher: Hasher, index: number, size: number, read: NodeReader): Uint8Array[] {
  return inclusionSpans(index, size).map((span) => spanRoot(hasher, span, read))
}

/** The proof that the tree of `to` leaves extends the one of `from`; empty where `from` is 0 or `to`. */
export function proveConsistency(hasher: Hasher, from: number, to: number, read: NodeReader): Uint8Array[] {
  return consistencySpans(from, to).map((span) => spanRoot(hasher, span, read))
}

/** The root of the tree of `size` leaves. */
export function rootFromNodes(hasher: Hasher, size: number, read: NodeReader): Uint8Array {
  demandSize('size', size)
  return size === 0 ? emptyRoot(hasher) : spanRoot(hasher, { from: 0, to: size }, read)
}

function demandHashes(proof: readonly Uint8Array[], ...others: readonly Uint8Array[]): void {
  for (const hash of [...proof, ...others]) {
    if (hash.length !== HASH_SIZE) throw new ProofError('a hash has another length than 32 bytes')
  }
}

function demandSizes(...sizes: readonly number[]): void {
  if (!sizes.every(isSize)) throw new ProofError('a size or index is not an integer from 0 to 2^53-1')
}

/** A leaf at `index` of a tree of `size` leaves, and the hashes that join it to the root. */
export interface InclusionClaim {
  readonly index: number
  readonly size: number
  readonly leafHash: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** The root that an inclusion proof leads to (RFC 9162 §2.1.3.2). Throws ProofError where no such proof can exist. */
export function rootFromInclusion(hasher: Hasher, { index, size, leafHash, proof }: InclusionClaim): Uint8Array {
  demandSizes(index, size)
  if (index >= size) throw new ProofError('the index is not below the tree size')
  demandHashes(proof, leafHash)
  let [node, last, root] = [index, size - 1, leafHash]
  for (const hash of proof) {
    if (last === 0) throw new ProofError('the inclusion proof is too long')
    if (isOdd(node) || node === last) {
      root = nodeHash(hasher, hash, root)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      root = nodeHash(hasher, root, hash)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new ProofError('the inclusion proof is too short')
  return root
}

/** Checks that the leaf is in the tree with this root. Throws ProofError. */
export function checkInclusion(hasher: Hasher, claim: InclusionClaim & { readonly root: Uint8Array }): void {
  if (!equalBytes(rootFromInclusion(hasher, claim), claim.root)) {
    throw new ProofError('the inclusion proof leads to another root')
  }
}

/** Two sizes of one log, and the hashes that join their roots. */
export interface ConsistencyClaim {
  readonly from: number
  readonly to: number
  readonly proof: readonly Uint8Array[]
  /** The root at `from`. Where that is a power of two the proof leads on from it; elsewhere it is not read. */
  readonly fromRoot: Uint8Array
}

/**
 * The two roots that a consistency proof leads to (RFC 9162 §2.1.4.2), compared with nothing: a proof that leads to a
 * signed larger root, and to a smaller root other than the signed one, convicts a log of a fork. Where `from` is a power
 * of two, or `to`, the smaller root is `fromRoot` as given. Throws ProofError where no such proof can exist, or it proves
 * nothing (`from` 0).
 */
export function rootsFromConsistency(
  hasher: Hasher,
  { from, to, proof, fromRoot }: ConsistencyClaim,
): { fromRoot: Uint8Array; toRoot: Uint8Array } {
  demandSizes(from, to)
  if (from === 0) throw new ProofError('the empty tree is the start of every tree and proves nothing')
  if (from > to) throw new ProofError('the older tree is larger than the newer one')
  demandHashes(proof, fromRoot)
  if (from === to) {
    if (proof.length > 0) throw new ProofError('the consistency proof between equal sizes is empty')
    return { fromRoot, toRoot: fromRoot }
  }
  if (proof.length === 0) throw new ProofError('the consistency proof is too short')
  return foldConsistency(hasher, from, to, isPowerOfTwo(from) ? [fromRoot, ...proof] : proof)
}

function foldConsistency(hasher: Hasher, from: number, to: number, path: readonly Uint8Array[]) {
  let [node, last] = [from - 1, to - 1]
  while (isOdd(node)) [node, last] = [half(node), half(last)]
  let [older, newer] = [path[0] as Uint8Array, path[0] as Uint8Array]
  for (const hash of path.slice(1)) {
    if (last === 0) throw new ProofError('the consistency proof is too long')
    if (isOdd(node) || node === last) {
      older = nodeHash(hasher, hash, older)
      newer = nodeHash(hasher, hash, newer)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      newer = nodeHash(hasher, newer, hash)
    }
    ;[node, last] = [half(node), half(last)]
  }
  if (last !== 0) throw new ProofError('the consistency proof is too short')
  return { fromRoot: older, toRoot: newer }
}

/**
 * Checks that the tree of `to` leaves with `toRoot` extends the one of `from` leaves with `fromRoot`. From the empty
 * tree the proof is empty, and `fromRoot` must be the empty tree's. Throws ProofError.
 */
export function checkConsistency(hasher: Hasher, claim: ConsistencyClaim & { readonly toRoot: Uint8Array }): void {
  if (claim.from === 0) {
    checkFromEmpty(hasher, claim)
    return
  }
  const { fromRoot, toRoot } = rootsFromConsistency(hasher, claim)
  if (!equalBytes(fromRoot, claim.fromRoot)) throw new ProofError('the consistency proof leads to another older root')
  if (!equalBytes(toRoot, claim.toRoot)) throw new ProofError('the consistency proof leads to another newer root')
}

function checkFromEmpty(hasher: Hasher, claim: ConsistencyClaim & { readonly toRoot: Uint8Array }): void {
  demandSizes(claim.to)
  if (claim.proof.length > 0) throw new ProofError('the consistency proof from the empty tree is empty')
  demandHashes([], claim.toRoot)
  const empty = emptyRoot(hasher)
  if (!equalBytes(claim.fromRoot, empty)) throw new ProofError('the older root is not that of the empty tree')
  if (claim.to === 0 && !equalBytes(claim.toRoot, empty)) {
    throw new ProofError('the newer root is not that of the empty tree')
  }
}
