/**
 * Asking witnesses (docs/log.md, *Asking witnesses*): one role, so that a log without witnesses and one with a quorum are
 * sequenced, signed and published by the same code.
 */
import type { SignedCheckpoint } from '@samebits/core'

/**
 * Obligations: `cosign` is called for one head at a time, in growing order of size (the same size again when the tree did not
 * change), after the head was committed, signed and marked. It returns the text to publish: the log's own lines first, then
 * verified cosignature lines, and only when the policy's quorum is met. It throws when that fails: the head stays
 * unpublished, and a later call, for the same or a larger head, tries again.
 */
export interface Witnessing {
  cosign(signed: SignedCheckpoint, signal: AbortSignal): Promise<string>
}

/** `quorum none`: the log's own signatures are all there is. */
export const noWitnesses: Witnessing = { cosign: async (signed) => signed.text }
