/**
 * Asking witnesses (docs/log.md, *Asking witnesses*): one role, so that a log without witnesses and one with a quorum are
 * sequenced, signed and published by the same code.
 */
import type { SignedCheckpoint } from '@samebits/core'
import type { Step } from './tracing/tracing.ts'

/**
 * Obligations: `cosign` is called for one head at a time, in growing order of size (the same size again when the tree did not
 * change), after the head was committed, signed and marked. It returns the text to publish: the log's own lines first, then
 * verified cosignature lines, and only when the policy's quorum is met. Otherwise it throws WitnessQuorumError: the head
 * stays signed and unpublished, nobody is told that an entry was logged, and a later call, for the same or a larger head, tries
 * again. An aborted signal ends every method soon.
 */
export interface Witnessing {
  /** Resolves once enough witnesses may be asked again: what is committed until then is cosigned together. */
  ready(signal: AbortSignal): Promise<void>
  /** @param step where somebody follows: each request is one within it */
  cosign(signed: SignedCheckpoint, signal: AbortSignal, step?: Step | null): Promise<string>
  /**
   * After `cosign` of the same head: the text with more cosignatures than were returned so far, once there are some; null
   * when no more will come, or a newer head is being cosigned.
   */
  more(signed: SignedCheckpoint, signal: AbortSignal): Promise<string | null>
  /** What the witnesses hold of this log, asked before anything is signed (docs/log.md rule 3). Never rejects. */
  copies(): Promise<WitnessCopies>
}

/** Checkpoints, not yet verified, and whether enough was heard to sign at all. */
export interface WitnessCopies {
  readonly found: readonly { readonly name: string; readonly checkpoint: string }[]
  /** Null where a quorum answered, "none" being an answer; otherwise who did not, for people. */
  readonly missing: string | null
}

/** The quorum was not met in time: the log fails closed. */
export class WitnessQuorumError extends Error {
  override readonly name = 'WitnessQuorumError'
  readonly code = 'WITNESS_QUORUM'
}

/** `quorum none`: the log's own signatures are all there is. */
export const noWitnesses: Witnessing = {
  ready: async () => undefined,
  cosign: async (signed) => signed.text,
  more: async () => null,
  copies: async () => ({ found: [], missing: null }),
}
