/**
 * A witness contradicts this log: it claims a larger tree, or another root. What it says proves nothing; a checkpoint that
 * bears our own valid signature does (docs/log.md rule 3), so its monitoring copy is held against the storage, read again.
 */
import type { Hasher } from '@samebits/core'
import { openOwn } from '../signer.ts'
import { HeadMovedError, type LogReader } from '../store.ts'
import { checkSigned } from '../takeover.ts'
import { type CopyParts, NoCopyError, readCopy } from './copies.ts'
import type { WitnessService } from './log-policy.ts'

export interface ExamineParts extends CopyParts {
  readonly hasher: Hasher
  readonly store: Pick<LogReader, 'head' | 'tile'>
  /** Milliseconds that only go up. */
  readonly clock: () => number
}

/** A witness that contradicts without end costs us one look a minute. */
const intervalMs = 60_000

/**
 * How to examine. Resolves where the witness has no checkpoint of ours to show, or one that the storage agrees with.
 * @throws BehindError, TreeMismatchError, StorageError, HeadMovedError
 */
export function examiner(parts: ExamineParts): (service: WitnessService) => Promise<void> {
  const looked = new Map<string, number>()
  return async (service) => {
    const last = looked.get(service.name)
    if (last !== undefined && parts.clock() - last < intervalMs) return
    looked.set(service.name, parts.clock())
    const copy = await shown(parts, service)
    const own = copy === null ? null : openOwn(parts.signer, copy)
    if (own === null) return
    const head = await parts.store.head()
    if (head === null) throw new HeadMovedError(null)
    await checkSigned(parts, head, own.checkpoint, `the copy of witness ${service.name}`)
  }
}

/** The caller reports the witness's failure in any case; that it shows no copy either adds nothing. */
async function shown(parts: CopyParts, service: WitnessService): Promise<string | null> {
  try {
    return await readCopy(parts, service)
  } catch (error) {
    if (error instanceof NoCopyError) return null
    throw error
  }
}
