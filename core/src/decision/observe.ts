/**
 * Steps 3 to 8 of docs/decision.md: which trust file rules, which heads it accepts, whether they are one history, and which
 * of them is the view. Knowledge goes into the state as soon as it is verified, also when the run ends here.
 */

import { fromUtf8, utf8 } from '../bytes.ts'
import { openCheckpoint, parseSignedCheckpoint, type SignedCheckpoint } from '../log/checkpoint.ts'
import { evaluateQuorum } from '../log/quorum.ts'
import type { Anchor } from '../release/anchor.ts'
import { formatEvidence, parseEvidence } from '../release/evidence.ts'
import { attempt, noteFaults } from './attempt.ts'
import { Halt } from './halt.ts'
import { type Candidate, type DroppedHead, type Head, judgeHead, textOf } from './heads.ts'
import { type Fork, type Joined, joinHistories, type Proofs, relate, type Stapled } from './join-histories.ts'
import type { Rule } from './known.ts'
import { type HeadsNeed, type Material, needKey } from './material.ts'
import { nextStepNeed, type Offers, openOffers, sourcesOf, viewsOf } from './offers.ts'
import type { Tree } from './one-history.ts'
import type { Notice, Outcome } from './outcome.ts'
import { refuse } from './refusal.ts'
import { isOnline, type Run } from './run.ts'
import type { State } from './state.ts'
import { findSuccessor } from './successor.ts'
import { adoptTrust, trustInForce } from './trust-in-force.ts'

/** Trust steps in one run at most (docs/formats.md §2). */
export const MAX_TRUST_STEPS = 32

/** An anchor of the log in force, signed by that log. */
export interface OpenAnchor {
  readonly anchor: Anchor
  readonly tree: Tree
}

/** The newest tree, by which everything else is judged. */
export interface View extends Tree {
  /** Quorum time, 0 where the quorum states none; null with `quorum none`. */
  readonly q: number | null
  /** Key names of the witnesses that cosigned it. */
  readonly witnesses: readonly string[]
}

export interface Observed {
  readonly rule: Rule
  readonly offers: Offers
  readonly anchor: OpenAnchor | null
  /** Heads that are one history, in order of size: good for inclusion. */
  readonly heads: readonly Head[]
  readonly dropped: readonly DroppedHead[]
  readonly view: View
  /** Size that the log itself answered with, where that head survived. */
  readonly logSize: number | null
  /** Sizes of the trees that the view was shown to extend: the stored one, the anchor's. */
  readonly consistentFrom: readonly number[]
}

/** docs/decision.md steps 3 to 8. */
export function observe(run: Run, state: State, material: Material): Outcome<Observed> {
  const ruling = trustInForce(run.checker.crypto, run.shipped, state) // 3
  if (ruling.kind === 'stopped') return { kind: 'stopped', state, notices: [], refusal: ruling.refusal }
  const { rule } = ruling
  const found = openOffers(run, ruling.state, rule, material)
  if (found instanceof Halt && found.refusal === null) return found.outcome(ruling.state, [])
  const offers = found instanceof Halt ? noOffers : found
  const anchor = openAnchor(run, rule)
  if (anchor instanceof Halt) return anchor.outcome(ruling.state, [])
  const scene: Scene = { run, rule, state: ruling.state, material, offers, anchor, stored: storedTree(ruling.state) }

  const successor = findSuccessor({ ...scene, held: fixedTrees(scene), stapled: stapledOf(offers) }) // 5a, before 4
  if (successor instanceof Halt) return successor.outcome(ruling.state, [])
  if (successor !== null) {
    const { trust, index } = successor
    if (trust.version - run.firstVersion > MAX_TRUST_STEPS) return tooManySteps().outcome(ruling.state, [])
    return observe(run, adoptTrust(ruling.state, rule.trust, trust, { origin: trust.origin, index }), material)
  }
  const stop = checkStops(scene) ?? (found instanceof Halt ? found : null) // 4, then the caps of 5
  if (stop !== null) return stop.outcome(ruling.state, [])
  return observeHeads(scene)
}

/** docs/decision.md step 10: at most 32 a run, and the next run goes on from there. */
export function tooManySteps(): Halt {
  return Halt.refusing(refuse('TRUST_INVALID', '10', `more than ${MAX_TRUST_STEPS} trust versions in one run`))
}

/** What the parts of this step look at. */
interface Scene {
  readonly run: Run
  readonly rule: Rule
  readonly state: State
  readonly material: Material
  readonly offers: Offers
  readonly anchor: OpenAnchor | null
  readonly stored: SignedCheckpoint | null
}

const noOffers: Offers = { offer: null, steps: [], bodies: new Map() }

/** The anchor, where it is of T's log. Its checkpoint needs the log's signature only (docs/formats.md §2). */
export function openAnchor({ anchor, checker }: Run, { trust }: Rule): OpenAnchor | Halt | null {
  if (anchor === null) return null
  const opened = (): OpenAnchor | null => {
    if (parseSignedCheckpoint(anchor.checkpoint).checkpoint.origin !== trust.origin) return null
    const { checkpoint, text } = openCheckpoint(checker.crypto, anchor.checkpoint, [trust.log.key], trust.origin)
    return { anchor, tree: { size: checkpoint.size, root: checkpoint.root, text } }
  }
  return attempt(noteFaults, opened, ({ message }) =>
    Halt.refusing(refuse('TRUST_INVALID', '1', `the anchor: ${message}`)),
  )
}

function storedTree({ log }: State): SignedCheckpoint | null {
  return log.tree === null ? null : parseSignedCheckpoint(log.tree)
}

/** The trees that every head is held against: the stored one and the anchor's. */
function fixedTrees({ stored, anchor }: Scene): Tree[] {
  const kept =
    stored === null ? [] : [{ size: stored.checkpoint.size, root: stored.checkpoint.root, text: stored.text }]
  return anchor === null ? kept : [...kept, anchor.tree]
}

/** docs/decision.md step 4. */
function checkStops({ run, rule, state, material }: Scene): Halt | null {
  const { convicted } = state.log
  if (convicted !== null) {
    const need = nextStepNeed(run, rule)
    if (isOnline(run) && !material.answers.has(needKey(need))) return Halt.needing(need)
    const evidence = parseEvidence(utf8(convicted.evidence))
    return Halt.refusing(refuse('FORK', '4', `this log stands convicted: ${convicted.detail}`, evidence))
  }
  const { clockSkew } = rule.trust.freshness
  if (run.now + clockSkew >= state.time) return null
  const detail = `the clock is ${state.time - run.now} s behind the time that witnesses have stated`
  return Halt.refusing(refuse('CLOCK', '4', detail))
}

/** docs/decision.md steps 5 to 8. */
function observeHeads(scene: Scene): Outcome<Observed> {
  const { run, rule, state, material } = scene
  const candidates = gatherCandidates(scene)
  if (candidates instanceof Halt) return candidates.outcome(state, [])
  const { heads, dropped } = judgeAll(run, rule, candidates)
  if (isOnline(run) && dropped.some(({ source, aside }) => source === 'log' && aside)) {
    const need = nextStepNeed(run, rule)
    if (!material.answers.has(needKey(need))) return Halt.needing(need).outcome(state, noticesOf(dropped))
  }
  const early = heads.map((head) => checkTime(scene, head)).find((halt) => halt !== null)
  if (early !== undefined) return early.outcome(state, noticesOf(dropped))
  const proofs: Proofs = { run, rule, material, stapled: stapledOf(scene.offers) }
  const joined = joinHistories(proofs, fixedTrees(scene), heads) // 6
  if (joined instanceof Halt) return joined.outcome(state, noticesOf(dropped))
  if ('fork' in joined) return convict(state, joined.fork)
  return chooseView(scene, proofs, { ...joined, dropped: [...dropped, ...joined.dropped] })
}

/** The heads of the live log and mirrors, and those of the bundles. */
function gatherCandidates({ run, rule, material, offers }: Scene): Candidate[] | Halt {
  const stapled = viewsOf(offers).map(({ source, view }) => ({ source, text: view.checkpoint, view }))
  if (!isOnline(run)) return stapled
  const need: HeadsNeed = { kind: 'heads', origin: rule.trust.origin, sources: sourcesOf(rule) }
  const answer = material.answers.get(needKey(need))
  if (answer === undefined) return Halt.needing(need)
  const live = answer.kind === 'heads' ? answer.heads : []
  return [...live.map(({ source, bytes }) => ({ source, text: textOf(bytes), view: null })), ...stapled]
}

/** docs/decision.md step 5. */
function judgeAll(
  { checker }: Run,
  { trust }: Rule,
  candidates: readonly Candidate[],
): { heads: Head[]; dropped: DroppedHead[] } {
  const heads: Head[] = []
  const dropped: DroppedHead[] = []
  for (const candidate of candidates) {
    const judged = judgeHead(checker.crypto, trust.policy, candidate)
    if (judged.kind === 'accepted') heads.push(judged.head)
    else dropped.push(judged.dropped)
  }
  return { heads, dropped }
}

/** docs/decision.md step 5: a head from the future is a clock that is wrong, whichever of the two. */
function checkTime({ run, rule }: Scene, { q }: Head): Halt | null {
  if (q === null || q <= run.now + rule.trust.freshness.clockSkew) return null
  const detail = `a checkpoint is dated ${q - run.now} s ahead of the clock`
  return Halt.refusing(refuse('CLOCK', '5', detail))
}

/** The trees of bundle views, with the proofs stapled to them. */
export function stapledOf(offers: Offers): Stapled[] {
  return viewsOf(offers).flatMap(({ view }) => {
    const tree = attempt(
      noteFaults,
      () => parseSignedCheckpoint(view.checkpoint).checkpoint,
      () => null,
    )
    return tree === null ? [] : [{ tree, consistency: view.consistency }]
  })
}

/** FORK: the log stands convicted from now on. */
function convict(state: State, { detail, evidence }: Fork): Outcome<never> {
  const convicted = { detail, evidence: fromUtf8(formatEvidence(evidence)) }
  const next = { ...state, log: { ...state.log, convicted } }
  return { kind: 'stopped', state: next, notices: [], refusal: refuse('FORK', '6', detail, evidence) }
}

function noticesOf(dropped: readonly DroppedHead[]): Notice[] {
  return dropped.map(({ source, code, detail }) => ({ code: 'heads-dropped', text: `${source}: ${code}, ${detail}` }))
}

/** docs/decision.md steps 7 and 8, after the last of 5: none left. */
function chooseView(scene: Scene, proofs: Proofs, { survivors, dropped }: Joined): Outcome<Observed> {
  const { state, anchor, rule, offers } = scene
  const notices = noticesOf(dropped)
  const largest = survivors.at(-1)
  if (largest === undefined) return noneLeft(scene, dropped).outcome(state, notices)
  const anchored = anchorAsHead(scene, proofs, largest)
  if (anchored instanceof Halt) return anchored.outcome(state, notices)
  if (anchored !== null && 'fork' in anchored) return convict(state, anchored.fork)
  const early = anchored === null ? null : checkTime(scene, anchored)
  if (early !== null) return early.outcome(state, notices)
  const views: View[] = [...survivors, ...storedView(scene), ...(anchored === null ? [] : [anchored])]
  const view = views.reduce((best, other) => (isNewer(other, best) ? other : best))
  if (anchor !== null && view.size < anchor.tree.size) {
    const detail = `the view has ${view.size} entries, fewer than the ${anchor.tree.size} of the anchor`
    return Halt.refusing(refuse('STALE', '7', detail)).outcome(state, notices)
  }
  const { began } = scene.run
  const stored = began.origin === rule.trust.origin && began.size !== null ? [began.size] : []
  const consistentFrom = [...new Set([...stored, ...(anchor === null ? [] : [anchor.tree.size])])].sort((a, b) => a - b)
  const own = survivors.filter(({ source }) => source === 'log').at(-1)
  const value: Observed = {
    rule,
    offers,
    anchor,
    heads: survivors,
    dropped,
    view,
    logSize: own?.size ?? null,
    consistentFrom,
  }
  return { kind: 'done', state: remember(scene, view), notices, value }
}

/** The end of docs/decision.md step 5. */
function noneLeft({ offers }: Scene, dropped: readonly DroppedHead[]): Halt {
  const last = dropped.filter(({ source }) => source === 'offer').at(-1)
  if (offers.offer === null || last === undefined) {
    return Halt.refusing(refuse('TRANSPORT', '5', 'no source gave a checkpoint that can be judged'))
  }
  return Halt.refusing(
    refuse(last.code, last.code === 'CHECKPOINT_INVALID' || last.code === 'WITNESS_QUORUM' ? '5' : '6', last.detail),
  )
}

/** A larger tree, or the same one with a newer time. */
function isNewer(a: View, b: View): boolean {
  return a.size > b.size || (a.size === b.size && (a.q ?? 0) > (b.q ?? 0))
}

function storedView({ run, rule, state, stored }: Scene): View[] {
  if (stored === null) return []
  const { cosigners } = evaluateQuorum(run.checker.crypto, rule.trust.policy, stored)
  const witnesses = [...new Set(cosigners.map(({ witness }) => witness.key.name))]
  const { size, root } = stored.checkpoint
  return [
    { size, root, text: stored.text, q: rule.trust.policy.quorum === 'none' ? null : (state.log.q ?? 0), witnesses },
  ]
}

/** The anchor as a view: only where T's quorum accepts it, it is larger than all others, and extends the stored tree. */
function anchorAsHead(
  { run, rule, anchor, stored }: Scene,
  proofs: Proofs,
  largest: Head,
): Head | Halt | { fork: Fork } | null {
  if (anchor === null || anchor.tree.size <= Math.max(largest.size, stored?.checkpoint.size ?? 0)) return null
  const judged = judgeHead(run.checker.crypto, rule.trust.policy, {
    source: 'anchor',
    text: anchor.tree.text,
    view: null,
  })
  if (judged.kind === 'dropped') return null
  if (stored === null) return judged.head
  const { size, root } = stored.checkpoint
  const related = relate(proofs, { size, root, text: stored.text }, judged.head)
  if (related instanceof Halt) return related
  if (related.kind === 'fork') return { fork: related.fork }
  return related.kind === 'one-history' ? judged.head : null
}

/** docs/decision.md step 8. History begins at the anchor, or at nothing. */
function remember({ state, anchor }: Scene, { text, q }: View): State {
  const { log } = state
  const start = anchor?.tree.size ?? 0
  const read = log.tree === null && log.read.to === 0 ? { from: start, to: start } : log.read
  return { ...state, time: Math.max(state.time, q ?? 0), log: { ...log, tree: text, q, read } }
}
