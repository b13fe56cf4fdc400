/**
 * Whether a witness contradicts itself: it signed two trees of one size, or after a larger tree a smaller one (docs/formats.md §5,
 * `witness-split`, `witness-rollback`). Two of its signatures are remembered for each log: under the largest tree, and with the
 * latest time. Against these two every later contradiction shows.
 */
import { equalBytes, type PairEvidence } from '@samebits/core'
import type { CosignedTree, WitnessMemory } from '../state/monitor-store.ts'

export interface Remembered {
  readonly memory: WitnessMemory
  /** What convicts the witness; null where it is in harmony with what it signed before. */
  readonly evidence: PairEvidence | null
}

/** Takes one more signature of a witness into account. */
export function remember(origin: string, memory: WitnessMemory | null, tree: CosignedTree): Remembered {
  if (memory === null) return { memory: { largest: tree, latest: tree }, evidence: null }
  const { largest, latest } = memory
  return {
    memory: {
      largest: isLarger(tree, largest) ? tree : largest,
      latest: tree.timestamp > latest.timestamp ? tree : latest,
    },
    evidence: contradiction(origin, largest, tree) ?? contradiction(origin, latest, tree),
  }
}

/** Of equal sizes the earlier time is the stronger memory. A time of 0 says nothing. */
function isLarger(tree: CosignedTree, than: CosignedTree): boolean {
  if (tree.size !== than.size) return tree.size > than.size
  return tree.timestamp > 0 && (tree.timestamp < than.timestamp || than.timestamp === 0)
}

function contradiction(origin: string, before: CosignedTree, tree: CosignedTree): PairEvidence | null {
  // One pair has one order, however it was met: the same evidence is the same file.
  const [a = '', b = ''] = [before.checkpoint, tree.checkpoint].sort()
  const pair = { origin, a, b }
  if (before.size === tree.size) {
    return equalBytes(before.root, tree.root) ? null : { kind: 'witness-split', ...pair }
  }
  const [larger, smaller] = before.size > tree.size ? [before, tree] : [tree, before]
  const wentBack = larger.timestamp > 0 && smaller.timestamp > larger.timestamp
  return wentBack ? { kind: 'witness-rollback', ...pair } : null
}
