/**
 * Who leads, where several processes serve one log (docs/log.md rule 6). It decides only who *tries*: that nobody forks
 * the log rests on the epoch in each commit, never on this.
 */

/** What a process sees of the others. */
export type Outlook =
  /** Nobody leads, or whoever did is silent: try. `epoch` is the one to replace; null where there is nobody else. */
  | { readonly kind: 'try'; readonly epoch: number | null }
  /** Another process leads: entries go to `url`. */
  | { readonly kind: 'follow'; readonly url: string }

/**
 * Obligations: after `begin`, other processes see a leader until `end`, or until this process falls silent. Times are Unix
 * seconds: no signature may state one past `latestTime()`, nor one before what `begin` returned, so that the times
 * of a log never go back, whatever the clocks of its machines say.
 */
export interface Election {
  look(): Promise<Outlook>
  /**
   * The lease of `epoch` was taken: says so, and goes on saying so. `lost` is called once when another process took it.
   * @returns the earliest time that a signature may state
   */
  begin(epoch: number, lost: (error: unknown) => void): Promise<number>
  latestTime(): number
  /** Leads no more; says so where it can. Never rejects. */
  end(): Promise<void>
  /** How often a follower looks. */
  readonly lookEveryMs: number
}

/** One process, one folder. */
export const alone: Election = {
  look: async () => ({ kind: 'try', epoch: null }),
  begin: async () => 0,
  latestTime: () => Number.POSITIVE_INFINITY,
  end: async () => undefined,
  lookEveryMs: 1000,
}
