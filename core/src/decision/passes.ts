/**
 * Whether a release passes its own trust file: steps 16 to 20 and 22 of docs/decision.md. The same checks serve the offer,
 * the releases that a feed may be withholding (step 23), and those who publish: a log's feed, a publisher's tools.
 */
import type { ChannelHead, Trust } from '../release/trust.ts'
import type { Resolved } from './floors.ts'
import { type Checker, gather, type IncludedLeaf } from './gather.ts'
import {
  findRelease,
  firstEntry,
  type HistoryRange,
  isWaived,
  knownEntries,
  metAt,
  metReleasesAt,
  nothingKnown,
  operatorsOf,
  type Rule,
  signedEntries,
  standingRevocation,
} from './known.ts'
import { type Refusal, refuse } from './refusal.ts'
import type { Known, KnownArtifact, KnownEntry, KnownRelease, KnownVote } from './state.ts'
import { selectTarget, type Target, type TargetWant } from './target.ts'
import { tallyOf } from './votes.ts'

type Heads = ReadonlyMap<string, ChannelHead>

/** What a release is judged by. */
export interface Basis {
  readonly rule: Rule
  /** Entries verified with their inclusion in this run: only these may permit. */
  readonly permits: Known
  /** All that is known, `permits` included: any of it may forbid. */
  readonly known: Known
  /** What was read without a gap; null in `offered` mode. */
  readonly history: HistoryRange | null
  /** Entries below this index were never read. */
  readonly readFrom: number
  /** Heads that count as met besides those of T: those of an anchor shipped with this trust version. */
  readonly anchorHeads: Heads | null
  /** Ids of the anchor's heads and open proposals. */
  readonly anchorIds: ReadonlySet<string>
  readonly installed: Resolved | null
}

/** A refusal, and which entries show it, where it stands for someone's misbehaviour. */
export interface Objection {
  readonly refusal: Refusal
  readonly shownBy: {
    readonly kind: 'equivocation' | 'mismatch'
    readonly a: readonly { readonly index: number }[]
    readonly b: readonly { readonly index: number }[]
  } | null
}

function objection(refusal: Refusal, shownBy: Objection['shownBy'] = null): Objection {
  return { refusal, shownBy }
}

/** docs/decision.md steps 17 to 20. */
export function objectTo(basis: Basis, release: KnownRelease): Objection | null {
  return (
    checkPublishers(basis, release) ??
    checkChain(basis, release) ??
    checkEquivocation(basis, release) ??
    checkRevocation(basis, release) ??
    checkAnchored(basis, release)
  )
}

/** docs/decision.md step 17. */
function checkPublishers({ rule, permits }: Basis, { id }: KnownRelease): Objection | null {
  const { publishers, version } = rule.trust
  const entries = knownEntries(permits, id)
  if (metAt(publishers, entries, { before: rule.endsAt }) !== null) return null
  if (metAt(publishers, entries) !== null) {
    const detail = `logged past index ${rule.endsAt}, where the reach of trust version ${version} ends`
    return objection(refuse('TRUST_INVALID', '17', detail))
  }
  const operators = operatorsOf(publishers, entries).size
  const detail = `signed by ${operators} of the ${publishers.threshold} publishers that it takes`
  return objection(refuse('SIGNATURE_INVALID', '17', detail))
}

/** docs/decision.md step 18. */
function checkChain(basis: Basis, release: KnownRelease): Objection | null {
  const { sequence, previous, channel } = release
  const broken = (detail: string): Objection => objection(refuse('CHAIN_BROKEN', '18', detail))
  if ((sequence === 1) !== (previous === null)) {
    return broken(
      previous === null ? `sequence ${sequence} names no release before it` : 'sequence 1 names a release before it',
    )
  }
  // T's own head needs no release before it: after a log was replaced, that one is in no log that counts.
  if (previous === null || basis.rule.trust.heads.get(channel)?.id === release.id) return null
  if (isWithinHistory(basis, release)) {
    return metBefore(basis, release).has(previous)
      ? null
      : broken(`${previous} is not the met release of sequence ${sequence - 1}`)
  }
  const { installed } = basis
  const isNext = installed?.id != null && installed.channel === channel && installed.sequence === sequence - 1
  return isNext && installed.id !== previous ? broken(`it follows ${previous}, and ${installed.id} is installed`) : null
}

/** Whether the release was met within what was read: then the one before it was too, or the anchor names it. */
function isWithinHistory({ history, permits, rule }: Basis, { id }: KnownRelease): boolean {
  const met = metAt(rule.trust.publishers, knownEntries(permits, id), { before: rule.endsAt })
  return history !== null && met !== null && met >= history.from && met < history.to
}

/** Ids that count as the met release before this one. */
function metBefore({ rule, known, anchorHeads }: Basis, { channel, sequence }: KnownRelease): ReadonlySet<string> {
  const met = metReleasesAt(rule, known, { channel, sequence: sequence - 1 }).map(({ id }) => id)
  const heads = [rule.trust.heads.get(channel), anchorHeads?.get(channel)]
  return new Set([...met, ...heads.flatMap((head) => (head?.sequence === sequence - 1 ? [head.id] : []))])
}

/** docs/decision.md step 19. */
function checkEquivocation({ rule, known }: Basis, release: KnownRelease): Objection | null {
  const rival = metReleasesAt(rule, known, release).find(({ id }) => id !== release.id)
  if (rival === undefined) return null
  const detail = `two releases of channel ${release.channel}, sequence ${release.sequence}: ${release.id} and ${rival.id}`
  const [a, b] = [entriesOf(known, release), signedEntries(rival.entries)]
  return objection(refuse('EQUIVOCATION', '19', detail), { kind: 'equivocation', a, b })
}

function entriesOf(known: Known, { id, entries }: KnownRelease): KnownEntry[] {
  return signedEntries(findRelease(known, id)?.entries ?? entries)
}

/** docs/decision.md step 20, its first sentence. */
function checkRevocation({ rule, known, history }: Basis, release: KnownRelease): Objection | null {
  const revocation = standingRevocation(rule, known, release, history)
  if (revocation === null) return null
  return objection(refuse('REVOKED', '20', `release ${release.id} is revoked by ${revocation.id}`))
}

/** docs/decision.md step 20, its second sentence. */
function checkAnchored({ rule, known, readFrom, anchorIds }: Basis, release: KnownRelease): Objection | null {
  const logged = knownEntries(known, release.id)
  const first = firstEntry([...logged, ...release.entries])
  const isHead = rule.trust.heads.get(release.channel)?.id === release.id
  if (first === null || first >= readFrom || isHead || anchorIds.has(release.id)) return null
  return objection(
    refuse('DOWNGRADE', '20', `logged at ${first}, before the anchor of size ${readFrom}, which does not name it`),
  )
}

/** What rebuilders say about a target. */
export interface Rebuilt {
  readonly objection: Objection | null
  /** Operators that rebuilt every file of the target. */
  readonly operators: readonly string[]
  /** The largest number that any file takes. */
  readonly required: number
  readonly waived: boolean
  /** Negative votes that are only told. */
  readonly told: readonly string[]
}

/** docs/decision.md step 22. */
export function checkRebuilds(basis: Basis, release: KnownRelease, { artifact, parts }: Target): Rebuilt {
  const tallies = [artifact, ...parts].map((file) => ({ file, ...tallyFile(basis, release, file) }))
  const required = Math.max(...tallies.map(({ needed }) => needed))
  const operators = tallies
    .map(({ positive }) => positive)
    .reduce((all, some) => all.filter((name) => some.includes(name)))
  const negative = tallies.flatMap(({ file, against }) =>
    against.map((name) => `${name} rebuilt ${file.name} and got other bytes`),
  )
  const told = basis.rule.trust.rebuilders.onMismatch === 'report' ? negative : []
  const against = tallies.find(({ refused }) => refused)
  if (against !== undefined) {
    const refusal = refuse('REBUILD_MISMATCH', '22', negative.join('; '))
    const a = entriesOf(basis.known, release)
    const shownBy = { kind: 'mismatch', a, b: negativeVotes(basis, release, against.file) } as const
    return { objection: objection(refusal, shownBy), operators, required, waived: false, told }
  }
  const short = tallies.find(({ positive, needed }) => positive.length < needed)
  const waived = short !== undefined && isWaived(basis.rule, basis.permits, release.id)
  if (short === undefined || waived) return { objection: null, operators, required, waived, told }
  const detail = `${short.file.name}: ${short.positive.length} of ${short.needed} rebuilders`
  return { objection: objection(refuse('REBUILD_QUORUM', '22', detail)), operators, required, waived, told }
}

/** A positive vote counts where it is verified in this run and stands over all that is known. */
function tallyFile({ rule, permits, known }: Basis, release: KnownRelease, file: KnownArtifact) {
  const verified = tallyOf(rule, permits.votes, release, file)
  const standing = tallyOf(rule, [...known.votes, ...permits.votes], release, file)
  const positive = verified.positive.filter((name) => standing.positive.includes(name))
  return { positive, against: standing.negative, needed: standing.needed, refused: standing.refused }
}

function negativeVotes({ known }: Basis, release: KnownRelease, file: KnownArtifact): KnownVote[] {
  return known.votes.filter(
    ({ release: id, name, artifact }) => id === release.id && name === file.name && artifact !== file.sha256,
  )
}

/** Steps 16 to 20 and 22 by one basis; the first refusal, or null where the release passes. */
export function objectionTo(basis: Basis, release: KnownRelease, want: TargetWant): Refusal | null {
  const found = selectTarget(basis.rule.trust.channels, release, want)
  if ('refusal' in found) return found.refusal
  return (objectTo(basis, release) ?? checkRebuilds(basis, release, found.target).objection)?.refusal ?? null
}

/** What a log's feed or a publisher's tools ask of a release. */
export interface PassQuestion extends Checker {
  readonly trust: Trust
  /** All entries of the product, or at least those of this release, its rivals, revocations, waivers and votes. */
  readonly leaves: Iterable<IncludedLeaf>
  /** Entries in [0, historyTo) are all among them; null where some may be missing. */
  readonly historyTo: number | null
  readonly id: string
  /** The artifacts that must pass; null: all of them. */
  readonly platforms: readonly string[] | null
}

/**
 * Whether a release passes its own trust file: steps 16 to 20 and 22 of docs/decision.md, for those who publish. Null: it
 * does, for each artifact asked about.
 */
export function passes(question: PassQuestion): Refusal | null {
  const { trust, leaves, historyTo, id } = question
  const rule: Rule = { trust, endsAt: null }
  const known = gather(question, rule, [], nothingKnown, leaves)
  const release = findRelease(known, id)
  if (release === null) return refuse('SIGNATURE_INVALID', '17', `no publisher signed a release ${id}`)
  const basis: Basis = {
    rule,
    permits: known,
    known,
    history: historyTo === null ? null : { from: 0, to: historyTo },
    readFrom: 0,
    anchorHeads: null,
    anchorIds: new Set(),
    installed: null,
  }
  if (!trust.channels.includes(release.channel)) {
    return refuse('WRONG_CHANNEL', '16', `${release.channel} is no channel of this trust file`)
  }
  const objected = objectTo(basis, release)
  if (objected !== null) return objected.refusal
  const targets = targetsOf(release, question.platforms)
  if (targets.length === 0) return refuse('WRONG_PLATFORM', '16', 'no artifact for the platforms asked about')
  return targets
    .map((target) => checkRebuilds(basis, release, target).objection?.refusal ?? null)
    .reduce((first, other) => first ?? other, null)
}

function targetsOf({ artifacts }: KnownRelease, platforms: readonly string[] | null): Target[] {
  return artifacts
    .filter(({ partOf, platform }) => partOf === null && (platforms === null || platforms.includes(platform)))
    .map((artifact) => ({ artifact, parts: artifacts.filter(({ partOf }) => partOf === artifact.name) }))
}
