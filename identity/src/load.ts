/**
 * Sigstore's library, loaded when the first certificate is looked at and not before: it costs 20 ms, and most trust files
 * list keys. (scripts/build-cli.mjs puts it into the command line's one file.)
 */
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)

export interface SigstoreLibrary {
  readonly bundle: typeof import('@sigstore/bundle')
  readonly specs: typeof import('@sigstore/protobuf-specs')
  readonly verify: typeof import('@sigstore/verify')
}

export function loadSigstore(): SigstoreLibrary {
  return {
    bundle: require('@sigstore/bundle'),
    specs: require('@sigstore/protobuf-specs'),
    verify: require('@sigstore/verify'),
  }
}
