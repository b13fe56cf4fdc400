/**
 * Signed notes: text, a blank line, signature lines (C2SP signed-note).
 *
 *     This is an example message.
 *
 *     — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
 *
 * A signature line is U+2014, space, key name, space, base64(32-bit big-endian key ID || signature), newline.
 * Nothing in the text may be believed before a signature by a trusted key has been verified.
 */
import { concat, fromBase64, toBase64, utf8 } from '../bytes.ts'
import type { SignatureVerifier } from '../crypto.ts'
import { FormatError, NoteError } from '../errors.ts'
import { keyIdHex, keyNameFault, samePublicKey, TYPE_ED25519, type VerifierKey } from './vkey.ts'

/** Most signature lines that a note may carry, unless the caller says otherwise (docs/formats.md §3). */
export const MAX_SIGNATURES = 64

/** Longest note, in UTF-16 units: 64 ML-DSA-44 lines take a quarter of it. */
export const MAX_NOTE_LENGTH: number = 1 << 20

/** One signature line. `signature` is what follows the four bytes of the key ID. */
export interface NoteSignature {
  readonly name: string
  /** Unsigned 32-bit integer. */
  readonly keyId: number
  readonly signature: Uint8Array
}

/** A note, not yet verified. `text` ends in a newline; the blank line after it belongs to neither part. */
export interface Note {
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

/** A line whose signature by a known key verified. `timestamp` (Unix seconds) is null for types without one. */
export interface VerifiedSignature {
  readonly key: VerifierKey
  readonly line: NoteSignature
  readonly timestamp: number | null
}

/**
 * What the line of a known key amounts to: verified; `invalid`, which spoils the note; or `uncounted`, which is as if
 * the line were not there (a type that cannot be verified here, or one whose specification keeps it from covering this
 * note).
 */
export type LineVerdict = { readonly timestamp: number | null } | 'invalid' | 'uncounted'

/**
 * Splits a note. Parsing verifies nothing.
 * @param maxSignatures most signature lines accepted
 * @throws FormatError `note`
 * @throws NoteError `TOO_MANY_SIGNATURES`
 */
export function parseNote(raw: string, maxSignatures: number = MAX_SIGNATURES): Note {
  if (raw.length > MAX_NOTE_LENGTH) throw new FormatError('note', 'longer than any note may be')
  checkCharacters(raw)
  const blank = raw.lastIndexOf('\n\n')
  if (blank < 0) throw new FormatError('note', 'no blank line before the signatures')
  return { text: raw.slice(0, blank + 1), signatures: parseSignatureLines(raw.slice(blank + 2), maxSignatures) }
}

/**
 * The bytes of a note as text; `parseNote` of it gives the note back.
 * @throws FormatError `note` for a note that could not be parsed again
 */
export function formatNote(note: Note): string {
  const { text, signatures } = note
  if (signatures.length === 0) throw new FormatError('note', 'no signature lines')
  if (!text.endsWith('\n')) throw new FormatError('note', 'the text does not end in a newline')
  checkCharacters(text)
  return `${text}\n${formatSignatureLines(signatures)}`
}

/**
 * Reads signature lines alone, as a witness answers with them (C2SP tlog-witness, "add-checkpoint").
 * @throws FormatError `note`
 * @throws NoteError `TOO_MANY_SIGNATURES`
 */
export function parseSignatureLines(block: string, maxSignatures: number = MAX_SIGNATURES): NoteSignature[] {
  if (block.length > MAX_NOTE_LENGTH) throw new FormatError('note', 'longer than any note may be')
  if (!block.endsWith('\n')) throw new FormatError('note', 'no signature line, or one without a newline')
  const lines = block.slice(0, -1).split('\n', maxSignatures + 1)
  if (lines.length > maxSignatures) {
    throw new NoteError('TOO_MANY_SIGNATURES', `more than ${maxSignatures} signature lines`)
  }
  return lines.map(parseSignatureLine)
}

/** Signature lines as text, each ending in a newline. */
export function formatSignatureLines(signatures: readonly NoteSignature[]): string {
  return signatures.map(signatureLine).join('')
}

/**
 * One signature line with its newline.
 * @throws FormatError `note` for a name that no key can have, a key ID past 32 bits, or an empty signature
 */
export function signatureLine({ name, keyId, signature }: NoteSignature): string {
  const fault = keyNameFault(name)
  if (fault !== null) throw new FormatError('note', fault)
  if (!Number.isInteger(keyId) || keyId < 0 || keyId > 0xffffffff)
    throw new FormatError('note', 'the key ID is no uint32')
  if (signature.length === 0) throw new FormatError('note', 'the signature is empty')
  const id = new Uint8Array(4)
  new DataView(id.buffer).setUint32(0, keyId)
  return `— ${name} ${toBase64(concat(id, signature))}\n`
}

/**
 * Verifies every line of a known key and returns those that count, in the order of the note (C2SP signed-note,
 * "Signatures"): lines of unknown keys are skipped, one invalid line of a known key refuses the whole note. A key may
 * appear more than once in the result; whether that is tolerable depends on who it is, see `requireSingleLines`.
 * @throws NoteError `BAD_SIGNATURE`; `AMBIGUOUS_KEY` if two different known keys share name and key ID
 */
export function verifySignatures(
  note: Note,
  keys: readonly VerifierKey[],
  check: (key: VerifierKey, signature: Uint8Array) => LineVerdict,
): VerifiedSignature[] {
  const known = indexKeys(keys)
  const verified: VerifiedSignature[] = []
  for (const line of note.signatures) {
    const key = known.get(lineId(line))
    if (key === undefined) continue
    const verdict = check(key, line.signature)
    if (verdict === 'uncounted') continue
    if (verdict === 'invalid') {
      throw new NoteError('BAD_SIGNATURE', `the signature of ${key.name}+${keyIdHex(key.keyId)} does not verify`)
    }
    verified.push({ key, line, timestamp: verdict.timestamp })
  }
  return verified
}

/**
 * Refuses two lines of one key. A log signs a checkpoint once, so a second line of its key was put there by someone
 * else. (A witness may well have cosigned one tree at two times: its lines are counted once, not refused.)
 * @throws NoteError `DUPLICATE_SIGNATURE`
 */
export function requireSingleLines(verified: readonly VerifiedSignature[]): void {
  const seen = new Set<string>()
  for (const { key } of verified) {
    const id = lineId(key)
    if (seen.has(id)) {
      throw new NoteError('DUPLICATE_SIGNATURE', `two signature lines of ${key.name}+${keyIdHex(key.keyId)}`)
    }
    seen.add(id)
  }
}

/**
 * Verifies a note under plain Ed25519 keys (0x01). At least one must have signed, each must verify and sign once. Keys
 * of the cosignature types cover checkpoints, not notes in general: `verifyCheckpoint` knows them, here they do not
 * count.
 * @returns the lines that verified, never none
 * @throws NoteError `UNSIGNED`, `BAD_SIGNATURE`, `DUPLICATE_SIGNATURE`, `AMBIGUOUS_KEY`
 */
export function verifyNote(verifier: SignatureVerifier, note: Note, keys: readonly VerifierKey[]): VerifiedSignature[] {
  const message = utf8(note.text)
  const verified = verifySignatures(note, keys, (key, signature) =>
    key.type === TYPE_ED25519 ? checkEd25519(verifier, key, message, signature) : 'uncounted',
  )
  if (verified.length === 0) throw new NoteError('UNSIGNED', 'no known key has signed this note')
  requireSingleLines(verified)
  return verified
}

/** A 0x01 signature: 64 bytes over the note text (C2SP signed-note, "Ed25519 signatures"). */
export function checkEd25519(
  verifier: SignatureVerifier,
  key: VerifierKey,
  message: Uint8Array,
  signature: Uint8Array,
): LineVerdict {
  const valid =
    signature.length === 64 && verifier.verify({ algorithm: 'ed25519', publicKey: key.publicKey }, message, signature)
  return valid ? { timestamp: null } : 'invalid'
}

/** Whether this line names that key: both the name and the key ID must agree. */
export function isLineOf(line: NoteSignature, key: VerifierKey): boolean {
  return line.name === key.name && line.keyId === key.keyId
}

function indexKeys(keys: readonly VerifierKey[]): Map<string, VerifierKey> {
  const known = new Map<string, VerifierKey>()
  for (const key of keys) {
    const id = lineId(key)
    const other = known.get(id)
    if (other !== undefined && (other.type !== key.type || !samePublicKey(other, key))) {
      throw new NoteError('AMBIGUOUS_KEY', `two known keys are called ${key.name}+${keyIdHex(key.keyId)}`)
    }
    known.set(id, key)
  }
  return known
}

/** Name and key ID together name a key; names hold no newline, so the text is unambiguous. */
function lineId({ name, keyId }: { readonly name: string; readonly keyId: number }): string {
  return `${keyIdHex(keyId)}\n${name}`
}

function parseSignatureLine(line: string): NoteSignature {
  if (!line.startsWith('— '))
    throw new FormatError('note', 'a signature line does not start with an em dash and a space')
  const end = line.indexOf(' ', 2)
  if (end < 0) throw new FormatError('note', 'a signature line without a signature')
  const name = line.slice(2, end)
  const fault = keyNameFault(name)
  if (fault !== null) throw new FormatError('note', fault)
  const bytes = fromBase64(line.slice(end + 1))
  if (bytes.length < 5) throw new FormatError('note', 'a signature of fewer than 5 bytes')
  const keyId = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0)
  return { name, keyId, signature: bytes.slice(4) }
}

function checkCharacters(text: string): void {
  if (!text.isWellFormed()) throw new FormatError('note', 'not valid Unicode')
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x20 && unit !== 0x0a) throw new FormatError('note', 'a control character')
  }
}
