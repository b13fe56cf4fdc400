/** Runs of leaves within a tree, and the complete subtrees that they are made of. */
import type { Hasher } from '../crypto.ts'
import { nodeHash } from './compact-range.ts'
import { bitLength } from './tree-size.ts'

/** The complete subtree over leaves `index * 2^level` to `(index + 1) * 2^level - 1`. */
export interface NodeId {
  readonly level: number
  readonly index: number
}

/** The hash of a complete subtree; throws when it has none. */
export type NodeReader = (level: number, index: number) => Uint8Array

/** Leaves `from` to `to - 1`, where `from` is a multiple of the smallest power of two not below `to - from`. */
export interface Span {
  readonly from: number
  readonly to: number
}

/** The complete subtrees that make up a span, left to right. */
export function spanNodes({ from, to }: Span): NodeId[] {
  const nodes: NodeId[] = []
  for (let at = from; at < to; ) {
    const level = bitLength(to - at) - 1
    nodes.push({ level, index: at / 2 ** level })
    at += 2 ** level
  }
  return nodes
}

/** The Merkle tree hash over the leaves of a span that is not empty. */
export function spanRoot(hasher: Hasher, span: Span, read: NodeReader): Uint8Array {
  return spanNodes(span)
    .map(({ level, index }) => read(level, index))
    .reduceRight((right, left) => nodeHash(hasher, left, right))
}
