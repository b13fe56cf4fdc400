/** node:crypto behind the interfaces of crypto.ts, and key files: the one part of this package that needs Node. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  hash,
  type KeyObject,
  sign as signMessage,
  verify as verifyMessage,
} from 'node:crypto'
import type { Crypto, KeyAlgorithm, VerificationKey } from './crypto.ts'
import { HASH_SIZE, isKeyShaped } from './crypto.ts'
import { isSoundEd25519Point } from './ed25519-point.ts'
import { FormatError } from './errors.ts'
import { formatSpkiDer, parseSpkiDer } from './spki.ts'

const LEAF_PREFIX = 0
const NODE_PREFIX = 1
/** Larger entries get a buffer of their own, so that the shared one stays small. */
const SCRATCH_SIZE = 65_536 + 1
const scratch = new Uint8Array(SCRATCH_SIZE)
const nodeScratch = new Uint8Array(1 + 2 * HASH_SIZE)
nodeScratch[0] = NODE_PREFIX

/**
 * Writes SHA-256(data) at `offset`. A digest taken as a string of one byte a character and copied costs half of one taken
 * as a Buffer, which allocates outside the JavaScript heap each time: 2.4 million pairs a second against 0.9.
 */
function digestInto(out: Uint8Array, offset: number, data: Uint8Array): void {
  const digest = hash('sha256', data, 'binary')
  for (let at = 0; at < HASH_SIZE; at++) out[offset + at] = digest.charCodeAt(at)
}

function sha256(data: Uint8Array): Uint8Array {
  const digest = new Uint8Array(HASH_SIZE)
  digestInto(digest, 0, data)
  return digest
}

/** All hashes share one allocation; each is a view of it. */
function leafHashes(entries: readonly Uint8Array[]): Uint8Array[] {
  const hashes = new Uint8Array(entries.length * HASH_SIZE)
  return entries.map((entry, at) => {
    const prefixed =
      entry.length < SCRATCH_SIZE ? scratch.subarray(0, entry.length + 1) : new Uint8Array(entry.length + 1)
    prefixed[0] = LEAF_PREFIX
    prefixed.set(entry, 1)
    digestInto(hashes, at * HASH_SIZE, prefixed)
    return hashes.subarray(at * HASH_SIZE, (at + 1) * HASH_SIZE)
  })
}

function parents(nodes: Uint8Array): Uint8Array {
  const pair = 2 * HASH_SIZE
  if (nodes.length % pair !== 0) throw new RangeError(`${nodes.length} bytes are no whole pairs of hashes`)
  const hashes = new Uint8Array(nodes.length / 2)
  for (let at = 0; at < nodes.length; at += pair) {
    // A loop, because a view for each 64 bytes would cost as much as copying them.
    for (let byte = 0; byte < pair; byte++) nodeScratch[1 + byte] = nodes[at + byte] as number
    digestInto(hashes, at / 2, nodeScratch)
  }
  return hashes
}

function importPublicKey(key: VerificationKey): KeyObject | null {
  if (!isKeyShaped(key)) return null
  if (key.algorithm === 'ed25519' && !isSoundEd25519Point(key.publicKey)) return null
  try {
    return createPublicKey({ key: Buffer.from(formatSpkiDer(key)), format: 'der', type: 'spki' })
  } catch {
    return null // not a point of the curve: no signature verifies under it
  }
}

/** Enough for the members of a thousand products, at about 1 KB each; a stream of distinct keys pushes out the oldest. */
const KEY_CACHE_SIZE = 4096
const importedKeys = new Map<string, KeyObject | null>()

function importedKey(key: VerificationKey): KeyObject | null {
  const id = `${key.algorithm} ${Buffer.from(key.publicKey).toString('latin1')}`
  const known = importedKeys.get(id)
  if (known !== undefined) return known
  const imported = importPublicKey(key)
  const oldest = importedKeys.keys().next()
  if (importedKeys.size >= KEY_CACHE_SIZE && !oldest.done) importedKeys.delete(oldest.value)
  importedKeys.set(id, imported)
  return imported
}

/** node:crypto hashes inside the signature for ECDSA; Ed25519 and ML-DSA take the message whole. */
const digestFor: Readonly<Record<KeyAlgorithm, 'sha256' | 'sha384' | null>> = {
  ed25519: null,
  'ml-dsa-44': null,
  'ecdsa-p256': 'sha256',
  'ecdsa-p384': 'sha384',
}

/** The imported key, unless nothing verifies under it, or not with this signature, whatever OpenSSL would say. */
function usableKey(key: VerificationKey, signature: Uint8Array): KeyObject | null {
  if (key.algorithm === 'ed25519' && !isSoundEd25519Point(signature.subarray(0, 32))) return null
  return importedKey(key)
}

function verify(key: VerificationKey, message: Uint8Array, signature: Uint8Array): boolean {
  const imported = usableKey(key, signature)
  if (imported === null) return false
  try {
    return verifyMessage(digestFor[key.algorithm], message, imported, signature)
  } catch {
    return false // OpenSSL reports some malformed signatures by an error instead of a false
  }
}

/**
 * What `nodeCrypto.verify` says, worked out on Node's thread pool: for servers whose one thread has better things to do.
 * Never rejects. The bytes must not change until it resolves.
 */
export function verifyInPool(key: VerificationKey, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  const imported = usableKey(key, signature)
  if (imported === null) return Promise.resolve(false)
  return new Promise((resolve) => {
    try {
      verifyMessage(digestFor[key.algorithm], message, imported, signature, (error, valid) => {
        resolve(error === null && valid)
      })
    } catch {
      resolve(false) // as above
    }
  })
}

/** The interfaces of crypto.ts on node:crypto. */
export const nodeCrypto: Crypto = { sha256, leafHashes, parents, verify }

/** A private key that signs as {@link VerificationKey} verifies: ECDSA signatures are DER, ML-DSA is pure with an empty context. */
export interface SigningKey extends VerificationKey {
  sign(message: Uint8Array): Uint8Array
}

/** Private halves stay out of the objects handed around: printing a key shows its public half only. */
const privateKeys = new WeakMap<SigningKey, KeyObject>()

function signingKeyOf(privateKey: KeyObject): SigningKey {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const { algorithm, publicKey } = parseSpkiDer(new Uint8Array(spki))
  const key: SigningKey = {
    algorithm,
    publicKey,
    sign: (message) => new Uint8Array(signMessage(digestFor[algorithm], message, privateKey)),
  }
  privateKeys.set(key, privateKey)
  return key
}

/**
 * What `key.sign` gives, worked out on Node's thread pool.
 * @throws TypeError for a key that was not generated or read here
 */
export function signInPool(key: SigningKey, message: Uint8Array): Promise<Uint8Array> {
  const privateKey = privateKeys.get(key)
  if (privateKey === undefined) return Promise.reject(new TypeError('not a key that was generated or read here'))
  return new Promise((resolve, reject) => {
    signMessage(digestFor[key.algorithm], message, privateKey, (error, signature) => {
      if (error === null) resolve(new Uint8Array(signature))
      else reject(error)
    })
  })
}

function newPrivateKey(algorithm: KeyAlgorithm): KeyObject {
  switch (algorithm) {
    case 'ed25519':
      return generateKeyPairSync('ed25519').privateKey
    case 'ml-dsa-44':
      return generateKeyPairSync('ml-dsa-44').privateKey
    case 'ecdsa-p256':
      return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
    case 'ecdsa-p384':
      return generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
  }
}

/** A new private key from the operating system's randomness. */
export function generateSigningKey(algorithm: KeyAlgorithm): SigningKey {
  return signingKeyOf(newPrivateKey(algorithm))
}

/** Reads an unencrypted PKCS #8 private key in PEM. Throws FormatError, which never quotes the key. */
export function signingKeyFromPem(pkcs8Pem: string): SigningKey {
  if (!/^-----BEGIN PRIVATE KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PRIVATE KEY-----\n$/.test(pkcs8Pem)) {
    throw new FormatError('private key', 'not an unencrypted PKCS #8 private key in PEM')
  }
  let privateKey: KeyObject
  try {
    privateKey = createPrivateKey({ key: pkcs8Pem, format: 'pem', type: 'pkcs8' })
  } catch {
    throw new FormatError('private key', 'not a readable PKCS #8 private key') // the cause could quote the key
  }
  return signingKeyOf(privateKey)
}

/** The PKCS #8 PEM of a key made here: secret, for a file of mode 0600. Throws TypeError for another object. */
export function signingKeyToPem(key: SigningKey): string {
  const privateKey = privateKeys.get(key)
  if (privateKey === undefined) throw new TypeError('not a key that was generated or read here')
  return privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}
