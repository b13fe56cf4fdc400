/** A parsed trust file as admission follows it. */
import { type Hasher, type Member, type Role, roles, type Trust, toHex, utf8, validAt } from '@samebits/core'
import type { Rules } from './rules.ts'

/** {@link Rules} of one trust file, with the credentials to verify signatures by. */
export interface TrustRules extends Rules {
  readonly trust: Trust
  /** What the trust file holds of a signer, valid or not; null for a stranger. */
  credential(signer: string): Member['credential'] | null
  /** The id of the member with this credential; null for a stranger. */
  memberId(signer: string): string | null
}

/**
 * The name under which a signer is indexed: a key's hint as entries name it, and of an identity the SHA-256 of
 *
 *     issuer 0x0A san
 */
export function signerId(hasher: Hasher, credential: Member['credential']): string {
  if (credential.kind === 'key') return credential.hint
  return toHex(hasher.sha256(utf8(`${credential.issuer}\n${credential.san}`)))
}

/** `origin` is the name of this log: where the trust file names another, indices here say nothing about validity. */
export function trustRules(hasher: Hasher, trust: Trust, origin: string): TrustRules {
  const listed = new Map<string, { role: Role; member: Member }>()
  for (const role of roles)
    for (const member of trust[role].members) listed.set(signerId(hasher, member.credential), { role, member })
  return {
    trust,
    product: trust.product,
    version: trust.version,
    sha256: trust.sha256,
    origin: trust.origin,
    channels: new Set(trust.channels),
    floors: trust.heads,
    threshold: (role) => trust[role].threshold,
    operator(role, signer, index) {
      const found = listed.get(signer)
      if (found?.role !== role) return null
      return validAt(found.member, trust.origin === origin ? index : null) ? found.member.operator : null
    },
    credential: (signer) => listed.get(signer)?.member.credential ?? null,
    memberId: (signer) => listed.get(signer)?.member.id ?? null,
  }
}
