/** Who signed an entry: keys by core, certificates by Sigstore's library, which is loaded where a trust file lists identities. */
import { type Entry, type IdentityVerifier, type Member, type Signatory, signerOf, type Trust } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { sigstoreIdentities } from '@samebits/identity'

/** One for the whole program: what it made of an entry is remembered. */
export const identities: IdentityVerifier = sigstoreIdentities()

/** The members of `trust` whose signature `entry` carries, valid at its index or not. */
export function signersOf(trust: Trust, entry: Entry): Signatory[] {
  return signerOf(nodeCrypto, trust, entry, identities)
}

/** What names a member whatever the trust file calls it: its key's hint, or `<issuer> <san>` (docs/decision.md, `member`). */
export function credentialOf({ credential }: Member): string {
  return credential.kind === 'key' ? credential.hint : `${credential.issuer} ${credential.san}`
}

/** Whether `entry` carries the signature of the member with this credential. */
export function isSignedBy(trust: Trust, entry: Entry, credential: string): boolean {
  return signersOf(trust, entry).some(({ member }) => credentialOf(member) === credential)
}
