/** Taking out of an archive what only says when, by whom and in which order it was packed: on request, and telling what changed. */
import { gunzipSync, gzipSync } from 'node:zlib'
import { ProgramError } from '@samebits/host'
import { isAr } from '../check/containers/ar.ts'
import { compressionOf } from '../check/containers/compressed.ts'
import { containerLimits, MalformedError } from '../check/containers/container.ts'
import { isTar } from '../check/containers/tar.ts'
import { isZip } from '../check/containers/zip.ts'
import { normalizeAr } from './ar.ts'
import { type Changes, noChanges } from './changes.ts'
import { normalizeTar } from './tar.ts'
import { normalizeZip } from './zip.ts'

export interface Normalized {
  readonly bytes: Uint8Array
  readonly changes: Changes
}

/**
 * The archive with times clamped to `epoch`, owners 0 and members in order. Normalizing twice changes nothing more.
 *
 * @throws ProgramError NOT_NORMALIZABLE
 */
export function normalize(bytes: Uint8Array, epoch: number): Normalized {
  const changes = noChanges()
  try {
    return { bytes: inner(bytes, epoch, changes), changes }
  } catch (error) {
    if (!(error instanceof MalformedError || error instanceof RangeError)) throw error
    throw refuse(error.message)
  }
}

function inner(bytes: Uint8Array, epoch: number, changes: Changes): Uint8Array {
  if (isZip(bytes)) return normalizeZip(bytes, epoch, changes)
  if (isAr(bytes)) return normalizeAr(bytes, epoch, changes)
  if (compressionOf(bytes) === 'gzip') return normalizeGzip(bytes, epoch, changes)
  if (isTar(bytes)) return normalizeTar(bytes, epoch, changes)
  throw refuse('it is no tar, tar.gz, zip or ar archive')
}

/** Packed again at the highest level, without name and time; the same bytes wherever the same zlib is. */
function normalizeGzip(bytes: Uint8Array, epoch: number, changes: Changes): Uint8Array {
  const content = gunzipSync(bytes, { maxOutputLength: containerLimits.bytes })
  if ([3, 4, 5, 6, 7].some((at) => bytes[at] !== 0)) changes.extras++
  return gzipSync(isTar(content) ? normalizeTar(content, epoch, changes) : content, { level: 9 })
}

function refuse(why: string): ProgramError {
  return new ProgramError({
    code: 'NOT_NORMALIZABLE',
    detail: `this file cannot be normalized: ${why}`,
    remedy: 'Make the build itself reproducible: samebits-build check says what differs, and why.',
  })
}
