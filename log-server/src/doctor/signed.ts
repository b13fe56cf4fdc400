/** What the log has signed, against what it stores, and against the clock (docs/log.md rules 2 and 3). */
import type { Hasher } from '@samebits/core'
import { TreeMismatchError } from '../issuer.ts'
import type { Marked } from '../marker.ts'
import { type HeadSigner, openOwn } from '../signer.ts'
import type { Head, LogReader } from '../store.ts'
import { BehindError, checkSigned } from '../takeover.ts'
import { type Finding, fail, ok } from './finding.ts'

export interface SignedParts {
  readonly store: Pick<LogReader, 'head' | 'tile' | 'published'>
  readonly hasher: Hasher
  readonly signer: HeadSigner
  readonly marked: Marked
  /** Unix seconds. */
  readonly now: number
}

export async function checkSignedTrees(parts: SignedParts): Promise<Finding[]> {
  const { store, marked } = parts
  const head = await store.head()
  if (head === null)
    return [fail('storage', 'the database holds no log', 'Run samebits-log restore, or init for a new log.')]
  const published = await store.published()
  const findings = [await checkTree(parts, head, 'the marker', marked.checkpoint)]
  if (marked.epoch > head.epoch)
    findings.push(
      fail(
        'storage',
        `the marker is of lease ${marked.epoch}, the storage of lease ${head.epoch}: it is an old copy`,
        'Run samebits-log restore --from a place of this log.',
      ),
    )
  if (published !== null) findings.push(await checkTree(parts, head, 'the published checkpoint', published.checkpoint))
  return [...findings, checkClock(parts, published?.checkpoint ?? '')]
}

async function checkTree(parts: SignedParts, head: Head, name: string, text: string): Promise<Finding> {
  const opened = openOwn(parts.signer, text)
  if (opened === null)
    return fail('storage', `${name} is not signed by the keys of this log`, 'Name the keys of the log.')
  try {
    await checkSigned(parts, head, opened.checkpoint, name)
    return ok('storage', `${head.size} entries are stored, ${name} of size ${opened.checkpoint.size} lies on them`)
  } catch (error) {
    if (error instanceof BehindError)
      return fail('storage', error.message, 'Run samebits-log restore --from a place of this log.')
    if (error instanceof TreeMismatchError)
      return fail('storage', error.message, 'Stop; keep everything; samebits-log fsck says where.')
    throw error
  }
}

function checkClock({ signer, marked, now }: SignedParts, published: string): Finding {
  const signed = [marked.checkpoint, published].flatMap((text) => openOwn(signer, text)?.verified ?? [])
  const last = Math.max(0, ...signed.map(({ timestamp }) => timestamp ?? 0))
  if (last <= now + 5) return ok('clock', 'the clock is not behind the last signature')
  return fail(
    'clock',
    `the clock is ${last - now} s behind the time of the last signature, which new ones repeat until it has caught up`,
    'Let this machine follow NTP.',
  )
}
