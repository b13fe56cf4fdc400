/**
 * Entries into what is known (docs/decision.md, *State*, `known`): every entry of this product by a listed member, met or
 * not, once its inclusion is checked. Everything else is counted and forgotten, but for where strangers logged a release:
 * whether a revocation came before a release is counted over all entries ever logged (step 20).
 *
 * What is not met is kept small, whatever it says: one key below a threshold must not be able to fill the state. Its lists
 * (artifacts, ids) are kept with the entry that meets it.
 */

import type { Crypto, Hasher } from '../crypto.ts'
import { type Entry, parseEntry } from '../release/entry.ts'
import type { IdentityVerifier } from '../release/identity.ts'
import {
  type Artifact,
  buildOf,
  buildTypes,
  type RebuildStatement,
  type ReleaseStatement,
} from '../release/predicates.ts'
import { productFilter } from '../release/product-filter.ts'
import { type Signatory, signerOf, signingRoles } from '../release/roles.ts'
import { StatementError } from '../release/statement.ts'
import type { Trust } from '../release/trust.ts'
import { attempt } from './attempt.ts'
import { artifactKey, buildKey } from './build-key.ts'
import { credentialName, MAX_UNMET_PER_KEY, metAt, type Rule, STRANGER } from './known.ts'
import type { Known, KnownArtifact, KnownEntry, KnownRelease, KnownStatement, KnownVote } from './state.ts'

/** A leaf whose inclusion has been checked. */
export interface IncludedLeaf {
  readonly index: number
  readonly leaf: Uint8Array
}

export interface Checker {
  readonly crypto: Crypto
  /** Absent: members that are identities never count. */
  readonly identities?: IdentityVerifier | undefined
  /** Reads an entry's leaf, as {@link rememberedEntries} does; absent: each leaf is read each time. */
  readonly entries?: (leaf: Uint8Array) => Entry
}

/** The entry that a leaf holds. Throws StatementError. */
export function entryOf({ crypto, entries }: Checker, leaf: Uint8Array): Entry {
  return entries === undefined ? parseEntry(crypto, leaf) : entries(leaf)
}

/** Reads each leaf once. It holds for as long as nobody writes into a leaf: for one run, whose material does not change. */
export function rememberedEntries(hasher: Hasher): (leaf: Uint8Array) => Entry {
  const read = new WeakMap<Uint8Array, Entry>()
  return (leaf) => {
    const known = read.get(leaf)
    if (known !== undefined) return known
    const entry = parseEntry(hasher, leaf)
    read.set(leaf, entry)
    return entry
  }
}

const noIdentities: IdentityVerifier = { identify: () => null }

/** Whose signature an entry carries under `trust`, among the roles that may sign its kind; null: nobody's. */
export function speakerOf({ crypto, identities }: Checker, trust: Trust, entry: Entry): Signatory | null {
  const allowed = signingRoles[entry.statement.kind]
  const signers = signerOf(crypto, trust, entry, identities ?? noIdentities)
  return signers.find(({ role }) => allowed.includes(role)) ?? null
}

/** The release as it is kept. */
export function knownRelease(id: string, statement: ReleaseStatement, entries: readonly KnownEntry[]): KnownRelease {
  const { channel, sequence, version, previous } = statement
  const artifacts = statement.artifacts.map((artifact) => knownArtifact(statement, artifact))
  return { id, channel, sequence, version, previous, artifacts, entries, ripeAt: null }
}

function knownArtifact(statement: ReleaseStatement, artifact: Artifact): KnownArtifact {
  const { name, platform, mediaType, partOf = null, sha256 } = artifact
  const build = buildOf(statement, name)
  return {
    name,
    platform,
    mediaType,
    partOf,
    sha256,
    source: build?.source.sha256 ?? null,
    recipeDigest: build?.recipeDigest ?? null,
    imageDigest: build?.imageDigest ?? null,
  }
}

/**
 * `known` with further entries. `joined` are trust files named by statements that T's authority met: the authority of
 * such a file is listed too, for the statement that names it. An entry already known changes nothing.
 */
export function gather(
  checker: Checker,
  rule: Rule,
  joined: readonly Trust[],
  known: Known,
  leaves: Iterable<IncludedLeaf>,
): Known {
  const gatherer = new Gatherer(checker, rule, joined, known)
  for (const leaf of leaves) gatherer.add(leaf)
  return gatherer.known()
}

/** `known` while entries are being added: maps in place of lists. */
class Gatherer {
  private readonly checker: Checker
  private readonly rule: Rule
  private readonly joined: readonly Trust[]
  private readonly releases: Map<string, KnownRelease>
  private readonly statements: Map<string, KnownStatement>
  private readonly votes: Map<string, KnownVote>
  private ignored: number
  /** The builds of all artifacts of the met releases, as {@link buildKey}. */
  private readonly builds: Set<string>
  /** For each credential the ids it signed that are not met, and its votes for what is unknown. */
  private readonly unmet = new Map<string, Set<string>>()
  private readonly mayConcernUs: (leaf: Uint8Array) => boolean

  constructor(checker: Checker, rule: Rule, joined: readonly Trust[], known: Known) {
    this.checker = checker
    this.rule = rule
    this.mayConcernUs = productFilter(rule.trust.product)
    this.joined = joined
    this.releases = new Map(known.releases.map((release) => [release.id, release]))
    this.statements = new Map(known.statements.map((statement) => [statement.id, statement]))
    this.votes = new Map(known.votes.map((vote) => [voteKey(vote), vote]))
    this.ignored = known.ignored
    this.builds = new Set(known.releases.flatMap(({ artifacts }) => artifacts.map(artifactKey)))
    for (const { id, entries } of known.releases) this.recount(id, this.isMet('release', entries), entries)
    for (const { id, kind, entries } of known.statements) this.recount(id, this.isMet(kind, entries), entries)
    for (const vote of known.votes) this.countVote(vote)
  }

  known(): Known {
    const { releases, statements, votes, ignored } = this
    return {
      releases: [...releases.values()],
      statements: [...statements.values()],
      votes: [...votes.values()],
      ignored,
    }
  }

  add({ index, leaf }: IncludedLeaf): void {
    if (!this.mayConcernUs(leaf)) return
    const entry = attempt(
      [StatementError],
      () => entryOf(this.checker, leaf),
      () => null,
    )
    if (entry === null) {
      this.ignored++
      return
    }
    if (entry.statement.product !== this.rule.trust.product || this.has(entry.id, index)) return
    const member = this.credentialOf(entry)
    const isKept = this.keep(entry, { index, member: member ?? STRANGER })
    if (member === null || !isKept) this.ignored++
  }

  /** One index holds one leaf: what is known at it was verified then. Lists that a new trust version needs are read again. */
  private has(id: string, index: number): boolean {
    const release = this.releases.get(id)
    const statement = this.statements.get(id)
    const { entries = [] } = release ?? statement ?? {}
    if (!entries.some((entry) => entry.index === index && entry.member !== STRANGER)) return false
    if (release !== undefined) return release.artifacts.length > 0 || !this.isMet('release', entries)
    return statement === undefined || statement.ids.length > 0 || !this.isMet(statement.kind, entries)
  }

  private credentialOf(entry: Entry): string | null {
    const own = speakerOf(this.checker, this.rule.trust, entry)
    if (own !== null) return credentialName(own.member)
    const { statement } = entry
    if (statement.kind !== 'trust') return null
    for (const next of this.joined) {
      if (next.sha256 !== statement.sha256) continue
      const signatory = speakerOf(this.checker, next, entry)
      if (signatory !== null) return credentialName(signatory.member)
    }
    return null
  }

  /** False where the entry is past its key's share, or nothing that strangers may say. */
  private keep({ id, statement }: Entry, by: KnownEntry): boolean {
    if (by.member === STRANGER && statement.kind !== 'release') return false
    if (statement.kind === 'rebuild') return this.keepVotes(statement, by)
    const old = statement.kind === 'release' ? this.releases.get(id) : this.statements.get(id)
    const entries = withEntry(old?.entries ?? [], by)
    const met = this.isMet(statement.kind, entries)
    if (!met && !this.hasRoom(by.member, id)) return false
    this.recount(id, met, entries)
    if (statement.kind === 'release') this.keepRelease(id, statement, entries, met)
    else this.keepStatement(id, statement, entries, met)
    return true
  }

  private keepRelease(id: string, statement: ReleaseStatement, entries: readonly KnownEntry[], met: boolean): void {
    const old = this.releases.get(id)
    const release = { ...knownRelease(id, statement, entries), ripeAt: old?.ripeAt ?? null }
    const artifacts = met || (old?.artifacts.length ?? 0) > 0 ? release.artifacts : []
    for (const artifact of artifacts) this.builds.add(artifactKey(artifact))
    this.releases.set(id, { ...release, artifacts })
  }

  private keepStatement(id: string, statement: OtherStatement, entries: readonly KnownEntry[], met: boolean): void {
    const old = this.statements.get(id)
    const known = { ...knownStatement(id, statement), ...old, entries }
    const isWhole = met || (old?.ids.length ?? 0) > 0
    this.statements.set(id, { ...known, ids: isWhole ? knownStatement(id, statement).ids : [] })
  }

  private keepVotes(statement: RebuildStatement, { index, member }: KnownEntry): boolean {
    if (statement.buildType !== buildTypes.container) return false
    const { source, recipeDigest, imageDigest, release = null } = statement
    let kept = true
    for (const { name, sha256: artifact } of statement.subjects) {
      const vote: KnownVote = {
        index,
        member,
        name,
        artifact,
        source: source.sha256,
        recipeDigest,
        imageDigest,
        release,
      }
      const key = voteKey(vote)
      const old = this.votes.get(key)
      if (old !== undefined && old.index >= index) continue
      if (this.isAboutSomethingKnown(vote) || this.hasRoom(member, key)) {
        this.votes.set(key, vote)
        this.countVote(vote)
      } else kept = false
    }
    return kept
  }

  private isAboutSomethingKnown(vote: KnownVote): boolean {
    const named = vote.release === null ? [] : (this.releases.get(vote.release)?.artifacts ?? [])
    return named.some(({ name }) => name === vote.name) || this.builds.has(buildKey(vote.artifact, vote))
  }

  private isMet(kind: KnownStatement['kind'] | 'release', entries: readonly KnownEntry[]): boolean {
    const { trust } = this.rule
    const roles = signingRoles[kind]
    return roles.some((role) => metAt(trust[role], entries) !== null)
  }

  private hasRoom(member: string, id: string): boolean {
    const mine = this.unmet.get(member)
    return mine === undefined || mine.has(id) || mine.size < MAX_UNMET_PER_KEY
  }

  private recount(id: string, met: boolean, entries: readonly KnownEntry[]): void {
    for (const { member } of entries) {
      if (met) this.unmet.get(member)?.delete(id)
      else this.countUnmet(member, id)
    }
  }

  private countVote(vote: KnownVote): void {
    if (!this.isAboutSomethingKnown(vote)) this.countUnmet(vote.member, voteKey(vote))
  }

  private countUnmet(member: string, id: string): void {
    const mine = this.unmet.get(member) ?? new Set()
    this.unmet.set(member, mine.add(id))
  }
}

type OtherStatement = Exclude<Entry['statement'], ReleaseStatement | RebuildStatement>

function knownStatement(id: string, statement: OtherStatement): KnownStatement {
  switch (statement.kind) {
    case 'revocation':
      return { id, kind: 'revocation', ids: statement.ids, entries: [] }
    case 'waiver':
      return { id, kind: 'waiver', ids: [statement.id], entries: [] }
    case 'trust': {
      const { version, sha256, size } = statement
      return { id, kind: 'trust', ids: [], entries: [], trust: { version, sha256, size, joined: false } }
    }
  }
}

/** Sorted by index. A member takes the place of a stranger: its key is listed now. */
function withEntry(entries: readonly KnownEntry[], entry: KnownEntry): readonly KnownEntry[] {
  const others = entries.filter(({ index }) => index !== entry.index)
  const old = entries.find(({ index }) => index === entry.index)
  const isBetter = old === undefined || old.member === STRANGER
  return [...others, isBetter ? entry : old].sort((a, b) => a.index - b.index)
}

/**
 * Votes that replace one another: those of one key on one name of one release; without a release, those for the same
 * bytes from the same build.
 */
function voteKey({ member, release, name, artifact, source, recipeDigest, imageDigest }: KnownVote): string {
  const about = release === null ? [artifact, source, recipeDigest, imageDigest] : [release, name]
  return JSON.stringify([member, ...about])
}
