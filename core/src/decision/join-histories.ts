/**
 * Step 6 of docs/decision.md: every head against the stored tree and every anchor, and, in order of size, against every other
 * head. What survives is one history.
 */
import type { Evidence } from '../release/evidence.ts'
import { Halt } from './halt.ts'
import type { DroppedHead, Head } from './heads.ts'
import type { Rule } from './known.ts'
import { type ConsistencyNeed, type Material, needKey } from './material.ts'
import { sourcesOf } from './offers.ts'
import { type Comparison, compareTrees, type OfferedProof, type Tree } from './one-history.ts'
import type { RefusalCode } from './refusal.ts'
import { isOnline, type Run } from './run.ts'

export interface Proofs {
  readonly run: Run
  readonly rule: Rule
  readonly material: Material
  /** Trees of bundle views with the proofs that came with them. */
  readonly stapled: readonly Stapled[]
}

export interface Stapled {
  readonly tree: Pick<Tree, 'size' | 'root'>
  readonly consistency: readonly { readonly from: number; readonly proof: readonly Uint8Array[] }[]
}

/** Two histories, shown by the log's own signatures. */
export interface Fork {
  readonly detail: string
  readonly evidence: Evidence
}

export type Related =
  | { readonly kind: 'one-history' }
  | { readonly kind: 'fork'; readonly fork: Fork }
  | { readonly kind: 'failed'; readonly code: RefusalCode; readonly detail: string }

/**
 * Whether two trees of T's log are one history, by stapled proofs and, for a client that is online, by one from tiles, which
 * it asks for where no stapled one decides.
 */
export function relate({ run, rule, material, stapled }: Proofs, a: Tree, b: Tree): Related | Halt {
  const [older, newer] = a.size <= b.size ? [a, b] : [b, a]
  const need = consistencyNeed(rule, older, newer)
  const answer = material.answers.get(needKey(need))
  const proofs = stapledProofs(stapled, older, newer)
  if (answer?.kind === 'consistency') proofs.push(answer)
  const found = compareTrees(run.checker.crypto, older, newer, proofs)
  if (found.kind === 'one-history') return found
  if (found.kind !== 'open') return { kind: 'fork', fork: asFork(rule.trust.origin, older, newer, found) }
  if (answer === undefined && isOnline(run)) return Halt.needing(need)
  const sizes = `from size ${older.size} to ${newer.size}`
  if (found.wrong > 0)
    return { kind: 'failed', code: 'PROOF_INVALID', detail: `the consistency proof ${sizes} does not verify` }
  const transport = answer?.kind === 'failed' && answer.reason !== 'missing'
  return { kind: 'failed', code: transport ? 'TRANSPORT' : 'PROOF_MISSING', detail: `no consistency proof ${sizes}` }
}

function consistencyNeed(rule: Rule, older: Tree, newer: Tree): ConsistencyNeed {
  return {
    kind: 'consistency',
    origin: rule.trust.origin,
    from: older.size,
    to: newer.size,
    root: newer.root,
    sources: sourcesOf(rule),
  }
}

/** The proofs that came with views of exactly the newer tree. */
export function stapledProofs(stapled: readonly Stapled[], older: Tree, newer: Tree): OfferedProof[] {
  return stapled
    .filter(({ tree }) => tree.size === newer.size && tree.root.every((byte, at) => byte === newer.root[at]))
    .flatMap(({ consistency }) => consistency.filter(({ from }) => from === older.size))
    .map(({ proof }) => ({ proof, oldRoot: null }))
}

function asFork(
  origin: string,
  older: Tree,
  newer: Tree,
  found: Extract<Comparison, { kind: 'fork' | 'split' | 'empty-root' }>,
): Fork {
  const [a, b] = [older.text, newer.text]
  switch (found.kind) {
    case 'fork': {
      const { oldRoot, proof } = found
      const detail = `${origin} signed a tree of ${older.size} entries and one of ${newer.size} that does not extend it`
      return { detail, evidence: { kind: 'fork', origin, a, b, oldRoot, proof } }
    }
    case 'split':
      return {
        detail: `${origin} signed two trees of ${older.size} entries`,
        evidence: { kind: 'split', origin, a, b },
      }
    case 'empty-root': {
      const detail = `${origin} signed an empty tree with the root of another`
      return { detail, evidence: { kind: 'empty-root', origin, a: found.tree.text } }
    }
  }
}

export interface Joined {
  /** In order of size. */
  readonly survivors: readonly Head[]
  readonly dropped: readonly DroppedHead[]
}

/**
 * Joins heads, in order of size, to the fixed trees (the stored one, anchors) and to one another. A fixed tree that an
 * earlier survivor covers is covered for those that extend that survivor.
 */
export function joinHistories(
  proofs: Proofs,
  fixed: readonly Tree[],
  heads: readonly Head[],
): Joined | { readonly fork: Fork } | Halt {
  const survivors: Head[] = []
  const dropped: DroppedHead[] = []
  for (const head of heads.toSorted((a, b) => a.size - b.size)) {
    const last = survivors.at(-1)
    const others = fixed.filter((tree) => last === undefined || tree.size > last.size)
    const failed = relateToAll(proofs, head, last === undefined ? others : [last, ...others])
    if (failed instanceof Halt) return failed
    if (failed === null) survivors.push(head)
    else if (failed.kind === 'fork') return { fork: failed.fork }
    else dropped.push({ source: head.source, view: head.view, code: failed.code, detail: failed.detail, aside: false })
  }
  return { survivors, dropped }
}

/** Null: one history with all. */
function relateToAll(
  proofs: Proofs,
  head: Head,
  trees: readonly Tree[],
): Exclude<Related, { kind: 'one-history' }> | Halt | null {
  let failed: Extract<Related, { kind: 'failed' }> | null = null
  for (const tree of trees) {
    const related = relate(proofs, head, tree)
    if (related instanceof Halt || related.kind === 'fork') return related
    if (related.kind === 'failed') failed ??= related
  }
  return failed
}
