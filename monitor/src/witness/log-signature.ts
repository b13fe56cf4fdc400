/** The log's signature on a checkpoint, verified off the main thread. */
import {
  loggedLines,
  type NoteSignature,
  type SignedCheckpoint,
  type VerificationKey,
  type VerifierKey,
} from '@samebits/core'

/** As `verifyInPool` of `@samebits/core/node`. */
export type VerifyLater = (key: VerificationKey, message: Uint8Array, signature: Uint8Array) => Promise<boolean>

/**
 * What `loggedLines` of `core` gives, with the same signatures checked, and in the same order: what it would ask is written down
 * first, taken for true, and asked then. One false answer refuses the whole note, so that no other result depends on it.
 */
export async function verifyLogged(
  verify: VerifyLater,
  signed: SignedCheckpoint,
  keys: readonly VerifierKey[],
): Promise<NoteSignature[] | null> {
  const questions: Parameters<VerifyLater>[] = []
  const note = {
    verify(...question: Parameters<VerifyLater>) {
      questions.push(question)
      return true
    },
  }
  const lines = loggedLines(note, signed, keys)
  for (const question of questions) if (!(await verify(...question))) return null
  return lines
}
