/**
 * Certificate identities (docs/formats.md §1): core's `IdentityVerifier` on `@sigstore/verify`. An RFC 3161 timestamp of a
 * pinned authority, the certificate's chain at that time, the signature; no transparency log of Sigstore's.
 */
import { type Entry, fromUtf8, type Identity, type IdentityVerifier, type JsonObject } from '@samebits/core'
import type { Verifier } from '@sigstore/verify'
import { loadSigstore, type SigstoreLibrary } from './load.ts'

/** Entries whose answer is remembered for one trusted root: history is read more than once in a run. */
const MAX_REMEMBERED = 1024

/** A verifier that keeps what it made of each trusted root for as long as that object lives. */
export function sigstoreIdentities(): IdentityVerifier {
  let library: SigstoreLibrary | null = null
  const roots = new WeakMap<JsonObject, Root>()
  return {
    identify(entry, trustedRoot) {
      if (entry.signer.kind !== 'certificate') return null
      library ??= loadSigstore()
      const root = roots.get(trustedRoot) ?? openRoot(library, trustedRoot)
      roots.set(trustedRoot, root)
      return identifyUnder(library, root, entry)
    },
  }
}

interface Root {
  /** Null where the trusted root cannot be read: it then identifies nobody. */
  readonly verifier: Verifier | null
  /** By leaf, the oldest first. */
  readonly known: Map<string, Identity | null>
}

function openRoot({ specs, verify }: SigstoreLibrary, trustedRoot: JsonObject): Root {
  const noKeys = () => {
    throw new verify.VerificationError({ code: 'PUBLIC_KEY_ERROR', message: 'identities have no keys of their own' })
  }
  try {
    const material = verify.toTrustMaterial(specs.TrustedRoot.fromJSON(trustedRoot), noKeys)
    const thresholds = { tlogThreshold: 0, timestampThreshold: 1, ctlogThreshold: 1 }
    return { verifier: new verify.Verifier(material, thresholds), known: new Map() }
  } catch {
    return { verifier: null, known: new Map() } // whatever is wrong with it: nothing in it can be trusted
  }
}

function identifyUnder(library: SigstoreLibrary, { verifier, known }: Root, entry: Entry): Identity | null {
  if (verifier === null) return null
  const leaf = fromUtf8(entry.leaf)
  const before = known.get(leaf)
  if (before !== undefined) return before
  const found = identify(library, verifier, leaf)
  const [oldest] = known.keys()
  if (oldest !== undefined && known.size >= MAX_REMEMBERED) known.delete(oldest)
  known.set(leaf, found)
  return found
}

function identify({ bundle, verify }: SigstoreLibrary, verifier: Verifier, leaf: string): Identity | null {
  try {
    const { identity } = verifier.verify(verify.toSignedEntity(bundle.bundleFromJSON(JSON.parse(leaf))))
    const [issuer, san] = [identity?.extensions?.issuer, identity?.subjectAlternativeName]
    return issuer === undefined || san === undefined ? null : { issuer, san }
  } catch {
    return null // certificates and timestamps are DER from anywhere: what cannot be read identifies nobody either
  }
}
