/**
 * The log's own keys: what signs its checkpoints, and recognises them again (docs/formats.md §2: every checkpoint carries an
 * Ed25519 (0x01) and an ML-DSA-44 (0x06) line under one name, which is the origin, and no extension lines).
 */
import {
  type Crypto,
  FormatError,
  logSigner,
  type MessageSigner,
  NoteError,
  type NoteSigner,
  type OpenedCheckpoint,
  openCheckpoint,
  type SignedCheckpoint,
  signCheckpoint,
  type VerifierKey,
} from '@samebits/core'

/** Signs and recognises the checkpoints of one log. Keeps no history: only committed heads may be given to it. */
export interface HeadSigner {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /** @param time Unix seconds, which the ML-DSA-44 line states */
  sign(head: { readonly size: number; readonly root: Uint8Array }, time: number): SignedCheckpoint
  /**
   * Reads a checkpoint that must be ours.
   * @throws FormatError, NoteError where none of our keys signed it or one's signature fails
   */
  open(text: string): OpenedCheckpoint
}

/** @throws FormatError `vkey` for an origin that cannot be a key name */
export function headSigner(crypto: Crypto, origin: string, keys: readonly MessageSigner[]): HeadSigner {
  const signers: readonly NoteSigner[] = keys.map((key) => logSigner(crypto, origin, key))
  const verifierKeys = signers.map((signer) => signer.key)
  return {
    origin,
    keys: verifierKeys,
    sign: ({ size, root }, time) => signCheckpoint({ origin, size, root, extensions: [] }, signers, time),
    open: (text) => openCheckpoint(crypto, text, verifierKeys, origin),
  }
}

/** A checkpoint that is ours, or null: what others say of us proves nothing. */
export function openOwn(signer: HeadSigner, text: string): OpenedCheckpoint | null {
  try {
    return signer.open(text)
  } catch (error) {
    if (error instanceof FormatError || error instanceof NoteError) return null
    throw error
  }
}
