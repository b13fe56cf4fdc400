/** What every step hands back: always the state to persist, whatever else came of it. */
import type { Need } from './material.ts'
import type { Refusal } from './refusal.ts'
import type { State } from './state.ts'

/** Something worth telling that changes no result, e.g. `first-contact`. `text` may quote others: neutralise it. */
export interface Notice {
  readonly code:
    | 'first-contact'
    | 'state-generation'
    | 'installed-unknown'
    | 'installed-flawed'
    | 'no-anchor'
    | 'no-freshness'
    | 'aging'
    | 'accept-stale'
    | 'heads-dropped'
    | 'entries-ignored'
    | 'trust-updated'
    | 'log-replaced'
    | 'waiting'
    | 'waived'
    | 'negative-vote'
    | 'no-evidence'
    | 'downgrade'
  readonly text: string
}

export type Outcome<V> =
  | { readonly kind: 'done'; readonly state: State; readonly notices: readonly Notice[]; readonly value: V }
  | {
      readonly kind: 'needs'
      readonly state: State
      readonly notices: readonly Notice[]
      readonly needs: readonly Need[]
    }
  | { readonly kind: 'stopped'; readonly state: State; readonly notices: readonly Notice[]; readonly refusal: Refusal }
