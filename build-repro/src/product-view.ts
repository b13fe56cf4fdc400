/** What the entries of a product say under its trust file: releases met and open, heads, revocations, votes. */
import {
  type ChannelHead,
  type CountedSignature,
  isReleaseMet,
  isStatementMet,
  type ReleaseStatement,
  type RevocationStatement,
  type Trust,
  type TrustStatement,
  type Vote,
  votesOf,
  type WaiverStatement,
} from '@samebits/core'
import type { History, ProductEntry } from './history.ts'
import { signersOf } from './signers.ts'

/** A statement with everything that was logged under its id. */
export interface Logged<S> {
  readonly id: string
  readonly statement: S
  /** In log order. */
  readonly entries: readonly ProductEntry[]
  readonly signatures: readonly CountedSignature[]
  /** Index of the entry with which enough had signed; null while too few have. */
  readonly metAt: number | null
}

export type LoggedRelease = Logged<ReleaseStatement>

/** A vote with the entry that carries it. */
export interface LoggedVote {
  readonly vote: Vote
  readonly entry: ProductEntry
}

export interface ProductView {
  readonly releases: readonly LoggedRelease[]
  /** The met head of each channel that has one. */
  readonly heads: ReadonlyMap<string, ChannelHead>
  readonly revocations: readonly Logged<RevocationStatement>[]
  readonly waivers: readonly Logged<WaiverStatement>[]
  readonly trustSteps: readonly Logged<TrustStatement>[]
  readonly votes: readonly LoggedVote[]
}

export function productView(trust: Trust, { entries }: Pick<History, 'entries'>): ProductView {
  const releases = group(trust, entries, 'release')
  return {
    releases,
    heads: headsOf(trust, releases),
    revocations: group(trust, entries, 'revocation'),
    waivers: group(trust, entries, 'waiver'),
    trustSteps: group(trust, entries, 'trust'),
    votes: entries.flatMap((each) => votesIn(trust, each)),
  }
}

type Kind = 'release' | 'revocation' | 'waiver' | 'trust'
type OfKind<K extends Kind> = Extract<ProductEntry['entry']['statement'], { kind: K }>

function group<K extends Kind>(trust: Trust, entries: readonly ProductEntry[], kind: K): Logged<OfKind<K>>[] {
  const byId = new Map<string, ProductEntry[]>()
  for (const each of entries) {
    if (each.entry.statement.kind !== kind) continue
    const known = byId.get(each.entry.id)
    if (known === undefined) byId.set(each.entry.id, [each])
    else known.push(each)
  }
  return [...byId].map(([id, under]) => {
    const statement = under[0]?.entry.statement as OfKind<K>
    const signatures = under.flatMap((each) => signaturesIn(trust, each))
    return { id, statement, entries: under, signatures, metAt: metAt(trust, id, statement, under, signatures) }
  })
}

function metAt(
  trust: Trust,
  id: string,
  statement: ProductEntry['entry']['statement'],
  entries: readonly ProductEntry[],
  signatures: readonly CountedSignature[],
): number | null {
  const enough = (upTo: readonly CountedSignature[]) =>
    statement.kind === 'release'
      ? isReleaseMet(trust, { ...statement, id }, upTo)
      : isStatementMet(trust, statement.kind, upTo)
  const meeting = entries.find(({ index }) => enough(signatures.filter((each) => (each.index ?? 0) <= index)))
  return meeting?.index ?? null
}

function signaturesIn(trust: Trust, { index, entry }: ProductEntry): CountedSignature[] {
  return signersOf(trust, entry).map(({ member }) => ({ index, memberId: member.id }))
}

function votesIn(trust: Trust, each: ProductEntry): LoggedVote[] {
  const { statement } = each.entry
  if (statement.kind !== 'rebuild') return []
  return signaturesIn(trust, each).flatMap(({ memberId }) =>
    votesOf(trust, statement, each.index, memberId).map((vote) => ({ vote, entry: each })),
  )
}

/**
 * The head of each channel: the end of the chain of met releases that starts at sequence 1, or at the trust file's own word
 * (docs/formats.md §1, *Admission*). Of several met rivals the one that was met first goes on.
 */
function headsOf(trust: Trust, releases: readonly LoggedRelease[]): ReadonlyMap<string, ChannelHead> {
  const channels = new Set([...trust.heads.keys(), ...releases.map(({ statement }) => statement.channel)])
  const heads = new Map<string, ChannelHead>()
  for (const channel of channels) {
    const met = releases.filter((release) => release.metAt !== null && release.statement.channel === channel)
    const head = followChain(met, trust.heads.get(channel) ?? null)
    if (head !== null) heads.set(channel, head)
  }
  return heads
}

function followChain(met: readonly LoggedRelease[], floor: ChannelHead | null): ChannelHead | null {
  let head = floor
  for (;;) {
    const sequence: number = (head?.sequence ?? 0) + 1
    const previous: string | null = head?.id ?? null
    const next = met
      .filter(({ statement }) => statement.sequence === sequence && statement.previous === previous)
      .sort((a, b) => (a.metAt ?? 0) - (b.metAt ?? 0))[0]
    if (next === undefined) return head
    head = { sequence, id: next.id }
  }
}
