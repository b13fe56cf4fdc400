/**
 * Checkpoints as they come, from the log, mirrors and bundles, and what the policy in force makes of each (docs/decision.md
 * step 5). Nothing is kept between runs of these functions: a head that one trust version does not accept is judged again
 * under the next, because it is judged each time.
 */

import { fromUtf8 } from '../bytes.ts'
import type { SignatureVerifier } from '../crypto.ts'
import { FormatError } from '../errors.ts'
import { parseSignedCheckpoint, type SignedCheckpoint } from '../log/checkpoint.ts'
import type { Policy } from '../log/policy.ts'
import { evaluateQuorum } from '../log/quorum.ts'
import type { BundleView } from '../release/update-bundle.ts'
import { attempt, noteFaults } from './attempt.ts'
import type { Tree } from './one-history.ts'
import type { RefusalCode } from './refusal.ts'

/** `offer`: a view of the bundle under judgement; `step`: of a bundle that was asked for because of a trust step. */
export type HeadSource = 'log' | 'mirror' | 'anchor' | 'offer' | 'step'

export interface Candidate {
  readonly source: HeadSource
  /** The signed checkpoint, verbatim; null where the bytes are no text. */
  readonly text: string | null
  /** The view of a bundle that it came in. */
  readonly view: BundleView | null
}

/** A head that the policy accepts. */
export interface Head extends Tree {
  readonly source: HeadSource
  readonly view: BundleView | null
  readonly signed: SignedCheckpoint
  /** Quorum time; null with `quorum none`. */
  readonly q: number | null
  /** Key names of the witnesses that cosigned. */
  readonly witnesses: readonly string[]
}

/** A head that the policy does not accept, or whose proof fails. */
export interface DroppedHead {
  readonly source: HeadSource
  readonly view: BundleView | null
  readonly code: RefusalCode
  readonly detail: string
  /** It is a well-formed checkpoint: another policy may accept it. */
  readonly aside: boolean
}

export type Judged =
  | { readonly kind: 'accepted'; readonly head: Head }
  | { readonly kind: 'dropped'; readonly dropped: DroppedHead }

/** Bytes as text; null where they are not UTF-8. */
export function textOf(bytes: Uint8Array): string | null {
  return attempt(
    [FormatError],
    () => fromUtf8(bytes),
    () => null,
  )
}

/** docs/decision.md step 5, one head under one policy. */
export function judgeHead(verifier: SignatureVerifier, policy: Policy, candidate: Candidate): Judged {
  const { source, view } = candidate
  const dropped = (code: RefusalCode, detail: string, aside: boolean): Judged => {
    return { kind: 'dropped', dropped: { source, view, code, detail, aside } }
  }
  const signed = parsed(candidate.text)
  if (typeof signed === 'string') return dropped('CHECKPOINT_INVALID', signed, false)
  const { problem, satisfied, q, cosigners } = evaluateQuorum(verifier, policy, signed)
  if (problem !== null) return dropped('CHECKPOINT_INVALID', problem.detail, true)
  const witnesses = [...new Set(cosigners.map(({ witness }) => witness.key.name))]
  if (!satisfied) return dropped('WITNESS_QUORUM', quorumDetail(policy, witnesses), true)
  const { size, root } = signed.checkpoint
  return { kind: 'accepted', head: { source, view, signed, size, root, text: signed.text, q, witnesses } }
}

function quorumDetail({ witnesses: listed, quorum }: Policy, witnesses: readonly string[]): string {
  const names = witnesses.length === 0 ? 'no listed witness' : witnesses.join(', ')
  return `cosigned by ${names}, ${witnesses.length} of ${listed.length} listed: not the quorum "${quorum}"`
}

/** The checkpoint, or why it is none. */
function parsed(text: string | null): SignedCheckpoint | string {
  if (text === null) return 'the checkpoint is not UTF-8'
  return attempt(
    noteFaults,
    () => parseSignedCheckpoint(text),
    ({ message }) => message,
  )
}
