/**
 * Checkpoints: a log's signed tree head as a note (C2SP tlog-checkpoint).
 *
 *     example.com/behind-the-sofa                       origin
 *     20852163                                          tree size
 *     CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=      root hash
 *     …                                                 extension lines, not empty, best none
 *
 *     — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+…
 *
 * Every line ends in a newline.
 */
import { equalBytes, fromBase64, parseDecimal, toBase64, utf8 } from '../bytes.ts'
import type { Hasher, SignatureVerifier } from '../crypto.ts'
import { FormatError, NoteError, ProofError } from '../errors.ts'
import { emptyRoot } from './compact-range.ts'
import {
  type CheckpointToSign,
  checkCosignature,
  cosignatureSigner,
  type MessageSigner,
  type NoteSigner,
} from './cosignature.ts'
import {
  checkEd25519,
  formatNote,
  MAX_SIGNATURES,
  type Note,
  parseNote,
  requireSingleLines,
  type VerifiedSignature,
  verifySignatures,
} from './note.ts'
import { MAX_NAME_BYTES, makeVkey, TYPE_ED25519, type VerifierKey } from './vkey.ts'

/** A tree head. */
export interface Checkpoint {
  /** 1 to 255 bytes of UTF-8; identifies the log. */
  readonly origin: string
  /** Number of leaves. */
  readonly size: number
  /** RFC 6962 Merkle tree hash of the tree, 32 bytes. */
  readonly root: Uint8Array
  /** Lines after the root, without newlines; a log of this project has none. */
  readonly extensions: readonly string[]
}

/** A checkpoint with the note around it. What a parser returns is not yet verified. */
export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint
  readonly note: Note
  /** The whole note, verbatim: what is stored and compared. */
  readonly text: string
}

/** A checkpoint that known keys have signed. */
export interface OpenedCheckpoint extends SignedCheckpoint {
  /** The lines that verified, never none. */
  readonly verified: readonly VerifiedSignature[]
}

/**
 * Reads the text of a note as a checkpoint (C2SP tlog-checkpoint, "Note text").
 * @param body with its final newline, without the blank line and the signatures
 * @throws FormatError `checkpoint`
 */
export function parseCheckpoint(body: string): Checkpoint {
  if (!body.endsWith('\n')) throw new FormatError('checkpoint', 'the last line has no newline')
  const [origin, size, root, ...extensions] = body.slice(0, -1).split('\n')
  if (origin === undefined || size === undefined || root === undefined) {
    throw new FormatError('checkpoint', 'fewer than three lines')
  }
  const checkpoint = { origin, size: parseDecimal(size), root: fromBase64(root), extensions }
  validate(checkpoint)
  return checkpoint
}

/**
 * The text that is signed; `parseCheckpoint` of it gives the checkpoint back.
 * @throws FormatError `checkpoint`
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  validate(checkpoint)
  const { origin, size, root, extensions } = checkpoint
  return [origin, String(size), toBase64(root), ...extensions].map((line) => `${line}\n`).join('')
}

/**
 * Reads a signed checkpoint without verifying it.
 * @param maxSignatures most signature lines accepted
 * @throws FormatError `note`, `checkpoint`
 * @throws NoteError `TOO_MANY_SIGNATURES`
 */
export function parseSignedCheckpoint(text: string, maxSignatures: number = MAX_SIGNATURES): SignedCheckpoint {
  const note = parseNote(text, maxSignatures)
  return { checkpoint: parseCheckpoint(note.text), note, text }
}

/**
 * Verifies every line of a known key, of types 0x01, 0x04 and 0x06, and returns those that count, in the order of the
 * note; possibly none. Lines of unknown keys are skipped.
 * @throws NoteError `BAD_SIGNATURE`, `AMBIGUOUS_KEY`
 */
export function verifyCheckpoint(
  verifier: SignatureVerifier,
  signed: SignedCheckpoint,
  keys: readonly VerifierKey[],
): VerifiedSignature[] {
  const message = utf8(signed.note.text)
  return verifySignatures(signed.note, keys, (key, signature) =>
    key.type === TYPE_ED25519
      ? checkEd25519(verifier, key, message, signature)
      : checkCosignature(verifier, key, signed, signature),
  )
}

/**
 * Reads a checkpoint and verifies the log's signature. It is the log's once any of `logKeys` has signed; a known key
 * whose signature fails refuses the note. A key says nothing about origins: callers that know which log they want say
 * so, the others compare `checkpoint.origin` themselves.
 * @param origin the origin to demand
 * @throws FormatError `note`, `checkpoint`
 * @throws NoteError `UNSIGNED`, `BAD_SIGNATURE`, `WRONG_ORIGIN`, `DUPLICATE_SIGNATURE`, `TOO_MANY_SIGNATURES`,
 * `AMBIGUOUS_KEY`
 */
export function openCheckpoint(
  verifier: SignatureVerifier,
  text: string,
  logKeys: readonly VerifierKey[],
  origin?: string,
): OpenedCheckpoint {
  const signed = parseSignedCheckpoint(text)
  if (origin !== undefined && signed.checkpoint.origin !== origin) {
    throw new NoteError('WRONG_ORIGIN', 'a checkpoint of another log')
  }
  const verified = verifyCheckpoint(verifier, signed, logKeys)
  if (verified.length === 0) throw new NoteError('UNSIGNED', 'no key of the log has signed this checkpoint')
  requireSingleLines(verified)
  return { ...signed, verified }
}

/**
 * A checkpoint signed by all of `signers`, one line each, in their order.
 * @param time Unix seconds, for the types that carry a timestamp
 */
export function signCheckpoint(checkpoint: Checkpoint, signers: readonly NoteSigner[], time: number): SignedCheckpoint {
  const body = formatCheckpoint(checkpoint)
  const note = { text: body, signatures: signers.map((signer) => signer.sign({ checkpoint, body }, time)) }
  return { checkpoint, note, text: formatNote(note) }
}

/**
 * A signer for a log's own checkpoints: Ed25519 keys make plain 0x01 lines, ML-DSA-44 keys make 0x06 lines, whose
 * cosigner name is the origin (C2SP tlog-checkpoint, "Signatures").
 * @throws FormatError `vkey` for an origin that cannot be a key name, or another algorithm
 */
export function logSigner(hasher: Hasher, origin: string, signer: MessageSigner): NoteSigner {
  return signer.algorithm === 'ed25519'
    ? ed25519Signer(hasher, origin, signer)
    : cosignatureSigner(hasher, origin, signer)
}

/**
 * Refuses a checkpoint of size 0 whose root is not SHA-256 of nothing (RFC 6962 §2.1). Such a checkpoint, signed,
 * convicts its log (docs/formats.md §5, `empty-root`), so this is no part of parsing.
 * @throws ProofError
 */
export function checkEmptyRoot(hasher: Hasher, checkpoint: Checkpoint): void {
  if (checkpoint.size === 0 && !equalBytes(checkpoint.root, emptyRoot(hasher))) {
    throw new ProofError('a tree of size 0 whose root is not the hash of nothing')
  }
}

function ed25519Signer(hasher: Hasher, name: string, signer: MessageSigner): NoteSigner {
  const key = makeVkey(hasher, name, TYPE_ED25519, signer.publicKey)
  return {
    key,
    sign: ({ body }: CheckpointToSign) => ({ name, keyId: key.keyId, signature: signer.sign(utf8(body)) }),
  }
}

function validate({ origin, size, root, extensions }: Checkpoint): void {
  if (!Number.isSafeInteger(size) || size < 0) throw new FormatError('checkpoint', 'the size is not a safe integer')
  if (root.length !== 32) throw new FormatError('checkpoint', `the root has ${root.length} bytes, not 32`)
  for (const line of [origin, ...extensions]) checkLine(line)
  if (utf8(origin).length > MAX_NAME_BYTES) {
    throw new FormatError('checkpoint', `the origin exceeds ${MAX_NAME_BYTES} bytes`)
  }
}

function checkLine(line: string): void {
  if (line === '') throw new FormatError('checkpoint', 'an empty line')
  if (!line.isWellFormed()) throw new FormatError('checkpoint', 'not valid Unicode')
  for (let i = 0; i < line.length; i++) {
    if (line.charCodeAt(i) < 0x20) throw new FormatError('checkpoint', 'a control character')
  }
}
