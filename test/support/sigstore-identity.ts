/**
 * Core's `IdentityVerifier` on `@sigstore/verify`: an RFC 3161 timestamp of a pinned authority, the certificate's chain at that time, the
 * signature, and no transparency log of Sigstore's (docs/formats.md §1).
 */
import { fromUtf8, type Identity, type IdentityVerifier } from '@samebits/core'
import { bundleFromJSON } from '@sigstore/bundle'
import { TrustedRoot } from '@sigstore/protobuf-specs'
import { toSignedEntity, toTrustMaterial, VerificationError, Verifier } from '@sigstore/verify'

const noKeys = () => {
  throw new VerificationError({ code: 'PUBLIC_KEY_ERROR', message: 'identities have no keys of their own' })
}

export const sigstoreIdentities: IdentityVerifier = {
  identify(entry, trustedRoot): Identity | null {
    if (entry.signer.kind !== 'certificate') return null
    const material = toTrustMaterial(TrustedRoot.fromJSON(trustedRoot), noKeys)
    const verifier = new Verifier(material, { tlogThreshold: 0, timestampThreshold: 1 })
    try {
      const { identity } = verifier.verify(toSignedEntity(bundleFromJSON(JSON.parse(fromUtf8(entry.leaf)))))
      const [issuer, san] = [identity?.extensions?.issuer, identity?.subjectAlternativeName]
      return issuer === undefined || san === undefined ? null : { issuer, san }
    } catch {
      return null // certificates and timestamps are DER from anywhere: what cannot be read identifies nobody either
    }
  },
}
