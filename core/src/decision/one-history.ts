/**
 * Whether two trees of one log are one history (docs/decision.md step 6). Of a fork only this speaks: one size with two roots,
 * or a proof that leads to the newer root from an older root that is not the one that was signed. A proof that does not
 * verify is no fork: anyone can send one.
 */

import { equalBytes } from '../bytes.ts'
import type { Hasher } from '../crypto.ts'
import { ProofError } from '../errors.ts'
import { emptyRoot } from '../log/compact-range.ts'
import { checkConsistency, rootsFromConsistency } from '../log/merkle.ts'
import { attempt } from './attempt.ts'

/** A tree of a log, with the checkpoint that says so. */
export interface Tree {
  readonly size: number
  readonly root: Uint8Array
  /** The signed checkpoint, verbatim. */
  readonly text: string
}

export interface OfferedProof {
  readonly proof: readonly Uint8Array[]
  /** The root at the older size under which the proof was made, where its maker knows it. */
  readonly oldRoot: Uint8Array | null
}

/** What a proof, or no proof, says about two trees. */
export type Comparison =
  | { readonly kind: 'one-history' }
  | { readonly kind: 'fork'; readonly proof: readonly Uint8Array[]; readonly oldRoot: Uint8Array }
  | { readonly kind: 'split' }
  /** A size of 0 with a root that is not SHA-256 of nothing. */
  | { readonly kind: 'empty-root'; readonly tree: Tree }
  /** No proof given decides it; `wrong` counts those that do not verify. */
  | { readonly kind: 'open'; readonly wrong: number }

/** Compares an older tree with one at least as large, by whatever proofs are at hand. */
export function compareTrees(hasher: Hasher, older: Tree, newer: Tree, proofs: readonly OfferedProof[]): Comparison {
  const empty = [older, newer].find(({ size, root }) => size === 0 && !equalBytes(root, emptyRoot(hasher)))
  if (empty !== undefined) return { kind: 'empty-root', tree: empty }
  if (older.size === newer.size) return { kind: equalBytes(older.root, newer.root) ? 'one-history' : 'split' }
  if (older.size === 0) return { kind: 'one-history' }
  for (const { proof, oldRoot } of proofs) {
    if (leadsToBoth(hasher, older, newer, proof)) return { kind: 'one-history' }
    const other = otherOldRoot(hasher, older, newer, proof, oldRoot)
    if (other !== null) return { kind: 'fork', proof, oldRoot: other }
  }
  return { kind: 'open', wrong: proofs.length }
}

function leadsToBoth(hasher: Hasher, older: Tree, newer: Tree, proof: readonly Uint8Array[]): boolean {
  const claim = { from: older.size, to: newer.size, fromRoot: older.root, toRoot: newer.root, proof }
  return (
    ifProven(() => {
      checkConsistency(hasher, claim)
      return true
    }) === true
  )
}

/**
 * The root at the older size from which the proof leads to the newer root, where it is not the older tree's. For a size that
 * is a power of two the proof has no old root of its own: only one that its maker named can tell.
 */
function otherOldRoot(
  hasher: Hasher,
  older: Tree,
  newer: Tree,
  proof: readonly Uint8Array[],
  named: Uint8Array | null,
): Uint8Array | null {
  for (const fromRoot of named === null ? [older.root] : [named, older.root]) {
    const roots = ifProven(() => rootsFromConsistency(hasher, { from: older.size, to: newer.size, proof, fromRoot }))
    if (roots !== null && equalBytes(roots.toRoot, newer.root) && !equalBytes(roots.fromRoot, older.root)) {
      return roots.fromRoot
    }
  }
  return null
}

/** What a check returns; null where it throws ProofError. */
function ifProven<T>(check: () => T): T | null {
  return attempt([ProofError], check, () => null)
}
