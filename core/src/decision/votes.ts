/** Known votes as the release room counts them (docs/formats.md §1; docs/decision.md step 22). */
import { validAt } from '../release/members.ts'
import { bearing, type Tally, tally, type Vote, type VotedArtifact } from '../release/votes.ts'
import { credentialName, type Rule } from './known.ts'
import type { KnownArtifact, KnownRelease, KnownVote } from './state.ts'

/** The votes of valid rebuilders under T; operators that also publish never count, either way. */
function countedVotes({ trust }: Rule, votes: readonly KnownVote[]): Vote[] {
  const publishers = new Set(trust.publishers.members.map(({ operator }) => operator))
  const members = new Map(trust.rebuilders.members.map((member) => [credentialName(member), member]))
  return votes.flatMap(({ member: name, artifact: sha256, ...vote }) => {
    const member = members.get(name)
    if (member === undefined || publishers.has(member.operator) || !validAt(member, vote.index)) return []
    return [{ ...vote, sha256, operator: member.operator, product: trust.product }]
  })
}

/**
 * How the votes stand about one artifact. Past the end of T's reach nothing speaks for a release; what speaks against it
 * still does.
 */
export function tallyOf(
  rule: Rule,
  votes: readonly KnownVote[],
  release: KnownRelease,
  artifact: KnownArtifact,
): Tally {
  const voted: VotedArtifact = { ...artifact, product: rule.trust.product, release: release.id }
  const { endsAt } = rule
  const within = countedVotes(rule, votes).filter(
    (vote) => endsAt === null || vote.index < endsAt || bearing(vote, voted) !== 'positive',
  )
  return tally(rule.trust, voted, within)
}
