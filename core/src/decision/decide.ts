/**
 * Steps 11 to 24 of docs/decision.md: whether the offer may be installed, and whether a feed leaves out what it should
 * offer. The first failing step, in this order, gives the code.
 */
import compareVersions from 'semver/functions/compare.js'
import type { Absorbed } from './absorb.ts'
import { clearsFloor, floorOf, isDisowned, type Resolved, resolveInstalled } from './floors.ts'
import { ageLimit, ageOf } from './freshness.ts'
import { Halt } from './halt.ts'
import { operatorsOf, standingRevocation } from './known.ts'
import type { Material } from './material.ts'
import { type Offer, openOffer } from './offer.ts'
import type { Notice, Outcome } from './outcome.ts'
import { type Basis, checkRebuilds, type Objection, objectionTo, objectTo, type Rebuilt } from './passes.ts'
import { type InstalledFlaw, type Refusal, refuse } from './refusal.ts'
import type { Run } from './run.ts'
import type { Floor, Known, KnownRelease, SignedFile, State } from './state.ts'
import { statementEvidence } from './statement-evidence.ts'
import { selectTarget, type Target } from './target.ts'
import type { Proven, Verdict } from './verdict.ts'

/** What the parts of this step look at. */
interface Bench {
  readonly run: Run
  readonly state: State
  readonly absorbed: Absorbed
  readonly material: Material
  readonly basis: Basis
  readonly installed: Resolved | null
  readonly floor: Floor | null
  readonly flaw: InstalledFlaw | null
}

/** docs/decision.md steps 11 to 24. */
export function decide(run: Run, state: State, absorbed: Absorbed, material: Material): Outcome<Verdict> {
  const bench = openBench(run, state, absorbed, material)
  const notices = noticesOf(bench)
  const stale = checkFreshness(bench) // 11
  if (stale !== null) return Halt.refusing(stale).outcome(bench.state, notices)
  const offer = openOffer(run, absorbed) // 13 to 15
  if (offer instanceof Halt) return offer.outcome(bench.state, notices)
  const outcome = offer === null ? withoutOffer(bench) : judgeOffer(bench, offer)
  return { ...outcome, notices: [...notices, ...outcome.notices] }
}

function openBench(run: Run, before: State, absorbed: Absorbed, material: Material): Bench {
  const { rule, anchor, view } = absorbed
  const installed = resolveInstalled(rule, before.known, run.installed)
  const anchorHeads = anchor?.anchor.heads ?? null
  const floor = floorOf({ rule, state: before, installed, anchorHeads, history: absorbed.history }, run.want.channel) // 12
  const basis: Basis = {
    rule,
    permits: before.known,
    known: before.known,
    history: absorbed.history,
    readFrom: before.log.read.from,
    anchorHeads: run.shipped?.sha256 === rule.trust.sha256 ? anchorHeads : null,
    anchorIds: anchorIds(before.known, absorbed),
    installed,
  }
  const state = view.q === null ? before : ripen(run, before, basis, floor)
  return {
    run,
    state,
    absorbed,
    material,
    basis: { ...basis, known: state.known },
    installed,
    floor,
    flaw: flawOf(basis),
  }
}

/** Ids of the anchor's heads and of its open proposals: all releases that it has entries of. */
function anchorIds(known: Known, { anchor }: Absorbed): ReadonlySet<string> {
  if (anchor === null) return new Set()
  const indices = new Set(anchor.anchor.entries.map(({ index }) => index))
  const open = known.releases.filter(({ entries }) => entries.some(({ index }) => indices.has(index)))
  return new Set([...open.map(({ id }) => id), ...[...anchor.anchor.heads.values()].map(({ id }) => id)])
}

/** docs/decision.md, *State*, `ripeAt`: `time` at the end of the first run in which a release would pass for this want. */
function ripen(run: Run, state: State, basis: Basis, floor: Floor | null): State {
  const releases = state.known.releases.map((release) => {
    const isNewer = release.channel === run.want.channel && clearsFloor(floor, release)
    const isRipe = isNewer && release.ripeAt === null && objectionTo(basis, release, run.want) === null
    return isRipe ? { ...release, ripeAt: state.time } : release
  })
  return { ...state, known: { ...state.known, releases } }
}

/** The end of docs/decision.md step 12. */
function flawOf({ rule, known, installed, history }: Basis): InstalledFlaw | null {
  if (installed === null || installed.id === null) return null
  const { id } = installed
  if (standingRevocation(rule, known, { id, entries: [] }, history) !== null) return 'revoked'
  return isDisowned(rule, known, id, history) ? 'disowned' : null
}

/** docs/decision.md step 11. */
function checkFreshness({ run, state, absorbed }: Bench): Refusal | null {
  const { rule, view, logSize } = absorbed
  if (view.q === null) return null
  const online = run.want.action === 'apply' ? state.staged?.want.online === true : run.want.online
  const limit = ageLimit(rule.trust.freshness, run.want, online)
  if (limit === 'none')
    return refuse('STALE', '11', 'this trust file lets no client be offline: it has no offlineMaxAge')
  const age = ageOf(run.now, state.time, view.q)
  if (limit === 'unlimited' || age <= limit) return null
  if (logSize !== null && logSize < view.size) {
    const detail = `the log answers with ${logSize} entries, and ${view.size} were seen ${age} s ago`
    return refuse('ROLLBACK_LOG', '11', detail)
  }
  return refuse(
    'STALE',
    '11',
    view.q === 0 ? 'no quorum of witnesses states a time' : `the view is ${age} s old, past ${limit} s`,
  )
}

function noticesOf({ run, state, absorbed, installed, flaw }: Bench): Notice[] {
  const { rule, view } = absorbed
  const notices: Notice[] = []
  if (view.q === null) notices.push({ code: 'no-freshness', text: 'freshness: none, nothing here is witnessed' })
  const { warnAge } = rule.trust.freshness
  if (view.q !== null && warnAge !== null && ageOf(run.now, state.time, view.q) > warnAge) {
    notices.push({ code: 'aging', text: `the view is ${ageOf(run.now, state.time, view.q)} s old` })
  }
  if (run.want.acceptStale !== null) {
    notices.push({ code: 'accept-stale', text: `views up to ${run.want.acceptStale} s old are accepted in this run` })
  }
  if (installed !== null && installed.id === null) {
    notices.push({
      code: 'installed-unknown',
      text: 'the installed release is not known here: only its version is a floor',
    })
  }
  if (flaw !== null)
    notices.push({ code: 'installed-flawed', text: `the installed release ${installed?.id} is ${flaw}` })
  return notices
}

/** docs/decision.md step 13. */
function withoutOffer(bench: Bench): Outcome<Verdict> {
  const { run, state, absorbed } = bench
  if (run.want.action === 'verify') {
    return Halt.refusing(refuse('PROOF_MISSING', '13', 'the bundle holds no release')).outcome(state, [])
  }
  const nothing = refuse('TRANSPORT', '13', 'no feed offers a release')
  if (!absorbed.complete) return Halt.refusing(nothing).outcome(state, [])
  const newer = newerThan(bench, installedSequence(bench))
  const withheld = checkWithheld(bench, newer) // 23
  if (withheld !== null) return Halt.refusing(withheld).outcome(state, waiting(bench, newer))
  const passing = newer.find((release) => objectionTo(bench.basis, release, run.want) === null)
  if (passing !== undefined) {
    const detail = `release ${passing.version} is logged, and no feed offers it`
    return Halt.refusing(refuse('TRANSPORT', '13', detail)).outcome(state, waiting(bench, newer))
  }
  return current(bench, null, waiting(bench, newer), null)
}

/** The sequence of this channel that is installed; 0 where none is, or one that is disowned. */
function installedSequence({ installed, run, flaw }: Bench): number {
  if (installed === null || installed.sequence === null || installed.channel !== run.want.channel) return 0
  return flaw === 'disowned' ? 0 : installed.sequence
}

/** docs/decision.md steps 16 to 24. */
function judgeOffer(bench: Bench, offer: Offer): Outcome<Verdict> {
  const { run, state, absorbed } = bench
  const basis = { ...bench.basis, permits: offer.permits }
  const halt = (refusal: Refusal, notices: readonly Notice[] = []): Outcome<Verdict> =>
    Halt.refusing(refusal).outcome(state, notices)
  if (bench.flaw !== null && bench.installed?.id === offer.id) return leaveInstalled(bench, offer)
  const found = selectTarget(absorbed.rule.trust.channels, offer.release, run.want) // 16
  if ('refusal' in found) return halt(found.refusal)
  const objection = objectTo(basis, offer.release) // 17 to 20
  if (objection !== null) return object(bench, objection)
  const order = checkOrder(bench, offer.release) // 21
  if (order.refusal !== null) return halt(order.refusal)
  const rebuilt = order.isCurrent ? null : checkRebuilds(basis, offer.release, found.target) // 22
  if (rebuilt?.objection != null) return object(bench, rebuilt.objection)
  const newer = run.want.action === 'verify' ? [] : newerThan(bench, offer.release.sequence)
  const notices = [...waiting(bench, newer), ...rebuiltNotices(rebuilt)]
  const withheld = checkWithheld(bench, newer) // 23
  if (withheld !== null) return halt(withheld, notices)
  if (rebuilt === null) return current(bench, offer.id, notices, offer)
  return accepted(bench, offer, found.target, rebuilt, order.isDowngrade, notices) // 24
}

/** The end of docs/decision.md step 12: an offer of what is installed, and revoked or disowned, goes to 23, then *current*. */
function leaveInstalled(bench: Bench, offer: Offer): Outcome<Verdict> {
  const newer = newerThan(bench, installedSequence(bench))
  const notices = waiting(bench, newer)
  const withheld = checkWithheld(bench, newer) // 23
  if (withheld !== null) return Halt.refusing(withheld).outcome(bench.state, notices)
  return current(bench, offer.id, notices, offer)
}

/** A refusal with its evidence, where the material for that can be had. */
function object({ run, state, absorbed, material }: Bench, { refusal, shownBy }: Objection): Outcome<Verdict> {
  const evidence = shownBy === null ? null : statementEvidence(run, absorbed, material, shownBy)
  if (evidence instanceof Halt) return evidence.outcome(state, [])
  const notices: Notice[] =
    shownBy !== null && evidence === null
      ? [{ code: 'no-evidence', text: 'the proofs for a file of evidence cannot be had in this run' }]
      : []
  return Halt.refusing({ ...refusal, evidence }).outcome(state, notices)
}

interface Order {
  readonly refusal: Refusal | null
  /** It is what is installed, or held. */
  readonly isCurrent: boolean
  readonly isDowngrade: boolean
}

/** docs/decision.md step 21. `verify` asks what the bundle proves, not what is newer. */
function checkOrder({ run, state, installed, floor }: Bench, release: KnownRelease): Order {
  const passed = { refusal: null, isCurrent: false, isDowngrade: false }
  if (run.want.action === 'verify') return passed
  const { id, version } = release
  const isNamed = run.want.downgradeTo === id || run.want.downgradeTo === version
  const isHeld = state.held.some((held) => held.id === id)
  if (installed?.id === id || (isHeld && !isNamed)) return { ...passed, isCurrent: true }
  const back = stepsBack(installed, floor, release)
  if (back === null) return passed
  if (isNamed) return { ...passed, isDowngrade: true }
  return { ...passed, refusal: refuse('DOWNGRADE', '21', back) }
}

/** Why installing a release would be a step back; null where it is none. */
function stepsBack(installed: Resolved | null, floor: Floor | null, release: KnownRelease): string | null {
  const { channel, sequence, version } = release
  if (!clearsFloor(floor, release)) {
    return `sequence ${sequence} of ${channel} is not above ${floor?.sequence}, which is ${floor?.id}`
  }
  if (installed === null || installed.version === null) return null
  const rise = compareVersions(version, installed.version)
  const isOtherChannel = installed.channel !== channel
  if (rise > 0 || (!isOtherChannel && installed.id !== null)) return null
  return `version ${version} does not rise above ${installed.version}, which is installed`
}

/** Releases of this channel with a higher sequence that are not held and no step back. */
function newerThan({ run, state, installed, floor }: Bench, sequence: number): KnownRelease[] {
  const held = new Set(state.held.map(({ id }) => id))
  return state.known.releases.filter(
    (release) =>
      release.channel === run.want.channel &&
      release.sequence > sequence &&
      stepsBack(installed, floor, release) === null &&
      !held.has(release.id),
  )
}

/** docs/decision.md step 23. Where nothing is witnessed there is no time, and no `maxLag`. */
function checkWithheld({ run, state, basis }: Bench, newer: readonly KnownRelease[]): Refusal | null {
  const { maxLag } = basis.rule.trust.freshness
  if (maxLag === null) return null
  for (const release of newer) {
    const lag = state.time - (release.ripeAt ?? state.time)
    if (lag <= maxLag || objectionTo(basis, release, run.want) !== null) continue
    return refuse('STALE', '23', `release ${release.version} could have been offered for ${lag} s, and is not`)
  }
  return null
}

/** "7 waits for 1 of 2 rebuilders". */
function waiting({ run, basis }: Bench, newer: readonly KnownRelease[]): Notice[] {
  return newer.flatMap((release) => {
    const refusal = objectionTo(basis, release, run.want)
    if (refusal?.code !== 'REBUILD_QUORUM') return []
    return [{ code: 'waiting' as const, text: `${release.version} waits for rebuilders: ${refusal.detail}` }]
  })
}

function rebuiltNotices(rebuilt: Rebuilt | null): Notice[] {
  const told: Notice[] = (rebuilt?.told ?? []).map((text) => ({ code: 'negative-vote', text }))
  if (rebuilt?.waived !== true) return told
  return [...told, { code: 'waived', text: 'the authority lets this release pass without its rebuilders' }]
}

function current(bench: Bench, id: string | null, notices: readonly Notice[], offer: Offer | null): Outcome<Verdict> {
  const state = { ...bench.state, checkedAt: bench.run.now }
  const value: Verdict = { kind: 'current', flaw: bench.flaw, id, proven: provenBy(bench, offer, null) }
  return { kind: 'done', state, notices, value }
}

/** docs/decision.md step 24. */
function accepted(
  bench: Bench,
  offer: Offer,
  target: Target,
  rebuilt: Rebuilt,
  downgrade: boolean,
  notices: readonly Notice[],
): Outcome<Verdict> {
  const { flaw, floor } = bench
  const { id, statement, indices } = offer
  const { channel, sequence, version } = statement
  const names = [target.artifact, ...target.parts].map(({ name }) => name)
  const files = names.flatMap((name) =>
    statement.artifacts.filter((artifact) => artifact.name === name).map(signedFile),
  )
  const proven = provenBy(bench, offer, rebuilt)
  const extra: Notice[] = downgrade ? [{ code: 'downgrade', text: `stepping back to ${version} was asked for` }] : []
  return {
    kind: 'done',
    state: { ...bench.state, checkedAt: bench.run.now },
    notices: [...notices, ...extra],
    value: { kind: 'accepted', flaw, floor, id, channel, sequence, version, files, indices, downgrade, proven },
  }
}

function signedFile({ name, size, sha256, mediaType }: SignedFile): SignedFile {
  return { name, size, sha256, mediaType }
}

function provenBy({ run, state, absorbed }: Bench, offer: Offer | null, rebuilt: Rebuilt | null): Proven {
  const { rule, view, history, consistentFrom } = absorbed
  const { publishers, policy, forkCost, origin } = rule.trust
  const operators =
    offer === null ? null : [...operatorsOf(publishers, offer.release.entries, { before: rule.endsAt }).keys()]
  return {
    publishers: operators === null ? null : { operators: operators.sort(), threshold: publishers.threshold },
    log: { origin, size: view.size },
    witnesses: { names: view.witnesses, of: new Set(policy.witnesses.map(({ key }) => key.name)).size, forkCost },
    rebuilders:
      rebuilt === null ? null : { operators: rebuilt.operators, required: rebuilt.required, waived: rebuilt.waived },
    consistentFrom,
    history: { completeTo: history?.to ?? null, offeredTo: view.size },
    age: view.q === null || view.q === 0 ? null : ageOf(run.now, state.time, view.q),
  }
}
