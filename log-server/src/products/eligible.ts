/**
 * Which release a feed offers: the newest that is met, not revoked, alone at its sequence, and has the votes that its trust
 * file asks for (docs/formats.md §4; docs/decision.md steps 17 to 20 and 22, as far as one log can tell). Everything is
 * judged by entries below the published size.
 */
import {
  type Hasher,
  parseEntry,
  type ReleaseStatement,
  type Statement,
  standingVotes,
  tally,
  type Vote,
  votedArtifact,
  votesOf,
} from '@samebits/core'
import { metAt } from '../admission/rules.ts'
import type { SignedRow, StatementRow } from '../admission/tables.ts'
import type { TrustRules } from '../admission/trust-rules.ts'
import type { LogView } from '../log-view.ts'
import type { Tree } from './logged.ts'
import type { ProductReader } from './product-reader.ts'

export interface EligibleParts {
  readonly hasher: Hasher
  readonly reader: ProductReader
  readonly log: LogView
}

/** A release that may be offered, with the indices of the entries that show it. */
export interface Offer {
  readonly row: StatementRow
  readonly own: readonly number[]
  readonly waivers: readonly number[]
  /** Votes that stand about its artifacts, for and against. */
  readonly votes: readonly number[]
}

/** How far down a chain a feed looks for a release that may be offered. */
const MAX_DEPTH = 64

/** The newest release of a channel that may be offered; null where there is none among the newest. */
export async function newestEligible(
  parts: EligibleParts,
  rules: TrustRules,
  tree: Tree,
  channel: string,
): Promise<Offer | null> {
  const heads = await parts.reader.heads(rules.product)
  let id = heads.find((row) => row.channel === channel)?.head?.id ?? null
  for (let depth = 0; id !== null && depth < MAX_DEPTH; depth++) {
    const row = await parts.reader.statement(id)
    if (row === null) return null
    const offer = await offerOf(parts, rules, tree, row)
    if (offer !== null) return offer
    id = row.previous
  }
  return null
}

/** The release as an offer; null where it must not be one. */
export async function offerOf(
  parts: EligibleParts,
  rules: TrustRules,
  tree: Tree,
  row: StatementRow,
): Promise<Offer | null> {
  const own = published(row, tree)
  if (metAt(rules, row, own) === null || (await isSpoilt(parts, rules, tree, row))) return null
  const about = await parts.reader.about(row.id)
  if (about.some((other) => other.kind === 'revocation' && stands(rules, tree, other, own))) return null
  const waivers = about.filter((other) => other.kind === 'waiver' && isMet(rules, tree, other))
  const release = await statementAt(parts, own)
  if (release?.kind !== 'release') return null
  const votes = await standing(parts, rules, tree, row, release, about)
  const waived = waivers.length > 0
  for (const artifact of release.artifacts) {
    const { enough, refused } = tally(rules.trust, votedArtifact(row.id, release, artifact), votes)
    if (refused || !(enough || waived)) return null
  }
  const indices = (rows: readonly SignedRow[]) => rows.map(({ index }) => index)
  return {
    row,
    own: indices(own),
    waivers: waivers.flatMap((waiver) => indices(published(waiver, tree))),
    votes: votes.map(({ index }) => index),
  }
}

function published(row: StatementRow, { size }: Tree): readonly SignedRow[] {
  return row.signed.filter(({ index }) => index < size)
}

function isMet(rules: TrustRules, tree: Tree, row: StatementRow): boolean {
  return metAt(rules, row, published(row, tree)) !== null
}

/** A revocation that was met before the first entry of the release is void (docs/decision.md step 20). */
function stands(rules: TrustRules, tree: Tree, revocation: StatementRow, own: readonly SignedRow[]): boolean {
  const at = metAt(rules, revocation, published(revocation, tree))
  return at !== null && at > (own[0]?.index ?? 0)
}

/** Another met release stands at the same sequence (docs/decision.md step 19). */
async function isSpoilt({ reader }: EligibleParts, rules: TrustRules, tree: Tree, row: StatementRow): Promise<boolean> {
  const rivals = await reader.releasesAt(row.product, row.channel ?? '', row.sequence ?? 0)
  return rivals.some((rival) => rival.id !== row.id && isMet(rules, tree, rival))
}

async function statementAt({ hasher, log }: EligibleParts, signed: readonly SignedRow[]): Promise<Statement | null> {
  const [first] = signed
  return first === undefined ? null : parseEntry(hasher, await log.entry(first.index)).statement
}

/** The votes that stand about the artifacts of a release. */
async function standing(
  parts: EligibleParts,
  rules: TrustRules,
  tree: Tree,
  row: StatementRow,
  release: ReleaseStatement,
  about: readonly StatementRow[],
): Promise<readonly Vote[]> {
  const naming = await parts.reader.votes(
    row.product,
    release.artifacts.map(({ sha256 }) => sha256),
  )
  const rows = new Map([...naming, ...about].map((one) => [one.id, one]))
  const votes: Vote[] = []
  for (const candidate of rows.values()) {
    if (candidate.kind === 'rebuild') votes.push(...(await votesIn(parts, rules, published(candidate, tree))))
  }
  const names = new Set(release.artifacts.map(({ name }) => name))
  const digests = new Set(release.artifacts.map(({ sha256 }) => sha256))
  return standingVotes(votes).filter((vote) => names.has(vote.name) || digests.has(vote.sha256))
}

async function votesIn(
  parts: EligibleParts,
  rules: TrustRules,
  signed: readonly SignedRow[],
): Promise<readonly Vote[]> {
  const statement = await statementAt(parts, signed)
  if (statement?.kind !== 'rebuild') return []
  return signed.flatMap(({ signer, index }) => {
    const member = rules.memberId(signer)
    return member === null ? [] : votesOf(rules.trust, statement, index, member)
  })
}
