/**
 * Members of a trust file's roles (docs/formats.md §2):
 *
 *     { "id": "alice-2026", "operator": "alice", "publicKey": "-----BEGIN PUBLIC KEY-----\n…", "until": 4711 }
 *     { "id": "ci", "identity": { "issuer": "https://token.actions.githubusercontent.com", "san": "https://…" } }
 */
import type { Hasher, VerificationKey } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { parseSpkiPem } from '../spki.ts'
import { keyHint, signsEntries } from './entry.ts'
import type { Identity } from './identity.ts'
import { integer, list, matching, object, type Read, ShapeError, text } from './shape.ts'

export interface KeyCredential {
  readonly kind: 'key'
  readonly key: VerificationKey
  /** SHA-256 of the key's SPKI DER, as entries name it. */
  readonly hint: string
}

export interface IdentityCredential extends Identity {
  readonly kind: 'identity'
}

/** A key or an identity that acts for an operator, for a stretch of the log. */
export interface Member {
  /** Unique in the trust file, over all roles. */
  readonly id: string
  /** Whom it counts for; the id where the file names no operator. */
  readonly operator: string
  readonly credential: KeyCredential | IdentityCredential
  /** First index at which it is valid; 0 where the file says nothing. */
  readonly from: number
  /** First index at which it is valid no longer; null where the file says nothing. */
  readonly until: number | null
}

/**
 * Whether a member may speak at `index` of the log of its trust file: `from` ≤ index < `until`. For an entry of another log
 * pass null: indices there mean nothing, so members with `until` do not count, and `from` is ignored.
 */
export function validAt(member: Member, index: number | null): boolean {
  if (index === null) return member.until === null
  return member.from <= index && (member.until === null || index < member.until)
}

/** How many different operators stand behind members. */
export function countOperators(members: Iterable<Member>): number {
  return new Set([...members].map(({ operator }) => operator)).size
}

const MAX_MEMBERS = 256
const memberName = matching((value) => /^[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}$/.test(value), 'an id')
const printable = matching((value) => /^[!-~]{1,1024}$/.test(value), 'printable text without spaces')

interface WrittenMember {
  readonly id: string
  readonly operator?: string
  readonly publicKey?: string
  readonly identity?: Identity
  readonly from?: number
  readonly until?: number
}

const writtenMember = object<{ id: string }, Required<Omit<WrittenMember, 'id'>>>(
  { id: memberName },
  {
    operator: memberName,
    publicKey: text(4096),
    identity: object<Identity>({ issuer: printable, san: printable }),
    from: integer(),
    until: integer(),
  },
)

/** Reads the `members` of a role. */
export function members(hasher: Hasher): Read<readonly Member[]> {
  return list((value, at) => readMember(hasher, value, at), { max: MAX_MEMBERS })
}

function readMember(hasher: Hasher, value: unknown, at: string): Member {
  const written: WrittenMember = writtenMember(value, at)
  const { id, operator = id, from = 0, until = null } = written
  if (until !== null && until <= from) throw new ShapeError(at, 'valid nowhere: "until" is not after "from"')
  return { id, operator, credential: readCredential(hasher, written, at), from, until }
}

function readCredential(hasher: Hasher, written: WrittenMember, at: string): Member['credential'] {
  const { publicKey, identity } = written
  if (publicKey !== undefined && identity === undefined) return readKey(hasher, publicKey, at)
  if (publicKey === undefined && identity !== undefined) return { kind: 'identity', ...identity }
  throw new ShapeError(at, 'not exactly one of "publicKey" and "identity"')
}

function readKey(hasher: Hasher, pem: string, at: string): KeyCredential {
  let key: VerificationKey
  try {
    key = parseSpkiPem(pem).key
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new ShapeError(`${at}.publicKey`, cause.detail)
  }
  if (!signsEntries(key)) throw new ShapeError(`${at}.publicKey`, `${key.algorithm} keys do not sign entries`)
  return { kind: 'key', key, hint: keyHint(hasher, key) }
}
