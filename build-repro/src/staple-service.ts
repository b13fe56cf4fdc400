/**
 * Stapling on a schedule, as a service: once a period, sooner again after what time may heal, and an end for what it cannot.
 */
import { ProgramError } from '@samebits/host'
import type { Machine } from './machine.ts'
import { backoffMs } from './retry.ts'

export interface ServiceParts<T> {
  readonly machine: Pick<Machine, 'sleep' | 'random' | 'say'>
  /** Aborted when the service is to end: between rounds at once, in a round as soon as that can be. */
  readonly signal: AbortSignal
  /** From the end of one round to the beginning of the next. */
  readonly everyMs: number
  readonly round: () => Promise<T>
  /** A round succeeded. */
  readonly done: (result: T) => void
}

/** The exit status of what a later round may find mended. */
const undecided = 20
/** The first wait after a failure is below this; it doubles with each, up to the period. */
const firstBackoffMs = 30_000

/**
 * Resolves when the signal is aborted.
 * @throws ProgramError what no later round can mend: a fork, a trust file that is refused, a file that cannot be written
 */
export async function stapleEvery<T>({ machine, signal, everyMs, round, done }: ServiceParts<T>): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    const error = await round().then(
      (result) => {
        done(result)
        return null
      },
      (thrown: unknown) => thrown,
    )
    if (signal.aborted) return
    if (error !== null && !(error instanceof ProgramError && error.exitCode === undecided)) throw error
    failures = error === null ? 0 : failures + 1
    const waitMs = error === null ? everyMs : waitAfter(failures, everyMs, machine.random())
    if (error instanceof ProgramError)
      machine.say(`${error.code}: ${error.detail}; the next try is in ${Math.ceil(waitMs / 1000)} s`)
    await machine.sleep(waitMs, signal).catch((reason: unknown) => {
      if (!signal.aborted) throw reason
    })
  }
}

/** Full jitter, and never at once: a second at least. */
function waitAfter(failures: number, everyMs: number, random: number): number {
  const wait = backoffMs({ totalMs: 0, firstMs: firstBackoffMs, mostMs: everyMs }, failures - 1, random)
  return Math.min(everyMs, Math.max(1000, wait))
}
