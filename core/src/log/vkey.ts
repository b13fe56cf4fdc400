/**
 * Keys that sign notes, as the one-line text in which they are configured.
 *
 *     <key name>+<8 hex digits of key ID>+<base64(signature type || public key)>
 *
 * for example (C2SP signed-note, "Example"):
 *
 *     example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
 *
 * The key ID is the first four bytes of SHA-256(name || 0x0A || type || public key), big-endian.
 * It is an identifier, not a fingerprint: it picks the key that must verify, it proves nothing.
 */
import { concat, equalBytes, fromBase64, toBase64, utf8 } from '../bytes.ts'
import { type Hasher, type KeyAlgorithm, PUBLIC_KEY_SIZE } from '../crypto.ts'
import { FormatError } from '../errors.ts'

/** Signature type 0x01: Ed25519 over the note text (C2SP signed-note, "Signature types"). */
export const TYPE_ED25519 = 0x01
/** Signature type 0x04: timestamped Ed25519 checkpoint cosignature (C2SP tlog-cosignature). */
export const TYPE_COSIGNATURE_ED25519 = 0x04
/** Signature type 0x06: timestamped ML-DSA-44 (sub)tree cosignature (C2SP tlog-cosignature). */
export const TYPE_COSIGNATURE_ML_DSA_44 = 0x06

/** Longest key name and origin, in bytes of UTF-8: what `opaque <1..2^8-1>` of a cosigned_message can carry. */
export const MAX_NAME_BYTES = 255

/**
 * A key that verifies signature lines. `publicKey` is the bytes after the type byte: raw 32 for Ed25519, raw 1312 for
 * ML-DSA-44.
 */
export interface VerifierKey {
  readonly name: string
  /** Unsigned 32-bit integer. */
  readonly keyId: number
  /** Signature type byte; a key of a type not named in this file is kept but never verifies. */
  readonly type: number
  readonly publicKey: Uint8Array
}

/** The types that this project can verify, and the algorithm behind each. */
const ALGORITHMS: ReadonlyMap<number, KeyAlgorithm> = new Map<number, KeyAlgorithm>([
  [TYPE_ED25519, 'ed25519'],
  [TYPE_COSIGNATURE_ED25519, 'ed25519'],
  [TYPE_COSIGNATURE_ML_DSA_44, 'ml-dsa-44'],
])

/**
 * Why `name` cannot be a key name, or null if it can: non-empty well-formed text without Unicode spaces, plus signs
 * or control characters (C2SP signed-note, "Format").
 */
export function keyNameFault(name: string): string | null {
  if (name === '') return 'the key name is empty'
  if (!name.isWellFormed()) return 'the key name is not valid Unicode'
  if (/[\p{White_Space}+]/u.test(name)) return 'the key name contains a space or a plus sign'
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) < 0x20) return 'the key name contains a control character'
  }
  return null
}

/** SHA-256(name || 0x0A || type || public key)[:4] as an unsigned integer (C2SP signed-note, "Signatures"). */
export function computeKeyId(hasher: Hasher, name: string, type: number, publicKey: Uint8Array): number {
  const hash = hasher.sha256(concat(utf8(`${name}\n`), Uint8Array.of(type), publicKey))
  return new DataView(hash.buffer, hash.byteOffset, 4).getUint32(0)
}

/**
 * A key of one of the three supported types, with the key ID that follows from it.
 * @throws FormatError `vkey` for a bad name, another type, or a public key of another length
 */
export function makeVkey(hasher: Hasher, name: string, type: number, publicKey: Uint8Array): VerifierKey {
  if (!ALGORITHMS.has(type)) throw new FormatError('vkey', `signature type ${type} is not supported`)
  checkKey(name, type, publicKey)
  return { name, keyId: computeKeyId(hasher, name, type, publicKey), type, publicKey }
}

/**
 * Reads a vkey. For the supported types the length of the key must be exact and the key ID must follow from name, type
 * and key; of other types (whose key IDs may be computed otherwise, as for 0x02) the parts are kept as they are.
 * @throws FormatError `vkey`
 */
export function parseVkey(hasher: Hasher, text: string): VerifierKey {
  const { name, id, material } = splitVkey(text)
  if (!/^[0-9a-f]{8}$/.test(id)) throw new FormatError('vkey', 'the key ID is not 8 lower-case hex digits')
  const bytes = fromBase64(material)
  const type = bytes[0]
  if (type === undefined || bytes.length < 2) throw new FormatError('vkey', 'the key is empty')
  const publicKey = bytes.slice(1)
  checkKey(name, type, publicKey)
  const keyId = Number.parseInt(id, 16)
  if (ALGORITHMS.has(type) && keyId !== computeKeyId(hasher, name, type, publicKey)) {
    throw new FormatError('vkey', 'the key ID does not match the name, type and key')
  }
  return { name, keyId, type, publicKey }
}

/** The text of a key; `parseVkey` of it gives the key back. */
export function formatVkey(key: VerifierKey): string {
  return `${key.name}+${keyIdHex(key.keyId)}+${toBase64(concat(Uint8Array.of(key.type), key.publicKey))}`
}

/** A key ID as 8 lower-case hex digits. */
export function keyIdHex(keyId: number): string {
  return keyId.toString(16).padStart(8, '0')
}

/**
 * Whether two keys wrap the same public key bytes, whatever their names, IDs and types (C2SP tlog-policy, "Public key
 * representation").
 */
export function samePublicKey(a: VerifierKey, b: VerifierKey): boolean {
  return equalBytes(a.publicKey, b.publicKey)
}

/** Base64 may contain plus signs, names and IDs may not: only the first two separate. Without a first there is no second. */
function splitVkey(text: string): { name: string; id: string; material: string } {
  const first = text.indexOf('+')
  const second = text.indexOf('+', first + 1)
  if (second < 0) throw new FormatError('vkey', 'not of the form name+id+key')
  return { name: text.slice(0, first), id: text.slice(first + 1, second), material: text.slice(second + 1) }
}

function checkKey(name: string, type: number, publicKey: Uint8Array): void {
  const fault = keyNameFault(name)
  if (fault !== null) throw new FormatError('vkey', fault)
  if (utf8(name).length > MAX_NAME_BYTES) throw new FormatError('vkey', `the key name exceeds ${MAX_NAME_BYTES} bytes`)
  const algorithm = ALGORITHMS.get(type)
  if (algorithm !== undefined && publicKey.length !== PUBLIC_KEY_SIZE[algorithm]) {
    throw new FormatError('vkey', `${publicKey.length} bytes are no ${algorithm} key`)
  }
}
