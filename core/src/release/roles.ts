/**
 * Who signed, whether that counts, and whether it is enough (docs/formats.md §1, "Met"). Members are counted by operator,
 * over keys and identities together, and each signature counts only at an index at which its member is valid.
 */
import type { Crypto } from '../crypto.ts'
import { type Entry, verifyEntryWithKey } from './entry.ts'
import type { IdentityVerifier } from './identity.ts'
import { type Member, validAt } from './members.ts'
import type { Statement } from './predicates.ts'
import { type ChannelHead, type Role, roles, type Trust } from './trust.ts'

/** A member, and the role that it is listed under. */
export interface Signatory {
  readonly role: Role
  readonly member: Member
}

/**
 * A signature under one id, whose inclusion and DSSE signature have been verified. `index` is that of its entry in the log of the trust
 * file it is judged by, or null for an entry of another log.
 */
export interface CountedSignature {
  readonly index: number | null
  readonly memberId: string
}

/**
 * The members of `trust` whose signature `entry` carries, valid at its index or not; empty for a stranger's entry or
 * a broken signature. `identities` is needed only for certificates of a trust file that lists identities, and then
 * it must be given: throws TypeError rather than overlook a signature.
 */
export function signerOf(crypto: Crypto, trust: Trust, entry: Entry, identities?: IdentityVerifier): Signatory[] {
  const everyone = roles.flatMap((role) => trust[role].members.map((member) => ({ role, member })))
  const { signer } = entry
  if (signer.kind === 'key') {
    return everyone.filter(({ member: { credential } }) => {
      return (
        credential.kind === 'key' &&
        credential.hint === signer.hint &&
        verifyEntryWithKey(crypto, entry, credential.key)
      )
    })
  }
  if (trust.trustedRoot === null) return []
  if (identities === undefined) throw new TypeError('a trust file that lists identities needs an identity verifier')
  const found = identities.identify(entry, trust.trustedRoot)
  if (found === null) return []
  return everyone.filter(({ member: { credential } }) => {
    return credential.kind === 'identity' && credential.issuer === found.issuer && credential.san === found.san
  })
}

/** The member with this id, or null. */
export function memberOf(trust: Trust, id: string): Signatory | null {
  for (const role of roles) {
    const member = trust[role].members.find((candidate) => candidate.id === id)
    if (member !== undefined) return { role, member }
  }
  return null
}

/** The operators of `role` that signed validly, each once. */
export function operatorsOf(trust: Trust, role: Role, signatures: Iterable<CountedSignature>): ReadonlySet<string> {
  const byId = new Map(trust[role].members.map((member) => [member.id, member]))
  const operators = new Set<string>()
  for (const { index, memberId } of signatures) {
    const member = byId.get(memberId)
    if (member !== undefined && validAt(member, index)) operators.add(member.operator)
  }
  return operators
}

/** Whether the signatures under one id reach the threshold of `role`. Votes are not judged by this: see votes.ts. */
export function isMet(trust: Trust, role: Role, signatures: Iterable<CountedSignature>): boolean {
  return operatorsOf(trust, role, signatures).size >= trust[role].threshold
}

/** The roles that may sign each kind; any one of them suffices, and signatures of two are not added up. */
export const signingRoles: Readonly<Record<Statement['kind'], readonly Role[]>> = {
  release: ['publishers'],
  rebuild: ['rebuilders'],
  revocation: ['publishers', 'authority'],
  waiver: ['authority'],
  trust: ['authority'],
}

/**
 * Whether a statement of `kind` that bears these signatures counts under `trust`. A rebuild never does: each vote counts for its
 * operator alone. A trust statement must be met under the version before it and under the one that it names.
 */
export function isStatementMet(
  trust: Trust,
  kind: Statement['kind'],
  signatures: readonly CountedSignature[],
): boolean {
  return kind !== 'rebuild' && signingRoles[kind].some((role) => isMet(trust, role, signatures))
}

/** Whether a release counts as met: by its publishers, or because the trust file names it as a channel's head. */
export function isReleaseMet(
  trust: Trust,
  release: ChannelHead & { readonly channel: string },
  signatures: readonly CountedSignature[],
): boolean {
  return isHead(trust, release) || isMet(trust, 'publishers', signatures)
}

/** Whether the trust file names this release as the head of its channel. */
export function isHead(trust: Trust, { channel, sequence, id }: ChannelHead & { readonly channel: string }): boolean {
  const head = trust.heads.get(channel)
  return head !== undefined && head.id === id && head.sequence === sequence
}
