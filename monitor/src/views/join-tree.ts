/**
 * Whether a signed tree lies on the history that is known. Of a fork only two things speak: one size with two roots, or a proof that
 * leads to the larger root from another smaller one (docs/decision.md step 6; the comparison itself is `core`'s). Here the
 * proof is fetched: from verified tiles of the larger tree, wherever somebody serves them.
 */
import {
  type Comparison,
  type Crypto,
  compareTrees,
  type Evidence,
  FormatError,
  type OfferedProof,
  ProofError,
  SourceError,
  TileError,
  type TileSource,
  treeReader,
} from '@samebits/core'
import { firstAnswer } from '../follow/first-answer.ts'
import type { SignedTree } from '../state/monitor-store.ts'

export type Joined =
  | { readonly kind: 'one-history' }
  | { readonly kind: 'fork'; readonly evidence: Evidence }
  /** Nobody gave the proof. A place that serves the tiles of another tree is no damage: it may be honest, and this tree the fork. */
  | { readonly kind: 'open' }

/** A place that has not given its tiles by then has the next one asked besides: silence must not hide a fork. */
const perPlace = 2000

/**
 * Compares two trees that the log signed.
 * @param sources asked in order for tiles of the larger tree, until one decides
 * @param until when it stays open
 */
export async function joinTree(
  crypto: Crypto,
  origin: string,
  a: SignedTree,
  b: SignedTree,
  sources: readonly TileSource[],
  until: AbortSignal,
): Promise<Joined> {
  const [older, newer] = a.size <= b.size ? [a, b] : [b, a]
  const at = (tree: SignedTree) => ({ size: tree.size, root: tree.root, text: tree.checkpoint })
  const compare = (proofs: readonly OfferedProof[]) =>
    joinedBy(origin, older, newer, compareTrees(crypto, at(older), at(newer), proofs))
  const unasked = compare([])
  if (unasked.kind !== 'open') return unasked
  const asks = sources.map((source) => async () => {
    const proof = await fetchProof(crypto, older.size, newer, source)
    const joined = proof === null ? unasked : compare([proof])
    return joined.kind === 'open' ? null : joined
  })
  return (await firstAnswer(asks, { perPlace, until })) ?? unasked
}

/** The proof from the tree of `from` entries that `newer` holds, and that tree's root; null where this source has no tiles of it. */
async function fetchProof(
  crypto: Crypto,
  from: number,
  { size, root }: SignedTree,
  source: TileSource,
): Promise<OfferedProof | null> {
  try {
    const reader = treeReader({ hasher: crypto, source, size, root })
    return { proof: await reader.proveConsistency(from), oldRoot: await reader.rootAt(from) }
  } catch (error) {
    const none = [SourceError, TileError, FormatError, ProofError].some((type) => error instanceof type)
    if (none) return null
    throw error
  }
}

function joinedBy(origin: string, older: SignedTree, newer: SignedTree, found: Comparison): Joined {
  const [a, b] = [older.checkpoint, newer.checkpoint]
  switch (found.kind) {
    case 'one-history':
      return found
    case 'open':
      return { kind: 'open' }
    case 'split':
      return { kind: 'fork', evidence: { kind: 'split', origin, a, b } }
    case 'empty-root':
      return { kind: 'fork', evidence: { kind: 'empty-root', origin, a: found.tree.text } }
    case 'fork':
      return { kind: 'fork', evidence: { kind: 'fork', origin, a, b, oldRoot: found.oldRoot, proof: found.proof } }
  }
}
