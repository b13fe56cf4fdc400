/**
 * Whether a witness contradicts itself: it signed two trees of one size, or after a larger tree a smaller one (docs/formats.md §5,
 * `witness-split`, `witness-rollback`). Its signatures come in any order: from the log, from its own copy, from others late. So of every
 * size that it signed two signatures are remembered, the earliest and the latest: a signature goes back where a larger size has an
 * earlier one, and proves an earlier one to go back where a smaller size has a later one.
 */
import { equalBytes, type PairEvidence } from '@samebits/core'
import type { CosignedSize, CosignedTree, WitnessMemory } from '../state/monitor-store.ts'

export interface Remembered {
  /** What is remembered of this size now; null where nothing has changed. */
  readonly size: CosignedSize | null
  /** What convicts the witness; null where it is in harmony with what is remembered. */
  readonly evidence: PairEvidence | null
}

/** Takes one more signature of a witness into account. */
export function remember(origin: string, memory: WitnessMemory, tree: CosignedTree): Remembered {
  const same = memory.at(tree.size)
  return { size: joined(same, tree), evidence: contradiction(origin, memory, same, tree) }
}

/** A time of 0 says nothing, and gives way to every other. */
function joined(same: CosignedSize | null, tree: CosignedTree): CosignedSize | null {
  if (same === null) return { earliest: tree, latest: tree }
  const { earliest, latest } = same
  const isEarlier = tree.timestamp > 0 && (tree.timestamp < earliest.timestamp || earliest.timestamp === 0)
  const isLater = tree.timestamp > latest.timestamp
  return isEarlier || isLater ? { earliest: isEarlier ? tree : earliest, latest: isLater ? tree : latest } : null
}

function contradiction(
  origin: string,
  memory: WitnessMemory,
  same: CosignedSize | null,
  tree: CosignedTree,
): PairEvidence | null {
  const other =
    same === null ? undefined : [same.earliest, same.latest].find(({ root }) => !equalBytes(root, tree.root))
  if (other !== undefined) return { kind: 'witness-split', ...pairOf(origin, other, tree) }
  if (tree.timestamp === 0) return null
  const above = memory.earliestAbove(tree.size)
  if (above !== null && above.timestamp < tree.timestamp) return rollback(origin, above, tree)
  const below = memory.latestBelow(tree.size)
  return below !== null && below.timestamp > tree.timestamp ? rollback(origin, below, tree) : null
}

function rollback(origin: string, one: CosignedTree, other: CosignedTree): PairEvidence {
  return { kind: 'witness-rollback', ...pairOf(origin, one, other) }
}

/** One pair has one order, however it was met: the same evidence is the same file. */
function pairOf(origin: string, one: CosignedTree, other: CosignedTree) {
  const [a = '', b = ''] = [one.checkpoint, other.checkpoint].sort()
  return { origin, a, b }
}
