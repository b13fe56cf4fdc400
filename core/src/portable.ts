/** noble behind the interfaces of crypto.ts: runs wherever JavaScript runs. */
import { ed25519 } from '@noble/curves/ed25519.js'
import { p256, p384 } from '@noble/curves/nist.js'
import { sha256, sha512 } from '@noble/hashes/sha2.js'
import { ml_dsa44 } from '@noble/post-quantum/ml-dsa.js'
import { concat, equalBytes } from './bytes.ts'
import { type Crypto, HASH_SIZE, isKeyShaped, type VerificationKey } from './crypto.ts'
import { isSoundEd25519Point } from './ed25519-point.ts'

const LEAF_PREFIX = Uint8Array.of(0)
const NODE_PREFIX = Uint8Array.of(1)

function leafHashes(entries: readonly Uint8Array[]): Uint8Array[] {
  return entries.map((entry) => sha256.create().update(LEAF_PREFIX).update(entry).digest())
}

function parents(nodes: Uint8Array): Uint8Array {
  const pair = 2 * HASH_SIZE
  if (nodes.length % pair !== 0) throw new RangeError(`${nodes.length} bytes are no whole pairs of hashes`)
  const result = new Uint8Array(nodes.length / 2)
  for (let at = 0; at < nodes.length; at += pair) {
    result.set(
      sha256
        .create()
        .update(NODE_PREFIX)
        .update(nodes.subarray(at, at + pair))
        .digest(),
      at / 2,
    )
  }
  return result
}

/** RFC 8032 §5.1.7 integers are little-endian. */
function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/**
 * RFC 8032 §5.1.7 without the cofactor, as OpenSSL does it: R is not decoded, but the encoding of [S]B - [k]A is compared
 * with it. noble's own verify multiplies by the cofactor, and so accepts signatures that node:crypto refuses.
 */
function verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  const r = signature.subarray(0, 32)
  if (!isSoundEd25519Point(publicKey) || !isSoundEd25519Point(r)) return false
  const order = ed25519.Point.Fn.ORDER
  const s = littleEndian(signature.subarray(32))
  if (s >= order) return false
  const a = ed25519.Point.fromBytes(publicKey, false)
  const k = littleEndian(sha512(concat(r, publicKey, message))) % order
  const expected = ed25519.Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k))
  return equalBytes(expected.toBytes(), r)
}

function verifyUnguarded(key: VerificationKey, message: Uint8Array, signature: Uint8Array): boolean {
  switch (key.algorithm) {
    case 'ed25519':
      return verifyEd25519(key.publicKey, message, signature)
    case 'ml-dsa-44':
      return ml_dsa44.verify(signature, message, key.publicKey)
    case 'ecdsa-p256':
      return p256.verify(signature, message, key.publicKey, { format: 'der', lowS: false })
    case 'ecdsa-p384':
      return p384.verify(signature, message, key.publicKey, { format: 'der', lowS: false })
  }
}

function verify(key: VerificationKey, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isKeyShaped(key)) return false
  try {
    return verifyUnguarded(key, message, signature)
  } catch {
    return false // noble throws for keys and signatures that do not decode
  }
}

/** The interfaces of crypto.ts on noble. */
export const portableCrypto: Crypto = { sha256: (data) => sha256(data), leafHashes, parents, verify }
