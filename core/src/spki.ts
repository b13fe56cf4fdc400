/**
 * Public keys as SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), for the four algorithms of crypto.ts. For each of them DER
 * leaves no choice: the bytes are a fixed prefix and the raw key.
 *
 *     ed25519     302a300506032b6570032100 || 32 bytes                                     RFC 8410 §4
 *     ml-dsa-44   30820532300b06096086480165030403110382052100 || 1312 bytes               RFC 9881 §4
 *     ecdsa-p256  3059301306072a8648ce3d020106082a8648ce3d030107034200 || 65 bytes (04…)   RFC 5480 §2
 *     ecdsa-p384  3076301006072a8648ce3d020106052b81040022036200 || 97 bytes (04…)         RFC 5480 §2
 */
import { concat, equalBytes, fromBase64, fromHex, toBase64 } from './bytes.ts'
import { isKeyShaped, type KeyAlgorithm, type VerificationKey } from './crypto.ts'
import { FormatError } from './errors.ts'

const prefixes: ReadonlyMap<KeyAlgorithm, Uint8Array> = new Map([
  ['ed25519', fromHex('302a300506032b6570032100')],
  ['ml-dsa-44', fromHex('30820532300b06096086480165030403110382052100')],
  ['ecdsa-p256', fromHex('3059301306072a8648ce3d020106082a8648ce3d030107034200')],
  ['ecdsa-p384', fromHex('3076301006072a8648ce3d020106052b81040022036200')],
])

/** The key in a SubjectPublicKeyInfo. Whether its bytes are on the curve only a verifier knows. */
export function parseSpkiDer(der: Uint8Array): VerificationKey {
  for (const [algorithm, prefix] of prefixes) {
    if (!equalBytes(der.subarray(0, prefix.length), prefix)) continue
    const key = { algorithm, publicKey: der.slice(prefix.length) }
    if (!isKeyShaped(key)) throw new FormatError('public key', 'wrong length, or not an uncompressed point')
    return key
  }
  throw new FormatError('public key', 'not an Ed25519, ML-DSA-44, P-256 or P-384 SubjectPublicKeyInfo')
}

/** Throws RangeError for a raw key of the wrong length or form. */
export function formatSpkiDer(key: VerificationKey): Uint8Array {
  const prefix = prefixes.get(key.algorithm)
  if (prefix === undefined || !isKeyShaped(key)) {
    throw new RangeError(`not the raw form of an ${key.algorithm} key`)
  }
  return concat(prefix, key.publicKey)
}

const BEGIN = '-----BEGIN PUBLIC KEY-----\n'
const END = '\n-----END PUBLIC KEY-----\n'
const COLUMNS = 64

/** PEM as OpenSSL and RFC 7468 §3 (strict) write it: lines of 64 characters, one line feed at the end. */
export function formatSpkiPem(key: VerificationKey): string {
  const lines = toBase64(formatSpkiDer(key)).match(new RegExp(`.{1,${COLUMNS}}`, 'g')) ?? []
  return BEGIN + lines.join('\n') + END
}

/** Reads exactly what {@link formatSpkiPem} writes: no text around it, no other line width, no CRLF. */
export function parseSpkiPem(pem: string): { key: VerificationKey; der: Uint8Array } {
  if (!pem.startsWith(BEGIN) || !pem.endsWith(END) || pem.length <= BEGIN.length + END.length) {
    throw new FormatError('public key', 'not one PEM block "PUBLIC KEY" that ends in a line feed')
  }
  const der = fromBase64(pem.slice(BEGIN.length, -END.length).replaceAll('\n', ''))
  const key = parseSpkiDer(der)
  if (formatSpkiPem(key) !== pem) throw new FormatError('public key', 'PEM lines are not 64 characters wide')
  return { key, der }
}
