/** A product as a rebuilder follows it: its trust file, its log, and what was read there before. */
import { join } from 'node:path'
import type { Trust } from '@samebits/core'
import { type Follower, follow } from '../follow.ts'
import { type Log, openLog } from '../log-access.ts'
import type { Machine } from '../machine.ts'
import type { RetryLimits } from '../retry.ts'
import { readTrustFile } from '../workspace-files.ts'
import type { ProductConfig } from './config.ts'

export interface FollowedProduct {
  readonly name: string
  readonly trust: Trust
  readonly log: Log
  readonly mirror: string | undefined
  /** As {@link Follower.now}; one at a time. */
  readonly now: Follower['now']
}

export interface ProductParts {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly limits: RetryLimits
  /** Where what is read of it is kept. */
  readonly folder: string
}

/** @throws ProgramError TRUST_INVALID */
export async function followProduct(
  name: string,
  { trust: path, mirror }: ProductConfig,
  { machine, signal, limits, folder }: ProductParts,
): Promise<FollowedProduct> {
  const trust = await readTrustFile(path, name)
  const log = openLog({ machine, policy: trust.policy, signal, limits })
  const { now } = follow({
    trust,
    log,
    historyPath: join(folder, 'history.json'),
    evidenceFolder: join(folder, 'evidence'),
    known: async () => [],
    onProgress: () => undefined,
  })
  return { name, trust, log, mirror, now: oneAtATime(now) }
}

/** The kept history is read and written as a whole: two readers at once could put an older one in its place. */
function oneAtATime(now: Follower['now']): Follower['now'] {
  let last: Promise<unknown> = Promise.resolve()
  return (wait) => {
    const mine = last.then(() => now(wait))
    last = mine.catch(() => undefined)
    return mine
  }
}
