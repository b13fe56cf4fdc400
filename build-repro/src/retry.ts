/** Trying again: exponential back-off with full jitter, until a limit of time. */
import type { Machine } from './machine.ts'

/** A failure that time may heal: the log is down, busy, or behind. */
export class Retryable extends Error {
  override readonly name = 'Retryable'
  /** The least wait that the other side asked for (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number
  /** What it is called when time is up: as in docs/attacks.md. */
  readonly code: 'TRANSPORT' | 'WITNESS_QUORUM'
  constructor(
    detail: string,
    init: { readonly retryAfterMs?: number; readonly code?: Retryable['code']; readonly cause?: unknown } = {},
  ) {
    super(detail, init.cause === undefined ? undefined : { cause: init.cause })
    this.code = init.code ?? 'TRANSPORT'
    this.retryAfterMs = init.retryAfterMs ?? 0
  }
}

export interface RetryLimits {
  /** No new try starts once this many milliseconds have passed. */
  readonly totalMs: number
  /** The ceiling of the first wait; it doubles with every try. */
  readonly firstMs: number
  /** The ceiling of every wait. */
  readonly mostMs: number
}

export const defaultLimits: RetryLimits = { totalMs: 120_000, firstMs: 250, mostMs: 10_000 }

/**
 * Runs `attempt` until it succeeds, fails for good (anything but `Retryable`), or the time is up.
 *
 * The wait before try n is uniform in [0, min(mostMs, firstMs * 2^n)), and never shorter than what the other side asked for,
 * unless that would pass the limit.
 *
 * @throws the last `Retryable` when the time is up
 */
export async function retry<T>(
  attempt: (tries: number) => Promise<T>,
  { machine, signal, limits }: { machine: Machine; signal: AbortSignal; limits: RetryLimits },
): Promise<T> {
  const start = machine.elapsedMs()
  for (let tries = 0; ; tries++) {
    try {
      return await attempt(tries)
    } catch (error) {
      if (!(error instanceof Retryable)) throw error
      const waitMs = Math.max(error.retryAfterMs, backoffMs(limits, tries, machine.random()))
      if (machine.elapsedMs() - start + waitMs >= limits.totalMs) throw error
      if (tries > 0) machine.say(`${error.message}; trying again in ${(waitMs / 1000).toFixed(1)} s`)
      await machine.sleep(waitMs, signal)
    }
  }
}

/** The wait after the failed try number `tries` (from 0), for `random` in [0, 1). */
export function backoffMs({ firstMs, mostMs }: RetryLimits, tries: number, random: number): number {
  return Math.floor(Math.min(mostMs, firstMs * 2 ** Math.min(tries, 30)) * random)
}
