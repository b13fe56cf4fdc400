/**
 * Step 5a of docs/decision.md: a log that takes the place of T's, shown under a checkpoint that the new log's key signed and
 * T's quorum cosigned, by a trust statement that both authorities met.
 */

import { ProofError } from '../errors.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import { evaluateQuorum } from '../log/quorum.ts'
import { openLoggedEntry } from '../release/logged-entry.ts'
import { StatementError } from '../release/statement.ts'
import { parseTrust, type Replaces, type Trust, TrustError } from '../release/trust.ts'
import type { BundleView } from '../release/update-bundle.ts'
import { attempt, noteFaults } from './attempt.ts'
import { speakerOf } from './gather.ts'
import { Halt } from './halt.ts'
import { type Stapled, stapledProofs } from './join-histories.ts'
import { credentialName, metAt, type Rule } from './known.ts'
import { type ConsistencyNeed, type Material, needKey } from './material.ts'
import { type Offers, sourcesOf, viewsOf } from './offers.ts'
import { compareTrees, type Tree } from './one-history.ts'
import { refuse } from './refusal.ts'
import { isOnline, type Run } from './run.ts'
import type { KnownEntry } from './state.ts'

export interface Successor {
  readonly trust: Trust
  /** Index in the new log at which both authorities had met the statement. */
  readonly index: number
}

export interface SuccessorCase {
  readonly run: Run
  readonly rule: Rule
  readonly material: Material
  readonly offers: Offers
  /** The trees of T's log that this client holds to: the stored one, the anchor. */
  readonly held: readonly Tree[]
  readonly stapled: readonly Stapled[]
}

/** The successor that the bundles at hand show; null where they show none. */
export function findSuccessor(about: SuccessorCase): Successor | Halt | null {
  for (const { next: trust, replaces } of successorFiles(about)) {
    const index = shownAt(about, trust)
    if (index === null) continue
    return checkReplaces(about, trust, replaces) ?? { trust, index }
  }
  return null
}

/** Bodies of version T+1 that name another log and say that it replaces ours. */
function successorFiles({ run, rule: { trust }, offers }: SuccessorCase): { next: Trust; replaces: Replaces }[] {
  return [...offers.bodies.values()].flatMap((bytes) => {
    const next = readTrust(run, bytes)
    if (next === null || next.product !== trust.product || next.version !== trust.version + 1) return []
    const { replaces } = next
    if (next.origin === trust.origin || replaces === null || replaces.origin !== trust.origin) return []
    return [{ next, replaces }]
  })
}

function readTrust({ checker }: Run, bytes: Uint8Array): Trust | null {
  return attempt(
    [TrustError],
    () => parseTrust(checker.crypto, bytes),
    () => null,
  )
}

/** Where in the new log the statement is met by both authorities, under a view that T's quorum accepts; null: nowhere. */
function shownAt({ run, rule, offers }: SuccessorCase, next: Trust): number | null {
  const policy = { ...rule.trust.policy, logs: next.policy.logs }
  for (const { view } of viewsOf(offers)) {
    const signed = parsedHead(view)
    if (signed === null || signed.checkpoint.origin !== next.origin) continue
    const { logOk, satisfied } = evaluateQuorum(run.checker.crypto, policy, signed)
    if (!logOk || !satisfied) continue
    const met = metByBoth(rule.trust, next, statementEntries(run, view, signed.checkpoint, [rule.trust, next], next))
    if (met !== null) return met
  }
  return null
}

function parsedHead({ checkpoint }: BundleView): ReturnType<typeof parseSignedCheckpoint> | null {
  return attempt(
    noteFaults,
    () => parseSignedCheckpoint(checkpoint),
    () => null,
  )
}

/** Entries, by id, of statements in a view that name `next`; inclusion checked before each is read. */
function statementEntries(
  { checker }: Run,
  view: BundleView,
  tree: Pick<Tree, 'size' | 'root'>,
  listed: readonly Trust[],
  next: Trust,
): ReadonlyMap<string, KnownEntry[]> {
  const byId = new Map<string, KnownEntry[]>()
  for (const logged of view.entries) {
    const open = () => openLoggedEntry(checker.crypto, logged, tree)
    const entry = attempt([ProofError, StatementError], open, () => null)
    if (entry === null || !names(entry.statement, next)) continue
    for (const trust of listed) {
      const speaker = speakerOf(checker, trust, entry)
      if (speaker === null) continue
      byId.set(entry.id, [
        ...(byId.get(entry.id) ?? []),
        { index: logged.index, member: credentialName(speaker.member) },
      ])
    }
  }
  return byId
}

function names(statement: ReturnType<typeof openLoggedEntry>['statement'], next: Trust): boolean {
  return (
    statement.kind === 'trust' &&
    statement.product === next.product &&
    statement.version === next.version &&
    statement.sha256 === next.sha256 &&
    statement.size === next.size
  )
}

/** The entries are of the new log: T's `from` and `until` are no indices there. */
function metByBoth(trust: Trust, next: Trust, byId: ReadonlyMap<string, readonly KnownEntry[]>): number | null {
  for (const entries of byId.values()) {
    const old = metAt(trust.authority, entries, { foreign: true })
    const own = metAt(next.authority, entries)
    if (old !== null && own !== null) return Math.max(old, own)
  }
  return null
}

/**
 * The trees that this client holds to must be consistent with `replaces`, and larger ones only where an old-log view in the
 * bundle holds the statement too.
 */
function checkReplaces(about: SuccessorCase, next: Trust, replaces: Replaces): Halt | null {
  for (const tree of about.held) {
    if (tree.size > replaces.size && !isInOldLog(about, next)) {
      const detail = `the log was seen with ${tree.size} entries, past the ${replaces.size} that its successor continues from`
      return Halt.refusing(refuse('TRUST_INVALID', '5a', detail))
    }
    const halt = checkAgainst(about, tree, replaces)
    if (halt !== null) return halt
  }
  return null
}

/** Whether a view of the old log, accepted by T, holds the statement, met by T's authority. */
function isInOldLog({ run, rule, offers }: SuccessorCase, next: Trust): boolean {
  return viewsOf(offers).some(({ view }) => {
    const signed = parsedHead(view)
    if (signed === null || signed.checkpoint.origin !== rule.trust.origin) return false
    const { logOk, satisfied } = evaluateQuorum(run.checker.crypto, rule.trust.policy, signed)
    if (!logOk || !satisfied) return false
    const byId = statementEntries(run, view, signed.checkpoint, [rule.trust], next)
    return [...byId.values()].some((entries) => metAt(rule.trust.authority, entries) !== null)
  })
}

function checkAgainst(
  { run, rule, material, stapled }: SuccessorCase,
  tree: Tree,
  { origin, size, root }: Replaces,
): Halt | null {
  const final: Tree = { size, root, text: '' }
  const [older, newer] = tree.size <= size ? [tree, final] : [final, tree]
  const need: ConsistencyNeed = {
    kind: 'consistency',
    origin,
    from: older.size,
    to: newer.size,
    root: newer.root,
    sources: sourcesOf(rule),
  }
  const answer = material.answers.get(needKey(need))
  const proofs = stapledProofs(stapled, older, newer)
  if (answer?.kind === 'consistency') proofs.push(answer)
  const found = compareTrees(run.checker.crypto, older, newer, proofs)
  if (found.kind === 'one-history') return null
  const sizes = `the tree of ${tree.size} entries and the ${size} that the new log continues from`
  if (found.kind !== 'open') return Halt.refusing(refuse('TRUST_INVALID', '5a', `${sizes} are two histories`))
  if (answer === undefined && isOnline(run)) return Halt.needing(need)
  return Halt.refusing(refuse('PROOF_MISSING', '5a', `no consistency proof between ${sizes}`))
}
