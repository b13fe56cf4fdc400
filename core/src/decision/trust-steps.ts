/**
 * Which trust statement leads on from the version in force (docs/decision.md step 10): version T+1 of this product, met by T's
 * authority and by the new one, with its body.
 */

import { toHex } from '../bytes.ts'
import { parseTrust, type Trust, TrustError } from '../release/trust.ts'
import { attempt } from './attempt.ts'
import { Halt } from './halt.ts'
import { type Proofs, relate } from './join-histories.ts'
import { credentialName, firstEntry, metAt, type Rule } from './known.ts'
import { type Material, needKey, type TrustBodyNeed } from './material.ts'
import { type Observed, stapledOf } from './observe.ts'
import { sourcesOf } from './offers.ts'
import type { Tree } from './one-history.ts'
import { refuse } from './refusal.ts'
import { isOnline, type Run } from './run.ts'
import type { KnownStatement, State } from './state.ts'
import { statementEvidence } from './statement-evidence.ts'

/** The bodies that statements met by T's authority name, by SHA-256. */
export interface Bodies {
  readonly files: ReadonlyMap<string, Trust>
  /** Those of a format unknown here. */
  readonly unknown: ReadonlySet<string>
}

export type StepFound =
  | { readonly kind: 'step'; readonly trust: Trust; readonly index: number }
  /** History may hold entries of a new authority for these statements, also before the first entry of the old one. */
  | { readonly kind: 'reread'; readonly ids: readonly string[] }
  | { readonly kind: 'none'; readonly endsAt: number | null }

interface Candidate {
  readonly statement: KnownStatement
  readonly named: NonNullable<KnownStatement['trust']>
  /** Index of its first entry, whoever signed that. */
  readonly first: number
  /** Index at which T's authority had met it. */
  readonly metAt: number
}

/** Statements of version T+1 that T's authority met, in log order. */
function candidatesOf({ trust }: Rule, state: State): Candidate[] {
  return state.known.statements
    .flatMap((statement) => {
      const named = statement.trust
      const first = firstEntry(statement.entries)
      const met = metAt(trust.authority, statement.entries)
      if (named === undefined || named.version !== trust.version + 1 || met === null || first === null) return []
      return [{ statement, named, first, metAt: met }]
    })
    .sort((a, b) => a.metAt - b.metAt)
}

/** docs/decision.md step 10: a step met by T's authority whose body cannot be had, or is not what was signed, ends the run. */
export function bodiesInReach(run: Run, state: State, observed: Observed, material: Material): Bodies | Halt {
  const files = new Map<string, Trust>()
  const unknown = new Set<string>()
  for (const { named, metAt: met } of candidatesOf(observed.rule, state)) {
    const bytes = bodyOf(run, observed, material, named)
    // A body of an unknown format ended T's reach when it was read: a client that is offline since knows that much.
    const isKnownEnd = bytes instanceof Halt && !isOnline(run) && state.trust.endsAt === met
    if (bytes instanceof Halt && !isKnownEnd) return bytes
    const read = bytes instanceof Halt ? 'unknown-format' : readBody(run, observed.rule, named, bytes)
    if (read instanceof Halt) return read
    if (read === 'unknown-format') unknown.add(named.sha256)
    else files.set(named.sha256, read)
  }
  return { files, unknown }
}

function bodyOf(
  run: Run,
  { offers, rule }: Observed,
  material: Material,
  named: Candidate['named'],
): Uint8Array | Halt {
  const { version, sha256, size } = named
  const stapled = offers.bodies.get(sha256)
  if (stapled !== undefined) return stapled
  const need: TrustBodyNeed = { kind: 'trust-body', version, sha256, size, sources: sourcesOf(rule) }
  const answer = material.answers.get(needKey(need))
  if (answer?.kind === 'trust-body') return answer.bytes
  if (answer === undefined && isOnline(run)) return Halt.needing(need)
  if (answer?.kind === 'failed' && answer.reason !== 'missing') {
    return Halt.refusing(
      refuse('TRANSPORT', '10', `trust version ${version} is logged, and could not be fetched: ${answer.detail}`),
    )
  }
  return Halt.refusing(refuse('TRUST_INVALID', '10', `trust version ${version} is logged, and its file cannot be had`))
}

function readBody(
  run: Run,
  { trust }: Rule,
  named: Candidate['named'],
  bytes: Uint8Array,
): Trust | 'unknown-format' | Halt {
  const refused = (detail: string): Halt => {
    return Halt.refusing(refuse('TRUST_INVALID', '10', `trust version ${named.version}: ${detail}`))
  }
  const { crypto } = run.checker
  if (bytes.length !== named.size) return refused(`the file has ${bytes.length} bytes, not ${named.size}`)
  if (toHex(crypto.sha256(bytes)) !== named.sha256) return refused('the file has another digest than the one signed')
  const next = attempt(
    [TrustError],
    () => parseTrust(crypto, bytes),
    (error) => error,
  )
  if (next instanceof TrustError) return next.fault === 'unknown-format' ? 'unknown-format' : refused(next.detail)
  if (next.product !== trust.product) return refused(`the file is of ${next.product}`)
  if (next.version !== named.version) return refused(`the file says version ${next.version}`)
  return next
}

/** Judges the statements that are known, once history is read as far as it is going to be. */
export function judgeSteps(
  run: Run,
  state: State,
  observed: Observed,
  material: Material,
  bodies: Bodies,
): StepFound | Halt {
  const { rule } = observed
  const candidates = candidatesOf(rule, state)
  const reread = rereadFor(run, rule, candidates, bodies)
  if (reread !== null) return reread
  const met = candidates.flatMap((candidate) => {
    const index = metByBoth(rule, bodies, candidate)
    return index === null ? [] : [{ ...candidate, index }]
  })
  const [first, ...others] = met
  if (first === undefined) return { kind: 'none', endsAt: null }
  const rival = others.find(({ named }) => named.sha256 !== first.named.sha256)
  if (rival !== undefined) return refuseRivals(run, observed, material, first, rival)
  const trust = bodies.files.get(first.named.sha256)
  if (trust === undefined) return { kind: 'none', endsAt: first.index }
  return checkReplaces(run, observed, material, first, trust) ?? { kind: 'step', trust, index: first.index }
}

/** With a body at hand whose authority has keys that T's has not, history is read again for their entries, once. */
function rereadFor(run: Run, rule: Rule, candidates: readonly Candidate[], bodies: Bodies): StepFound | null {
  if (rule.trust.history.mode !== 'complete' || !isOnline(run)) return null
  const listed = new Set(rule.trust.authority.members.map(credentialName))
  const open = candidates.filter(({ named }) => {
    const members = bodies.files.get(named.sha256)?.authority.members ?? []
    return !named.joined && members.some((member) => !listed.has(credentialName(member)))
  })
  return open.length === 0 ? null : { kind: 'reread', ids: open.map(({ statement }) => statement.id) }
}

/**
 * Where a statement that T's authority met is met by the new one too; a body of an unknown format has none that could be
 * asked. Where the new version names another log, its `from` and `until` are no indices of this one.
 */
function metByBoth(
  { trust }: Rule,
  { files, unknown }: Bodies,
  { statement, named, metAt: old }: Candidate,
): number | null {
  if (unknown.has(named.sha256)) return old
  const next = files.get(named.sha256)
  if (next === undefined) return null
  const own = metAt(next.authority, statement.entries, { foreign: next.origin !== trust.origin })
  return own === null ? null : Math.max(old, own)
}

function refuseRivals(run: Run, observed: Observed, material: Material, a: Candidate, b: Candidate): Halt {
  const sides = { kind: 'trust-fork', a: a.statement.entries, b: b.statement.entries } as const
  const evidence = statementEvidence(run, observed, material, sides)
  if (evidence instanceof Halt) return evidence
  const detail = `two trust files of version ${a.named.version} were logged: ${a.named.sha256} and ${b.named.sha256}`
  return Halt.refusing(refuse('TRUST_INVALID', '10', detail, evidence))
}

/** docs/decision.md step 3, coming from 10: `replaces` must be a prefix of the tree that holds the statement. */
function checkReplaces(
  run: Run,
  observed: Observed,
  material: Material,
  { first }: Candidate,
  next: Trust,
): Halt | null {
  const { rule, view } = observed
  if (next.origin === rule.trust.origin) return null
  const refused = (detail: string): Halt => {
    return Halt.refusing(refuse('TRUST_INVALID', '3', `trust version ${next.version} names another log, and ${detail}`))
  }
  const { replaces } = next
  if (replaces === null || replaces.origin !== rule.trust.origin)
    return refused('no tree of this one that it continues from')
  if (replaces.size > first) return refused('a tree from after the statement')
  const proofs: Proofs = { run, rule, material, stapled: stapledOf(observed.offers) }
  const older: Tree = { size: replaces.size, root: replaces.root, text: '' }
  const holders: Tree[] = [...observed.heads.filter(({ size }) => size > first), view]
  let halt: Halt | null = null
  for (const holder of holders) {
    const related = relate(proofs, older, holder)
    if (related instanceof Halt) halt = related
    else if (related.kind === 'one-history') return null
    else if (related.kind === 'fork') return refused('a tree that is not of its history')
    else halt ??= Halt.refusing(refuse(related.code, '3', related.detail))
  }
  return halt
}
