/** A product as a rebuilder follows it: its trust file, its log, and what was read there before. */
import { join } from 'node:path'
import type { Trust } from '@samebits/core'
import { writeFileDurably } from '@samebits/host'
import { type Follower, follow, type Now } from '../follow.ts'
import { type Log, openLog } from '../log-access.ts'
import type { Machine } from '../machine.ts'
import type { RetryLimits } from '../retry.ts'
import { readTrustFile, readTrustIfThere } from '../workspace-files.ts'
import type { ProductConfig } from './config.ts'
import { nextTrust } from './next-trust.ts'

export interface FollowedProduct {
  readonly name: string
  /** The trust file in force: that of the configuration, or a later one that the log holds. */
  readonly trust: Trust
  readonly log: Log
  readonly mirror: string | undefined
  /** As {@link Follower.now}, under the newest trust file; one at a time. */
  readonly now: Follower['now']
}

export interface ProductParts {
  readonly machine: Machine
  readonly signal: AbortSignal
  readonly limits: RetryLimits
  /** What is read of it is kept here: `history.json`, `evidence/`, and a later `trust.json`. */
  readonly folder: string
}

/** @throws ProgramError TRUST_INVALID */
export async function followProduct(
  name: string,
  { trust: path, mirror }: ProductConfig,
  parts: ProductParts,
): Promise<FollowedProduct> {
  const { machine, folder } = parts
  const later = join(folder, 'trust.json')
  let current = under(await newestOf(name, path, later), parts)
  const now = async (wait: Parameters<Follower['now']>[0]): Promise<Now> => {
    for (;;) {
      const seen = await current.follower.now(wait)
      const next = await nextTrust(current.log, current.trust, seen)
      if (next === null) return seen
      await writeFileDurably(later, next.bytes)
      machine.say(`${name}: version ${next.version} of the trust file is in force`)
      current = under(next, parts)
    }
  }
  return {
    name,
    mirror,
    now: oneAtATime(now),
    get trust() {
      return current.trust
    },
    get log() {
      return current.log
    },
  }
}

interface Following {
  readonly trust: Trust
  readonly log: Log
  readonly follower: Follower
}

function under(trust: Trust, { machine, signal, limits, folder }: ProductParts): Following {
  const log = openLog({ machine, policy: trust.policy, signal, limits })
  const follower = follow({
    trust,
    log,
    historyPath: join(folder, 'history.json'),
    evidenceFolder: join(folder, 'evidence'),
    known: async () => [],
    onProgress: () => undefined,
    bringing: Number.MAX_SAFE_INTEGER, // later versions are followed
  })
  return { trust, log, follower }
}

/** The configured file, or the one that was followed from it before. */
async function newestOf(name: string, configured: string, later: string): Promise<Trust> {
  const [given, kept] = [await readTrustFile(configured, name), await readTrustIfThere(later, name)]
  return kept !== null && kept.version > given.version && kept.origin === given.origin ? kept : given
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
