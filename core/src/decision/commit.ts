/**
 * Steps 24 and 25 of docs/decision.md, as far as they are knowledge and not I/O: what is staged, restated under the stored
 * view, and what changes once a swap has succeeded or failed.
 */
import { fromUtf8, utf8 } from '../bytes.ts'
import { parseSignedCheckpoint } from '../log/checkpoint.ts'
import type { LoggedEntry } from '../release/logged-entry.ts'
import { type ConsistencyProof, formatUpdateBundle, parseUpdateBundle } from '../release/update-bundle.ts'
import { Halt } from './halt.ts'
import { inclusionFault } from './inclusion.ts'
import { type Stapled, stapledProofs } from './join-histories.ts'
import type { Rule } from './known.ts'
import { type ConsistencyNeed, type InclusionNeed, type Material, needKey } from './material.ts'
import { openAnchor, stapledOf } from './observe.ts'
import { openOffers, sourcesOf } from './offers.ts'
import { compareTrees, type OfferedProof, type Tree } from './one-history.ts'
import type { Outcome } from './outcome.ts'
import { refuse } from './refusal.ts'
import { isOnline, type Run } from './run.ts'
import type { Held, InstallRecord, PreviousInstall, Staged, State } from './state.ts'
import { trustInForce } from './trust-in-force.ts'
import type { Accepted } from './verdict.ts'

/** docs/decision.md step 24, once the files are fetched and hashed: the offer under the stored view, kept in the state. */
export function stage(run: Run, state: State, accepted: Accepted, material: Material): Outcome<null> {
  const ruling = trustInForce(run.checker.crypto, run.shipped, state)
  if (ruling.kind === 'stopped') return Halt.refusing(ruling.refusal).outcome(state, [])
  const offers = openOffers(run, state, ruling.rule, material)
  if (offers instanceof Halt) return offers.outcome(state, [])
  const view = offers.offer?.views.at(-1)
  if (view === undefined) return Halt.refusing(refuse('PROOF_MISSING', '24', 'the offer is gone')).outcome(state, [])
  const entries = view.entries.filter(({ index }) => accepted.indices.includes(index))
  const bundle = restate({ run, state, rule: ruling.rule, material, stapled: stapledOf(offers) }, entries)
  if (bundle instanceof Halt) return bundle.outcome(state, [])
  const { id, channel, sequence, version, files } = accepted
  const { platform, artifact, mediaType, online, downgradeTo } = run.want
  const want = { platform, artifact, mediaType, online, downgradeTo }
  const staged: Staged = { id, channel, sequence, version, files, bundle, want }
  return { kind: 'done', state: { ...state, staged }, notices: [], value: null }
}

/**
 * docs/decision.md step 24: a check that moved the tree renews what is staged. Where that fails, it stays as it was, and
 * is not applied before a later run renews it.
 */
export function renew(run: Run, state: State, material: Material): Outcome<null> {
  const done: Outcome<null> = { kind: 'done', state, notices: [], value: null }
  if (state.staged === null) return done
  const [view] = parseUpdateBundle(utf8(state.staged.bundle)).views
  if (view === undefined || view.checkpoint === state.log.tree) return done
  const ruling = trustInForce(run.checker.crypto, run.shipped, state)
  if (ruling.kind === 'stopped') return Halt.refusing(ruling.refusal).outcome(state, [])
  const bundle = restate({ run, state, rule: ruling.rule, material, stapled: [] }, view.entries)
  if (bundle instanceof Halt) return bundle.outcome(state, [])
  return { ...done, state: { ...state, staged: { ...state.staged, bundle } } }
}

interface Scene {
  readonly run: Run
  readonly state: State
  readonly rule: Rule
  readonly material: Material
  readonly stapled: readonly Stapled[]
}

/** One view, the stored tree, with these entries and with the proof that it extends the anchor. */
function restate(scene: Scene, entries: readonly LoggedEntry[]): string | Halt {
  const { state } = scene
  if (state.log.tree === null) return Halt.refusing(refuse('PROOF_MISSING', '24', 'no tree is stored'))
  const { checkpoint, text } = parseSignedCheckpoint(state.log.tree)
  const tree: Tree = { size: checkpoint.size, root: checkpoint.root, text }
  const included = restateEntries(scene, entries, tree)
  const consistency = restateAnchor(scene, tree)
  const needs = [included, consistency].flatMap((part) => (part instanceof Halt ? part.needs : []))
  if (needs.length > 0) return Halt.needing(...needs)
  if (included instanceof Halt) return included
  if (consistency instanceof Halt) return consistency
  return fromUtf8(formatUpdateBundle({ views: [{ checkpoint: text, consistency, entries: included }], trust: [] }))
}

function cannot(run: Run, detail: string): Halt {
  return Halt.refusing(refuse(isOnline(run) ? 'TRANSPORT' : 'PROOF_MISSING', '24', detail))
}

function restateEntries(
  { run, rule, material }: Scene,
  entries: readonly LoggedEntry[],
  tree: Tree,
): LoggedEntry[] | Halt {
  const { crypto } = run.checker
  if (entries.every((entry) => inclusionFault(crypto, entry, tree) === null)) return [...entries]
  const indices = entries.map(({ index }) => index)
  const { size, root } = tree
  const need: InclusionNeed = {
    kind: 'inclusion',
    origin: rule.trust.origin,
    indices,
    size,
    root,
    sources: sourcesOf(rule),
  }
  const answer = material.answers.get(needKey(need))
  if (answer === undefined && isOnline(run)) return Halt.needing(need)
  const found = answer?.kind === 'inclusion' ? answer.entries : []
  const restated = found
    .map(({ index, entry: leaf, inclusion }) => ({ index, inclusion, leaf }))
    .filter((entry) => indices.includes(entry.index) && inclusionFault(crypto, entry, tree) === null)
  const isWhole = indices.every((index) => restated.some((entry) => entry.index === index))
  return isWhole ? restated : cannot(run, `the inclusion of the update under the tree of ${size} cannot be had`)
}

/** The anchor is held against every head, at apply too: where it is older than the view, that takes a proof. */
function restateAnchor({ run, rule, material, stapled }: Scene, tree: Tree): ConsistencyProof[] | Halt {
  const anchor = openAnchor(run, rule)
  if (anchor instanceof Halt) return anchor
  if (anchor === null || anchor.tree.size === 0 || anchor.tree.size >= tree.size) return []
  const { size: from } = anchor.tree
  const { size: to, root } = tree
  const need: ConsistencyNeed = {
    kind: 'consistency',
    origin: rule.trust.origin,
    from,
    to,
    root,
    sources: sourcesOf(rule),
  }
  const answer = material.answers.get(needKey(need))
  const proofs: OfferedProof[] = stapledProofs(stapled, anchor.tree, tree)
  if (answer?.kind === 'consistency') proofs.push(answer)
  const good = proofs.find(
    (proof) => compareTrees(run.checker.crypto, anchor.tree, tree, [proof]).kind === 'one-history',
  )
  if (good !== undefined) return [{ from, proof: good.proof }]
  if (answer === undefined && isOnline(run)) return Halt.needing(need)
  return cannot(run, `the proof from the anchor's ${from} entries to ${to} cannot be had`)
}

export interface Applied {
  readonly state: State
  /** To be written in the same journal step as the swap. */
  readonly record: InstallRecord
}

/**
 * docs/decision.md step 25, success. A step back keeps the floor and holds the release that it left; otherwise the release
 * is the floor. `replaced`: what was installed until now; null for a first install.
 */
export function applied(state: State, accepted: Accepted, replaced: PreviousInstall | null): Applied {
  const { id, channel, sequence, version, files, downgrade, floor } = accepted
  const [artifact] = files
  if (artifact === undefined) throw new TypeError('a release without an artifact was applied')
  const left: Held[] = downgrade && replaced !== null ? [{ id: replaced.id, reason: 'stepped-back' }] : []
  const held = [...state.held.filter((other) => other.id !== id && other.id !== replaced?.id), ...left]
  const kept = downgrade ? floor : { sequence, id }
  const floors = kept === null ? state.floors : new Map(state.floors).set(channel, kept)
  const record: InstallRecord = {
    product: state.product,
    channel,
    id,
    sequence,
    version,
    sha256: artifact.sha256,
    trustVersion: state.trust.version,
  }
  return { state: { ...state, floors, held, previous: replaced, staged: null }, record }
}

/** docs/decision.md step 25, failure: the new id is held, the floor unchanged. */
export function rolledBack(state: State, id: string): State {
  const held: Held[] = [...state.held.filter((other) => other.id !== id), { id, reason: 'failed' }]
  return { ...state, held, staged: null }
}
