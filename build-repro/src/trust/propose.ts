/**
 * Proposing the next trust file: what a person wishes, made into a file that breaks no rule, with what it changes in words and
 * what would become of the releases that are out. Nothing is signed here.
 */
import {
  type BundleView,
  type ChannelHead,
  isReleaseMet,
  parseSignedCheckpoint,
  type Role,
  type Trust,
  type TrustChange,
  trustChanges,
} from '@samebits/core'
import { ProgramError } from '@samebits/host'
import type { Now } from '../follow.ts'
import type { LoggedRelease } from '../product-view.ts'
import { signersOf } from '../signers.ts'
import { type Draft, draftNext, readDraft } from './draft.ts'
import type { NewMember } from './first.ts'
import { demandNext } from './sign.ts'

export interface Wish {
  /** A next version that a person wrote; the rest then changes nothing. */
  readonly edited: Uint8Array | null
  readonly channels: readonly string[]
  readonly dropChannels: readonly string[]
  readonly add: readonly NewMember[]
  readonly remove: readonly string[]
  /** `now`: from the next entry of the log on. */
  readonly until: ReadonlyMap<string, number | 'now'>
  readonly thresholds: ReadonlyMap<Role, number>
  readonly policy: string | null
  readonly heads: ReadonlyMap<string, ChannelHead>
  /** Every channel's head as the log has it now becomes its floor. */
  readonly keepHeads: boolean
  readonly trustedRoot: object | null
}

/** What is known of the log in force: all of it, or the last view that was kept of one that is lost. */
export interface Known {
  readonly now: Now | null
  /** Where the wish names another log: the last view of this one. */
  readonly before: BundleView | null
  /** The heads of the channels, as the log or the anchor has them. */
  readonly heads: ReadonlyMap<string, ChannelHead>
}

export interface Proposal extends Draft {
  readonly changes: readonly TrustChange[]
  /** Releases that count under the version in force and would not under this one. */
  readonly disowned: readonly LoggedRelease[]
}

/** @throws ProgramError TRUST_INVALID, USAGE */
export function propose(current: Trust, wish: Wish, known: Known): Proposal {
  const draft = wish.edited === null ? draftNext(current, changesOf(wish, known)) : readDraft(wish.edited)
  demandNext(current, draft.trust)
  const changes = trustChanges(current, draft.trust)
  if (changes.length === 0)
    throw new ProgramError({
      code: 'USAGE',
      detail: 'nothing would change',
      remedy: 'Say what is to change; --help lists what can.',
    })
  return { ...draft, changes, disowned: disownedBy(draft.trust, known) }
}

function changesOf(wish: Wish, { now, before, heads }: Known) {
  const { edited: _, until, keepHeads, ...rest } = wish
  const ends = [...until].map(([id, index]) => [id, index === 'now' ? sizeNow(now) : index] as const)
  const kept = keepHeads || before !== null ? heads : []
  const channels = new Set(wish.dropChannels)
  return {
    ...rest,
    until: new Map(ends),
    heads: new Map([...kept, ...wish.heads].filter(([channel]) => !channels.has(channel))),
    replaces: before === null ? null : parseSignedCheckpoint(before.checkpoint).checkpoint,
  }
}

function sizeNow(now: Now | null): number {
  if (now !== null) return now.tree.size
  throw new ProgramError({
    code: 'USAGE',
    detail: '--until now, without asking the log',
    remedy: 'Give the index of the first entry that shall not count.',
  })
}

/** In the next log nothing counts but its heads; that is said once, by `replaces`. */
function disownedBy(next: Trust, { now, before }: Known): readonly LoggedRelease[] {
  if (now === null || before !== null) return []
  return now.view.releases.filter(({ id, statement, entries, metAt }) => {
    const signatures = entries.flatMap(({ index, entry }) =>
      signersOf(next, entry).map(({ member }) => ({ index, memberId: member.id })),
    )
    return metAt !== null && !isReleaseMet(next, { ...statement, id }, signatures)
  })
}
