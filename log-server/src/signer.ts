/**
 * The log's own keys: what signs its checkpoints, and recognises them again (docs/formats.md §2: every checkpoint carries an
 * Ed25519 (0x01) and an ML-DSA-44 (0x06) line under one name, which is the origin, and no extension lines).
 */
import {
  type Crypto,
  FormatError,
  formatCheckpoint,
  formatNote,
  logSigner,
  type MessageSigner,
  makeVkey,
  NoteError,
  type NoteSignature,
  type OpenedCheckpoint,
  openCheckpoint,
  type SignedCheckpoint,
  signCheckpoint,
  TYPE_ED25519,
  utf8,
  type VerifierKey,
} from '@samebits/core'

/**
 * An Ed25519 key that is not in this process, such as in a token.
 *
 * Obligations: `sign` and `ready` reject with KeyUnavailableError where another try may succeed, and with KeyRefusedError where
 * none must be made. What is signed is checked by who asked for it.
 */
export interface DistantKey {
  readonly algorithm: 'ed25519'
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Promise<Uint8Array>
  /** Resolves once it could sign. */
  ready(): Promise<void>
}

/** A key of a log, wherever it is. */
export type LogKey = MessageSigner | DistantKey

/** The key does not answer now. */
export class KeyUnavailableError extends Error {
  override readonly name = 'KeyUnavailableError'
  readonly code = 'KEY_UNAVAILABLE'
}

/** The key answers, and not as it must: only a person can help. */
export class KeyRefusedError extends Error {
  override readonly name = 'KeyRefusedError'
  readonly code = 'KEY_REFUSED'
}

/** Signs and recognises the checkpoints of one log. Keeps no history: only committed heads may be given to it. */
export interface HeadSigner {
  readonly origin: string
  readonly keys: readonly VerifierKey[]
  /**
   * @param time Unix seconds, which the ML-DSA-44 line states
   * @throws KeyUnavailableError, KeyRefusedError
   */
  sign(head: { readonly size: number; readonly root: Uint8Array }, time: number): Promise<SignedCheckpoint>
  /** Resolves once all keys could sign. @throws KeyUnavailableError, KeyRefusedError */
  ready(): Promise<void>
  /**
   * Reads a checkpoint that must be ours.
   * @throws FormatError, NoteError where none of our keys signed it or one's signature fails
   */
  open(text: string): OpenedCheckpoint
}

/** @throws FormatError `vkey` for an origin that cannot be a key name */
export function headSigner(crypto: Crypto, origin: string, keys: readonly LogKey[]): HeadSigner {
  const near = keys.filter((key) => !isDistant(key)).map((key) => logSigner(crypto, origin, key as MessageSigner))
  const distant = keys.filter(isDistant)
  const distantKeys = distant.map((key) => makeVkey(crypto, origin, TYPE_ED25519, key.publicKey))
  const verifierKeys = [...distantKeys, ...near.map(({ key }) => key)]
  return {
    origin,
    keys: verifierKeys,
    async sign({ size, root }, time) {
      const checkpoint = { origin, size, root, extensions: [] }
      if (distant.length === 0) return signCheckpoint(checkpoint, near, time)
      const body = formatCheckpoint(checkpoint)
      const signatures: NoteSignature[] = []
      for (const [at, key] of distant.entries())
        signatures.push(await distantLine(crypto, key, distantKeys[at] as VerifierKey, body))
      signatures.push(...near.map((signer) => signer.sign({ checkpoint, body }, time)))
      const note = { text: body, signatures }
      return { checkpoint, note, text: formatNote(note) }
    },
    async ready() {
      for (const key of distant) await key.ready()
    },
    open: (text) => openCheckpoint(crypto, text, verifierKeys, origin),
  }
}

export function isDistant(key: LogKey): key is DistantKey {
  return 'ready' in key
}

/** The 0x01 line by a key that is not here: its signature is verified before anybody sees it. */
async function distantLine(
  crypto: Crypto,
  key: DistantKey,
  { name, keyId }: VerifierKey,
  body: string,
): Promise<NoteSignature> {
  const message = utf8(body)
  const signature = await key.sign(message)
  if (crypto.verify({ algorithm: 'ed25519', publicKey: key.publicKey }, message, signature))
    return { name, keyId, signature }
  throw new KeyRefusedError('a signature of the token does not verify under the key of this log')
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
