/** Waiting between attempts: exponential, with full jitter, so that clients that failed together do not return together. */
import { setTimeout as delay } from 'node:timers/promises'

/** How often and how patiently something is tried again. */
export interface RetryPolicy {
  /** Attempts in all, at least 1. */
  readonly attempts: number
  /** Upper bound of the first wait; it doubles with each attempt. */
  readonly baseDelayMs: number
  readonly maxDelayMs: number
}

export const defaultRetry: RetryPolicy = { attempts: 4, baseDelayMs: 250, maxDelayMs: 8_000 }

/** Milliseconds to wait after attempt `attempt` (0 is the first): uniform below the bound, never less than the server asked. */
export function backoffMs(policy: RetryPolicy, attempt: number, random: () => number, askedMs = 0): number {
  const bound = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** attempt)
  return Math.max(Math.min(askedMs, policy.maxDelayMs), Math.floor(random() * bound))
}

/** A wait that an abort ends at once, with the abort's reason. */
export type Sleep = (ms: number, signal?: AbortSignal) => Promise<void>

export const sleep: Sleep = async (ms, signal) => {
  signal?.throwIfAborted()
  try {
    await delay(ms, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
