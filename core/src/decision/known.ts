/**
 * What is known of a product's entries, and what of it is *met* under a trust file (docs/formats.md §1): enough distinct
 * operators of a role signed an id, each with a key valid at that entry's index. Met is computed again each time, since the
 * trust file changes; what is kept are entries by credential, met or not.
 */
import { type Member, validAt } from '../release/members.ts'
import type { RoleMembers, Trust } from '../release/trust.ts'
import type { Known, KnownEntry, KnownRelease, KnownStatement } from './state.ts'

/** The trust file that rules, and how far it reaches (docs/decision.md step 10: a format unknown here ends it). */
export interface Rule {
  readonly trust: Trust
  /** Entries at or past this index permit nothing; null: no end. */
  readonly endsAt: number | null
}

/** In place of a credential: an entry of a release whose signature is nobody's that is listed. It only says where it is. */
export const STRANGER = ''

/** Statements that are not met, and votes for things unknown, of one key (or of all strangers): past this newer ones are ignored. */
export const MAX_UNMET_PER_KEY = 1024

export const nothingKnown: Known = { releases: [], statements: [], votes: [], ignored: 0 }

/**
 * What names a member whatever the trust file calls it: the SHA-256 of its key's SPKI DER in hex, or `<issuer> <san>`. Ids
 * may be given to other keys by a later version; credentials cannot.
 */
export function credentialName({ credential }: Member): string {
  return credential.kind === 'key' ? credential.hint : `${credential.issuer} ${credential.san}`
}

/** How the indices of entries are to be read. `foreign`: they are of another log than the trust file's. */
export interface Reach {
  /** Entries at or past this index do not count; null: no end. */
  readonly before?: number | null
  readonly foreign?: boolean
}

/** Where each operator of `role` first signed: the smallest index at which one of its members was valid. */
export function operatorsOf(
  role: RoleMembers,
  entries: readonly KnownEntry[],
  { before = null, foreign = false }: Reach = {},
): ReadonlyMap<string, number> {
  const members = new Map(role.members.map((member) => [credentialName(member), member]))
  const first = new Map<string, number>()
  for (const { index, member: name } of entries) {
    const member = members.get(name)
    if (member === undefined || !validAt(member, foreign ? null : index)) continue
    if (before !== null && index >= before) continue
    first.set(member.operator, Math.min(first.get(member.operator) ?? index, index))
  }
  return first
}

/**
 * The index of the entry that met the threshold: the threshold-th smallest first index of its operators. Null: not met.
 */
export function metAt(role: RoleMembers, entries: readonly KnownEntry[], reach: Reach = {}): number | null {
  const indices = [...operatorsOf(role, entries, reach).values()].sort((a, b) => a - b)
  return indices[role.threshold - 1] ?? null
}

/** Whether publishers met this release, within the reach of the trust file. */
export function isReleaseMet({ trust, endsAt }: Rule, release: Pick<KnownRelease, 'entries'>): boolean {
  return metAt(trust.publishers, release.entries, { before: endsAt }) !== null
}

/**
 * Where a revocation was met, by publishers or by the authority, whichever came first; -1 for one kept as met from a log
 * before this one. It forbids, so the end of the trust file's reach does not end it. Null: not met.
 */
export function revocationMetAt({ trust }: Rule, statement: KnownStatement): number | null {
  if (statement.kept === true) return -1
  const places = [metAt(trust.publishers, statement.entries), metAt(trust.authority, statement.entries)]
  const met = places.filter((place) => place !== null)
  return met.length === 0 ? null : Math.min(...met)
}

/** Whether the authority met a waiver that names this release. */
export function isWaived({ trust, endsAt }: Rule, known: Known, id: string): boolean {
  return known.statements.some(
    ({ kind, ids, entries }) =>
      kind === 'waiver' && ids.includes(id) && metAt(trust.authority, entries, { before: endsAt }) !== null,
  )
}

/** The smallest index among entries, whoever may count for them now; null where there are none. */
export function firstEntry(entries: readonly KnownEntry[]): number | null {
  return entries.length === 0 ? null : Math.min(...entries.map(({ index }) => index))
}

/** Entries [from, to) of the log, all of them read. */
export interface HistoryRange {
  readonly from: number
  readonly to: number
}

/**
 * The revocation of a release that stands (docs/decision.md step 20): met and naming this id, unless complete history shows
 * that it was met before the first entry of that id, counted over all entries ever logged. So the place where it was met must
 * itself lie in what was read. Null: none.
 */
export function standingRevocation(
  rule: Rule,
  known: Known,
  release: Pick<KnownRelease, 'id' | 'entries'>,
  history: HistoryRange | null,
): KnownStatement | null {
  const logged = knownEntries(known, release.id)
  const first = firstEntry([...logged, ...release.entries])
  const stands = (statement: KnownStatement): boolean => {
    if (statement.kind !== 'revocation' || !statement.ids.includes(release.id)) return false
    const met = revocationMetAt(rule, statement)
    if (met === null) return false
    const read = history !== null && met >= history.from && met < history.to && !strangersOverflow(known)
    return !(read && first !== null && met < first)
  }
  return known.statements.find(stands) ?? null
}

/** Whether some releases that strangers logged may be forgotten: then nothing shows which came first. */
function strangersOverflow({ releases }: Known): boolean {
  const logged = releases.filter(({ entries }) => entries.some(({ member }) => member === STRANGER))
  return logged.length >= MAX_UNMET_PER_KEY
}

/** The entries that a listed member signed. */
export function signedEntries(entries: readonly KnownEntry[]): KnownEntry[] {
  return entries.filter(({ member }) => member !== STRANGER)
}

export function findRelease({ releases }: Known, id: string): KnownRelease | null {
  return placesOf(releases).byId.get(id) ?? null
}

/** Where releases are found by what is asked of them: with thousands known, each question must not look at all. */
interface Places {
  readonly byId: ReadonlyMap<string, KnownRelease>
  /** By channel and sequence. */
  readonly byOrder: ReadonlyMap<string, readonly KnownRelease[]>
}

/** Lists of releases are never changed, so what was found in one once holds as long as the list. */
const places = new WeakMap<readonly KnownRelease[], Places>()

function placesOf(releases: readonly KnownRelease[]): Places {
  const found = places.get(releases)
  if (found !== undefined) return found
  const byId = new Map<string, KnownRelease>()
  const byOrder = new Map<string, KnownRelease[]>()
  for (const release of releases) {
    byId.set(release.id, release)
    const place = orderOf(release)
    const others = byOrder.get(place)
    if (others === undefined) byOrder.set(place, [release])
    else others.push(release)
  }
  const made = { byId, byOrder }
  places.set(releases, made)
  return made
}

function orderOf({ channel, sequence }: Pick<KnownRelease, 'channel' | 'sequence'>): string {
  return `${channel} ${sequence}`
}

/** What is known to be logged for a release. */
export function knownEntries(known: Known, id: string): readonly KnownEntry[] {
  return findRelease(known, id)?.entries ?? []
}

/** The met releases of a channel and sequence: more than one is an equivocation. */
export function metReleasesAt(
  { trust }: Rule,
  { releases }: Known,
  place: Pick<KnownRelease, 'channel' | 'sequence'>,
): KnownRelease[] {
  const there = placesOf(releases).byOrder.get(orderOf(place)) ?? []
  // What forbids is not ended by the end of T's reach.
  return there.filter((release) => isReleaseMet({ trust, endsAt: null }, release))
}
