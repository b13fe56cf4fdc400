/**
 * What is wrong with one entry of a watched product, and what people want to hear of it though it is right. Pure; the table of rules is
 * in `rules.ts`. Whether statements are met, and what votes say, is `core`'s to know: it comes in as a fact.
 */
import { formatVkey, type Member, type Role, signingRoles, type Trust, validAt } from '@samebits/core'
import type { StatementFacts, UnreadFacts } from '../index/entry-facts.ts'
import type { StatementRecord } from '../state/monitor-store.ts'
import type { Finding } from './rules.ts'

/** An entry as the product's index sees it, before the entry changed anything. */
export interface EntryCase {
  readonly facts: StatementFacts
  readonly trust: Trust
  readonly endsAt: number | null
  /** Who signed it; null: nobody whom the trust file lists. */
  readonly signatory: { readonly role: Role; readonly member: Member } | null
  /** Listed keys: whether the signature is theirs. Null: not listed, or a certificate. */
  readonly valid: boolean | null
  /** The release that `previous` names; null where it is not logged, or there is none to name. */
  readonly previous: StatementRecord | null
  /** Releases of the same channel and sequence with other ids; one is enough. */
  readonly rivals: readonly StatementRecord[]
  /** Ids and digests that it names and that are not of anything logged. */
  readonly unknownNames: readonly string[]
}

/** Findings about one entry by itself: who signed it, and whether it is where it may be. */
export function judgeEntry(entry: EntryCase): Finding[] {
  const refused = refusalOf(entry)
  return [
    ...unexpectedKey(entry),
    ...(refused === null ? [] : [entryRefused(entry.facts, refused)]),
    ...(signedAsAsked(entry) ? [...sequenceFork(entry), ...rivals(entry)] : []),
  ]
}

/** An entry that is no statement, in a log whose entries are. */
export function unread({ index, fault, detail }: UnreadFacts): Finding {
  const title = `Entry ${index} is no statement that this log should take.`
  return { rule: 'entry-refused', product: null, about: [index], title, detail: `${fault}: ${detail}` }
}

function signedAsAsked({ facts, signatory }: EntryCase): boolean {
  return signatory !== null && maySign(facts, signatory)
}

/** Whether this member may sign this kind at this index. */
function maySign({ says, index }: StatementFacts, { role, member }: NonNullable<EntryCase['signatory']>): boolean {
  return signingRoles[says].includes(role) && validAt(member, index)
}

/** A certificate also where it does not hold under the authorities that the trust file pins. */
const nobody = 'names nobody whom the trust file lists'

function unexpectedKey(entry: EntryCase): Finding[] {
  const { facts, signatory, valid } = entry
  if (facts.says !== 'release' || signedAsAsked(entry)) return []
  const who = facts.signer === '' ? 'a certificate' : `the key ${facts.signer}`
  const why =
    valid === false
      ? 'whose signature does not verify'
      : signatory === null
        ? facts.signer === ''
          ? `which ${nobody}`
          : 'which the trust file does not list'
        : signingRoles.release.includes(signatory.role)
          ? `of ${signatory.member.id}, which is not valid at this index`
          : `of ${signatory.member.id}, who is no publisher`
  const title = `Entry ${facts.index} is a release ${facts.version} of ${facts.product} by ${who}, ${why}.`
  return [{ rule: 'unexpected-key', product: facts.product, about: [facts.index], title, detail: '' }]
}

/** What admission should have said; null where it was right. */
function refusalOf(entry: EntryCase): string | null {
  const { facts, trust, endsAt, signatory, valid, unknownNames } = entry
  if (endsAt !== null) return `nothing counts past the trust statement at ${endsAt}`
  if (facts.says !== 'release') {
    if (valid === false) return 'its signature does not verify'
    if (signatory === null)
      return facts.signer === '' ? `its certificate ${nobody}` : `its signer ${facts.signer} is not listed`
    if (!maySign(facts, signatory)) return `${signatory.member.id} may not sign a ${facts.says} at this index`
  }
  if (facts.says === 'release' && !trust.channels.includes(facts.channel ?? ''))
    return `there is no channel ${facts.channel}`
  if (facts.says === 'trust' && facts.sequence !== trust.version + 1 && facts.bodies[0] !== trust.sha256)
    return `it brings version ${facts.sequence} where ${trust.version} is in force`
  const [unknown] = unknownNames
  return unknown === undefined ? null : `it is about ${unknown}, which is not logged`
}

function entryRefused({ index, product, says }: StatementFacts, why: string): Finding {
  const title = `Entry ${index}, a ${says} of ${product}, should not be in the log: ${why}.`
  return { rule: 'entry-refused', product, about: [index], title, detail: '' }
}

/** A release must continue the one that is met with the sequence before it (docs/decision.md step 18). */
function sequenceFork({ facts, trust, previous }: EntryCase): Finding[] {
  const { says, sequence, previous: named, channel, product, id, index, version } = facts
  if (says !== 'release' || sequence === null || channel === null) return []
  const floor = trust.heads.get(channel)
  const fault =
    named === null
      ? sequence === 1
        ? null
        : `it names none before it, and its sequence is ${sequence}`
      : floor?.id === named
        ? floor.sequence === sequence - 1
          ? null
          : `the release before it has sequence ${floor.sequence}`
        : previousFault(previous, channel, sequence)
  if (fault === null) return []
  const title = `Release ${version} of ${product} (${channel}, entry ${index}) does not continue the chain: ${fault}.`
  return [{ rule: 'sequence-fork', product, about: [id], title, detail: '' }]
}

function previousFault(previous: StatementRecord | null, channel: string, sequence: number): string | null {
  if (previous === null) return 'the release before it is not in the log'
  if (previous.channel !== channel) return `the release before it is of channel ${previous.channel}`
  if (previous.sequence !== sequence - 1)
    return `the release before it has sequence ${previous.sequence}, this one ${sequence}`
  return previous.metAt === null ? 'not enough publishers signed the release before it' : null
}

function rivals({ facts, rivals: others }: EntryCase): Finding[] {
  const { says, product, channel, sequence, id } = facts
  if (says !== 'release') return []
  return others.slice(0, 1).map((other) => {
    const ids = [id, other.id].sort()
    const title = `More than one release of ${product} wants sequence ${sequence} of ${channel}: ${ids.join(' and ')}.`
    const detail = 'Further ones for this place are not told one by one.'
    return { rule: 'rival-proposals', product, about: [channel ?? '', sequence ?? 0], title, detail }
  })
}

/** Alerts of one rule and product that are told one by one, and within which time. */
export const flood = { most: 32, seconds: 86_400 } as const

/** In place of all further alerts of a rule within a day: where anybody may log, anybody could make any number of them. */
export function flooded({ rule, product }: Finding, now: number): Finding {
  const day = Math.floor(now / flood.seconds)
  const title = `There are more than ${flood.most} alerts of this kind about ${product ?? 'the log'} within a day; no more are told one by one today.`
  return {
    rule,
    product,
    about: ['flood', day],
    title,
    detail: 'All entries are indexed all the same; releases are on the dashboard.',
  }
}

/** A statement has just been met. Releases are told only where something is wrong with them. */
export function metFinding(
  { id, product, kind, sequence }: StatementRecord,
  names: readonly string[],
  reason: string,
): Finding | null {
  const about = [id]
  const detail = reason === '' ? '' : `The reason given: ${reason}`
  switch (kind) {
    case 'waiver':
      return {
        rule: 'waiver',
        product,
        about,
        title: `Release ${names[0]} of ${product} may pass without rebuilds.`,
        detail,
      }
    case 'revocation':
      return {
        rule: 'revocation',
        product,
        about,
        title: `Releases of ${product} are revoked: ${names.join(', ')}.`,
        detail,
      }
    case 'trust': {
      const title = `Trust file version ${sequence} of ${product} is in force.`
      return { rule: 'trust-change', product, about, title, detail: '' }
    }
    default:
      return null
  }
}

/** Two met releases of one place. */
export function equivocated(a: StatementRecord, b: StatementRecord): Finding {
  const ids = [a.id, b.id].sort()
  const title = `The publishers of ${a.product} signed two releases with sequence ${a.sequence} of ${a.channel}: ${ids.join(' and ')}.`
  return { rule: 'equivocation', product: a.product, about: ids, title, detail: '' }
}

/** Two met trust files of one version. */
export function trustForked(product: string, version: number, ids: readonly [string, string]): Finding {
  const title = `The authority of ${product} signed two trust files of version ${version}.`
  return { rule: 'trust-fork', product, about: [...ids].sort(), title, detail: '' }
}

export function trustEnds(product: string, version: number, index: number): Finding {
  const title = `Trust file version ${version} of ${product}, logged at ${index}, is in a format that this monitor does not know.`
  return { rule: 'trust-ends', product, about: [version, index], title, detail: '' }
}

/** The next trust file is of another log: whoever watches the product has to look there. */
export function trustMoves({ product, version, log, origin: to, sha256 }: Trust, from: string, index: number): Finding {
  const title = `${product} moves to another log: trust file version ${version}, logged at ${index}, names ${to}; nothing counts in ${from} past it.`
  const url = log.url === undefined ? '(the trust file names none)' : log.url
  const detail = `The new log: "keys": ["${formatVkey(log.key)}"], "url": "${url}". Its trust file is the body ${sha256} of the old one.`
  return { rule: 'trust-moves', product, about: [version, index], title, detail }
}

/** A vote that says other bytes came out. */
export function votedAgainst(
  release: StatementRecord,
  vote: { readonly operator: string; readonly index: number; readonly name: string; readonly sha256: string },
): Finding {
  const title = `${vote.operator} rebuilt ${vote.name} of ${release.product} ${release.version} and got other bytes.`
  const detail = `Entry ${vote.index} says ${vote.sha256}; the release ${release.id} says otherwise.`
  return {
    rule: 'negative-vote',
    product: release.product,
    about: [release.id, vote.operator, vote.name],
    title,
    detail,
  }
}

/** A release that waits for rebuilders too long. `lacks`: per artifact, how many of how many. */
export function lacksRebuilds(release: StatementRecord, lacks: readonly string[], sequence: number): Finding {
  const title = `Release ${release.version} of ${release.product} (sequence ${sequence}) still lacks rebuilds.`
  return { rule: 'missing-rebuilds', product: release.product, about: [release.id], title, detail: lacks.join('; ') }
}
