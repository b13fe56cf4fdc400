/**
 * Timestamped signatures on checkpoints (C2SP tlog-cosignature). A signature line carries, after the key ID,
 *
 *     u64 timestamp (big-endian, Unix seconds) || signature
 *
 * with 64 bytes of Ed25519 (type 0x04) or 2420 bytes of ML-DSA-44 (type 0x06). Type 0x04 signs
 *
 *     cosignature/v1
 *     time 1679315147
 *     example.com/behind-the-sofa
 *     20852163
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
 *
 * the header, the time and the whole note text. Type 0x06 signs
 *
 *     "subtree/v1\n\0" || u8 length || cosigner name || u64 timestamp || u8 length || origin || u64 0 || u64 size || root
 *
 * which covers the cosigner's name but no extension lines.
 */
import { concat, utf8 } from '../bytes.ts'
import type { Hasher, KeyAlgorithm, SignatureVerifier, VerificationKey } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import type { Checkpoint, SignedCheckpoint } from './checkpoint.ts'
import type { LineVerdict, NoteSignature } from './note.ts'
import {
  MAX_NAME_BYTES,
  makeVkey,
  TYPE_COSIGNATURE_ED25519,
  TYPE_COSIGNATURE_ML_DSA_44,
  type VerifierKey,
} from './vkey.ts'

const ED25519_SIGNATURE_BYTES = 64
const ML_DSA_44_SIGNATURE_BYTES = 2420
const LABEL: Uint8Array = utf8('subtree/v1\n\0')

/** The private half of a key, wherever it lives; `SigningKey` of `@samebits/core/node` is one. */
export interface MessageSigner {
  readonly algorithm: KeyAlgorithm
  /** As in `VerificationKey`: raw 32 bytes of Ed25519, raw 1312 of ML-DSA-44. */
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** A checkpoint about to be signed: its parts, and the note text that they make (`formatCheckpoint`). */
export interface CheckpointToSign {
  readonly checkpoint: Checkpoint
  readonly body: string
}

/**
 * Makes signature lines under one key.
 *
 * Obligations: the returned line bears `key.name` and `key.keyId` and verifies under `key`. The caller has committed
 * what it asks to be signed; a signer keeps no history.
 */
export interface NoteSigner {
  readonly key: VerifierKey
  /** @param time Unix seconds; types without a timestamp ignore it */
  sign(subject: CheckpointToSign, time: number): NoteSignature
}

/** The message of type 0x04 (C2SP tlog-cosignature, "Ed25519 signed message"). `body` is the whole note text. */
export function ed25519CosignatureMessage(body: string, timestamp: number): Uint8Array {
  return utf8(`cosignature/v1\ntime ${timestamp}\n${body}`)
}

/** The message of type 0x06 for a whole tree (C2SP tlog-cosignature, "ML-DSA-44 signed message"). */
export function mlDsa44CosignatureMessage(cosigner: string, checkpoint: Checkpoint, timestamp: number): Uint8Array {
  return concat(
    LABEL,
    lengthPrefixed(cosigner),
    uint64(timestamp),
    lengthPrefixed(checkpoint.origin),
    uint64(0),
    uint64(checkpoint.size),
    checkpoint.root,
  )
}

/**
 * Judges one line under one key of a cosignature type.
 *
 * `uncounted`: the timestamp is past 2^53-1 (docs/formats.md), or the type is 0x06 and the note has extension
 * lines, which that signature does not cover (docs/formats.md §2). Neither says that anyone forged anything, so neither
 * spoils the note; a key of another type is uncounted too.
 */
export function checkCosignature(
  verifier: SignatureVerifier,
  key: VerifierKey,
  signed: SignedCheckpoint,
  signature: Uint8Array,
): LineVerdict {
  const { type, publicKey } = key
  if (type !== TYPE_COSIGNATURE_ED25519 && type !== TYPE_COSIGNATURE_ML_DSA_44) return 'uncounted'
  const ed25519 = type === TYPE_COSIGNATURE_ED25519
  if (signature.length !== 8 + (ed25519 ? ED25519_SIGNATURE_BYTES : ML_DSA_44_SIGNATURE_BYTES)) return 'invalid'
  const timestamp = readTimestamp(signature)
  if (timestamp === null) return 'uncounted'
  if (!coversCheckpoint(key, signed.checkpoint)) return 'uncounted'
  const message = ed25519
    ? ed25519CosignatureMessage(signed.note.text, timestamp)
    : mlDsa44CosignatureMessage(key.name, signed.checkpoint, timestamp)
  const algorithm = ed25519 ? 'ed25519' : 'ml-dsa-44'
  return verifier.verify({ algorithm, publicKey }, message, signature.slice(8)) ? { timestamp } : 'invalid'
}

/**
 * The time that a cosignature states, or null where it does not verify or does not count (`checkCosignature` tells them
 * apart). A timestamp of 0 verifies: it makes no statement about time.
 */
export function verifyCosignature(
  verifier: SignatureVerifier,
  key: VerifierKey,
  signed: SignedCheckpoint,
  signature: Uint8Array,
): { readonly timestamp: number } | null {
  const verdict = checkCosignature(verifier, key, signed, signature)
  if (verdict === 'invalid' || verdict === 'uncounted' || verdict.timestamp === null) return null
  return { timestamp: verdict.timestamp }
}

/**
 * A signer of the cosignature type that fits the key: Ed25519 makes 0x04 lines, ML-DSA-44 makes 0x06 lines. It throws
 * FormatError `cosignature` for a time that is no Unix time, and for a checkpoint that `coversCheckpoint` says it
 * cannot cover.
 * @param name the cosigner's name
 * @throws FormatError `vkey` for a bad name or another algorithm
 */
export function cosignatureSigner(hasher: Hasher, name: string, signer: MessageSigner): NoteSigner {
  const key = cosignatureKey(hasher, name, signer)
  return {
    key,
    sign: (subject, time) => cosignatureLine(key, time, signer.sign(cosignatureMessage(key, subject, time))),
  }
}

/**
 * The key of a cosigner: Ed25519 makes 0x04 lines, ML-DSA-44 makes 0x06 lines.
 * @throws FormatError `vkey` for a bad name or another algorithm
 */
export function cosignatureKey(hasher: Hasher, name: string, { algorithm, publicKey }: VerificationKey): VerifierKey {
  return makeVkey(hasher, name, cosignatureType(algorithm), publicKey)
}

/**
 * What a key of a cosignature type signs.
 * @param time Unix seconds
 * @throws FormatError `cosignature` for a time that is no Unix time, and for a checkpoint that the key does not cover
 */
export function cosignatureMessage(key: VerifierKey, { checkpoint, body }: CheckpointToSign, time: number): Uint8Array {
  if (!Number.isSafeInteger(time) || time < 0) throw new FormatError('cosignature', 'the time is no Unix time')
  if (!coversCheckpoint(key, checkpoint)) throw new FormatError('cosignature', 'extension lines under a 0x06 key')
  return key.type === TYPE_COSIGNATURE_ED25519
    ? ed25519CosignatureMessage(body, time)
    : mlDsa44CosignatureMessage(key.name, checkpoint, time)
}

/** The line around a signature over `cosignatureMessage` of the same key and time. */
export function cosignatureLine(key: VerifierKey, time: number, signature: Uint8Array): NoteSignature {
  return { name: key.name, keyId: key.keyId, signature: concat(uint64(time), signature) }
}

/**
 * Whether a signature of this key's type covers everything that the checkpoint says. Type 0x06 covers no extension
 * lines: anyone could add some, so on a checkpoint that has any it neither is made nor counts (docs/formats.md §2).
 */
export function coversCheckpoint(key: VerifierKey, checkpoint: Checkpoint): boolean {
  return key.type !== TYPE_COSIGNATURE_ML_DSA_44 || checkpoint.extensions.length === 0
}

function cosignatureType(algorithm: KeyAlgorithm): number {
  if (algorithm === 'ed25519') return TYPE_COSIGNATURE_ED25519
  if (algorithm === 'ml-dsa-44') return TYPE_COSIGNATURE_ML_DSA_44
  throw new FormatError('vkey', `${algorithm} keys do not sign checkpoints`)
}

/** The timestamp in front of a signature, or null past 2^53-1. */
function readTimestamp(signature: Uint8Array): number | null {
  const value = new DataView(signature.buffer, signature.byteOffset, 8).getBigUint64(0)
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(value)
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value))
  return bytes
}

/** `opaque<1..2^8-1>` of RFC 8446 §3.4. */
function lengthPrefixed(text: string): Uint8Array {
  const bytes = utf8(text)
  if (bytes.length === 0 || bytes.length > MAX_NAME_BYTES) {
    throw new FormatError('cosignature', `a name of ${bytes.length} bytes; 1 to ${MAX_NAME_BYTES} can be signed`)
  }
  return concat(Uint8Array.of(bytes.length), bytes)
}
