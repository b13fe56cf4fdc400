/**
 * Below what nothing is installed (docs/decision.md step 12), and what `installed` is where an application knows only its
 * version or its bytes (*Terms*).
 */
import type { ChannelHead } from '../release/trust.ts'
import { findRelease, type HistoryRange, isReleaseMet, operatorsOf, type Rule, signedEntries } from './known.ts'
import type { Floor, Known, KnownRelease, State } from './state.ts'
import type { Installed } from './want.ts'

/** What is installed, as far as it can be told. `id` null: only the version is known. */
export interface Resolved {
  readonly id: string | null
  readonly channel: string | null
  readonly sequence: number | null
  readonly version: string | null
}

/**
 * Finds the id of what is installed: in the install record, or among the met releases that are known, those of the anchor
 * included. Only met ones: a single key below the threshold could log another release of that version, and so decide what
 * counts as installed.
 */
export function resolveInstalled(rule: Rule, known: Known, installed: Installed | null): Resolved | null {
  if (installed === null) return null
  if (installed.kind === 'record') {
    const { id, channel, sequence, version } = installed
    return { id, channel, sequence, version }
  }
  const matches = known.releases.filter(
    (release) =>
      isReleaseMet(rule, release) &&
      (installed.kind === 'version'
        ? release.channel === installed.channel && release.version === installed.version
        : release.artifacts.some(({ sha256 }) => sha256 === installed.sha256)),
  )
  const [best] = matches.toSorted((a, b) => b.sequence - a.sequence)
  if (best !== undefined) {
    return { id: best.id, channel: best.channel, sequence: best.sequence, version: best.version }
  }
  if (installed.kind === 'sha256') return { id: null, channel: null, sequence: null, version: null }
  return { id: null, channel: installed.channel, sequence: null, version: installed.version }
}

/**
 * A disowned id: it has known entries, is not met under T, is not T's head, and its sequence is not below T's head. So a
 * release by a stolen key, even of sequence 2^53-1, stops being a floor with the trust version that ends that key.
 *
 * An id without known entries is never disowned; nor, without history, is one whose known entries all count and are only too
 * few: a feed that staples some of them must not be able to lower a floor.
 */
export function isDisowned({ trust }: Rule, known: Known, id: string, history: HistoryRange | null): boolean {
  const release = findRelease(known, id)
  const entries = signedEntries(release?.entries ?? [])
  if (release === null || entries.length === 0 || isReleaseMet({ trust, endsAt: null }, release)) return false
  const isFallen = entries.some((entry) => operatorsOf(trust.publishers, [entry]).size === 0)
  if (history === null && !isFallen) return false
  const head = trust.heads.get(release.channel)
  return head === undefined || (head.id !== id && release.sequence >= head.sequence)
}

/** What a floor is made from, for one channel. */
export interface FloorSources {
  readonly rule: Rule
  readonly state: State
  readonly installed: Resolved | null
  readonly history: HistoryRange | null
  /** Heads of the anchor, where it is of the log in force; null without one. */
  readonly anchorHeads: ReadonlyMap<string, ChannelHead> | null
}

/** The highest of the stored floor, installed, T's and the anchor's head that is not disowned; null where there is none. */
export function floorOf({ rule, state, installed, anchorHeads, history }: FloorSources, channel: string): Floor | null {
  const candidates: (Floor | null | undefined)[] = [
    state.floors.get(channel),
    installedFloor(installed, channel),
    rule.trust.heads.get(channel),
    anchorHeads?.get(channel),
  ]
  return candidates.reduce<Floor | null>((highest, candidate) => {
    if (candidate === null || candidate === undefined || isDisowned(rule, state.known, candidate.id, history))
      return highest
    return highest === null || candidate.sequence > highest.sequence ? candidate : highest
  }, null)
}

function installedFloor(installed: Resolved | null, channel: string): Floor | null {
  if (installed === null || installed.id === null || installed.sequence === null) return null
  return installed.channel === channel ? { sequence: installed.sequence, id: installed.id } : null
}

/** Whether `release` is above a floor, or is what the floor names. */
export function clearsFloor(floor: Floor | null, release: Pick<KnownRelease, 'id' | 'sequence'>): boolean {
  return floor === null || release.sequence > floor.sequence || release.id === floor.id
}
