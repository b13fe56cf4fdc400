/** The kinds of evidence about statements: what the publishers, the authority or a rebuilder signed (docs/formats.md §5). */

import { equalBytes } from '../bytes.ts'
import type { Crypto } from '../crypto.ts'
import { checkInclusion } from '../log/merkle.ts'
import { requireQuorum } from '../log/quorum.ts'
import { parseTlogProof } from '../log/tlog-proof.ts'
import { type Entry, parseEntry } from './entry.ts'
import type { StatementEvidence } from './evidence.ts'
import { type Finding, NotProven, witnessSentence } from './finding.ts'
import type { IdentityVerifier } from './identity.ts'
import type { ReleaseStatement, Statement } from './predicates.ts'
import { type CountedSignature, isMet, isReleaseMet, signerOf } from './roles.ts'
import type { Role, Trust } from './trust.ts'
import { bearing, votedArtifact, votesOf } from './votes.ts'

/** One side: a statement, and who signed which entry of it. */
interface Side {
  readonly id: string
  readonly statement: Statement
  readonly signatures: readonly (CountedSignature & { readonly role: Role; readonly index: number })[]
  /** Key names of the witnesses under each of its checkpoints. */
  readonly witnesses: readonly string[]
  /** Entries of the largest tree that it is shown in. */
  readonly size: number
}

/**
 * Judges evidence about statements under the checker's own trust file: the checkpoints must be accepted by its policy, since only the log's
 * order says which keys were valid. Throws {@link NotProven}, ProofError, FormatError, NoteError.
 */
export function checkStatementEvidence(
  crypto: Crypto,
  evidence: StatementEvidence,
  trust: Trust,
  identities: IdentityVerifier | undefined,
): Finding {
  if (evidence.origin !== trust.origin) throw new NotProven('it is about another log than that of the trust file')
  const split = evidence.a.length
  const a = openSide(crypto, trust, evidence.a, evidence.leaves.slice(0, split), identities)
  const b = openSide(crypto, trust, evidence.b, evidence.leaves.slice(split), identities)
  const finding = judges[evidence.kind](trust, a, b)
  const bothSides = a.witnesses.filter((name) => b.witnesses.includes(name))
  const recorded = equalBytes(evidence.trust, trust.bytes)
    ? []
    : ['It was recorded under another trust file than the one it was checked with.']
  return {
    verdict: 'convicts',
    ...finding,
    findings: [...finding.findings, witnessSentence(bothSides), ...recorded],
    bothSides,
  }
}

function openSide(
  crypto: Crypto,
  trust: Trust,
  proofs: readonly string[],
  leaves: readonly Uint8Array[],
  identities: IdentityVerifier | undefined,
): Side {
  const opened = proofs.map((text, at) => openEntry(crypto, trust, text, leaves[at]))
  const [first] = opened
  if (first === undefined) throw new NotProven('one side has no entries')
  if (opened.some(({ entry }) => entry.id !== first.entry.id))
    throw new NotProven('one side has entries of two statements')
  const signatures = opened.flatMap(({ entry, index }) =>
    signerOf(crypto, trust, entry, identities).map(({ role, member }) => ({ index, role, memberId: member.id })),
  )
  const witnesses = first.witnesses.filter((name) => opened.every((other) => other.witnesses.includes(name)))
  const size = Math.max(...opened.map((one) => one.size))
  return { id: first.entry.id, statement: first.entry.statement, signatures, witnesses, size }
}

function openEntry(
  crypto: Crypto,
  trust: Trust,
  text: string,
  leaf: Uint8Array | undefined,
): { index: number; entry: Entry; witnesses: readonly string[]; size: number } {
  const { index, hashes, checkpoint } = parseTlogProof(text)
  const { cosigners } = requireQuorum(crypto, trust.policy, checkpoint)
  const [leafHash] = crypto.leafHashes(leaf === undefined ? [] : [leaf])
  if (leaf === undefined || leafHash === undefined) throw new NotProven('a leaf is missing')
  const { size, root } = checkpoint.checkpoint
  checkInclusion(crypto, { index, size, leafHash, proof: hashes, root })
  const witnesses = [...new Set(cosigners.map(({ witness }) => witness.key.name))].sort()
  return { index, entry: parseEntry(crypto, leaf), witnesses, size }
}

type Judged = Pick<Finding, 'convicted' | 'findings'>

const judges: Readonly<Record<StatementEvidence['kind'], (trust: Trust, a: Side, b: Side) => Judged>> = {
  equivocation: judgeEquivocation,
  'trust-fork': judgeTrustFork,
  mismatch: judgeMismatch,
}

function judgeEquivocation(trust: Trust, a: Side, b: Side): Judged {
  const [first, second] = [metRelease(trust, a), metRelease(trust, b)]
  if (a.id === b.id) throw new NotProven('both sides are one release')
  if (first.channel !== second.channel || first.sequence !== second.sequence) {
    throw new NotProven('the releases are of two channels or sequences')
  }
  const place = `${first.product}, channel ${first.channel}, sequence ${first.sequence}`
  const says = `The publishers of ${place} signed two releases: ${a.id} and ${b.id}.`
  return { convicted: { kind: 'publishers', name: trust.product }, findings: [says] }
}

function metRelease(trust: Trust, { id, statement, signatures }: Side): ReleaseStatement {
  if (statement.kind !== 'release') throw new NotProven('one side is no release')
  if (statement.product !== trust.product) throw new NotProven('one side is a release of another product')
  if (!isReleaseMet(trust, { ...statement, id }, signatures))
    throw new NotProven('one side is not signed by enough publishers')
  return statement
}

function judgeTrustFork(trust: Trust, a: Side, b: Side): Judged {
  const versions = [a, b].map(({ statement, signatures }) => {
    if (statement.kind !== 'trust') throw new NotProven('one side is no trust statement')
    if (statement.product !== trust.product) throw new NotProven('one side is about another product')
    if (!isMet(trust, 'authority', signatures)) throw new NotProven('one side is not signed by enough of the authority')
    return statement
  })
  const [first, second] = versions
  if (first?.version !== second?.version) throw new NotProven('the trust statements are of two versions')
  if (first?.sha256 === second?.sha256) throw new NotProven('both sides name one trust file')
  const says = `The authority of ${trust.product} signed two trust files of version ${first?.version}: ${first?.sha256} and ${second?.sha256}.`
  return { convicted: { kind: 'authority', name: trust.product }, findings: [says] }
}

/** It proves that the vote was cast. That it still stands nobody can show in a file: a log has no proof of absence. */
function judgeMismatch(trust: Trust, a: Side, b: Side): Judged {
  const release = metRelease(trust, a)
  const { statement } = b
  if (statement.kind !== 'rebuild') throw new NotProven('the second side is no rebuild')
  const votes = b.signatures.flatMap(({ index, memberId }) => votesOf(trust, statement, index, memberId))
  if (votes.length === 0) throw new NotProven('the rebuild is no vote: not of a rebuilder whose votes count')
  const against = release.artifacts.flatMap((artifact) =>
    votes
      .filter((vote) => bearing(vote, votedArtifact(a.id, release, artifact)) === 'negative')
      .map(
        (vote) =>
          `${vote.operator} rebuilt ${artifact.name} and got ${vote.sha256}; the release says ${artifact.sha256}.`,
      ),
  )
  if (against.length === 0) throw new NotProven('the rebuild does not contradict the release')
  const indices =
    `The vote is at index ${votes.map(({ index }) => index)[0]}, in a tree of ${b.size} entries. ` +
    'It says what that rebuilder got then: whether a later vote of the same operator took it back, ask the log or a monitor.'
  return {
    convicted: { kind: 'release', name: `${trust.product} ${release.version}` },
    findings: [...new Set(against), indices],
  }
}
