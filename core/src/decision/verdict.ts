/** What a run that refuses nothing hands back, and what was proven, line by line (docs/decision.md, after step 25). */
import type { InstalledFlaw } from './refusal.ts'
import type { SignedFile } from './state.ts'

export interface Proven {
  /** Operators whose keys signed the release, and how many it takes. */
  readonly publishers: { readonly operators: readonly string[]; readonly threshold: number }
  readonly log: { readonly origin: string; readonly size: number }
  /** Names of the witnesses that cosigned the view, how many the policy lists, and what a fork would cost. */
  readonly witnesses: { readonly names: readonly string[]; readonly of: number; readonly forkCost: number }
  /** `required` is null where a waiver stands in for it. */
  readonly rebuilders: { readonly operators: readonly string[]; readonly required: number; readonly waived: boolean }
  /** Sizes of the earlier trees that the view extends; empty: first contact, consistency not checked. */
  readonly consistentFrom: readonly number[]
  /** Every entry below `completeTo` was read; from there to the view only what was stapled. Null: offered only. */
  readonly history: { readonly completeTo: number | null; readonly offeredTo: number }
  /** max(now, time) - q of the view, seconds; null with `quorum none`. */
  readonly age: number | null
}

export interface Accepted {
  readonly kind: 'accepted'
  readonly flaw: InstalledFlaw | null
  readonly id: string
  readonly channel: string
  readonly sequence: number
  readonly version: string
  /** The artifact first, then its parts. */
  readonly files: readonly SignedFile[]
  /** Indices of the entries of the offer, for {@link InclusionNeed}: what staging restates. */
  readonly indices: readonly number[]
  /** The person named it with `--downgrade-to`: the floor stays, the newer id is held. */
  readonly downgrade: boolean
  readonly proven: Proven
}

/** Nothing newer, or the offer is what is installed or held. */
export interface Current {
  readonly kind: 'current'
  readonly flaw: InstalledFlaw | null
  /** Null where no offer was judged. */
  readonly id: string | null
}

export type Verdict = Accepted | Current
