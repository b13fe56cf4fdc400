/** The release that a bundle offers, opened and read (docs/decision.md steps 13 to 15). */

import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import type { Entry } from '../release/entry.ts'
import type { LoggedEntry } from '../release/logged-entry.ts'
import type { ReleaseStatement } from '../release/predicates.ts'
import { StatementError } from '../release/statement.ts'
import type { BundleView } from '../release/update-bundle.ts'
import { attempt } from './attempt.ts'
import { entryOf, gather, knownRelease } from './gather.ts'
import { Halt } from './halt.ts'
import { inclusionFault } from './inclusion.ts'
import { knownEntries, nothingKnown } from './known.ts'
import type { Observed } from './observe.ts'
import type { Tree } from './one-history.ts'
import { refuse } from './refusal.ts'
import type { Run } from './run.ts'
import type { Known, KnownRelease } from './state.ts'

export interface Offer {
  readonly id: string
  readonly statement: ReleaseStatement
  /** The release with the entries of this bundle that a listed publisher signed. */
  readonly release: KnownRelease
  /** Everything of this bundle that was verified with its inclusion: what may permit. */
  readonly permits: Known
  /** Indices of all entries of the offer. */
  readonly indices: readonly number[]
}

/**
 * The offer: the release in the last view of the bundle. Null: there is no bundle, or no release in it. The head comes first,
 * then inclusion, and only what is included is parsed.
 */
export function openOffer(run: Run, observed: Observed): Offer | Halt | null {
  const view = observed.offers.offer?.views.at(-1)
  if (view === undefined || view.entries.length === 0) return null
  const head = headOf(observed, view)
  if (head instanceof Halt) return head
  const halt = checkInclusions(run, view, head) // 14
  if (halt !== null) return halt
  const entries = parseAll(run, view.entries) // 15
  if (entries instanceof Halt) return entries
  return oneRelease(run, observed, view, entries)
}

/** docs/decision.md step 14: an entry whose own head was dropped takes that head's code. */
function headOf({ heads, dropped, rule }: Observed, view: BundleView): Tree | Halt {
  const head = heads.find((candidate) => candidate.view === view)
  if (head !== undefined) return head
  const fault = dropped.find((candidate) => candidate.view === view)
  if (fault === undefined)
    return Halt.refusing(refuse('CHECKPOINT_INVALID', '14', 'the head of the offer was not judged'))
  const { replaces } = rule.trust
  const past = replaces !== null && fault.aside && originOf(view) === replaces.origin
  if (past && view.entries.some(({ index }) => index >= replaces.size)) {
    const detail = `entries of ${replaces.origin} at or past ${replaces.size} count for nothing`
    return Halt.refusing(refuse('TRUST_INVALID', '14', detail))
  }
  return Halt.refusing(refuse(fault.code, '14', fault.detail))
}

/** Of a head that parsed. */
function originOf({ checkpoint }: BundleView): string {
  return parseSignedCheckpoint(checkpoint).checkpoint.origin
}

/** docs/decision.md step 14. */
function checkInclusions({ checker }: Run, { entries }: BundleView, tree: Tree): Halt | null {
  for (const entry of entries) {
    const fault = inclusionFault(checker.crypto, entry, tree)
    if (fault === null) continue
    const code = entry.inclusion.length === 0 && tree.size > 1 ? 'PROOF_MISSING' : 'PROOF_INVALID'
    return Halt.refusing(refuse(code, '14', `entry ${entry.index} under the tree of ${tree.size}: ${fault}`))
  }
  return null
}

/** docs/decision.md step 15: in what is offered, unlike in history, everything must be what this version reads. */
function parseAll({ checker }: Run, entries: readonly LoggedEntry[]): Entry[] | Halt {
  const parse = () => entries.map(({ leaf }) => entryOf(checker, leaf))
  return attempt([StatementError], parse, ({ fault, message }) =>
    Halt.refusing(refuse(fault === 'unsafe-name' ? 'PATH_REFUSED' : 'STATEMENT_INVALID', '15', message)),
  )
}

function oneRelease(run: Run, observed: Observed, view: BundleView, entries: readonly Entry[]): Offer | Halt | null {
  const releases = entries.flatMap(({ id, statement }) => (statement.kind === 'release' ? [{ id, statement }] : []))
  const [first] = releases
  if (first === undefined) return null
  const other = releases.find(({ id }) => id !== first.id)
  if (other !== undefined) {
    return Halt.refusing(refuse('STATEMENT_INVALID', '15', `two releases in one offer: ${first.id} and ${other.id}`))
  }
  const { product } = observed.rule.trust
  if (first.statement.product !== product) {
    const detail = `the release is of ${first.statement.product}, not ${product}`
    return Halt.refusing(refuse('WRONG_PRODUCT', '16', detail))
  }
  const permits = gather(run.checker, observed.rule, [], nothingKnown, view.entries)
  const release = knownRelease(first.id, first.statement, knownEntries(permits, first.id))
  return { ...first, release, permits, indices: view.entries.map(({ index }) => index) }
}
