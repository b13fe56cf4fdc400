/** Entries of views and anchors whose inclusion holds (docs/decision.md step 14): hashed and checked before they are read. */

import type { Hasher } from '../crypto.ts'
import { ProofError } from '../errors.ts'
import { checkInclusion } from '../log/merkle.ts'
import type { LoggedEntry } from '../release/logged-entry.ts'
import { attempt } from './attempt.ts'
import type { Tree } from './one-history.ts'

/** Null where the entry is included; otherwise why it is not shown to be. */
export function inclusionFault(
  hasher: Hasher,
  { index, inclusion, leaf }: LoggedEntry,
  tree: Pick<Tree, 'size' | 'root'>,
): string | null {
  const [leafHash] = hasher.leafHashes([leaf])
  if (leafHash === undefined) throw new RangeError('a hasher that returns no hash')
  const check = () => checkInclusion(hasher, { index, size: tree.size, leafHash, proof: inclusion, root: tree.root })
  return attempt([ProofError], check, ({ detail }) => detail) ?? null
}

/** The entries that are included. */
export function includedOf(
  hasher: Hasher,
  entries: readonly LoggedEntry[],
  tree: Pick<Tree, 'size' | 'root'>,
): LoggedEntry[] {
  return entries.filter((entry) => inclusionFault(hasher, entry, tree) === null)
}
