/** A key of a witness that signs off the main thread: ML-DSA-44 takes longer than everything else about a request. */
import {
  type CheckpointToSign,
  cosignatureKey,
  cosignatureLine,
  cosignatureMessage,
  type Hasher,
  type NoteSignature,
  type VerifierKey,
  type WitnessGrant,
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

/** What is done with a request that may be cosigned. */
export interface Cosigning {
  /** One of them must cover what a checkpoint says, or it is refused; none where nothing will be cosigned. All of one name. */
  readonly keys: readonly VerifierKey[]
  /** The lines for the answer and for the record. */
  sign(grant: WitnessGrant): Promise<NoteSignature[]>
}

/** A witness's: a line of each key that covers the checkpoint. */
export function cosignWith(signers: readonly Cosigner[]): Cosigning {
  return {
    keys: signers.map(({ key }) => key),
    sign({ checkpoint, keys, timestamp }) {
      const subject = { checkpoint: checkpoint.checkpoint, body: checkpoint.note.text }
      const covering = signers.filter(({ key }) => keys.includes(key))
      return Promise.all(covering.map((signer) => signer.sign(subject, timestamp)))
    },
  }
}
