/** How old a view may be (docs/decision.md step 11). All times Unix seconds, all limits seconds. */
import type { Freshness } from '../release/trust.ts'
import type { Want } from './want.ts'

/** Age of a view: max(now, time) - q. The local clock alone cannot make it younger. */
export function ageOf(now: number, time: number, q: number): number {
  return Math.max(now, time) - q
}

/** `unlimited`: this run reports the age and refuses nothing. `none`: no limit was set for this kind of run, so nothing is fresh. */
export type AgeLimit = number | 'unlimited' | 'none'

/**
 * The limit for a run. `online` is that of the want, for `apply` that of the want it was staged under. `--accept-stale`
 * replaces the limit here and nowhere else.
 */
export function ageLimit(freshness: Freshness, want: Want, online: boolean): AgeLimit {
  if (want.action === 'verify') return want.maxAge ?? 'unlimited'
  if (want.acceptStale !== null) return want.acceptStale
  return (online ? freshness.maxAge : freshness.offlineMaxAge) ?? 'none'
}
