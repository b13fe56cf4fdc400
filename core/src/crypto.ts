/**
 * The two interfaces through which everything here hashes and checks signatures. `@samebits/core/node` implements
 * them with node:crypto, `@samebits/core/portable` with noble; both give the same bytes and accept the same signatures.
 */

/** Length of a SHA-256 digest in bytes. */
export const HASH_SIZE = 32

/**
 * SHA-256, batched where trees need many digests, so that a native kernel can take its place without touching a caller.
 * Every result is freshly allocated or a view of memory that is never written again.
 */
export interface Hasher {
  sha256(data: Uint8Array): Uint8Array
  /** Leaf hashes, SHA-256(0x00 || entry) each (RFC 6962 §2.1). */
  leafHashes(entries: readonly Uint8Array[]): Uint8Array[]
  /**
   * One tree level up: `nodes` is n pairs of 32-byte hashes (n * 64 bytes), the result n hashes (n * 32 bytes),
   * SHA-256(0x01 || left || right) each (RFC 6962 §2.1). Throws RangeError for another length.
   */
  parents(nodes: Uint8Array): Uint8Array
}

export type KeyAlgorithm = 'ed25519' | 'ml-dsa-44' | 'ecdsa-p256' | 'ecdsa-p384'

/** `publicKey`: 32 bytes (Ed25519), 1,312 bytes (ML-DSA-44), an uncompressed SEC1 point of 65 or 97 bytes (P-256, P-384). */
export interface VerificationKey {
  readonly algorithm: KeyAlgorithm
  readonly publicKey: Uint8Array
}

/** Length of each algorithm's public key in bytes. */
export const PUBLIC_KEY_SIZE: Readonly<Record<KeyAlgorithm, number>> = {
  ed25519: 32,
  'ml-dsa-44': 1312,
  'ecdsa-p256': 65,
  'ecdsa-p384': 97,
}

/** The first byte of an uncompressed SEC1 point; OpenSSL alone would also take the hybrid forms 6 and 7. */
const UNCOMPRESSED_POINT = 4

/** True for a public key of its algorithm's length and form. Whether it is a point of the curve only a verifier knows. */
export function isKeyShaped({ algorithm, publicKey }: VerificationKey): boolean {
  const isPoint = algorithm === 'ecdsa-p256' || algorithm === 'ecdsa-p384'
  return publicKey.length === PUBLIC_KEY_SIZE[algorithm] && (!isPoint || publicKey[0] === UNCOMPRESSED_POINT)
}

/**
 * Signature checks; `verify` returns false for whatever is wrong with key or signature and never throws.
 *
 * - `ed25519`: RFC 8032 §5.1.7 without the cofactor; keys and R that are not canonical or of small order are refused.
 * - `ml-dsa-44`: FIPS 204 pure ML-DSA, empty context.
 * - `ecdsa-p256`, `ecdsa-p384`: DER signatures over SHA-256 and SHA-384; high S is accepted.
 */
export interface SignatureVerifier {
  verify(key: VerificationKey, message: Uint8Array, signature: Uint8Array): boolean
}

export type Crypto = Hasher & SignatureVerifier
