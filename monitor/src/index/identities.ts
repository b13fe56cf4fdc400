/**
 * Whose certificate signed an entry: `@samebits/identity`, with its answers remembered over all trust files that pin the same authorities.
 * A state is judged again and again, and each look at a certificate costs milliseconds.
 */
import { canonicalJson, type Entry, type Identity, type IdentityVerifier, type JsonObject, toHex } from '@samebits/core'
import { nodeCrypto } from '@samebits/core/node'
import { sigstoreIdentities } from '@samebits/identity'

/** More than one batch of entries, and than the releases of all products on the dashboard; a few megabytes. */
const maxRemembered = 16_384

/** Remembers what `verifier` made of an entry under a trusted root, which is known by its content. */
export function rememberingIdentities(verifier: IdentityVerifier, max: number = maxRemembered): IdentityVerifier {
  const digests = new WeakMap<JsonObject, string>()
  const known = new Map<string, Identity | null>()
  const digestOf = (root: JsonObject) => {
    const digest = digests.get(root) ?? toHex(nodeCrypto.sha256(canonicalJson(root)))
    digests.set(root, digest)
    return digest
  }
  return {
    identify(entry: Entry, trustedRoot: JsonObject) {
      if (entry.signer.kind !== 'certificate') return null
      const key = `${digestOf(trustedRoot)} ${toHex(nodeCrypto.sha256(entry.leaf))}`
      const before = known.get(key)
      if (before !== undefined) return before
      const found = verifier.identify(entry, trustedRoot)
      const [oldest] = known.keys()
      if (oldest !== undefined && known.size >= max) known.delete(oldest)
      known.set(key, found)
      return found
    },
  }
}

/** Sigstore's library is loaded at the first certificate that is looked at under a trust file with identities. */
export const identities: IdentityVerifier = rememberingIdentities(sigstoreIdentities())
