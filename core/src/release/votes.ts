/**
 * Rebuilders' votes (docs/formats.md §1). A logged rebuild says what one operator got from one source, recipe and image;
 * whether that speaks for an artifact of a release, against it, or not at all is decided here.
 *
 * | the vote                                                                    | for this artifact it is |
 * |-----------------------------------------------------------------------------|-------------------------|
 * | names the artifact's SHA-256, and its product, source, recipe and image     | positive                |
 * | names this release, and under the artifact's name another SHA-256           | negative                |
 * | anything else; a host build; a vote by an operator of `publishers`           | nothing                 |
 *
 * So an artifact without a build has no positive votes. Per operator, release and artifact the vote with the highest index counts, so that a vote can be taken back.
 */
import { validAt } from './members.ts'
import { type Artifact, buildOf, buildTypes, type RebuildStatement, type ReleaseStatement } from './predicates.ts'
import { memberOf } from './roles.ts'
import type { Trust } from './trust.ts'

/** One subject of a logged rebuild, of an operator whose vote counts. */
export interface Vote {
  readonly index: number
  readonly operator: string
  readonly product: string
  /** Id of the release that was rebuilt, or null. */
  readonly release: string | null
  /** The subject's name, and what the rebuilder got. */
  readonly name: string
  readonly sha256: string
  /** `source.sha256` */
  readonly source: string
  readonly recipeDigest: string
  readonly imageDigest: string
}

/**
 * The votes of a logged rebuild whose signature by `memberId` has been verified: one a subject, or none where it is no
 * vote at all. `index` is that of its entry in the log of `trust`.
 */
export function votesOf(trust: Trust, statement: RebuildStatement, index: number, memberId: string): readonly Vote[] {
  const signatory = memberOf(trust, memberId)
  if (signatory?.role !== 'rebuilders' || !validAt(signatory.member, index)) return []
  const { operator } = signatory.member
  if (isPublisher(trust, operator) || statement.buildType !== buildTypes.container) return []
  const { product, release = null, source, recipeDigest, imageDigest } = statement
  return statement.subjects.map(({ name, sha256 }) => {
    return { index, operator, product, release, name, sha256, source: source.sha256, recipeDigest, imageDigest }
  })
}

function isPublisher(trust: Trust, operator: string): boolean {
  return trust.publishers.members.some((member) => member.operator === operator)
}

/** A release, as far as votes about one of its artifacts are concerned. Null digests: it has no build. */
export interface VotedArtifact {
  readonly product: string
  readonly release: string
  readonly name: string
  readonly platform: string
  readonly sha256: string
  readonly source: string | null
  readonly recipeDigest: string | null
  readonly imageDigest: string | null
}

/** What a release says about one of its artifacts, as {@link tally} asks for it. */
export function votedArtifact(id: string, statement: ReleaseStatement, artifact: Artifact): VotedArtifact {
  const build = buildOf(statement, artifact.name)
  return {
    product: statement.product,
    release: id,
    name: artifact.name,
    platform: artifact.platform,
    sha256: artifact.sha256,
    source: build?.source.sha256 ?? null,
    recipeDigest: build?.recipeDigest ?? null,
    imageDigest: build?.imageDigest ?? null,
  }
}

/** What one vote says about one artifact. */
export function bearing(vote: Vote, artifact: VotedArtifact): 'positive' | 'negative' | 'none' {
  if (vote.product !== artifact.product) return 'none'
  if (vote.sha256 !== artifact.sha256) {
    return vote.release === artifact.release && vote.name === artifact.name ? 'negative' : 'none'
  }
  const bound =
    vote.source === artifact.source &&
    vote.recipeDigest === artifact.recipeDigest &&
    vote.imageDigest === artifact.imageDigest
  return bound ? 'positive' : 'none'
}

/** How the votes stand about one artifact. Operators are sorted. */
export interface Tally {
  readonly positive: readonly string[]
  readonly negative: readonly string[]
  /** Operators that must have rebuilt it. */
  readonly needed: number
  /** Enough positive votes stand. A met waiver may stand in for that. */
  readonly enough: boolean
  /** A negative vote stands, and the trust file says that one stops the release. No waiver lifts that. */
  readonly refused: boolean
}

/** Counts the votes about an artifact. */
export function tally(trust: Trust, artifact: VotedArtifact, votes: Iterable<Vote>): Tally {
  const standing = new Map<string, { readonly index: number; readonly says: 'positive' | 'negative' }>()
  for (const vote of standingVotes(votes)) {
    const says = bearing(vote, artifact)
    if (says === 'none') continue
    const other = standing.get(vote.operator)
    const later = other === undefined || vote.index > other.index
    const tied = other?.index === vote.index && says === 'negative'
    if (later || tied) standing.set(vote.operator, { index: vote.index, says })
  }
  const operators = (wanted: 'positive' | 'negative') =>
    [...standing].flatMap(([operator, { says }]) => (says === wanted ? [operator] : [])).sort()
  const positive = operators('positive')
  const negative = operators('negative')
  const needed = rebuildersNeeded(trust, artifact.platform)
  const refused = negative.length > 0 && trust.rebuilders.onMismatch === 'refuse'
  return { positive, negative, needed, enough: positive.length >= needed, refused }
}

/**
 * The votes that still stand: per operator, release and name the one with the highest index. A vote that names no release is one for
 * bytes, so that it is replaced only by another for the same bytes.
 */
export function standingVotes(votes: Iterable<Vote>): readonly Vote[] {
  const standing = new Map<string, Vote>()
  for (const vote of votes) {
    const { operator, product, release, name, sha256 } = vote
    const key = JSON.stringify([operator, product, release, release === null ? sha256 : name])
    const other = standing.get(key)
    if (other === undefined || vote.index > other.index) standing.set(key, vote)
  }
  return [...standing.values()]
}

/** How many operators must have rebuilt an artifact of this platform. */
export function rebuildersNeeded(trust: Trust, platform: string): number {
  return trust.rebuilders.platforms.get(platform) ?? trust.rebuilders.threshold
}
