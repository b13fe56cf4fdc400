/** A key of a witness that signs off the main thread: ML-DSA-44 takes longer than everything else about a request. */
import {
  type CheckpointToSign,
  cosignatureKey,
  cosignatureLine,
  cosignatureMessage,
  type Hasher,
  type NoteSignature,
  type VerifierKey,
} from '@samebits/core'
import { type SigningKey, signInPool } from '@samebits/core/node'

/** As `NoteSigner` of `core`, with answers that come later. */
export interface Cosigner {
  readonly key: VerifierKey
  /** @param time Unix seconds */
  sign(subject: CheckpointToSign, time: number): Promise<NoteSignature>
}

/**
 * Signs on Node's thread pool.
 * @throws FormatError `vkey` for a bad name, or an algorithm that signs no checkpoints
 */
export function poolCosigner(hasher: Hasher, name: string, signingKey: SigningKey): Cosigner {
  const key = cosignatureKey(hasher, name, signingKey)
  return {
    key,
    async sign(subject, time) {
      return cosignatureLine(key, time, await signInPool(signingKey, cosignatureMessage(key, subject, time)))
    },
  }
}
