/**
 * Asking witnesses (docs/log.md, *Asking witnesses*): one role, so that a log without witnesses and one with a quorum are
 * sequenced, signed and published by the same code.
 */
import type { SignedCheckpoint } from '@samebits/core'

/**
 * Obligations: `cosign` is called for one head at a time, in growing order of size (the same size again when the tree did not
 * change), after the head was committed, signed and marked. It returns the text to publish: the log's own lines first, then
 * verified cosignature lines, and only when the policy's quorum is met. Otherwise it throws WitnessQuorumError: the head
 * stays signed and unpublished, nobody is told that an entry was logged, and a later call, for the same or a larger head, tries
 * again.
 */
export interface Witnessing {
  cosign(signed: SignedCheckpoint, signal: AbortSignal): Promise<string>
}

/** The quorum was not met in time: the log fails closed. */
export class WitnessQuorumError extends Error {
  override readonly name = 'WitnessQuorumError'
  readonly code = 'WITNESS_QUORUM'
}

/** `quorum none`: the log's own signatures are all there is. */
export const noWitnesses: Witnessing = { cosign: async (signed) => signed.text }
