/** Everything that admission refuses, in one place: status, stable code, and one sentence about what was seen. */
import type { Refusal } from '../admission.ts'
import type { Head } from './heads.ts'
import type { StatementKind } from './tables.ts'

const refusal = (status: number, code: string, detail: string, extra?: Refusal['extra']): Refusal => ({
  kind: 'refuse',
  status,
  code,
  detail,
  ...(extra && { extra }),
})

/** Most statements that one key may have signed and that were never met. */
export const MAX_UNMET = 64

/** Most files that one key may have named and that were not yet put to use. */
export const MAX_OPEN_BLOBS = 64

export const malformed = (detail: string): Refusal => refusal(400, 'entry-malformed', detail)
export const tooLarge = (max: number): Refusal => refusal(413, 'entry-too-large', `an entry has at most ${max} bytes`)
export const bodyInvalid = (detail: string): Refusal => refusal(400, 'trust-body-invalid', detail)

export const productNotAdmitted = (product: string): Refusal =>
  refusal(403, 'product-not-admitted', `this log does not take entries of ${product}`)
export const keyNotAdmitted = (kind: StatementKind): Refusal =>
  refusal(403, 'key-not-admitted', `the trust file in force does not let this signer sign a ${kind} statement here`)
export const signatureInvalid = (): Refusal =>
  refusal(403, 'signature-invalid', 'the signature does not verify under the key that the entry names')
export const channelNotAdmitted = (channel: string): Refusal =>
  refusal(403, 'channel-not-admitted', `the trust file in force lists no channel ${channel}`)
export const otherLog = (origin: string): Refusal =>
  refusal(403, 'other-log', `the trust file in force names another log: ${origin}`)
export const trustEnded = (index: number): Refusal =>
  refusal(403, 'trust-ended', `entry ${index} announces a trust file in a format that this server does not know`)

export const alreadyLogged = (index: number): Refusal =>
  refusal(409, 'already-logged', `the same signer logged this statement in other bytes, at index ${index}`, { index })
export const blobMissing = (sha256: readonly string[]): Refusal =>
  refusal(409, 'blob-missing', 'the entry names files that are not stored: PUT them, then post it again', {
    sha256,
  })
/** `head` is what the next release has to continue: `{ "head": { "sequence": 7, "id": "…" } }`, or null before the first. */
export const notOnHead = (head: Head | null): Refusal =>
  refusal(409, 'not-on-head', `the release does not continue the head of its channel, ${describe(head)}`, { head })
export const notNextTrust = (version: number): Refusal =>
  refusal(409, 'not-next-trust', `version ${version} of the trust file is in force: the next one is ${version + 1}`, {
    version,
  })
export const namesNothingLogged = (what: string): Refusal =>
  refusal(409, 'names-nothing-logged', `${what} is not logged here`)
export const tooManyUnmet = (): Refusal =>
  refusal(429, 'too-many-unmet', `the key has signed ${MAX_UNMET} statements that were never met`)
export const tooManyOpenBlobs = (): Refusal => ({
  ...refusal(429, 'too-many-open-blobs', `the key has named ${MAX_OPEN_BLOBS} files within the hour that never came`),
  retryAfterSeconds: 600,
})
export const trustConflict = (version: number): Refusal =>
  refusal(503, 'trust-conflict', `the admission file and the log hold different trust files of version ${version}`)

function describe(head: Head | null): string {
  return head === null ? 'which has no met release yet' : `sequence ${head.sequence}, id ${head.id}`
}
