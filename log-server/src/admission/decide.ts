/**
 * Whether a claim is admitted, and what follows from it: signatures, met statements, heads, trust files in force
 * (docs/formats.md §1, "Admission"). Runs inside the sequencing transaction, in log order, on a {@link WorkingSet};
 * a refusal changes nothing.
 */

import { equalBytes } from '@samebits/core'
import type { Place, Refusal, Verdict } from '../admission.ts'
import type { Claim } from './claim.ts'
import { headOf, standingOf } from './heads.ts'
import {
  alreadyLogged,
  blobMissing,
  channelNotAdmitted,
  keyNotAdmitted,
  MAX_UNMET,
  namesNothingLogged,
  notNextTrust,
  notOnHead,
  otherLog,
  tooManyOpenBlobs,
  tooManyUnmet,
  trustEnded,
} from './refusals.ts'
import { maySign, metAt, type Rules, thresholdMetAt, trustMetAt } from './rules.ts'
import type { StatementRow } from './tables.ts'
import { releasesOf, type WorkingSet } from './working-set.ts'

/** What a trust statement would bring: rules, a format that this server does not know, or a file that is not stored. */
export type NextTrust = Rules | 'unknown-format' | 'missing'

/** How long `PUT` of a blob stays open, in seconds. */
const BLOB_OPEN_SECONDS = 3_600

export interface Judged {
  readonly claim: Claim
  /** The trust file in force for the claim's product. */
  readonly rules: Rules
  /** Trust statements only. */
  readonly next: NextTrust | null
  /** Name of this log. */
  readonly origin: string
}

const admit: Verdict = { kind: 'admit' }

/** A repeat by the same signer: the same bytes are the same entry, other bytes are refused. */
export function repeatOf(set: WorkingSet, { facts, signer }: Claim, place: Place): Verdict | null {
  const prior = set.statement(facts.id)?.signed.find((row) => row.signer === signer)
  if (prior === undefined) return null
  if (equalBytes(prior.leafHash, place.leafHash)) return { kind: 'duplicate', index: prior.index }
  return alreadyLogged(prior.index)
}

export async function decideClaim(set: WorkingSet, judged: Judged, place: Place): Promise<Verdict> {
  const { claim, rules, next, origin } = judged
  const endsAt = set.product(claim.facts.product)?.endsAt ?? null
  if (endsAt !== null) return trustEnded(endsAt)
  if (claim.facts.kind === 'trust') {
    if (next === null) throw new TypeError('a trust statement is judged with what it brings')
    return decideTrust(set, claim, rules, next, place)
  }
  if (rules.origin !== origin) return otherLog(rules.origin)
  if (!maySign(rules, claim.facts.kind, claim.signer, place.index)) return keyNotAdmitted(claim.facts.kind)
  const refusal = misplaced(set, claim, rules) ?? (await missingBlob(set, claim, place))
  if (refusal !== null) return refusal
  return admitStatement(set, claim, rules, place)
}

/** An entry waits for its bodies: their `PUT` is opened, for so many at a time. */
async function missingBlob(set: WorkingSet, { bodies, signer }: Claim, { now }: Place): Promise<Refusal | null> {
  const missing = bodies.filter((sha256) => set.blobSize(sha256) === null)
  if (missing.length === 0) return null
  const opened = await set.openBlobs(signer, missing, now, now + BLOB_OPEN_SECONDS)
  return opened ? blobMissing(missing) : tooManyOpenBlobs()
}

/** A statement must be about what is there: a release about the head, everything else about logged releases. */
function misplaced(set: WorkingSet, claim: Claim, rules: Rules): Refusal | null {
  const { id, product, kind, channel, sequence, previous } = claim.facts
  if (kind === 'rebuild') return baselessVote(set, claim)
  if (kind === 'release' && channel !== null && sequence !== null) {
    if (!rules.channels.has(channel)) return channelNotAdmitted(channel)
    const head = set.head(product, channel)
    return standingOf({ id, sequence, previous }, head) === 'elsewhere' ? notOnHead(head) : null
  }
  const floors = new Set([...rules.floors.values()].map((floor) => floor.id))
  const unknown = claim.facts.targets.find((target) => !floors.has(target) && !isRelease(set, product, target))
  return unknown === undefined ? null : namesNothingLogged(`release ${unknown}`)
}

function isRelease(set: WorkingSet, product: string, id: string): boolean {
  const row = set.statement(id)
  return row !== null && row.kind === 'release' && row.product === product
}

/** A vote with a release is about that release's artifacts, by name; one without is about logged artifacts, by digest. */
function baselessVote(set: WorkingSet, { facts: { product, files, targets } }: Claim): Refusal | null {
  const [release] = targets
  if (release === undefined) {
    const known = files.some(({ sha256 }) => set.isArtifact(product, sha256))
    return known ? null : namesNothingLogged('no file that the vote names is an artifact that')
  }
  if (!isRelease(set, product, release)) return namesNothingLogged(`release ${release}`)
  const names = new Set(set.files(release).map(({ name }) => name))
  return files.some(({ name }) => names.has(name)) ? null : namesNothingLogged('a release with such an artifact')
}

/** Signs, unless that would leave the signer with too many statements that nobody else stands behind. */
async function admitStatement(set: WorkingSet, claim: Claim, rules: Rules, place: Place): Promise<Verdict> {
  const { facts } = claim
  const signed = withSignature(set, claim, place)
  const met = metAt(rules, facts, signed)
  if (floods(set, claim, met)) return tooManyUnmet()
  set.sign(facts, signatureOf(claim, place))
  set.keepBlobs(claim.bodies)
  set.setMet(facts.id, met)
  if (facts.kind === 'release' && met !== null) await raiseHead(set, set.statement(facts.id))
  return admit
}

function signatureOf({ facts, signer }: Claim, { index, leafHash }: Place): StatementRow['signed'][number] {
  return { id: facts.id, signer, index, leafHash }
}

function withSignature(set: WorkingSet, claim: Claim, place: Place): StatementRow['signed'] {
  return [...(set.statement(claim.facts.id)?.signed ?? []), signatureOf(claim, place)]
}

function floods(set: WorkingSet, { facts, signer }: Claim, met: number | null): boolean {
  if (facts.kind === 'rebuild' || met !== null || set.statement(facts.id)?.everMet === true) return false
  return set.unmetCount(signer) >= MAX_UNMET
}

/** A release that was just met is the head, and so is what was met on it while it was not. */
async function raiseHead(set: WorkingSet, row: StatementRow | null): Promise<void> {
  if (row === null || row.channel === null || row.sequence === null) return
  const { product, channel } = row
  let head = set.head(product, channel)
  if (standingOf({ id: row.id, sequence: row.sequence, previous: row.previous }, head) !== 'next') return
  for (let id: string | null = row.id, sequence = row.sequence; id !== null; sequence++) {
    head = { sequence, id }
    const above = await set.releasesAt(product, channel, sequence + 1)
    const met = above.filter((release) => release.metAt !== null && release.previous === head?.id)
    met.sort((a, b) => (a.metAt ?? 0) - (b.metAt ?? 0))
    id = met[0]?.id ?? null
  }
  set.setHead(product, channel, head)
}

async function decideTrust(
  set: WorkingSet,
  claim: Claim,
  rules: Rules,
  next: NextTrust,
  place: Place,
): Promise<Verdict> {
  const { facts, signer } = claim
  const brought = typeof next === 'string' ? null : next
  const cosigns = facts.sequence === rules.version && brought?.sha256 === rules.sha256
  if (!cosigns && facts.sequence !== rules.version + 1) return notNextTrust(rules.version)
  const listed = [rules, brought].some((one) => one !== null && maySign(one, 'trust', signer, place.index))
  if (!listed) return keyNotAdmitted('trust')
  const missing = await missingBlob(set, claim, place)
  if (missing !== null) return missing
  const signed = withSignature(set, claim, place)
  const met = brought ? trustMetAt(rules, brought, signed) : thresholdMetAt(rules, 'authority', signed)
  if (floods(set, claim, met)) return tooManyUnmet()
  set.sign(facts, signatureOf(claim, place))
  set.keepBlobs(claim.bodies)
  if (met === null || cosigns) {
    if (cosigns && set.statement(facts.id)?.everMet !== true) set.setMet(facts.id, met)
    return admit
  }
  set.setMet(facts.id, met)
  if (brought === null)
    set.setProduct({ product: rules.product, version: rules.version, sha256: rules.sha256, endsAt: place.index })
  else await takeEffect(set, brought)
  return admit
}

/** Puts a trust file in force: every statement but votes and trust is judged again, and every head found again. */
export async function takeEffect(set: WorkingSet, rules: Rules): Promise<void> {
  const { product, version, sha256 } = rules
  set.setProduct({ product, version, sha256, endsAt: null })
  const rows = await set.judged(product)
  for (const row of rows) if (row.kind !== 'trust') set.setMet(row.id, metAt(rules, row, row.signed))
  const judged = await set.judged(product)
  const channels = new Set([
    ...set.channels(product),
    ...rules.floors.keys(),
    ...judged.flatMap((row) => row.channel ?? []),
  ])
  for (const channel of channels)
    set.setHead(product, channel, headOf(releasesOf(judged, channel), rules.floors.get(channel) ?? null))
}
