/**
 * Which release a feed offers: the newest of its chain that passes its own trust file, as every client will judge it
 * (docs/decision.md steps 16 to 20 and 22). The index only says which entries that takes; what they say is read from the
 * log, and only below the published size.
 */
import {
  type Crypto,
  type IdentityVerifier,
  parseEntry,
  passes,
  standingVotes,
  type Vote,
  votesOf,
} from '@samebits/core'
import type { StatementRow } from '../admission/tables.ts'
import type { TrustRules } from '../admission/trust-rules.ts'
import type { LogView } from '../log-view.ts'
import type { Tree } from './logged.ts'
import type { ProductReader } from './product-reader.ts'

export interface EligibleParts {
  readonly crypto: Crypto
  readonly reader: ProductReader
  readonly log: LogView
  /** For trust files that list identities; without it those count for nobody. */
  readonly identities?: IdentityVerifier | undefined
}

/** A release that may be offered, with the indices of the entries that show it. */
export interface Offer {
  readonly id: string
  readonly own: readonly number[]
  readonly waivers: readonly number[]
  /** Votes that stand about its artifacts, for and against. */
  readonly votes: readonly number[]
}

/** How far down a chain a feed looks for a release that may be offered. */
const MAX_DEPTH = 64

/** Votes of one signer that are looked at for one release. */
const MAX_VOTES = 32

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
async function offerOf(parts: EligibleParts, rules: TrustRules, tree: Tree, row: StatementRow): Promise<Offer | null> {
  const { crypto, identities, reader } = parts
  const { product, id, channel, sequence } = row
  if (channel === null || sequence === null) return null
  const about = await reader.about(id)
  const digests = (await reader.files(id)).map(({ sha256 }) => sha256)
  const votes = newestVotes([
    ...(await reader.votes(product, digests)),
    ...about.filter(({ kind }) => kind === 'rebuild'),
  ])
  const rivals = await reader.releasesAt(product, channel, sequence)
  const below = await reader.releasesAt(product, channel, sequence - 1)
  const said = about.filter(({ kind }) => kind !== 'rebuild')
  const leaves = await leavesOf(parts, indicesOf([row, ...rivals, ...below, ...said, ...votes], tree))
  const question = { crypto, identities, trust: rules.trust, leaves, historyTo: tree.size, id, platforms: null }
  if (passes(question) !== null) return null
  return {
    id,
    own: indicesOf([row], tree),
    waivers: indicesOf(
      about.filter(({ kind, metAt }) => kind === 'waiver' && metAt !== null),
      tree,
    ),
    votes: await standing(parts, rules, tree, votes),
  }
}

/** Votes are not limited in number, and only the last ones of a signer stand: a flood of them must not cost a feed its time. */
function newestVotes(rows: readonly StatementRow[]): readonly StatementRow[] {
  const perSigner = new Map<string, number>()
  const distinct = [...new Map(rows.map((row) => [row.id, row])).values()]
  const newestFirst = distinct.toSorted((a, b) => (b.signed.at(-1)?.index ?? 0) - (a.signed.at(-1)?.index ?? 0))
  return newestFirst.filter(({ signed }) =>
    signed.some(({ signer }) => {
      const count = (perSigner.get(signer) ?? 0) + 1
      perSigner.set(signer, count)
      return count <= MAX_VOTES
    }),
  )
}

/** Where the entries of these statements are, as far as they are published; each index once. */
function indicesOf(rows: readonly StatementRow[], { size }: Tree): readonly number[] {
  const indices = rows.flatMap(({ signed }) => signed.map(({ index }) => index))
  return [...new Set(indices)].filter((index) => index < size)
}

function leavesOf({ log }: EligibleParts, indices: readonly number[]) {
  return Promise.all(indices.map(async (index) => ({ index, leaf: await log.entry(index) })))
}

/** Indices of the votes that no later one of the same operator replaced. */
async function standing(
  { crypto, log }: EligibleParts,
  rules: TrustRules,
  { size }: Tree,
  rows: readonly StatementRow[],
): Promise<readonly number[]> {
  const votes: Vote[] = []
  for (const { signer, index } of rows.flatMap(({ signed }) => signed)) {
    const member = rules.memberId(signer)
    if (member === null || index >= size) continue
    const { statement } = parseEntry(crypto, await log.entry(index))
    if (statement.kind === 'rebuild') votes.push(...votesOf(rules.trust, statement, index, member))
  }
  return [...new Set(standingVotes(votes).map(({ index }) => index))]
}
