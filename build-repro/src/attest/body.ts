/** Detached bodies: bytes that a statement names by digest and the log keeps beside it (docs/formats.md §1). */
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { MAX_BODY_BYTES } from '@samebits/core'

export interface Body {
  readonly name: string
  readonly mediaType: string
  /** 64 hex digits. */
  readonly sha256: string
  readonly bytes: Uint8Array
}

export function makeBody(name: string, mediaType: string, bytes: Uint8Array): Body {
  return { name, mediaType, sha256: createHash('sha256').update(bytes).digest('hex'), bytes }
}

/**
 * A build log as a body: as it is where it fits, else gzipped, else its end gzipped, where a failure shows. A log that not even so
 * fits is left out: null.
 */
export function logBody(log: Uint8Array, cap: number = MAX_BODY_BYTES): Body | null {
  if (log.length === 0) return null
  if (log.length <= cap) return makeBody('build.log', 'text/plain', log)
  const whole = gzipSync(log)
  if (whole.length <= cap) return makeBody('build.log.gz', 'application/gzip', whole)
  const end = gzipSync(log.subarray(-cap))
  return end.length <= cap ? makeBody('end-of-build.log.gz', 'application/gzip', end) : null
}
